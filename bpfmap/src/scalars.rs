//! Scalar types that Rust lacks: big-endian integers, a boolean that accepts any byte, and a kernel
//! address.

use crate::plain::Plain;
use core::fmt;

macro_rules! big_endian {
    ($($(#[$doc:meta])* $name:ident $integer:ident)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
        #[cfg_attr(
            feature = "zerocopy",
            derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
        )]
        #[repr(transparent)]
        pub struct $name($integer);

        impl $name {
            /// Creates the value from an integer in the host's byte order.
            #[inline]
            #[must_use]
            pub const fn new(host: $integer) -> Self {
                Self(host.to_be())
            }

            /// Returns the integer in the host's byte order.
            #[inline]
            #[must_use]
            pub const fn get(self) -> $integer {
                $integer::from_be(self.0)
            }

            /// Creates the value from bytes in network byte order, as in a packet.
            #[inline]
            #[must_use]
            pub const fn from_bytes(bytes: [u8; size_of::<$integer>()]) -> Self {
                Self($integer::from_ne_bytes(bytes))
            }

            /// Returns the bytes in network byte order, as in a packet.
            #[inline]
            #[must_use]
            pub const fn to_bytes(self) -> [u8; size_of::<$integer>()] {
                self.0.to_ne_bytes()
            }
        }

        // SAFETY: the type is an integer.
        unsafe impl Plain for $name {}

        impl From<$integer> for $name {
            #[inline]
            fn from(host: $integer) -> Self {
                Self::new(host)
            }
        }

        impl From<$name> for $integer {
            #[inline]
            fn from(big_endian: $name) -> Self {
                big_endian.get()
            }
        }

        impl PartialOrd for $name {
            #[inline]
            fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            #[inline]
            fn cmp(&self, other: &Self) -> core::cmp::Ordering {
                self.get().cmp(&other.get())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.get(), f)
            }
        }

        #[cfg(feature = "bytemuck")]
        // SAFETY: the type is an integer.
        unsafe impl bytemuck::Zeroable for $name {}
        #[cfg(feature = "bytemuck")]
        // SAFETY: the type is an integer.
        unsafe impl bytemuck::Pod for $name {}
    )* };
}
big_endian! {
    /// A `__be16`: a `u16` in network byte order, with the same alignment as in C.
    ///
    /// ```
    /// use bpfmap::Be16;
    ///
    /// let port = Be16::new(443);
    /// assert_eq!(port.to_bytes(), [1, 187]);
    /// assert_eq!(Be16::from_bytes([1, 187]).get(), 443);
    /// ```
    Be16 u16
    /// A `__be32`: a `u32` in network byte order, with the same alignment as in C. You can convert
    /// a `Be32` from and to an IPv4 address.
    ///
    /// ```
    /// use bpfmap::Be32;
    /// use std::net::Ipv4Addr;
    ///
    /// let address = Be32::from(Ipv4Addr::new(192, 0, 2, 1));
    /// assert_eq!(address.to_bytes(), [192, 0, 2, 1]);
    /// assert_eq!(address, Be32::from_bytes([192, 0, 2, 1]));
    /// // In the host's byte order, the addresses of a network are consecutive numbers.
    /// let next = Be32::new(address.get() + 1);
    /// assert_eq!(Ipv4Addr::from(next).to_string(), "192.0.2.2");
    /// ```
    Be32 u32
    /// A `__be64`: a `u64` in network byte order, with the same alignment as in C.
    ///
    /// ```
    /// use bpfmap::Be64;
    ///
    /// let cookie = Be64::new(0x0102);
    /// assert_eq!(cookie.to_bytes(), [0, 0, 0, 0, 0, 0, 1, 2]);
    /// assert_eq!(Be64::from_bytes(cookie.to_bytes()).get(), 0x0102);
    /// ```
    Be64 u64
}

impl From<core::net::Ipv4Addr> for Be32 {
    fn from(address: core::net::Ipv4Addr) -> Self {
        Self::from_bytes(address.octets())
    }
}

impl From<Be32> for core::net::Ipv4Addr {
    fn from(address: Be32) -> Self {
        address.to_bytes().into()
    }
}

/// A C `bool`: one byte. The kernel does not guarantee that this byte is 0 or 1, so every value
/// except 0 is true.
///
/// ```
/// use bpfmap::Bool;
///
/// assert_eq!(Bool::new(true), Bool::TRUE);
/// assert!(!Bool::FALSE.get());
/// // A program may have stored any byte.
/// let stored: Bool = bpfmap::from_bytes(&[255]).unwrap();
/// assert_eq!(stored, Bool::TRUE);
/// ```
#[derive(Clone, Copy, Default)]
#[cfg_attr(
    feature = "zerocopy",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
#[repr(transparent)]
pub struct Bool(u8);

impl Bool {
    /// False, stored as 0.
    pub const FALSE: Self = Self(0);
    /// True, stored as 1.
    pub const TRUE: Self = Self(1);

    /// Creates the value from a Rust `bool`.
    #[inline]
    #[must_use]
    pub const fn new(value: bool) -> Self {
        Self(value as u8)
    }

    /// Returns the value as a Rust `bool`.
    #[inline]
    #[must_use]
    pub const fn get(self) -> bool {
        self.0 != 0
    }
}

// SAFETY: the type is a `u8`. Every value of the `u8` is read as true or false.
unsafe impl Plain for Bool {}

impl From<bool> for Bool {
    #[inline]
    fn from(value: bool) -> Self {
        Self::new(value)
    }
}

impl From<Bool> for bool {
    #[inline]
    fn from(value: Bool) -> Self {
        value.get()
    }
}

impl PartialEq for Bool {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Bool {}

impl PartialOrd for Bool {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bool {
    #[inline]
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.get().cmp(&other.get())
    }
}

impl core::hash::Hash for Bool {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.get().hash(state);
    }
}

impl fmt::Debug for Bool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.get(), f)
    }
}

/// A kernel address: eight bytes that user space can copy and compare but not dereference.
///
/// ```
/// use bpfmap::KernelPtr;
///
/// // A program has stored the address of a socket as a key. User space can compare it with other addresses.
/// let socket = KernelPtr::new(0xffff_8881_0000_4000);
/// assert_ne!(socket, KernelPtr::NULL);
/// assert_eq!(format!("{socket:?}"), "0xffff888100004000");
/// assert_eq!(socket.address() & 0xfff, 0);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(
    feature = "zerocopy",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
#[repr(transparent)]
pub struct KernelPtr(u64);

impl KernelPtr {
    /// The null pointer.
    pub const NULL: Self = Self(0);

    /// Creates the value from the address as a number.
    #[inline]
    #[must_use]
    pub const fn new(address: u64) -> Self {
        Self(address)
    }

    /// Returns the address as a number.
    #[inline]
    #[must_use]
    pub const fn address(self) -> u64 {
        self.0
    }
}

// SAFETY: the type is an integer, which can't be dereferenced.
unsafe impl Plain for KernelPtr {}

impl fmt::Debug for KernelPtr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

#[cfg(feature = "bytemuck")]
mod pod {
    use super::{Bool, KernelPtr};

    // SAFETY: the type is a byte that can have any value.
    unsafe impl bytemuck::Zeroable for Bool {}
    // SAFETY: the type is a byte that can have any value.
    unsafe impl bytemuck::Pod for Bool {}
    // SAFETY: the type is an integer.
    unsafe impl bytemuck::Zeroable for KernelPtr {}
    // SAFETY: the type is an integer.
    unsafe impl bytemuck::Pod for KernelPtr {}
}
