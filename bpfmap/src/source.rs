//! Where the maps of a schema come from.

use std::borrow::Cow;
use std::io;
use std::os::fd::OwnedFd;

/// Something that knows loaded maps by name: a `libbpf_rs::Object` (feature `libbpf-rs`), or your own.
///
/// The generated `Maps::from_object` takes one.
pub trait MapSource {
    /// A descriptor of the map with this name (as the object file has it, not cut to 15 bytes); `None`: there is none.
    ///
    /// # Errors
    /// The descriptor can't be duplicated.
    fn map_fd(&self, name: &str) -> io::Result<Option<OwnedFd>>;

    /// Returns the BTF of the object file from which the maps were loaded, or `None` if it isn't known.
    ///
    /// It says the type of the records in ring buffers and perf event arrays, which the kernel does not know. Without it
    /// the types of records are not compared. [`object_btf`](crate::object_btf) finds it in the bytes of a file.
    fn btf(&self) -> Option<Cow<'_, [u8]>> {
        None
    }
}

#[cfg(feature = "libbpf-rs")]
impl MapSource for libbpf_rs::Object {
    fn map_fd(&self, name: &str) -> io::Result<Option<OwnedFd>> {
        use libbpf_rs::MapCore as _;
        use std::os::fd::AsFd as _;
        self.maps()
            .find(|map| map.name() == name)
            .map(|map| map.as_fd().try_clone_to_owned())
            .transpose()
    }

    fn btf(&self) -> Option<Cow<'_, [u8]>> {
        use libbpf_rs::AsRawLibbpf as _;
        use libbpf_rs::libbpf_sys::{bpf_object__btf, btf__raw_data};
        // SAFETY: the object is open as long as `self` lives.
        let btf = unsafe { bpf_object__btf(self.as_libbpf_object().as_ptr()) };
        if btf.is_null() {
            return None;
        }
        let mut len = 0;
        // SAFETY: the BTF is the object's, and nothing else uses it: `libbpf_rs::Object` can't be shared among threads.
        let data = unsafe { btf__raw_data(btf, &raw mut len) };
        if data.is_null() {
            return None;
        }
        // SAFETY: libbpf has so many bytes there, and keeps them as long as the object lives.
        let data = unsafe { std::slice::from_raw_parts(data.cast(), usize::try_from(len).ok()?) };
        Some(Cow::Borrowed(data))
    }
}
