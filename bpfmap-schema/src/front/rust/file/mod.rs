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
//! - A `cfg` that is known to be false takes away what it is before: see [`Cfg`]. One that is not known is an error
//!   where it decides what the schema has.
//! - Macros are not expanded, and items within functions are not seen.
//! - Of other crates only `bpfmap` is known, and those whose source is given: see [`Cfg::extern_crate`].
//!
//! Bodies of functions and whatever else declares nothing are not looked at: they need not even be
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

/// Reads the schema in the Rust source `path`, and what it needs of the crate around it.
///
/// Never fails: what can't be read is among the draft's findings.
#[must_use]
pub fn read_file(path: &Path) -> Draft {
    read_file_with(path, &Cfg::default())
}

/// Returns the same for a build of which more is known.
#[must_use]
pub fn read_file_with(path: &Path, cfg: &Cfg) -> Draft {
    on_own_stack(|| Crate::open(path, None, cfg))
}

/// Reads a schema from `text`, as if it was what is in the file `path`.
#[must_use]
pub fn read_str(path: &Path, text: &str) -> Draft {
    read_str_with(path, text, &Cfg::default())
}

/// Returns the same for a build of which more is known.
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
