//! The processor architectures of guests. Everything that differs between them is in one file for
//! each: the machine that QEMU emulates, its serial ports, the way to end it, the channel through
//! which QEMU hands over files, and the names that QEMU, Debian, ELF and the dynamic linker use.
//!
//! The part that runs in the guest is the module `guest` of each file. It is compiled for its own
//! architecture only.

mod aarch64;
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::guest;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::guest;

#[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
compile_error!("bpfmap-vmtest does not support this processor");

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A processor architecture that guests can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Architecture {
    /// x86-64.
    X86_64,
    /// arm64, which is also called aarch64.
    Aarch64,
}

impl Architecture {
    /// The architecture of this machine.
    #[cfg(target_arch = "x86_64")]
    pub const HOST: Self = Self::X86_64;

    /// The architecture of this machine.
    #[cfg(target_arch = "aarch64")]
    pub const HOST: Self = Self::Aarch64;

    /// All architectures.
    pub const ALL: &[Self] = &[Self::X86_64, Self::Aarch64];

    /// Returns everything in which this architecture differs from the others.
    pub(crate) fn spec(self) -> &'static Spec {
        match self {
            Self::X86_64 => &x86_64::SPEC,
            Self::Aarch64 => &aarch64::SPEC,
        }
    }

    /// Returns the part of a kernel's name that names the architecture: `-arm64` in `6.12-arm64`. The
    /// kernels of x86-64 have none.
    pub(crate) fn suffix(self) -> &'static str {
        self.spec().suffix
    }

    /// Returns the architecture with this number in the header of ELF files.
    pub(crate) fn of_elf(number: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.spec().elf == number)
    }
}

impl FromStr for Architecture {
    type Err = String;

    /// Parses one of the names by which an architecture is known.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "x86-64" | "x86_64" | "amd64" => Ok(Self::X86_64),
            "arm64" | "aarch64" => Ok(Self::Aarch64),
            _ => Err("the known architectures are x86-64 (amd64) and arm64 (aarch64)".to_owned()),
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec().name)
    }
}

/// Everything in which an architecture differs from the others.
#[derive(Debug)]
pub(crate) struct Spec {
    /// Its name in messages.
    pub(crate) name: &'static str,
    /// Its name in Debian and in container images.
    pub(crate) debian: &'static str,
    /// The end of the names of its kernels.
    pub(crate) suffix: &'static str,
    /// The flavour of Debian's kernels that boots fastest, because it leaves out drivers for
    /// hardware that virtual machines do not have.
    pub(crate) flavour: &'static str,
    /// Its number in the header of ELF files (`e_machine`).
    pub(crate) elf: u16,
    /// The directory in `/lib` and `/usr/lib` for its libraries.
    pub(crate) triplet: &'static str,
    /// The file name of glibc's dynamic linker.
    pub(crate) dynamic_linker: &'static str,
    /// The flags of its libraries in the cache of the dynamic linker.
    pub(crate) library_flags: u32,
    /// The target that Cargo builds programs for, and the C compiler that links them elsewhere.
    pub(crate) target: &'static str,
    pub(crate) linker: &'static str,
    /// The paths of a built kernel in its source tree, best first.
    pub(crate) built_images: &'static [&'static str],
    pub(crate) qemu: QemuSpec,
    /// Arguments for every kernel.
    pub(crate) kernel_arguments: &'static [&'static str],
    /// Arguments for a kernel whose instructions QEMU translates.
    pub(crate) tcg_kernel_arguments: &'static [&'static str],
    /// An additional argument for such kernels from a version on.
    pub(crate) tcg_kernel_argument_since: Option<((u32, u32), &'static str)>,
    pub(crate) interrogation: Interrogation,
    pub(crate) exit: Exit,
}

/// QEMU, and the machine that it emulates.
#[derive(Debug)]
pub(crate) struct QemuSpec {
    pub(crate) program: &'static str,
    /// The environment variable that names a different program.
    pub(crate) variable: &'static str,
    /// The oldest version with all features that are used.
    pub(crate) oldest: (u32, u32),
    /// The packages of distributions that contain it.
    pub(crate) packages: &'static str,
    /// Arguments that select the machine, without its serial ports.
    pub(crate) machine: &'static [&'static str],
    /// The processor that QEMU emulates when it translates instructions.
    pub(crate) tcg_cpu: &'static str,
    /// Arguments that connect the guest's port for results to the character device `results`. The
    /// guest finds the port at `guest::RESULTS_PORT`.
    pub(crate) results: &'static [&'static str],
}

/// How the guest's init ends the guest.
#[derive(Debug)]
pub(crate) enum Exit {
    /// It writes to a device that makes QEMU exit with this status. Nothing else in a guest has that
    /// effect.
    Device { status: i32 },
    /// It powers the machine off. A test can do that as well, but cannot send the last record, which
    /// init sends before it.
    PowerOff,
}

/// How a guest that hangs is made to print where it hangs, and to panic.
#[derive(Debug)]
pub(crate) enum Interrogation {
    /// By a non-maskable interrupt.
    Nmi,
    /// By the keys of `SysRq` on its console. A processor that has disabled its interrupts does not
    /// notice them.
    SysRq,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_architecture_is_known_by_its_names() {
        for architecture in Architecture::ALL {
            let spec = architecture.spec();
            for name in [spec.name, spec.debian] {
                assert_eq!(name.parse(), Ok(*architecture), "{name}");
            }
            assert_eq!(Architecture::of_elf(spec.elf), Some(*architecture));
        }
        assert_eq!(std::env::consts::ARCH.parse(), Ok(Architecture::HOST));
        assert!("riscv64".parse::<Architecture>().is_err());
    }
}
