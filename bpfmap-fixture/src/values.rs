//! Creates values by number, for every map type.

use crate::network_values::{NumberAndProgram, SocketKind, Sockets};
use crate::objects::Objects;
use crate::{MapFixture, SpecialBytes, SpecialField, pattern, running_kernel};
use bpfmap::{InsnOffsets, MapDef, bytes_of};
use bpfmap_core::map_type::{KernelObject, MapExtraRule, ValueRule};

/// The kind of values that a map type has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    /// A value can be any bytes.
    Plain,
    /// The map has no values.
    Valueless,
    /// A value can be any bytes. A lookup takes the value as its input.
    Asked,
    /// A value is a stack, which a program records.
    Stacks,
    /// A value contains the offsets of an instruction.
    Instructions,
    /// A value is a program.
    Programs,
    /// A value is a cgroup.
    Cgroups,
    /// A value is an inner map.
    Maps,
    /// A value is a perf event.
    PerfEvents,
    /// A value is the index of an interface. If the value has 8 bytes, a program follows the index.
    Device,
    /// A value is the length of a CPU's queue. If the value has 8 bytes, a program follows the length.
    CpuQueue,
    /// A value is an `AF_XDP` socket.
    XdpSocket,
    /// A value is a connected socket.
    Socket,
    /// A value is a socket that shares its port.
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

/// Returns whether user space sees meaningless bytes in a field, such as the bytes of an empty list
/// or of a new reference count. User space sees zeros in the other special fields.
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
    /// The ranges of bytes in one value that belong to the kernel.
    pub(crate) special: Vec<SpecialBytes<'static>>,
}

impl Layout {
    /// Sets the bytes of special fields in `value` to zero, for each CPU. `which` selects the kinds
    /// of special fields.
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

    /// Sets the bytes between the values of two CPUs to zero. The contents of these bytes are
    /// unspecified. If a value contains special fields, the kernel copies only the members of the
    /// value, and the other bytes contain arbitrary data.
    ///
    /// Source: `bpf_obj_memcpy` in `include/linux/bpf.h`, `bpf_percpu_hash_copy` in
    /// `kernel/bpf/hashtab.c`.
    pub(crate) fn clear_gaps(&self, value: &mut [u8]) {
        if self.copies > 1 {
            value.chunks_mut(self.stride).for_each(|copy| copy[self.one..].fill(0));
        }
    }
}

/// A type that creates values by number. The objects to which the values refer live as long as the
/// value of this type.
pub(crate) trait MakeValues {
    /// Returns the value with this number in the form in which user space writes it.
    fn written(&self, number: u32) -> Vec<u8>;

    /// Returns the value with this number in the form in which a lookup returns it. Returns `None`
    /// if user space can't read the value.
    fn shown(&self, number: u32) -> Option<Vec<u8>>;

    /// Returns a value that the map refuses.
    fn refused(&self, refused: Refused) -> Vec<u8> {
        unreachable!("{refused:?} does not apply to plain values")
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

    /// Returns an object that creates the values of a map. `inner` is the definition of the inner
    /// maps if the map is a map of maps.
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
                let inner = inner.expect("the definition of a map of maps contains a template");
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

    /// Returns the number of entries that a map needs so that all cases can be tried. Returns
    /// `None` if a few entries are sufficient.
    pub(crate) fn entries(self, cpus: u32) -> Option<u32> {
        // One more entry is needed, for the case of a slot that does not belong to a CPU.
        (self == Self::CpuQueue).then_some(cpus + 1)
    }

    /// Returns the number of entries that can be inserted into a map.
    pub(crate) fn slots(self, max_entries: u32) -> u32 {
        match self {
            Self::CpuQueue => max_entries - 1,
            // The ID of a stack is a hash, so possibly only one or two different IDs occur.
            Self::Stacks => 1,
            _ => max_entries,
        }
    }
}

/// Values of an instruction array. The kernel reads the offset in the program that user space
/// loads, and writes the offset in the resulting program.
struct Instructions;

impl MakeValues for Instructions {
    fn written(&self, number: u32) -> Vec<u8> {
        bytes_of(&InsnOffsets::of(number)).to_vec()
    }

    fn shown(&self, number: u32) -> Option<Vec<u8>> {
        // Both offsets are equal as long as the instruction has not moved.
        let offsets = InsnOffsets { xlated_off: number, ..InsnOffsets::of(number) };
        Some(bytes_of(&offsets).to_vec())
    }
}

/// Values that user space fills with a test pattern.
struct Plain(Layout);

impl MakeValues for Plain {
    /// Returns a value that is filled with the pattern for each CPU. The bytes after the value of a
    /// CPU are zero, because kernels differ in the contents of these bytes.
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

    /// Returns a value that is filled with the pattern for each CPU. The bytes that belong to the
    /// kernel are zero.
    fn shown(&self, number: u32) -> Option<Vec<u8>> {
        let mut value = self.written(number);
        self.0.clear(&mut value, |_| true);
        Some(value)
    }
}

/// Values of a map of stacks. User space can't insert stacks, and does not know the stacks that
/// programs record.
struct Stacks(usize);

impl MakeValues for Stacks {
    fn written(&self, _: u32) -> Vec<u8> {
        vec![0; self.0]
    }

    fn shown(&self, _: u32) -> Option<Vec<u8>> {
        None
    }
}
