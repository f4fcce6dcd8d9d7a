//! Counts the system calls of each process.

#![no_std]
#![no_main]

use aya_ebpf::EbpfContext as _;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use bpfmap_ebpf::{Map, UpdateMode};
use common::{Call, Counts};

const COUNTS: Map<Counts> = Map::new();

#[raw_tracepoint(tracepoint = "sys_enter")]
pub fn count_call(context: RawTracePointContext) -> i32 {
    // SAFETY: the second argument of this tracepoint is the number of the system call.
    let number = unsafe { context.as_ptr().cast::<u64>().add(1).read() };
    let call = Call {
        process: (bpf_get_current_pid_tgid() >> 32) as u32,
        number: number as u32,
    };
    match COUNTS.lookup(&call) {
        Some(count) => count.add(1),
        // If another CPU has inserted the entry meanwhile, its count is lost.
        None => _ = COUNTS.update(&call, &1, UpdateMode::Any),
    }
    0
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 4] = *b"GPL\0";

/// Is never called, because the compiler removes every panic. If a panic remained, the loader would
/// refuse the program.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
