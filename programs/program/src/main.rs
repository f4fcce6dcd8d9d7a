//! What programs do with maps. Each program returns 0, or the number of the line on which it found something else.

#![no_std]
#![no_main]

use core::ops::ControlFlow;

use core::ffi::c_void;

use aya_ebpf::EbpfContext as _;
use aya_ebpf::bindings::xdp_action::XDP_PASS;
use aya_ebpf::helpers::{bpf_get_current_task_btf, bpf_sk_fullsock};
use aya_ebpf::macros::{btf_tracepoint, cgroup_skb, lsm, raw_tracepoint, xdp};
use aya_ebpf::programs::{
    BtfTracePointContext, LsmContext, RawTracePointContext, SkBuffContext, XdpContext,
};
use bpfmap_ebpf::{Be32, CharArray, Enum, Errno, Map, Padded, UpdateMode, field, zeroed};
use bpfmap_programs_common::{
    Address, Attached, Balances, Commands, Counts, CpuCounts, CpuRecords, Cpus, Hashes, Jumps,
    OfCgroups, OfInodes, OfSockets, OfTasks, Outer, Records, Seen, Sorts, Undo, Verdict, Waiting,
};

const HASHES: Map<Hashes> = Map::new();
const COUNTS: Map<Counts> = Map::new();
const CPU_COUNTS: Map<CpuCounts> = Map::new();
const WAITING: Map<Waiting> = Map::new();
const UNDO: Map<Undo> = Map::new();
const SEEN: Map<Seen> = Map::new();
const RECORDS: Map<Records> = Map::new();
const OUTER: Map<Outer> = Map::new();
const JUMPS: Map<Jumps> = Map::new();
const CPUS: Map<Cpus> = Map::new();
const BALANCES: Map<Balances> = Map::new();
const OF_SOCKETS: Map<OfSockets> = Map::new();
const OF_INODES: Map<OfInodes> = Map::new();
const OF_TASKS: Map<OfTasks> = Map::new();
const OF_CGROUPS: Map<OfCgroups> = Map::new();
const CPU_RECORDS: Map<CpuRecords> = Map::new();
const COMMANDS: Map<Commands> = Map::new();

/// Returns the line from the program unless the condition holds.
macro_rules! expect {
    ($condition:expr) => {
        if !$condition {
            return line!();
        }
    };
}

fn sorts(kind: u8) -> Sorts {
    let mut sorts: Sorts = zeroed();
    sorts.address = Address { v4: Padded::new(Be32::new(0x0102_0304)) };
    sorts.kind = kind;
    sorts.verdict = Enum::new(Verdict::Drop);
    sorts.name = CharArray::from_bytes(*b"name\0\0\0\0\0\0\0\0");
    sorts.with_vlan(7).with_tagged(true)
}

#[xdp]
pub fn hash(_: XdpContext) -> u32 {
    expect!(HASHES.lookup(&1).is_none());
    expect!(HASHES.delete(&1) == Ok(false));
    expect!(HASHES.update(&1, &sorts(1), UpdateMode::Exist) == Err(Errno::ENOENT));
    expect!(HASHES.update(&1, &sorts(1), UpdateMode::NoExist) == Ok(()));
    expect!(HASHES.update(&1, &sorts(1), UpdateMode::NoExist) == Err(Errno::EEXIST));
    expect!(HASHES.update(&2, &sorts(2), UpdateMode::Any) == Ok(()));
    expect!(HASHES.delete(&2) == Ok(true));
    let Some(value) = HASHES.lookup(&1) else { return line!() };
    expect!(field!(value.kind).load() == 1);
    field!(value.kind).store(3);
    0
}

#[xdp]
pub fn array(_: XdpContext) -> u32 {
    expect!(COUNTS.lookup(&2).is_none());
    expect!(COUNTS.update(&2, &[0; 4], UpdateMode::Any) == Err(Errno::E2BIG));
    let Some(value) = COUNTS.lookup(&1) else { return line!() };
    expect!(value.load() == [0; 4]);
    value.store([1, 2, 3, u32::MAX]);
    value.modify(|counts| counts[0] += 9);
    0
}

#[xdp]
pub fn cpu(_: XdpContext) -> u32 {
    let Some(value) = CPU_COUNTS.lookup(&0) else { return line!() };
    value.add(5);
    value.modify(|count| *count += 1);
    0
}

#[xdp]
pub fn queue(_: XdpContext) -> u32 {
    expect!(WAITING.pop().is_none());
    expect!(WAITING.push(&1, UpdateMode::Any) == Ok(()));
    expect!(WAITING.push(&2, UpdateMode::Any) == Ok(()));
    expect!(WAITING.push(&3, UpdateMode::Any) == Err(Errno::E2BIG));
    expect!(WAITING.peek() == Some(1));
    expect!(WAITING.pop() == Some(1));
    expect!(WAITING.pop() == Some(2));
    expect!(UNDO.push(&1, UpdateMode::Any) == Ok(()));
    expect!(UNDO.push(&2, UpdateMode::Any) == Ok(()));
    expect!(UNDO.push(&3, UpdateMode::Exist) == Ok(()));
    expect!(UNDO.pop() == Some(3));
    expect!(UNDO.pop() == Some(2));
    expect!(UNDO.pop().is_none());
    0
}

#[xdp]
pub fn ring(_: XdpContext) -> u32 {
    let Some(space) = RECORDS.reserve() else { return line!() };
    space.submit(sorts(1));
    let Some(space) = RECORDS.reserve() else { return line!() };
    let mut record = space.zeroed();
    record.kind = 2;
    record.submit();
    // This one is dropped.
    let Some(space) = RECORDS.reserve() else { return line!() };
    drop(space.write(sorts(9)));
    expect!(RECORDS.output(&sorts(3)) == Ok(()));
    0
}

#[xdp]
pub fn inner(_: XdpContext) -> u32 {
    expect!(OUTER.inner(&1).is_none());
    let Some(inner) = OUTER.inner(&0) else { return line!() };
    let Some(value) = inner.lookup(&0) else { return line!() };
    value.add(11);
    0
}

#[xdp]
pub fn jump(packet: XdpContext) -> u32 {
    // SAFETY: the program got this context. No program is at index 1.
    unsafe {
        JUMPS.tail_call(packet.as_ptr(), 1);
        JUMPS.tail_call(packet.as_ptr(), 0);
    }
    line!()
}

#[xdp]
pub fn landing(_: XdpContext) -> u32 {
    0
}

#[xdp]
pub fn redirect(_: XdpContext) -> u32 {
    expect!(CPUS.redirect(1, XDP_PASS.into()) == XDP_PASS);
    0
}

/// Needs Linux 5.13.
#[xdp]
pub fn walk(_: XdpContext) -> u32 {
    expect!(COUNTS.update(&0, &[40, 0, 0, 0], UpdateMode::Any) == Ok(()));
    expect!(COUNTS.update(&1, &[2, 0, 0, 0], UpdateMode::Any) == Ok(()));
    let (mut sum, mut keys) = (0, 0);
    let visited = COUNTS.for_each(|key, value| {
        sum += value.load()[0];
        keys += key;
        ControlFlow::Continue(())
    });
    expect!(visited == Ok(2));
    expect!((sum, keys) == (42, 1));
    let visited = COUNTS.for_each(|_, _| ControlFlow::Break(()));
    expect!(visited == Ok(1));
    0
}

/// Needs Linux 5.16.
#[xdp]
pub fn filter(_: XdpContext) -> u32 {
    expect!(!SEEN.may_contain(&1));
    expect!(SEEN.add(&1) == Ok(()));
    expect!(SEEN.may_contain(&1));
    0
}

/// Needs Linux 5.19.
#[xdp]
pub fn other_cpu(_: XdpContext) -> u32 {
    let Some(value) = CPU_COUNTS.lookup_on(&0, 0) else { return line!() };
    value.add(1);
    expect!(CPU_COUNTS.lookup_on(&0, u32::MAX).is_none());
    0
}

#[xdp]
pub fn lock(_: XdpContext) -> u32 {
    let Some(balance) = BALANCES.lookup(&0) else { return line!() };
    let locked = balance.lock();
    field!(locked.credit).modify(|credit| *credit -= 30);
    field!(locked.transfers).modify(|transfers| *transfers += 1);
    drop(locked);
    // The lock is free again, or the verifier refuses the program.
    let locked = balance.lock();
    let transfers = field!(locked.transfers).load();
    drop(locked);
    transfers
}

#[xdp]
pub fn perf(packet: XdpContext) -> u32 {
    // SAFETY: the program got this context.
    let sent = unsafe { CPU_RECORDS.perf_event_output(packet.as_ptr(), &sorts(4)) };
    if sent == Err(Errno::ENOENT) { 1 } else { expect!(sent == Ok(())); 0 }
}

/// Needs Linux 6.1. Returns 1,000 times the number of records, and the sum of their numbers. Stops
/// at the number 9.
#[xdp]
pub fn drain(_: XdpContext) -> u32 {
    let mut sum = 0;
    let drained = COMMANDS.drain(|command| {
        let Some(command) = command else { return ControlFlow::Break(()) };
        let kind = field!(command.kind).load();
        sum += u32::from(kind);
        if kind == 9 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let Ok(drained) = drained else { return line!() };
    drained * 1000 + sum
}

/// A value that is attached anew.
const FIRST: Attached = Attached { events: 1, mark: 7 };

#[cgroup_skb(egress)]
pub fn socket(packet: SkBuffContext) -> i32 {
    match count_socket(&packet) {
        0 => 1,
        // The kernel drops the packet, and the sender gets an error.
        _ => 0,
    }
}

/// Returns 0, or a line.
#[inline(always)]
fn count_socket(packet: &SkBuffContext) -> u32 {
    // SAFETY: the kernel checks each pointer for NULL.
    let owner: *mut c_void = unsafe {
        let socket = (*packet.skb.skb).__bindgen_anon_2.sk;
        if socket.is_null() {
            return line!();
        }
        bpf_sk_fullsock(socket).cast()
    };
    if owner.is_null() {
        return line!();
    }
    // SAFETY: the owner is a full socket.
    unsafe {
        if let Some(value) = OF_SOCKETS.attached(owner) {
            field!(value.events).add(1);
            return 0;
        }
        expect!(OF_SOCKETS.detach(owner) == Ok(false));
        expect!(OF_SOCKETS.attached_or_insert(owner, &FIRST).is_some());
        expect!(OF_SOCKETS.detach(owner) == Ok(true));
        expect!(OF_SOCKETS.attached(owner).is_none());
        expect!(OF_SOCKETS.attached_or_insert(owner, &FIRST).is_some());
    }
    0
}

/// Counts directories in the value of the directory that contains them.
#[lsm(hook = "inode_mkdir")]
pub fn inode(arguments: LsmContext) -> i32 {
    // SAFETY: the first argument is the inode of a directory.
    unsafe {
        let directory: *const c_void = arguments.arg(0);
        if let Some(value) = OF_INODES.attached(directory.cast_mut()) {
            field!(value.events).add(1);
        }
    }
    0
}

/// Needs Linux 5.11.
#[raw_tracepoint(tracepoint = "sys_enter")]
pub fn task(_: RawTracePointContext) -> u32 {
    // SAFETY: the helper returns the task that runs this program.
    unsafe {
        let task: *mut c_void = bpf_get_current_task_btf().cast();
        if let Some(value) = OF_TASKS.attached(task) {
            field!(value.events).add(2);
            return 0;
        }
        let Some(value) = OF_TASKS.attached_or_insert(task, &FIRST) else { return line!() };
        expect!(field!(value.mark).load() == 7);
    }
    0
}

/// Needs Linux 5.11.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn task_detach(_: RawTracePointContext) -> u32 {
    // SAFETY: the helper returns the task that runs this program.
    unsafe {
        let task: *mut c_void = bpf_get_current_task_btf().cast();
        expect!(OF_TASKS.detach(task) == Ok(true));
        expect!(OF_TASKS.detach(task) == Ok(false));
        expect!(OF_TASKS.attached(task).is_none());
    }
    0
}

/// Needs Linux 6.2. Attaches a value to each new cgroup.
#[btf_tracepoint(function = "cgroup_mkdir")]
pub fn cgroup(arguments: BtfTracePointContext) -> u32 {
    // SAFETY: the first argument is the new cgroup.
    unsafe {
        let cgroup: *const c_void = arguments.arg(0);
        let cgroup = cgroup.cast_mut();
        expect!(OF_CGROUPS.detach(cgroup) == Ok(false));
        let Some(value) = OF_CGROUPS.attached_or_insert(cgroup, &FIRST) else { return line!() };
        field!(value.events).add(1);
    }
    0
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// The compiler has removed every panic, or the loader refuses the object.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
