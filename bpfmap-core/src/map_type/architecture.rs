//! The facts in which an architecture differs from x86-64.
//!
//! The other files of the table describe kernels for x86-64. This file lists the exceptions for other architectures.
//! All other facts are the same on the kernels on which they were measured (6.1, 6.12, and 6.16 to 7.3 for arm64): timers,
//! work queues, locks, lists, trees and pointers in values, calls of kernel functions, instruction arrays, and the
//! results of all operations. `cargo xtask arm64` runs the tests of these facts.

use super::{ARENA, Feature, INODE_STORAGE, MapType, PROG_ARRAY, STRUCT_OPS};
use crate::{Errno, KernelVersion, is_same};

named! {
    /// An architecture whose kernels the facts describe.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum Architecture {
        /// 64-bit x86.
        X86_64 = "x86-64",
        /// 64-bit Arm.
        Arm64 = "arm64",
    }

    /// Returns the name of the architecture in messages.
    fn name;
}

impl Architecture {
    /// The architecture that this crate is compiled for, if the facts describe it.
    pub const TARGET: Option<Self> = if cfg!(target_arch = "x86_64") {
        Some(Self::X86_64)
    } else if cfg!(target_arch = "aarch64") {
        Some(Self::Arm64)
    } else {
        None
    };

    /// Returns the architecture with one of these names: `x86-64`, `x86_64`, `amd64`, `arm64`, `aarch64`.
    ///
    /// ```
    /// use bpfmap_core::map_type::Architecture;
    ///
    /// assert_eq!(Architecture::by_name("aarch64"), Some(Architecture::Arm64));
    /// assert_eq!(Architecture::by_name("mips"), None);
    /// ```
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "x86-64" | "x86_64" | "amd64" => Some(Self::X86_64),
            "arm64" | "aarch64" => Some(Self::Arm64),
            _ => None,
        }
    }
}

named! {
    /// A part of the kernel that some architectures have later than others.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum ArchitectureFeature {
        /// Creating an arena.
        Arena = "creating an arena",
        /// Attaching programs to functions of the kernel and to LSM hooks by trampolines. The program types are
        /// `fentry`, `fexit`, `fmod_ret` and `lsm`.
        Trampolines = "attaching programs to functions and LSM hooks",
        /// Registering a struct of programs.
        StructOps = "registering a struct of programs",
        /// Tail calls in programs that have functions of their own, which are not inlined.
        TailCallsWithFunctions = "tail calls in programs with functions",
    }

    /// Returns the words for the feature.
    fn name;
}

/// A feature that the kernels of an architecture have later than the kernels of x86-64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArchitectureException {
    /// The architecture.
    pub architecture: Architecture,
    /// The feature.
    pub feature: ArchitectureFeature,
    /// The first mainline release with the feature.
    pub since: KernelVersion,
    /// The errno on kernels without the feature.
    pub refusal: Errno,
    /// The name of the map type that needs the feature.
    pub map_type: &'static str,
    /// The functions and files of the kernel from which the fact comes, and the kernels on which it was measured.
    pub source: &'static str,
}

/// The exceptions of all architectures.
pub const ARCHITECTURE_EXCEPTIONS: &[ArchitectureException] = &[
    ArchitectureException {
        architecture: Architecture::Arm64,
        feature: ArchitectureFeature::Arena,
        since: KernelVersion::new(6, 10),
        refusal: Errno::EOPNOTSUPP,
        map_type: ARENA.name,
        source: "bpf_jit_supports_arena in arch/arm64/net/bpf_jit_comp.c, which arena_map_alloc calls; measured: works on 6.12, 6.19, 7.0 and 7.3",
    },
    ArchitectureException {
        architecture: Architecture::Arm64,
        feature: ArchitectureFeature::Trampolines,
        since: KernelVersion::new(6, 4),
        refusal: Errno::ENOTSUPP,
        map_type: INODE_STORAGE.name,
        source: "HAVE_DYNAMIC_FTRACE_WITH_DIRECT_CALLS in arch/arm64/Kconfig, which register_ftrace_direct needs; measured: refused on 6.1, works on 6.12, 6.19, 7.0 and 7.3",
    },
    ArchitectureException {
        architecture: Architecture::Arm64,
        feature: ArchitectureFeature::StructOps,
        since: KernelVersion::new(6, 0),
        refusal: Errno::ENOTSUPP,
        map_type: STRUCT_OPS.name,
        source: "arch_prepare_bpf_trampoline in arch/arm64/net/bpf_jit_comp.c, which bpf_struct_ops_map_update_elem calls; measured: works on 6.1, 6.12, 6.19, 7.0 and 7.3",
    },
    ArchitectureException {
        architecture: Architecture::Arm64,
        feature: ArchitectureFeature::TailCallsWithFunctions,
        since: KernelVersion::new(6, 0),
        refusal: Errno::EINVAL,
        map_type: PROG_ARRAY.name,
        source: "bpf_jit_supports_subprog_tailcalls in arch/arm64/net/bpf_jit_comp.c, which check_map_func_compatibility calls; measured: works on 6.1, 6.19, 7.0 and 7.3",
    },
];

impl ArchitectureFeature {
    /// Returns whether a map can't be created without the feature.
    #[must_use]
    pub const fn is_creation(self) -> bool {
        matches!(self, Self::Arena)
    }

    /// Returns the exception for this feature on an architecture, or `None` if the architecture has the feature as long
    /// as x86-64.
    ///
    /// ```
    /// use bpfmap_core::KernelVersion;
    /// use bpfmap_core::map_type::{Architecture, ArchitectureFeature};
    ///
    /// let arena = ArchitectureFeature::Arena.exception(Architecture::Arm64).unwrap();
    /// assert_eq!(arena.since, KernelVersion::new(6, 10));
    /// assert_eq!(ArchitectureFeature::Arena.exception(Architecture::X86_64), None);
    /// ```
    #[must_use]
    pub fn exception(self, architecture: Architecture) -> Option<&'static ArchitectureException> {
        let mut exceptions = ARCHITECTURE_EXCEPTIONS.iter();
        exceptions.find(|it| (it.feature, it.architecture) == (self, architecture))
    }

    /// Returns the errno with which a kernel refuses the feature because of its architecture, or `None` if the kernel
    /// has the feature.
    #[must_use]
    pub fn refusal(self, architecture: Architecture, kernel: KernelVersion) -> Option<Errno> {
        let exception = self.exception(architecture)?;
        (kernel < exception.since).then_some(exception.refusal)
    }
}

impl Feature {
    /// Returns the exception for creating a map with this feature on an architecture, or `None` if the architecture has
    /// the feature as long as x86-64.
    #[must_use]
    pub const fn exception(
        self,
        architecture: Architecture,
    ) -> Option<&'static ArchitectureException> {
        match self {
            Self::MapType(name) => creation(name, architecture),
            _ => None,
        }
    }

    /// Returns the first mainline release that supports the feature on an architecture. `since` is the first release
    /// for x86-64.
    ///
    /// ```
    /// use bpfmap_core::KernelVersion;
    /// use bpfmap_core::map_type::{ARENA, Architecture, Feature};
    ///
    /// let arena = Feature::MapType("arena");
    /// assert_eq!(arena.since_on(ARENA.since, Architecture::Arm64), KernelVersion::new(6, 10));
    /// ```
    #[must_use]
    pub const fn since_on(self, since: KernelVersion, architecture: Architecture) -> KernelVersion {
        match self.exception(architecture) {
            Some(exception) => since.newest(exception.since),
            None => since,
        }
    }
}

/// Returns the exception for creating a map of the type with this name.
const fn creation(
    name: &str,
    architecture: Architecture,
) -> Option<&'static ArchitectureException> {
    let mut index = 0;
    while index < ARCHITECTURE_EXCEPTIONS.len() {
        let exception = &ARCHITECTURE_EXCEPTIONS[index];
        if exception.feature.is_creation()
            && exception.architecture as u8 == architecture as u8
            && is_same(exception.map_type, name)
        {
            return Some(exception);
        }
        index += 1;
    }
    None
}

impl MapType {
    /// Returns the exceptions that concern maps of this type.
    pub fn architecture_exceptions(&self) -> impl Iterator<Item = &'static ArchitectureException> {
        let name = self.name;
        ARCHITECTURE_EXCEPTIONS.iter().filter(move |it| it.map_type == name)
    }

    /// Returns the first mainline release that creates maps of this type on an architecture.
    ///
    /// ```
    /// use bpfmap_core::KernelVersion;
    /// use bpfmap_core::map_type::{ARENA, Architecture};
    ///
    /// assert_eq!(ARENA.since_on(Architecture::X86_64), KernelVersion::new(6, 9));
    /// assert_eq!(ARENA.since_on(Architecture::Arm64), KernelVersion::new(6, 10));
    /// ```
    #[must_use]
    pub const fn since_on(&self, architecture: Architecture) -> KernelVersion {
        Feature::MapType(self.name).since_on(self.since, architecture)
    }

    /// Returns the exception for creating maps of this type on an architecture, or `None` if the architecture has the
    /// map type as long as x86-64.
    #[must_use]
    pub const fn creation_exception(
        &self,
        architecture: Architecture,
    ) -> Option<&'static ArchitectureException> {
        creation(self.name, architecture)
    }

    /// Returns the errno with which a kernel refuses to create any map of this type, or `None` if the kernel supports
    /// the type on this architecture.
    ///
    /// ```
    /// use bpfmap_core::map_type::{ARENA, Architecture};
    /// use bpfmap_core::{Errno, KernelVersion};
    ///
    /// let refusal = |minor| ARENA.refusal(Architecture::Arm64, KernelVersion::new(6, minor));
    /// assert_eq!([8, 9, 10].map(refusal), [Some(Errno::EINVAL), Some(Errno::EOPNOTSUPP), None]);
    /// ```
    #[must_use]
    pub fn refusal(&self, architecture: Architecture, kernel: KernelVersion) -> Option<Errno> {
        if kernel < self.since {
            return Feature::MapType(self.name).refusal();
        }
        let exception = self.creation_exception(architecture).filter(|it| kernel < it.since);
        exception.map(|it| it.refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn an_exception_is_later_than_the_map_type_and_has_a_source() {
        for exception in ARCHITECTURE_EXCEPTIONS {
            let row = MapType::by_name(exception.map_type).unwrap();
            assert!(exception.since.is_newer(row.since), "{exception:?}");
            assert!(exception.source.contains("arch/"), "{exception:?}");
            assert_ne!(exception.architecture, Architecture::X86_64);
            let own: Vec<_> = row.architecture_exceptions().collect();
            assert!(own.contains(&exception), "{own:?}");
        }
    }

    #[test]
    fn a_feature_is_refused_only_on_old_kernels_of_the_architecture() {
        let refusal = |architecture, minor| {
            ArchitectureFeature::Trampolines.refusal(architecture, KernelVersion::new(6, minor))
        };
        assert_eq!(refusal(Architecture::Arm64, 1), Some(Errno::ENOTSUPP));
        assert_eq!(refusal(Architecture::Arm64, 4), None);
        assert_eq!(refusal(Architecture::X86_64, 1), None);
    }

    #[test]
    fn architectures_are_found_by_their_names() {
        for architecture in Architecture::ALL {
            assert_eq!(Architecture::by_name(architecture.name()), Some(*architecture));
        }
        assert_eq!(Architecture::by_name("x86_64"), Some(Architecture::X86_64));
        assert!(Architecture::TARGET.is_some());
    }
}
