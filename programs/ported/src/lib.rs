//! Programs of the examples in Rust, which do the same as the programs in C. `cargo xtask code-size`
//! compares their sizes.

#![no_std]

use core::mem::MaybeUninit;

use aya_ebpf::programs::XdpContext;
use bpfmap_ebpf::{Be16, Plain};

/// `ETH_P_IP` and `ETH_P_IPV6`, `include/uapi/linux/if_ether.h`.
pub const IPV4: Be16 = Be16::new(0x0800);
pub const IPV6: Be16 = Be16::new(0x86dd);

/// The offset of the protocol in the Ethernet header.
pub const PROTOCOL: usize = 12;

/// The lengths of the headers of Ethernet, IPv4 without options, and IPv6.
pub const ETHERNET: usize = 14;
pub const IPV4_HEADER: usize = 20;
pub const IPV6_HEADER: usize = 40;

/// Returns the first `length` bytes of a packet, or `None` if the packet is shorter.
#[inline(always)]
pub fn header(packet: &XdpContext, length: usize) -> Option<Header> {
    let start = packet.data();
    (start + length <= packet.data_end()).then_some(Header { start, length })
}

/// The beginning of a packet, whose length was compared with the end of the packet.
#[derive(Clone, Copy)]
pub struct Header {
    start: usize,
    length: usize,
}

impl Header {
    /// Returns the value at an offset. If the size of the value is even, the offset must be even too.
    ///
    /// # Panics
    ///
    /// Panics if the value is not within the header. For constants, the compiler removes the comparison.
    #[inline(always)]
    pub fn read<T: Plain>(self, offset: usize) -> T {
        assert!(offset + size_of::<T>() <= self.length);
        let from = self.start + offset;
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: the value is within the packet, and any bytes are a plain value. The kernel places
        // the Ethernet header at an even address, so the words of a value at an even offset are
        // aligned. A value of an odd size is copied in bytes.
        unsafe {
            if size_of::<T>() % 2 == 0 {
                assert!(offset % 2 == 0);
                let (from, to) = (from as *const u16, value.as_mut_ptr().cast::<u16>());
                let mut index = 0;
                while index < size_of::<T>() / 2 {
                    to.add(index).write_unaligned(from.add(index).read());
                    index += 1;
                }
            } else {
                value.as_mut_ptr().write((from as *const T).read_unaligned());
            }
            value.assume_init()
        }
    }
}

/// Defines the licence of a program.
#[macro_export]
macro_rules! license {
    ($text:literal) => {
        #[unsafe(link_section = "license")]
        #[unsafe(no_mangle)]
        static LICENSE: [u8; $text.len()] = *$text;
    };
}

/// Is never called, because the compiler removes every panic. If a panic remained, the loader would
/// refuse the object.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
