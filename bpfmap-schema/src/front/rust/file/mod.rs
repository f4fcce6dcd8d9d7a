//! Reads Rust source files that contain a schema.
//!
//! The schema of `src/maps.rs` consists of the types and maps in that file and in its submodules.
//! They can refer to types in other modules of the crate, with `use` or with a path. These other
//! types are added first, like the types of an included schema. Inner maps in other modules are
//! added in the same way. `bpfmap::schema!` sets the name and the oldest kernel of the schema.
//! Without `bpfmap::schema!`, the schema has the name of the file. Constants can be anywhere in the
//! crate and can be expressions: see [`constants`].
//!
//! The reader reads the source without the compiler, so it has these limits:
//!
//! - A `cfg` that is known to be false removes its item: see [`Cfg`]. An unknown `cfg` is an error if it changes the
//!   schema.
//! - Macros are not expanded, and items within functions are not read.
//! - Other crates are not read, except the crates whose source is given: see [`Cfg::extern_crate`]. The types of
//!   `bpfmap` are known.
//!
//! Bodies of functions and other code without declarations are not read. They can even be invalid Rust, as long as
//! their brackets match.

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

/// The stack size of the thread that reads the files, in bytes. It is sufficient for items that are nested up to
/// [`tokens::MAX_DEPTH`] levels deep.
const STACK: usize = 16 << 20;

/// Reads the schema in the Rust source `path`, and the other parts of the crate that the schema needs.
///
/// Never fails, because errors become diagnostics of the draft.
#[must_use]
pub fn read_file(path: &Path) -> Draft {
    read_file_with(path, &Cfg::default())
}

/// Reads the schema in the Rust source `path`, like [`read_file`]. `cfg` contains the known conditions of the build.
#[must_use]
pub fn read_file_with(path: &Path, cfg: &Cfg) -> Draft {
    on_own_stack(|| Crate::open(path, None, cfg))
}

/// Reads a schema from `text`, as if `text` were the content of the file `path`.
#[must_use]
pub fn read_str(path: &Path, text: &str) -> Draft {
    read_str_with(path, text, &Cfg::default())
}

/// Reads a schema from `text`, like [`read_str`]. `cfg` contains the known conditions of the build.
#[must_use]
pub fn read_str_with(path: &Path, text: &str, cfg: &Cfg) -> Draft {
    on_own_stack(|| Crate::open(path, Some(text), cfg))
}

/// Runs `read` on a separate thread with a large stack for the recursion. When the thread ends, the memory for the
/// spans of its tokens is freed.
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
