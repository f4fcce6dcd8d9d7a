//! Mounts the BPF file system in which the maps of a fixture are pinned.

use std::ffi::CStr;
use std::io;
use std::path::Path;

/// The directory where BPF objects are pinned.
pub(crate) const ROOT: &str = "/sys/fs/bpf";

/// Mounts a BPF file system at [`ROOT`] for the calling thread. Does nothing if a BPF file system
/// is already mounted there.
///
/// On a machine without systemd, usually no BPF file system is mounted. In this case, the thread
/// gets a separate mount namespace, which ends with the thread. The file system therefore does not
/// stay mounted, even if the process is killed. Mounting needs `CAP_SYS_ADMIN`.
///
/// # Panics
///
/// Panics if no BPF file system is mounted and the kernel refuses to mount one.
pub(crate) fn ensure_mounted() {
    if !is_mounted(Path::new(ROOT)) {
        mount_for_this_thread().unwrap_or_else(|error| {
            panic!(
                "can't mount a BPF file system, which is needed to pin maps: {error}\n\
                 help: run `mount -t bpf bpf {ROOT}`"
            )
        });
    }
}

/// Returns whether the calling thread sees a BPF file system at a path.
fn is_mounted(path: &Path) -> bool {
    let mounts = std::fs::read_to_string("/proc/thread-self/mounts").expect("/proc is mounted");
    // If several file systems are mounted at a path, only the last one is visible.
    let last = mounts.lines().rev().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        (Path::new(words.next()?) == path).then(|| words.next())?
    });
    last == Some("bpf")
}

fn mount_for_this_thread() -> io::Result<()> {
    // SAFETY: the call takes no pointers. Only this thread moves into the new namespace.
    let unshared = unsafe { libc::unshare(libc::CLONE_NEWNS) };
    if unshared != 0 {
        return Err(io::Error::last_os_error());
    }
    // Without this call, the mount would also appear in the original namespace.
    mount(c"none", c"/", c"none", libc::MS_REC | libc::MS_PRIVATE)?;
    mount(c"bpf", c"/sys/fs/bpf", c"bpf", 0)
}

fn mount(source: &CStr, target: &CStr, kind: &CStr, flags: libc::c_ulong) -> io::Result<()> {
    // SAFETY: the strings end with a zero byte, and no data is passed.
    let mounted = unsafe {
        libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, std::ptr::null())
    };
    if mounted == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_is_found_only_at_its_mount_point() {
        assert!(!is_mounted(Path::new("/proc")), "another file system");
        assert!(!is_mounted(Path::new("/no/such/mount")), "no mount point");
    }
}
