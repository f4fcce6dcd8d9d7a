//! Whole files: the source of a crate, as far as a schema is in it.
//!
//! The schema of `src/maps.rs` is made of the types and maps in that file and in the modules below
//! it. From elsewhere in the crate come the types that those name, by `use` or by a path, as from an
//! included schema, before the file's own; and of maps those that one of the file's holds. `bpfmap::schema!` names the schema and says
//! its oldest kernel; without it the schema is called as the file. Constants may stand anywhere
//! in the crate, and be computed: see [`constants`].
//!
//! What is read is the source, not what the compiler makes of it:
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

/// The stack of the thread that reads: enough for items that nest as deep as
/// [`tokens::MAX_DEPTH`] lets them.
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

/// Runs `read` where its recursion has room, and where the memory that the spans of its tokens
/// take is given back.
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
