//! Protects this process and its connection to the host from the tests, as far as that is possible
//! when the tests run as root.

use rustix::process::{DumpableBehavior, getpid, set_dumpable_behavior};
use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};
use std::io;

/// The capabilities that are removed from tests. With `CAP_SYS_PTRACE`, a test could read and
/// change this process. With `CAP_SYS_RAWIO`, a test could access the machine's devices through
/// their ports, and the machine's memory.
const TAKEN: CapabilitySet = CapabilitySet::SYS_PTRACE.union(CapabilitySet::SYS_RAWIO);

/// The file with the capabilities of the programs that the kernel starts by itself. The file
/// contains two 32-bit numbers: first the lower half, then the upper half.
const HELPERS: &str = "/proc/sys/kernel/usermodehelper/bset";

/// Makes the files in `/proc` that show this process's memory inaccessible to all processes without
/// `CAP_SYS_PTRACE`.
pub(super) fn hide_this_process() -> io::Result<()> {
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Removes the capabilities in [`TAKEN`] from all programs that this process will start. This
/// process itself keeps these capabilities. A capability that is removed from the bounding set is
/// lost at the next `execve`. The removal cannot be undone.
///
/// The removal happens once and not in each child, because a child that does something before
/// `execve` must be a fork of this process. Copying the page tables for a fork takes milliseconds
/// if QEMU translates instructions.
pub(super) fn limit_children() -> io::Result<()> {
    for capability in TAKEN.iter() {
        remove_capability_from_bounding_set(capability)?;
    }
    Ok(())
}

/// Removes the capabilities in [`TAKEN`] from the programs that the kernel starts by itself. A test
/// can choose some of these programs, such as the handler of core dumps. The removal cannot be
/// undone.
pub(super) fn limit_helpers() -> io::Result<()> {
    let bounds = std::fs::read_to_string(HELPERS)?;
    let mut words = bounds.split_whitespace().map(str::parse::<u32>);
    let (Some(Ok(low)), Some(Ok(high))) = (words.next(), words.next()) else {
        return Err(io::Error::other(format!("{HELPERS} is not two numbers: {bounds:?}")));
    };
    let bounds = (u64::from(high) << 32 | u64::from(low)) & !TAKEN.bits();
    std::fs::write(HELPERS, format!("{} {}", bounds & u64::from(u32::MAX), bounds >> 32))
}

/// Makes the kernel print all its messages on the console, even if a test has changed the settings.
/// Does nothing if this process is not the guest's init.
pub(super) fn show_kernel_messages() {
    if getpid().is_init() {
        // A kernel without this setting has nothing to restore.
        let _ = std::fs::write("/sys/module/printk/parameters/ignore_loglevel", "Y");
        let _ = std::fs::write("/proc/sys/kernel/printk", "7 4 1 7");
    }
}

/// Returns the bits of the kernel's taint.
pub(super) fn taint() -> u64 {
    let text = std::fs::read_to_string("/proc/sys/kernel/tainted").unwrap_or_default();
    text.trim().parse().unwrap_or_default()
}
