//! Packet queues of CPUs, the entries of a cpumap.

use super::{ProgramFd, ProgramId, halves, number_and_program};
use crate::plain::Plain;

/// The capacity of a CPU's queue in packets, from 1 to [`MAX`](Self::MAX).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CpuQueueSize(u32);

impl CpuQueueSize {
    /// The largest size that the kernel accepts. Larger sizes fail with `EOVERFLOW`
    /// (`cpu_map_update_elem`).
    pub const MAX: u32 = 16384;

    /// Returns the size of a queue for this many packets. Returns `None` for 0, which would empty
    /// the slot, and for numbers larger than [`MAX`](Self::MAX).
    ///
    /// ```
    /// use bpfmap::CpuQueueSize;
    ///
    /// const SIZE: CpuQueueSize = CpuQueueSize::new(192).unwrap();
    /// assert_eq!(SIZE.get(), 192);
    /// assert_eq!(CpuQueueSize::new(0), None);
    /// assert_eq!(CpuQueueSize::new(16385), None);
    /// ```
    #[must_use]
    pub const fn new(packets: u32) -> Option<Self> {
        if packets == 0 || packets > Self::MAX { None } else { Some(Self(packets)) }
    }

    /// Returns the number of packets.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// A queue of packets that are redirected to a CPU, and an optional program. The program is the
/// first to process the packets on that CPU.
///
/// A cpumap whose value has 8 bytes accepts a `CpuQueue` (`struct bpf_cpumap_val`; Linux 5.9). A
/// cpumap whose value has 4 bytes accepts a [`CpuQueueSize`]. The key of the map is the number of
/// the CPU.
#[derive(Clone, Copy, Debug)]
pub struct CpuQueue<'a> {
    size: CpuQueueSize,
    program: Option<ProgramFd<'a>>,
}

impl<'a> CpuQueue<'a> {
    /// Returns a queue without a program.
    #[must_use]
    pub fn new(size: CpuQueueSize) -> Self {
        Self { size, program: None }
    }

    /// Returns a queue with a program. The program must be an XDP program in the section
    /// `xdp/cpumap` (expected attach type `BPF_XDP_CPUMAP`). Storing any other program fails with
    /// `EINVAL` from Linux 7.0 on, and with `ENOMEM` on older kernels.
    #[must_use]
    pub fn with_program(size: CpuQueueSize, program: impl Into<ProgramFd<'a>>) -> Self {
        Self { size, program: Some(program.into()) }
    }
}

impl From<CpuQueueSize> for CpuQueue<'_> {
    fn from(size: CpuQueueSize) -> Self {
        Self::new(size)
    }
}

/// The kernel's information about a [`CpuQueue`] in a map.
///
/// ```no_run
/// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
/// use bpfmap::{BpfMap, CpuQueue, CpuQueueSize, Map, ShownCpuQueue};
///
/// #[derive(BpfMap)]
/// #[bpf_map(cpumap, max_entries = 4)]
/// struct Queues {
///     value: u64,
/// }
///
/// let queues = Map::<Queues>::create()?;
/// let size = CpuQueueSize::new(CpuQueueSize::MAX).expect("this is allowed");
/// queues.set(&0, CpuQueue::new(size))?;
/// let shown: ShownCpuQueue = queues.get(&0)?.expect("it was just stored");
/// assert_eq!((shown.size, shown.program), (size, None));
/// # Ok(()) }
/// # #[cfg(not(feature = "derive"))] fn main() {}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ShownCpuQueue {
    /// The maximum number of packets in the queue.
    pub size: CpuQueueSize,
    /// The program that is the first to process the packets on the CPU, or `None` if the queue has
    /// no program.
    pub program: Option<ProgramId>,
}

/// The value of a cpumap: `u32` for a queue, `u64` for a queue and a program.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the value of a cpumap",
    label = "`u32` (a queue) or `u64` (a queue and a program)",
    note = "a cpumap's value has 4 bytes (`__u32`), or 8 (`struct bpf_cpumap_val`)"
)]
pub trait CpuValue: Plain {
    type Object<'a>;
    type Shown;

    fn to_kernel(object: &Self::Object<'_>) -> [u8; 8];
    fn from_kernel(value: [u8; 8]) -> Self::Shown;
}

impl CpuValue for u32 {
    type Object<'a> = CpuQueueSize;
    type Shown = CpuQueueSize;

    fn to_kernel(size: &CpuQueueSize) -> [u8; 8] {
        number_and_program(size.0, None)
    }

    fn from_kernel(value: [u8; 8]) -> CpuQueueSize {
        CpuQueueSize(halves(value).0)
    }
}

impl CpuValue for u64 {
    type Object<'a> = CpuQueue<'a>;
    type Shown = ShownCpuQueue;

    fn to_kernel(queue: &CpuQueue<'_>) -> [u8; 8] {
        number_and_program(queue.size.0, queue.program)
    }

    fn from_kernel(value: [u8; 8]) -> ShownCpuQueue {
        let (size, program) = halves(value);
        ShownCpuQueue { size: CpuQueueSize(size), program: ProgramId::shown(program) }
    }
}

by_value!(HoldObjects for Cpumap, CpuValue, refusal);
by_value!(ShowObjects for Cpumap, CpuValue);

/// Returns the meaning of an errno that the kernel returns for a queue or its program.
fn refusal(errno: i32) -> Option<&'static str> {
    Some(match errno {
        libc::ENODEV => "this machine can't have a CPU with this number",
        libc::EINVAL => "the program is not for cpumaps (section `xdp/cpumap`)",
        libc::ENOMEM => {
            "there is not enough memory or, before Linux 7.0, the program is not for cpumaps (section `xdp/cpumap`)"
        }
        _ => return None,
    })
}
