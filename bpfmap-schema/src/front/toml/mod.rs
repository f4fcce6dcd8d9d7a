//! The TOML front end.
//!
//! ```toml
//! name = "ratelimit"                # default: the name of the file without `.toml`
//! min_kernel = "5.10"               # the oldest kernel on which every map must work
//! include = ["net-types.toml"]      # the path is relative to this file
//!
//! [types.ip_key]
//! kind = "struct"                   # or "union"; also possible: packed = true, align = 64
//! doc = "A source address."
//! members = [
//!   { name = "addr", type = "[u8; 16]" },
//!   { name = "proto", type = "u8", bits = 4 },
//!   { kind = "union", members = [ { name = "port", type = "be16" }, { name = "icmp", type = "u16" } ] },
//! ]
//!
//! [types.verdict]
//! kind = "enum"
//! repr = "u8"                       # default: u32
//! variants = { pass = 0, drop = { value = 1, doc = "Never forwarded." } }
//! prefix = "V_"                     # `pass` is `V_pass` in C; by default it is `VERDICT_PASS`
//! typedef = true                    # C also gets `typedef enum verdict { … } verdict;`
//! kernel = true                     # `vmlinux.h` defines the type, and the header only checks its layout
//!
//! [types.packets]
//! kind = "alias"
//! type = "u64"
//!
//! [maps.counters]
//! type = "hash"
//! key = "ip_key"                    # or key_size = 16 for bytes without a type
//! value = "packets"
//! max_entries = 100
//! flags = ["no_prealloc"]
//! pinning = "by_name"               # or "none", or a number for your own loader
//!
//! [maps.stacks]
//! type = "stack_trace"
//! set_by_loader = ["value", "max_entries"]  # user space sets these before it loads the object
//!
//! [maps.debug]
//! type = "ringbuf"
//! max_entries = 65536
//! optional = true                   # the loader is allowed to leave out the map
//! ```
//!
//! A method that needs a newer kernel than `min_kernel` does not compile. Structs and unions can have `typedef` and
//! `kernel` too. `set_by_loader` can also contain `key` and `inner`. The handle of an `optional` map in `Maps` is an
//! `Option`.
//!
//! Some keys of a member or a map describe how older maps differ. `bpfmap diff` and `bpfmap migrate` use these keys.
//! They don't change the generated C and Rust:
//!
//! ```toml
//! [types.counters]
//! kind = "struct"
//! members = [
//!   { name = "rx_packets", type = "u64", renamed_from = "packets" },
//!   { name = "version", type = "u32", default = 1 },           # a number
//!   { name = "sampled", type = "bool", default = true },
//!   { name = "verdict", type = "verdict", default = "pass" },  # or the number of the variant
//! ]
//!
//! [maps.traffic]
//! type = "hash"
//! renamed_from = "counters"
//! # …
//! ```
//!
//! A new member without a default is zero in migrated entries. `default = 0` or `default = false` also states that
//! older maps can have padding at the offset of the member. These older maps can then still be opened.
//!
//! An include provides only types. The maps of an included schema belong to the header and the module of that schema,
//! and only the `min_kernel` of that schema applies to them. If several schemas include the same file, the file is read
//! once.

mod file;
pub mod grammar;
mod include;
mod maps;
mod memory;
mod schema;
mod types;

use std::path::Path;

pub use include::MAX_FILE_SIZE;

use crate::draft::Draft;

/// Reads the schema in the file `path`, and the files that it includes.
///
/// Never fails, because errors become diagnostics of the draft.
#[must_use]
pub fn read_file(path: &Path) -> Draft {
    include::Reader::default().read_file(path)
}

/// Reads a schema from `text`. Diagnostics show the text as the file `path`, and the paths of includes are relative to
/// this file.
#[must_use]
pub fn read_str(path: &Path, text: &str) -> Draft {
    include::Reader::default().read_str(path, text)
}

/// Checks only the TOML syntax of `text`. Does not check whether `text` is a valid schema, and does
/// not read included files.
///
/// The draft contains only the text and the diagnostics for its syntax errors.
#[must_use]
pub fn read_syntax(path: &Path, text: &str) -> Draft {
    include::Reader::default().read_syntax(path, text)
}
