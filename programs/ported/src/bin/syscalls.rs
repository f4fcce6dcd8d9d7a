//! The program of `examples/syscalls`: counts the system calls that processes make.

#![no_std]
#![no_main]

use aya_ebpf::EbpfContext as _;
use aya_ebpf::helpers::generated::bpf_get_current_comm;
use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_ns};
use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use bpfmap::{BpfMap, BpfType, CharArray, Enum};
use bpfmap_ebpf::{Map, UpdateMode, field, zeroed};
use bpfmap_examples_ebpf::license;

/// A system call of a process.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
pub struct Call {
    process: u32,
    number: u32,
}

/// The number of calls, and the time of the last call.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
pub struct Usage {
    count: u64,
    last: u64,
    command: CharArray<16>,
}

/// The scope of the counter.
#[derive(Clone, Copy, PartialEq, Eq, BpfType)]
#[repr(u8)]
pub enum Scope {
    Everybody,
    OneProcess,
}

/// The filter that selects the calls to count.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
pub struct Filter {
    scope: Enum<Scope>,
    _pad: [u8; 3],
    process: u32,
}

#[derive(BpfMap)]
#[bpf_map(lru_hash, max_entries = 16_384, min_kernel = "5.10")]
pub struct Calls {
    key: Call,
    value: Usage,
}

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 1, min_kernel = "5.10")]
pub struct Filters {
    value: Filter,
}

const CALLS: Map<Calls> = Map::new();
const FILTERS: Map<Filters> = Map::new();

license!(b"GPL\0");

#[raw_tracepoint(tracepoint = "sys_enter")]
pub fn count_call(context: RawTracePointContext) -> i32 {
    count(&context);
    0
}

#[inline(always)]
fn is_wanted(process: u32) -> bool {
    FILTERS.lookup(&0).is_some_and(|filter| {
        field!(filter.scope).load() == Scope::Everybody || field!(filter.process).load() == process
    })
}

#[inline(always)]
fn count(context: &RawTracePointContext) -> Option<()> {
    let process = (bpf_get_current_pid_tgid() >> 32) as u32;
    // SAFETY: the second argument of this tracepoint is the number of the system call.
    let number = unsafe { context.as_ptr().cast::<u64>().add(1).read() } as u32;
    if !is_wanted(process) {
        return None;
    }
    let call = Call { process, number };
    let usage = match CALLS.lookup(&call) {
        Some(usage) => usage,
        None => {
            let mut first: Usage = zeroed();
            let command = (&raw mut first.command).cast();
            // SAFETY: the helper writes at most as many bytes as the member has. Any bytes are a name.
            unsafe { bpf_get_current_comm(command, size_of::<CharArray<16>>() as u32) };
            // If another CPU has inserted an entry meanwhile, this fails, and the lookup finds that entry.
            let _ = CALLS.update(&call, &first, UpdateMode::NoExist);
            CALLS.lookup(&call)?
        }
    };
    field!(usage.count).add(1);
    // SAFETY: `bpf_ktime_get_ns` has no safety requirements.
    field!(usage.last).store(unsafe { bpf_ktime_get_ns() });
    Some(())
}
