//! arm64: QEMU's `virt` with a PL011 as the console, an 8250 on PCI for results, the memory-mapped
//! `fw_cfg`, and PSCI to power off.

use super::{Exit, Interrogation, QemuSpec, Spec};

pub(super) const SPEC: Spec = Spec {
    name: "arm64",
    debian: "arm64",
    suffix: "-arm64",
    flavour: "-cloud-arm64",
    elf: object::elf::EM_AARCH64.0,
    triplet: "aarch64-linux-gnu",
    dynamic_linker: "ld-linux-aarch64.so.1",
    // `FLAG_AARCH64_LIB64 | FLAG_ELF_LIBC6`
    library_flags: 0x0a03,
    target: "aarch64-unknown-linux-gnu",
    linker: "aarch64-linux-gnu-gcc",
    built_images: &["arch/arm64/boot/Image", "arch/arm64/boot/vmlinuz.efi"],
    qemu: QemuSpec {
        program: "qemu-system-aarch64",
        variable: "BPFMAP_VMTEST_QEMU_ARM64",
        // `input-path` of character devices that are files.
        oldest: (8, 1),
        packages: "Debian: qemu-system-arm (Debian 12: from bookworm-backports), \
                   Fedora: qemu-system-aarch64-core, Arch: qemu-system-aarch64",
        machine: &["-M", "virt,gic-version=3"],
        // All features that QEMU supports except:
        // - pointer authentication, which QEMU computes for each function call of the kernel.
        // - SVE and SME, whose registers the kernel would save.
        tcg_cpu: "max,pauth=off,sve=off,sme=off",
        results: &["-device", "pci-serial,chardev=results"],
    },
    kernel_arguments: &[
        "console=ttyAMA0",
        // A panic resets the guest, and QEMU exits on a reset.
        "panic=-1",
        "oops=panic",
        // This saves time in an emulated guest.
        "cryptomgr.notests",
        // A guest that hangs is asked for its stacks by SysRq on its console.
        "sysrq_always_enabled",
    ],
    // For the reasons, see the arguments for x86-64.
    tcg_kernel_arguments: &["rcupdate.rcu_expedited=1", "norandmaps"],
    // `kmalloc_nolock` works: the emulated processor has the instructions that it needs.
    tcg_kernel_argument_since: None,
    interrogation: Interrogation::SysRq,
    exit: Exit::PowerOff,
};

/// The part that runs in the guest.
#[cfg(target_arch = "aarch64")]
pub(crate) mod guest {
    use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
    use rustix::system::{RebootCommand, reboot};
    use std::fs::File;
    use std::io;
    use std::os::unix::fs::OpenOptionsExt as _;
    use std::ptr::NonNull;

    /// The serial port for results. The kernel's console is another one.
    pub(crate) const RESULTS_PORT: &str = "/dev/ttyS0";

    /// The physical address of the registers of `fw_cfg`, and the offset of the one that starts a
    /// transfer (`hw/arm/virt.c` and `docs/specs/fw_cfg.rst` of QEMU).
    const REGISTERS: u64 = 0x0902_0000;
    const DMA_OFFSET: usize = 16;
    const PAGE: usize = 4096;

    /// The DMA interface of `fw_cfg`. A process that can use it can read and write all memory.
    pub(crate) struct FirmwareDma {
        registers: NonNull<u8>,
    }

    impl FirmwareDma {
        /// Maps the registers into this process.
        pub(crate) fn open() -> io::Result<Self> {
            // With this flag, the mapping is not cached.
            let memory = File::options()
                .read(true)
                .write(true)
                .custom_flags(libc::O_SYNC)
                .open("/dev/mem")?;
            let access = ProtFlags::READ | ProtFlags::WRITE;
            // SAFETY: a new mapping, used by this struct alone.
            let registers = unsafe {
                mmap(std::ptr::null_mut(), PAGE, access, MapFlags::SHARED, &memory, REGISTERS)?
            };
            Ok(Self { registers: NonNull::new(registers.cast()).expect("no mapping is at zero") })
        }

        /// Starts the transfer that is described at a physical address.
        ///
        /// # Safety
        /// The description must be valid, and its transfer must change only memory that is not
        /// otherwise used.
        pub(crate) unsafe fn start(&self, address: u64) {
            // SAFETY: the register is within the mapping and aligned; the caller guarantees that the
            // device's reaction is sound.
            unsafe {
                self.registers
                    .as_ptr()
                    .add(DMA_OFFSET)
                    .cast::<u64>()
                    .write_volatile(address.to_be());
            }
        }

        /// Denies this process the interface. The programs that a process starts do not inherit its
        /// mappings, and cannot open `/dev/mem` without `CAP_SYS_RAWIO`.
        pub(crate) fn close(self) -> io::Result<()> {
            // SAFETY: the mapping of `open`, which nothing refers to any more.
            Ok(unsafe { munmap(self.registers.as_ptr().cast(), PAGE)? })
        }
    }

    /// Powers the machine off.
    pub(crate) fn exit() -> io::Result<()> {
        Ok(reboot(RebootCommand::PowerOff)?)
    }
}
