//! Network interfaces, the entries of a devmap.

use super::{ProgramFd, ProgramId, halves, number_and_program};
use crate::plain::Plain;
use std::ffi::CString;
use std::io;

/// A network interface, identified by its index. The index belongs to the network namespace of the
/// process that stores the interface in a map.
///
/// ```no_run
/// use bpfmap::InterfaceIndex;
///
/// let by_name = InterfaceIndex::from_name("eth0")?;
/// assert_eq!(InterfaceIndex::new(by_name.get()), Some(by_name));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InterfaceIndex(u32);

impl InterfaceIndex {
    /// Returns the interface with this index, or `None` for 0, which is not a valid index.
    ///
    /// When you store the interface in a map, the kernel checks that the interface exists. If the
    /// interface does not exist, [`set`](crate::Map::set) fails with `EINVAL`.
    #[must_use]
    pub const fn new(index: u32) -> Option<Self> {
        if index == 0 { None } else { Some(Self(index)) }
    }

    /// Returns the interface with this name (`if_nametoindex(3)`).
    ///
    /// # Errors
    /// `ENODEV`: this network namespace has no interface with this name.
    /// [`InvalidInput`](io::ErrorKind::InvalidInput): the name contains a zero byte. The error has
    /// the type [`io::Error`], because this function does not use a map.
    pub fn from_name(name: &str) -> io::Result<Self> {
        let name = CString::new(name)?;
        // SAFETY: the name ends with a zero byte.
        match unsafe { libc::if_nametoindex(name.as_ptr()) } {
            0 => Err(io::Error::last_os_error()),
            index => Ok(Self(index)),
        }
    }

    /// Returns the index.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// A network interface to which packets are redirected, and an optional program that processes the
/// packets before they are sent.
///
/// A devmap whose value has 8 bytes accepts a `Device` (`struct bpf_devmap_val`; Linux 5.8). A
/// devmap whose value has 4 bytes accepts an [`InterfaceIndex`].
#[derive(Clone, Copy, Debug)]
pub struct Device<'a> {
    interface: InterfaceIndex,
    program: Option<ProgramFd<'a>>,
}

impl<'a> Device<'a> {
    /// Returns an interface without a program.
    #[must_use]
    pub fn new(interface: InterfaceIndex) -> Self {
        Self { interface, program: None }
    }

    /// Returns an interface with a program. The program must be an XDP program in the section
    /// `xdp/devmap` (expected attach type `BPF_XDP_DEVMAP`). Storing any other program fails with
    /// `EINVAL`.
    #[must_use]
    pub fn with_program(interface: InterfaceIndex, program: impl Into<ProgramFd<'a>>) -> Self {
        Self { interface, program: Some(program.into()) }
    }
}

impl From<InterfaceIndex> for Device<'_> {
    fn from(interface: InterfaceIndex) -> Self {
        Self::new(interface)
    }
}

/// The kernel's information about a [`Device`] in a map.
///
/// ```no_run
/// # #[cfg(feature = "derive")] fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use bpfmap::{BpfMap, Device, InterfaceIndex, Map, ShownDevice};
///
/// #[derive(BpfMap)]
/// #[bpf_map(devmap, max_entries = 4)]
/// struct Ports {
///     value: u64,
/// }
///
/// let ports = Map::<Ports>::create()?;
/// let loopback = InterfaceIndex::from_name("lo")?;
/// ports.set(&0, Device::new(loopback))?;
/// let shown: ShownDevice = ports.get(&0)?.expect("it was just stored");
/// assert_eq!((shown.interface, shown.program), (loopback, None));
/// # Ok(()) }
/// # #[cfg(not(feature = "derive"))] fn main() {}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ShownDevice {
    /// The interface.
    pub interface: InterfaceIndex,
    /// The program that processes packets before they are sent, or `None` if the entry has no
    /// program.
    pub program: Option<ProgramId>,
}

/// The value of a devmap: `u32` for an interface, `u64` for an interface and a program.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the value of a devmap",
    label = "`u32` (an interface) or `u64` (an interface and a program)",
    note = "a devmap's value has 4 bytes (`__u32`), or 8 (`struct bpf_devmap_val`)"
)]
pub trait DeviceValue: Plain {
    type Object<'a>;
    type Shown;

    fn to_kernel(object: &Self::Object<'_>) -> [u8; 8];
    fn from_kernel(value: [u8; 8]) -> Self::Shown;
}

impl DeviceValue for u32 {
    type Object<'a> = InterfaceIndex;
    type Shown = InterfaceIndex;

    fn to_kernel(interface: &InterfaceIndex) -> [u8; 8] {
        number_and_program(interface.0, None)
    }

    fn from_kernel(value: [u8; 8]) -> InterfaceIndex {
        InterfaceIndex(halves(value).0)
    }
}

impl DeviceValue for u64 {
    type Object<'a> = Device<'a>;
    type Shown = ShownDevice;

    fn to_kernel(device: &Device<'_>) -> [u8; 8] {
        number_and_program(device.interface.0, device.program)
    }

    fn from_kernel(value: [u8; 8]) -> ShownDevice {
        let (interface, program) = halves(value);
        ShownDevice { interface: InterfaceIndex(interface), program: ProgramId::shown(program) }
    }
}

by_value!(HoldObjects for Devmap, DeviceValue, refusal);
by_value!(ShowObjects for Devmap, DeviceValue);
by_value!(HoldObjects for DevmapHash, DeviceValue, refusal);
by_value!(ShowObjects for DevmapHash, DeviceValue);

/// Returns the meaning of an errno that the kernel returns for an interface or its program.
fn refusal(errno: i32) -> Option<&'static str> {
    (errno == libc::EINVAL).then_some(
        "there is no interface with this index in the network namespace, or the program is not for devmaps (section `xdp/devmap`)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no kernel")]
    fn an_interface_is_found_by_name() {
        let lo = InterfaceIndex::from_name("lo").unwrap();
        assert_eq!(InterfaceIndex::new(lo.get()), Some(lo));
        assert_eq!(InterfaceIndex::new(0), None);
        let absent = InterfaceIndex::from_name("no such one").unwrap_err();
        assert_eq!(absent.raw_os_error(), Some(libc::ENODEV));
        let zero = InterfaceIndex::from_name("lo\0").unwrap_err();
        assert_eq!(zero.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn an_interface_alone_has_no_program() {
        let index = InterfaceIndex::new(3).unwrap();
        let none = u32::MAX;
        assert_eq!(halves(u64::to_kernel(&index.into())), (3, none));
        assert_eq!(halves(u32::to_kernel(&index)).0, 3);
        let shown = u64::from_kernel([3, 0, 0, 0, 7, 0, 0, 0]);
        assert_eq!((shown.interface, shown.program.map(ProgramId::get)), (index, Some(7)));
        assert_eq!(u64::from_kernel([3, 0, 0, 0, 0, 0, 0, 0]).program, None);
    }
}
