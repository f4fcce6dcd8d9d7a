//! Values of every map type, by number.

use crate::network_values::{NumberAndProgram, SocketKind, Sockets};
use crate::objects::Objects;
use crate::{MapFixture, SpecialBytes, SpecialField, pattern, running_kernel};
use bpfmap::{InsnOffsets, MapDef, bytes_of};
use bpfmap_core::map_type::{KernelObject, MapExtraRule, ValueRule};

/// The kinds of values that map types take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    /// Any bytes.
    Plain,
    /// None.
    Valueless,
    /// Any bytes, which a lookup asks for.
    Asked,
    /// Stacks, which programs record.
    Stacks,
    /// Offsets of instructions.
    Instructions,
    /// Programs.
    Programs,
    /// Cgroups.
    Cgroups,
    /// Maps of the inner spec.
    Maps,
    /// Perf events.
    PerfEvents,
    /// The index of an interface; in 8 bytes, a program for it too.
    Device,
    /// The length of a CPU's queue; in 8 bytes, a program for it too.
    CpuQueue,
    /// An `AF_XDP` socket.
    XdpSocket,
    /// A connected socket.
    Socket,
    /// A socket that shares its port.
    ReuseportSocket,
}

/// A value that a map refuses, on some kernels at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    ZeroNumber,
    UnknownInterface,
    QueueTooLong,
    ProgramOfOtherKind,
    UnfitSocket,
    UnixSocket,
    UnboundSocket,
    WithoutReuseport,
    WithoutRing,
}

/// Returns whether user space can make nothing of what it sees of a field: an empty list or a fresh count as it looks to
/// the kernel. Of others it sees zeros.
pub(crate) const fn is_anything(field: SpecialField) -> bool {
    matches!(field, SpecialField::ListHead | SpecialField::RefCount)
}

/// How the values of a map are in what user space reads and writes.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// The size of one value.
    pub(crate) one: usize,
    /// How far apart the CPUs' are.
    pub(crate) stride: usize,
    /// How many there are.
    pub(crate) copies: usize,
    /// The bytes of one that belong to the kernel.
    pub(crate) special: Vec<SpecialBytes<'static>>,
}

impl Layout {
    /// Zeroes the bytes of `value` that belong to the kernel that runs, of the kinds that `which`
    /// says, on each CPU.
    pub(crate) fn clear(&self, value: &mut [u8], which: impl Fn(SpecialField) -> bool) {
        let kernel = running_kernel();
        for special in &self.special {
            if special.since > kernel || !which(special.field) {
                continue;
            }
            for copy in value.chunks_mut(self.stride) {
                copy[special.bytes.clone()].fill(0);
            }
        }
    }

    /// Zeroes the bytes between the values of two CPUs. They are nobody's: where a value has special fields, the kernel
    /// copies its members alone and shows there what its memory happened to hold.
    ///
    /// Source: `bpf_obj_memcpy` in `include/linux/bpf.h`, `bpf_percpu_hash_copy` in `kernel/bpf/hashtab.c`.
    pub(crate) fn clear_gaps(&self, value: &mut [u8]) {
        if self.copies > 1 {
            value.chunks_mut(self.stride).for_each(|copy| copy[self.one..].fill(0));
        }
    }
}

/// Makes values, each by its number. Objects that they stand for live as long as this does.
pub(crate) trait MakeValues {
    /// The value of this number as user space writes it.
    fn written(&self, number: u32) -> Vec<u8>;

    /// Returns the value as a lookup returns it, or `None` if user space can't read it.
    fn shown(&self, number: u32) -> Option<Vec<u8>>;

    /// A value that the map refuses.
    fn refused(&self, refused: Refused) -> Vec<u8> {
        unreachable!("no plain value is {refused:?}")
    }
}

impl Values {
    /// Returns what values a map takes.
    pub(crate) fn of(fixture: &MapFixture<'_>) -> Self {
        let row = fixture.row();
        match row.value {
            ValueRule::Plain { .. }
                if matches!(row.map_extra, MapExtraRule::HashFunctions { .. }) =>
            {
                Self::Asked
            }
            ValueRule::Plain { .. } | ValueRule::StructOps => Self::Plain,
            ValueRule::Stack => Self::Stacks,
            ValueRule::Instruction => Self::Instructions,
            ValueRule::Valueless => Self::Valueless,
            ValueRule::Object(KernelObject::Program) => Self::Programs,
            ValueRule::Object(KernelObject::Cgroup) => Self::Cgroups,
            ValueRule::Object(KernelObject::Map) => Self::Maps,
            ValueRule::Object(KernelObject::Device) => Self::Device,
            ValueRule::Object(KernelObject::Cpu) => Self::CpuQueue,
            ValueRule::Object(KernelObject::XdpSocket) => Self::XdpSocket,
            ValueRule::Object(KernelObject::Socket) => Self::Socket,
            ValueRule::Object(KernelObject::ReuseportSocket) => Self::ReuseportSocket,
            ValueRule::Object(KernelObject::PerfEvent) => Self::PerfEvents,
        }
    }

    /// Makes values of a map, which holds maps of the definition `inner` if it is a map of maps.
    pub(crate) fn make(
        self,
        layout: Layout,
        inner: Option<&'static MapDef<'static>>,
    ) -> Box<dyn MakeValues> {
        match self {
            Self::Plain | Self::Asked | Self::Valueless => Box::new(Plain(layout)),
            Self::Stacks => Box::new(Stacks(layout.one)),
            Self::Instructions => Box::new(Instructions),
            Self::Programs => Box::new(Objects::programs(layout.one)),
            Self::Cgroups => Box::new(Objects::cgroups(layout.one)),
            Self::Maps => {
                let inner = inner.expect("the definition of a map of maps says what it holds");
                Box::new(Objects::maps(layout.one, inner))
            }
            Self::PerfEvents => Box::new(Objects::perf_events(layout.one)),
            Self::Device => Box::new(NumberAndProgram::device(layout.one)),
            Self::CpuQueue => Box::new(NumberAndProgram::cpu_queue(layout.one)),
            Self::XdpSocket => Box::new(Sockets::new(layout.one, SocketKind::Xdp)),
            Self::Socket => Box::new(Sockets::new(layout.one, SocketKind::Connected)),
            Self::ReuseportSocket => Box::new(Sockets::new(layout.one, SocketKind::Reuseport)),
        }
    }

    /// How many entries a map should have to try all cases on, where a few won't do.
    pub(crate) fn entries(self, cpus: u32) -> Option<u32> {
        // One slot is of no CPU.
        (self == Self::CpuQueue).then_some(cpus + 1)
    }

    /// How many of a map's entries can be put in.
    pub(crate) fn slots(self, max_entries: u32) -> u32 {
        match self {
            Self::CpuQueue => max_entries - 1,
            // Stacks fall where they like: more than one or two ids can't be had for sure.
            Self::Stacks => 1,
            _ => max_entries,
        }
    }
}

/// The kernel takes the offset in the program as it was loaded, and tells where it went.
struct Instructions;

impl MakeValues for Instructions {
    fn written(&self, number: u32) -> Vec<u8> {
        bytes_of(&InsnOffsets::of(number)).to_vec()
    }

    fn shown(&self, number: u32) -> Option<Vec<u8>> {
        // Nothing has moved it yet.
        let offsets = InsnOffsets { xlated_off: number, ..InsnOffsets::of(number) };
        Some(bytes_of(&offsets).to_vec())
    }
}

/// Bytes of the pattern.
struct Plain(Layout);

impl MakeValues for Plain {
    /// Zero where a CPU's share is longer than the value, since kernels differ in what they keep
    /// there.
    fn written(&self, number: u32) -> Vec<u8> {
        let Layout { one, stride, copies, .. } = self.0;
        // What is written to a pointer to user memory has to be an address.
        let null = |place| {
            let mut special = self.0.special.iter();
            special.any(|it| it.field == SpecialField::UserPtr && it.bytes.contains(&place))
        };
        let byte = |index| {
            let filled = index % stride < one && !null(index % stride);
            if filled { pattern(u64::from(number) + index as u64).to_le_bytes()[0] } else { 0 }
        };
        (0..stride * copies).map(byte).collect()
    }

    /// The kernel's own bytes are zero.
    fn shown(&self, number: u32) -> Option<Vec<u8>> {
        let mut value = self.written(number);
        self.0.clear(&mut value, |_| true);
        Some(value)
    }
}

/// User space puts no stacks in, and does not know what programs record.
struct Stacks(usize);

impl MakeValues for Stacks {
    fn written(&self, _: u32) -> Vec<u8> {
        vec![0; self.0]
    }

    fn shown(&self, _: u32) -> Option<Vec<u8>> {
        None
    }
}
