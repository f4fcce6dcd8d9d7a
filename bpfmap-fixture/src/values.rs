//! Numbered values for every map type.

use crate::network_values::{NumberAndProgram, SocketKind, Sockets};
use crate::objects::Objects;
use crate::{MapFixture, SpecialBytes, SpecialField, pattern, running_kernel};
use bpfmap::{InsnOffsets, MapDef, bytes_of};
use bpfmap_core::map_type::{KernelObject, MapExtraRule, ValueRule};

/// The kinds of values of map types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    /// Any bytes.
    Plain,
    /// No value.
    Valueless,
    /// Any bytes, which are the input of a lookup.
    Asked,
    /// Stacks, which programs record.
    Stacks,
    /// Offsets of instructions.
    Instructions,
    /// Programs.
    Programs,
    /// Cgroups.
    Cgroups,
    /// Inner maps.
    Maps,
    /// Perf events.
    PerfEvents,
    /// The index of an interface, followed by a program if the value has 8 bytes.
    Device,
    /// The length of a CPU's queue, followed by a program if the value has 8 bytes.
    CpuQueue,
    /// An `AF_XDP` socket.
    XdpSocket,
    /// A connected socket.
    Socket,
    /// A socket that shares its port.
    ReuseportSocket,
}

/// A value that a map refuses, at least on some kernels.
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

/// Returns whether the bytes that user space sees in a field are meaningless, such as those of an
/// empty list or a fresh reference count. Other fields are shown as zeros.
pub(crate) const fn is_anything(field: SpecialField) -> bool {
    matches!(field, SpecialField::ListHead | SpecialField::RefCount)
}

/// The layout of the values of a map in the buffers of user space.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// The size of one value.
    pub(crate) one: usize,
    /// The distance between the values of two CPUs.
    pub(crate) stride: usize,
    /// The number of values.
    pub(crate) copies: usize,
    /// The bytes of one value that belong to the kernel.
    pub(crate) special: Vec<SpecialBytes<'static>>,
}

impl Layout {
    /// Zeroes the bytes of `value` on each CPU that belong to the running kernel, for those kinds
    /// of fields that `which` selects.
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

    /// Zeroes the bytes between the values of two CPUs. Their contents are unspecified: if a value
    /// has special fields, the kernel copies only its members, and the other bytes contain whatever
    /// was in memory.
    ///
    /// Source: `bpf_obj_memcpy` in `include/linux/bpf.h`, `bpf_percpu_hash_copy` in
    /// `kernel/bpf/hashtab.c`.
    pub(crate) fn clear_gaps(&self, value: &mut [u8]) {
        if self.copies > 1 {
            value.chunks_mut(self.stride).for_each(|copy| copy[self.one..].fill(0));
        }
    }
}

/// Creates values by number. The objects that they refer to live as long as this value.
pub(crate) trait MakeValues {
    /// Returns the value with this number as user space writes it.
    fn written(&self, number: u32) -> Vec<u8>;

    /// Returns the value as a lookup returns it, or `None` if user space can't read it.
    fn shown(&self, number: u32) -> Option<Vec<u8>>;

    /// Returns a value that the map refuses.
    fn refused(&self, refused: Refused) -> Vec<u8> {
        unreachable!("no plain value is {refused:?}")
    }
}

impl Values {
    /// Returns the kind of values of a map.
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

    /// Creates values of a map. If it is a map of maps, its inner maps have the definition `inner`.
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

    /// Returns the number of entries that a map needs to try all cases, if a few are not
    /// sufficient.
    pub(crate) fn entries(self, cpus: u32) -> Option<u32> {
        // One slot does not belong to a CPU.
        (self == Self::CpuQueue).then_some(cpus + 1)
    }

    /// Returns the number of a map's entries that can be inserted.
    pub(crate) fn slots(self, max_entries: u32) -> u32 {
        match self {
            Self::CpuQueue => max_entries - 1,
            // The ID of a stack is a hash, so it is not certain that more than one or two IDs are
            // free.
            Self::Stacks => 1,
            _ => max_entries,
        }
    }
}

/// The kernel reads the offset in the program as it was loaded, and writes the resulting offset.
struct Instructions;

impl MakeValues for Instructions {
    fn written(&self, number: u32) -> Vec<u8> {
        bytes_of(&InsnOffsets::of(number)).to_vec()
    }

    fn shown(&self, number: u32) -> Option<Vec<u8>> {
        // The instruction has not moved yet.
        let offsets = InsnOffsets { xlated_off: number, ..InsnOffsets::of(number) };
        Some(bytes_of(&offsets).to_vec())
    }
}

/// Values that consist of the pattern.
struct Plain(Layout);

impl MakeValues for Plain {
    /// The bytes of a CPU's share after the value are zero, because kernels differ in what they
    /// keep there.
    fn written(&self, number: u32) -> Vec<u8> {
        let Layout { one, stride, copies, .. } = self.0;
        // A pointer to user memory must contain a valid address.
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

/// User space can't insert stacks, and does not know what programs record.
struct Stacks(usize);

impl MakeValues for Stacks {
    fn written(&self, _: u32) -> Vec<u8> {
        vec![0; self.0]
    }

    fn shown(&self, _: u32) -> Option<Vec<u8>> {
        None
    }
}
