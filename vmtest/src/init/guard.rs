//! Keeps the tests from this process and from its way to the host, as far as that is possible with
//! tests that are root.

use rustix::process::{DumpableBehavior, getpid, set_dumpable_behavior};
use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};
use std::io;

/// What a test does without: with the first it could read and change this process, and with the second
/// reach the devices of the machine by their ports, and its memory.
const TAKEN: CapabilitySet = CapabilitySet::SYS_PTRACE.union(CapabilitySet::SYS_RAWIO);

/// What limits the programs that the kernel starts by itself: two numbers of 32 bits, the lower first.
const HELPERS: &str = "/proc/sys/kernel/usermodehelper/bset";

/// Shuts the files in `/proc` that show this process's memory to all who lack `CAP_SYS_PTRACE`.
pub(super) fn hide_this_process() -> io::Result<()> {
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Takes the capabilities from all programs that this process will start, and keeps them: what is taken
/// from the bounding set is lost with the next `execve`. It can't be undone.
///
/// It is done once, and not in each child: a child that has something to do before `execve` is a fork of this process,
/// and to copy its tables of pages takes milliseconds where instructions are translated.
pub(super) fn limit_children() -> io::Result<()> {
    for capability in TAKEN.iter() {
        remove_capability_from_bounding_set(capability)?;
    }
    Ok(())
}

/// Takes the capabilities from the programs that the kernel starts by itself, such as the handler of
/// core dumps, which a test can name. It can't be undone.
pub(super) fn limit_helpers() -> io::Result<()> {
    let bounds = std::fs::read_to_string(HELPERS)?;
    let mut words = bounds.split_whitespace().map(str::parse::<u32>);
    let (Some(Ok(low)), Some(Ok(high))) = (words.next(), words.next()) else {
        return Err(io::Error::other(format!("{HELPERS} is not two numbers: {bounds:?}")));
    };
    let bounds = (u64::from(high) << 32 | u64::from(low)) & !TAKEN.bits();
    std::fs::write(HELPERS, format!("{} {}", bounds & u64::from(u32::MAX), bounds >> 32))
}

/// Has the kernel print all its messages on the console, whatever a test has made of its settings. On
/// a machine that is not ours nothing is changed.
pub(super) fn show_kernel_messages() {
    if getpid().is_init() {
        // A kernel that has no such setting has nothing to set right.
        let _ = std::fs::write("/sys/module/printk/parameters/ignore_loglevel", "Y");
        let _ = std::fs::write("/proc/sys/kernel/printk", "7 4 1 7");
    }
}

/// The bits of the kernel's taint.
pub(super) fn taint() -> u64 {
    let text = std::fs::read_to_string("/proc/sys/kernel/tainted").unwrap_or_default();
    text.trim().parse().unwrap_or_default()
}
