//! Links object files with libbpf's linker.
//!
//! This module calls libbpf directly, because `libbpf_rs::Linker` of libbpf-rs 0.27 panics in debug
//! builds if libbpf returns an error.

use std::ffi::{CString, c_int};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr::{NonNull, null, null_mut};
use std::sync::{Mutex, PoisonError};

use libbpf_rs::libbpf_sys as sys;
use libbpf_rs::{PrintLevel, set_print};

/// A lock that is held while objects are linked, because libbpf has only one callback for messages.
static LINKING: Mutex<()> = Mutex::new(());

/// The messages that libbpf has printed since this text was last cleared.
static SAID: Mutex<String> = Mutex::new(String::new());

/// Links the objects `parts` into one object.
///
/// # Errors
///
/// Returns libbpf's messages if linking fails.
pub(super) fn link<P: AsRef<Path>>(object: &Path, parts: &[P]) -> Result<(), String> {
    let _guard = LINKING.lock().unwrap_or_else(PoisonError::into_inner);
    let before = set_print(Some((PrintLevel::Warn, |_, text| {
        SAID.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
    })));
    let linked = Linker::new(object).and_then(|mut linker| {
        parts.iter().try_for_each(|part| linker.add(part.as_ref()))?;
        linker.finish()
    });
    set_print(before);
    let said = std::mem::take(&mut *SAID.lock().unwrap_or_else(PoisonError::into_inner));
    linked.map_err(|error| format!("{error}\n{}", said.trim_end()))
}

/// A `bpf_linker`.
struct Linker(NonNull<sys::bpf_linker>);

impl Linker {
    fn new(object: &Path) -> io::Result<Self> {
        let name = path(object)?;
        // SAFETY: the name ends with a zero byte, and libbpf accepts null for the options.
        let linker = unsafe { sys::bpf_linker__new(name.as_ptr(), null_mut()) };
        NonNull::new(linker).map(Self).ok_or_else(io::Error::last_os_error)
    }

    fn add(&mut self, part: &Path) -> io::Result<()> {
        let name = path(part)?;
        // SAFETY: the linker was made by `bpf_linker__new` and is not freed yet; the name ends with a zero byte.
        result(unsafe { sys::bpf_linker__add_file(self.0.as_ptr(), name.as_ptr(), null()) })
    }

    fn finish(self) -> io::Result<()> {
        // SAFETY: the linker was made by `bpf_linker__new` and is not freed yet.
        result(unsafe { sys::bpf_linker__finalize(self.0.as_ptr()) })
    }
}

impl Drop for Linker {
    fn drop(&mut self) {
        // SAFETY: the linker was made by `bpf_linker__new`, and nothing uses it after this.
        unsafe { sys::bpf_linker__free(self.0.as_ptr()) };
    }
}

fn path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

/// Converts the return value of libbpf, which is zero or a negative errno, to a `Result`.
fn result(returned: c_int) -> io::Result<()> {
    if returned == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(-returned)) }
}
