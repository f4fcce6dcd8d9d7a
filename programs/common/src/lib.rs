//! The maps of the tests.

#![no_std]

/// The output of `bpfmap generate`. Both sides compile it.
#[allow(missing_docs, clippy::pub_underscore_fields)]
#[path = "../../../schemas/rust/ringbuf.rs"]
pub mod generated;

use bpfmap::{Be32, BpfMap, BpfType, CharArray, Enum, Padded, SpinLock};

/// A verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BpfType)]
#[repr(u8)]
pub enum Verdict {
    /// Pass.
    Pass,
    /// Drop.
    Drop,
}

/// An address.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub union Address {
    /// IPv4.
    pub v4: Padded<Be32, 12>,
    /// IPv6.
    pub v6: [u32; 4],
}

/// A value with each sort of member whose description in an object file differs from Rust's.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Sorts {
    /// A union.
    pub address: Address,
    /// Another name in C.
    #[bpf(name = "type")]
    pub kind: u8,
    /// An enum.
    pub verdict: Enum<Verdict>,
    #[bpf(bits(vlan: u16 = 12, tagged: bool = 1))]
    bits0: [u8; 2],
    /// Text.
    pub name: CharArray<12>,
}

/// A hash.
#[derive(Debug, BpfMap)]
#[bpf_map(hash, max_entries = 4)]
pub struct Hashes {
    key: u32,
    value: Sorts,
}

/// An array.
#[derive(Debug, BpfMap)]
#[bpf_map(array, max_entries = 2)]
pub struct Counts {
    value: [u32; 4],
}

/// Values of each CPU.
#[derive(Debug, BpfMap)]
#[bpf_map(percpu_array, max_entries = 1)]
pub struct CpuCounts {
    value: u64,
}

/// A queue.
#[derive(Debug, BpfMap)]
#[bpf_map(queue, max_entries = 2)]
pub struct Waiting {
    value: u64,
}

/// A stack.
#[derive(Debug, BpfMap)]
#[bpf_map(stack, max_entries = 2)]
pub struct Undo {
    value: u64,
}

/// A Bloom filter.
#[derive(Debug, BpfMap)]
#[bpf_map(bloom_filter, max_entries = 100)]
pub struct Seen {
    value: u32,
}

/// Records.
#[derive(Debug, BpfMap)]
#[bpf_map(ringbuf, max_entries = 4096)]
pub struct Records {
    event: Sorts,
}

/// The inner maps of [`Outer`].
#[derive(Debug, BpfMap)]
#[bpf_map(template, array, max_entries = 1)]
pub struct OuterInner {
    value: u64,
}

/// A map of maps.
#[derive(Debug, BpfMap)]
#[bpf_map(array_of_maps, max_entries = 2)]
pub struct Outer {
    inner: OuterInner,
}

/// Programs to jump to.
#[derive(Debug, BpfMap)]
#[bpf_map(prog_array, max_entries = 2)]
pub struct Jumps;

/// CPUs to which packets are sent.
#[derive(Debug, BpfMap)]
#[bpf_map(cpumap, max_entries = 2)]
pub struct Cpus;

/// A value that a spin lock protects.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Balance {
    /// The number of transfers. The lock is not the first member.
    pub transfers: u32,
    /// The lock.
    pub lock: SpinLock,
    /// Money in.
    pub credit: i64,
}

/// Values with a spin lock.
#[derive(Debug, BpfMap)]
#[bpf_map(array, max_entries = 1)]
pub struct Balances {
    value: Balance,
}

/// A value that is attached to an object.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Attached {
    /// The number of events.
    pub events: u64,
    /// A number that the program writes.
    pub mark: u64,
}

/// Values of sockets.
#[derive(Debug, BpfMap)]
#[bpf_map(sk_storage, flags(no_prealloc))]
pub struct OfSockets {
    value: Attached,
}

/// Values of inodes.
#[derive(Debug, BpfMap)]
#[bpf_map(inode_storage, flags(no_prealloc))]
pub struct OfInodes {
    value: Attached,
}

/// Values of tasks.
#[derive(Debug, BpfMap)]
#[bpf_map(task_storage, flags(no_prealloc))]
pub struct OfTasks {
    value: Attached,
}

/// Values of cgroups.
#[derive(Debug, BpfMap)]
#[bpf_map(cgrp_storage, flags(no_prealloc))]
pub struct OfCgroups {
    value: Attached,
}

/// Records in the ring of each CPU.
#[derive(Debug, BpfMap)]
#[bpf_map(perf_event_array)]
pub struct CpuRecords {
    event: Sorts,
}

/// Records from user space.
#[derive(Debug, BpfMap)]
#[bpf_map(user_ringbuf, max_entries = 4096)]
pub struct Commands {
    event: Sorts,
}
