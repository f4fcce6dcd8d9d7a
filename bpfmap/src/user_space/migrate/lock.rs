//! File locks, and the processes that hold these locks.

use std::ffi::c_int;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt;

/// Locks `file` if no process holds the lock. Returns whether this process now holds the lock.
pub(super) fn try_lock(file: &File) -> io::Result<bool> {
    match flock(file, libc::LOCK_EX | libc::LOCK_NB) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// Waits until this process gets the lock of `file`.
pub(super) fn lock(file: &File) -> io::Result<()> {
    flock(file, libc::LOCK_EX)
}

fn flock(file: &File, operation: c_int) -> io::Result<()> {
    // SAFETY: no memory is involved, and the descriptor is open.
    match unsafe { libc::flock(file.as_raw_fd(), operation) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Returns the process that holds the lock of `file`. Returns `None` if the kernel does not show
/// the process, for example because the process belongs to a different PID namespace.
pub(super) fn holder(file: &File) -> Option<u32> {
    let metadata = file.metadata().ok()?;
    let device = metadata.dev();
    let place =
        format!("{:02x}:{:02x}:{}", libc::major(device), libc::minor(device), metadata.ino());
    holder_in(&std::fs::read_to_string("/proc/locks").ok()?, &place)
}

/// Searches the text of `/proc/locks` for the process that holds the lock. The kernel function
/// `lock_get_status` in `fs/locks.c` writes this text. Lines of waiting processes contain `->`.
fn holder_in(locks: &str, place: &str) -> Option<u32> {
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [_, "FLOCK", _, _, process, at, ..] if *at == place => {
                // The number is 0 for a process in another container.
                process.parse().ok().filter(|process| *process > 0)
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_that_holds_the_lock_is_found_among_waiting_processes() {
        let locks = "1: POSIX  ADVISORY  WRITE 10 00:2b:7 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 11 00:2b:77 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 12 00:2b:7 0 EOF\n\
                     3: -> FLOCK  ADVISORY  WRITE 13 00:2b:7 0 EOF\n\
                     4: FLOCK  ADVISORY  WRITE 0 00:2b:9 0 EOF\n";
        assert_eq!(holder_in(locks, "00:2b:7"), Some(12));
        assert_eq!(holder_in(locks, "00:2b:8"), None);
        assert_eq!(holder_in(locks, "00:2b:9"), None, "a process that this one does not see");
    }
}
