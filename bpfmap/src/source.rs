//! Where the maps of a schema come from.

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
}
