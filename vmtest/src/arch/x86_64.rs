//! x86-64: QEMU's `q35`, two 8250 serial ports, the device `isa-debug-exit`, and the I/O ports of
//! `fw_cfg`.

use super::{Exit, Interrogation, QemuSpec, Spec};

/// The I/O port of `isa-debug-exit`, and the value that the guest writes to it.
#[cfg(target_arch = "x86_64")]
const EXIT_PORT: u16 = 0xf4;
#[cfg(target_arch = "x86_64")]
const EXIT_VALUE: u8 = 0x10;

pub(super) const SPEC: Spec = Spec {
    name: "x86-64",
    debian: "amd64",
    suffix: "",
    flavour: "-cloud-amd64",
    elf: object::elf::EM_X86_64.0,
    triplet: "x86_64-linux-gnu",
    dynamic_linker: "ld-linux-x86-64.so.2",
    // `FLAG_X8664_LIB64 | FLAG_ELF_LIBC6`
    library_flags: 0x0303,
    target: "x86_64-unknown-linux-gnu",
    linker: "x86_64-linux-gnu-gcc",
    built_images: &["arch/x86/boot/bzImage"],
    qemu: QemuSpec {
        program: "qemu-system-x86_64",
        variable: "BPFMAP_VMTEST_QEMU",
        // PVH boot with modules (4.0), `x-ignore-shared`.
        oldest: (5, 0),
        packages: "Debian: qemu-system-x86, Fedora: qemu-system-x86-core, Arch: qemu-system-x86",
        machine: &["-M", "q35", "-device", "isa-debug-exit,iobase=0xf4,iosize=4"],
        // All features that QEMU supports except:
        // - cmpxchg16b: if an interrupt follows this instruction, QEMU 7.2 sometimes corrupts EFLAGS
        //   with bits of a different register, and the guest's allocator dies of a double fault.
        //   Kernels do not use the instruction if the processor lacks it.
        // - fast string instructions (ERMS, FSRM): kernels would use them to clear and copy pages
        //   byte by byte, which is slow here. Without them, a page fault takes half the time.
        // - a fifth level of page tables, which QEMU would have to walk for each page.
        tcg_cpu: "max,-cx16,-erms,-fsrm,-la57",
        results: &["-serial", "chardev:results"],
    },
    kernel_arguments: &[
        "console=ttyS0",
        // A panic resets the guest, and QEMU exits on a reset.
        "panic=-1",
        "oops=panic",
        // Both save time in an emulated guest. `no_timer_check` also avoids a false alarm on a busy
        // host.
        "no_timer_check",
        "cryptomgr.notests",
        // After an NMI, a guest that hangs prints where it hangs.
        "unknown_nmi_panic=1",
    ],
    tcg_kernel_arguments: &[
        // A task that waits for an RCU grace period waits until each processor reports a quiescent
        // state by itself. Most tasks that create or destroy BPF objects wait for such a period. If
        // the processors are asked for the report instead, the wait takes half the time.
        "rcupdate.rcu_expedited=1",
        // QEMU reuses its translation of a piece of code only at the same address. Without this
        // argument, QEMU would translate all code again for each process of a program, which takes
        // most of the process's time.
        "norandmaps",
        // On a busy host, the kernel would consider the TSC unstable, and read another clock from a
        // slow device.
        "tsc=reliable",
    ],
    // From 6.18 on, BPF allocates memory with `kmalloc_nolock`. On a processor without cmpxchg16b,
    // that function fails with ENOMEM unless debugging of the slab caches is enabled. The cheapest
    // kind of debugging is sanity checks (`mm/slub.c`). The checks take time, so older kernels run
    // without them.
    tcg_kernel_argument_since: Some(((6, 18), "slab_debug=F,kmalloc-*")),
    interrogation: Interrogation::Nmi,
    // What QEMU makes of `EXIT_VALUE`.
    exit: Exit::Device { status: 0x10 * 2 + 1 },
};

/// The part that runs in the guest. It accesses the I/O ports of QEMU's devices that need no
/// driver.
#[cfg(target_arch = "x86_64")]
pub(crate) mod guest {
    use super::{EXIT_PORT, EXIT_VALUE};
    use std::io;

    /// The serial port for results. The kernel's console is another one.
    pub(crate) const RESULTS_PORT: &str = "/dev/ttyS1";

    /// The ports of the DMA interface of `fw_cfg`.
    const DMA_PORTS: Ports = Ports { first: 0x514, count: 8 };

    /// The ports that end the guest.
    const EXIT_PORTS: Ports = Ports { first: EXIT_PORT, count: 4 };

    /// The DMA interface of `fw_cfg`. A process that can use it can read and write all memory.
    pub(crate) struct FirmwareDma {
        ports: Ports,
    }

    impl FirmwareDma {
        /// Allows this process to use the interface.
        pub(crate) fn open() -> io::Result<Self> {
            DMA_PORTS.set(1)?;
            Ok(Self { ports: DMA_PORTS })
        }

        /// Starts the transfer that is described at a physical address.
        ///
        /// # Safety
        /// The description must be valid, and its transfer must change only memory that is not
        /// otherwise used.
        pub(crate) unsafe fn start(&self, address: u64) {
            let (high, low) = ((address >> 32) as u32, (address & 0xffff_ffff) as u32);
            // SAFETY: the ports were allowed by `open`; the caller guarantees that the device's
            // reaction is sound.
            unsafe {
                write_u32(self.ports.first, high.to_be());
                write_u32(self.ports.first + 4, low.to_be());
            }
        }

        /// Denies this process the interface. The programs that a process starts inherit its ports.
        pub(crate) fn close(self) -> io::Result<()> {
            self.ports.set(0)
        }
    }

    /// Asks QEMU to exit.
    pub(crate) fn exit() -> io::Result<()> {
        EXIT_PORTS.set(1)?;
        write_u8(EXIT_PORTS.first, EXIT_VALUE);
        Ok(())
    }

    /// Consecutive I/O ports.
    struct Ports {
        first: u16,
        count: u16,
    }

    impl Ports {
        /// Allows (1) or denies (0) the ports to this process, and to those that it starts from now
        /// on.
        fn set(&self, allowed: i32) -> io::Result<()> {
            // SAFETY: ioperm takes plain numbers and changes only what this process may do.
            match unsafe { libc::ioperm(self.first.into(), self.count.into(), allowed) } {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        }
    }

    /// Writes a byte to a port that this process may use.
    fn write_u8(port: u16, value: u8) {
        // SAFETY: an output instruction touches no memory of this process; a port that is not
        // allowed faults.
        unsafe {
            core::arch::asm!("out dx, al", in("dx") port, in("al") value, options(nostack, preserves_flags));
        }
    }

    /// Writes four bytes, in native byte order, to a port that this process may use.
    ///
    /// # Safety
    /// The device's reaction to the value, which may write to memory, must be sound.
    unsafe fn write_u32(port: u16, value: u32) {
        // SAFETY: as above; the caller guarantees that the device's reaction is sound.
        unsafe {
            core::arch::asm!("out dx, eax", in("dx") port, in("eax") value, options(nostack, preserves_flags));
        }
    }
}
