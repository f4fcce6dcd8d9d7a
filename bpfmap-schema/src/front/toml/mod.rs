//! The TOML front end.
//!
//! ```toml
//! name = "ratelimit"                # the file's name without `.toml`, unless said
//! min_kernel = "5.10"               # the oldest kernel that has to take every map; newer methods don't compile
//! include = ["net-types.toml"]      # relative to this file; brings that file's types
//!
//! [types.ip_key]
//! kind = "struct"                   # or "union"; packed = true, align = 64
//! doc = "A source address."
//! members = [
//!   { name = "addr", type = "[u8; 16]" },
//!   { name = "proto", type = "u8", bits = 4 },
//!   { kind = "union", members = [ { name = "port", type = "be16" }, { name = "icmp", type = "u16" } ] },
//! ]
//!
//! [types.verdict]
//! kind = "enum"
//! repr = "u8"                       # u32 unless said
//! variants = { pass = 0, drop = { value = 1, doc = "Never forwarded." } }
//! prefix = "V_"                     # in C V_pass; VERDICT_PASS unless said
//! typedef = true                    # C has `typedef enum verdict { … } verdict;`, of structs and unions too
//! kernel = true                     # vmlinux.h defines it: the header proves its layout, no more
//!
//! [types.packets]
//! kind = "alias"
//! type = "u64"
//!
//! [maps.counters]
//! type = "hash"
//! key = "ip_key"                    # or key_size = 16: opaque bytes without BTF
//! value = "packets"
//! max_entries = 100
//! flags = ["no_prealloc"]
//! pinning = "by_name"               # or "none", or a number of your own loader's
//!
//! [maps.stacks]
//! type = "stack_trace"
//! set_by_loader = ["value", "max_entries"]  # what user space sets before it loads; or key, inner
//!
//! [maps.debug]
//! type = "ringbuf"
//! max_entries = 65536
//! optional = true                   # the loader may leave it out: `Maps` has an `Option` of it
//! ```
//!
//! Differences of older maps are declared on the current member, for `bpfmap diff` and `bpfmap
//! migrate`. They change neither C nor Rust:
//!
//! ```toml
//! [types.counters]
//! kind = "struct"
//! members = [
//!   { name = "rx_packets", type = "u64", renamed_from = "packets" },
//!   { name = "version", type = "u32", default = 1 },           # a number
//!   { name = "sampled", type = "bool", default = true },
//!   { name = "verdict", type = "verdict", default = "pass" },  # or the variant's number
//! ]
//!
//! [maps.traffic]
//! type = "hash"
//! renamed_from = "counters"
//! # …
//! ```
//!
//! A new member without a default is zero in migrated entries. `default = 0` or `false` also says
//! that older maps may have padding at the offset of the member, so that these maps can still be
//! opened.
//!
//! An include provides only types. The maps of an included schema belong to the header and module
//! of that schema, and its `min_kernel` applies to those maps. A file that several schemas include
//! is read once.

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
/// Never fails: errors are among the diagnostics of the draft.
#[must_use]
pub fn read_file(path: &Path) -> Draft {
    include::Reader::default().read_file(path)
}

/// Reads a schema from `text`. Diagnostics name it `path`, and includes are relative to that path.
#[must_use]
pub fn read_str(path: &Path, text: &str) -> Draft {
    include::Reader::default().read_str(path, text)
}

/// Checks only the TOML syntax of `text`, not its meaning as a schema, and does not read the included files.
///
/// The draft contains only the text and its mistakes.
#[must_use]
pub fn read_syntax(path: &Path, text: &str) -> Draft {
    include::Reader::default().read_syntax(path, text)
}
