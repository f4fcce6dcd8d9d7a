//! The reader of Rust source files that contain a schema.
//!
//! The schema of `src/maps.rs` consists of the types and maps in that file and in its submodules.
//! Types from other modules of the crate that these refer to, by `use` or by a path, are added
//! before them, like the types of an included schema. Inner maps from other modules are added in
//! the same way. `bpfmap::schema!` sets the name of the schema and its oldest kernel. Without it,
//! the schema has the name of the file. Constants can be anywhere in the crate and can be computed:
//! see [`constants`].
//!
//! The reader works on the source, without the compiler. So it has these limits:
//!
//! - A `cfg` that is known to be false removes its item: see [`Cfg`]. An unknown `cfg` is an error if it changes the
//!   schema.
//! - Macros are not expanded, and items within functions are not seen.
//! - Other crates are not read, except `bpfmap` and those whose source is given: see [`Cfg::extern_crate`].
//!
//! Bodies of functions and other code without declarations are not read. They need not even be
//! well-formed Rust, as long as their brackets match.

mod assemble;
mod cfg;
mod constants;
mod enums;
mod fields;
mod in_place;
mod items;
mod krate;
mod memory;
mod nothing;
mod resolve;
mod schema;
mod tokens;

use std::path::Path;

use self::krate::Crate;
use crate::draft::Draft;
use crate::front::rust::cfg::Cfg;

/// The stack size of the thread that reads, in bytes. It is sufficient for items nested up to
/// [`tokens::MAX_DEPTH`] levels.
const STACK: usize = 16 << 20;

/// Reads the schema in the Rust source `path`, and the parts of the crate that it needs.
///
/// Never fails: errors are among the diagnostics of the draft.
#[must_use]
pub fn read_file(path: &Path) -> Draft {
    read_file_with(path, &Cfg::default())
}

/// Does the same with the known conditions of a build.
#[must_use]
pub fn read_file_with(path: &Path, cfg: &Cfg) -> Draft {
    on_own_stack(|| Crate::open(path, None, cfg))
}

/// Reads a schema from `text` as the content of the file `path`.
#[must_use]
pub fn read_str(path: &Path, text: &str) -> Draft {
    read_str_with(path, text, &Cfg::default())
}

/// Does the same with the known conditions of a build.
#[must_use]
pub fn read_str_with(path: &Path, text: &str, cfg: &Cfg) -> Draft {
    on_own_stack(|| Crate::open(path, Some(text), cfg))
}

/// Runs `read` on a thread of its own, which has a large stack for the recursion. When the thread
/// ends, the memory for the spans of its tokens is freed.
fn on_own_stack(read: impl FnOnce() -> Draft + Send) -> Draft {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, read);
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(draft)) => draft,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => krate::unreadable(&error),
        }
    })
}
