//! Sets up the guest's machine: file systems, loopback, clock, random numbers, modules.

use crate::plan::SWITCH_ROOT;
use rustix::mount::{MountFlags, mount};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::convert::Infallible;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Mounts the file systems that programs expect on a Linux machine, and the file systems that
/// kernel programs need.
pub(super) fn mount_file_systems() -> io::Result<()> {
    const NEEDED: [(&str, &str, &str); 7] = [
        ("devtmpfs", "/dev", "mode=0755"),
        ("proc", "/proc", ""),
        ("sysfs", "/sys", ""),
        ("tmpfs", "/tmp", "mode=1777"),
        ("tmpfs", "/run", "mode=0755"),
        ("tmpfs", "/dev/shm", "mode=1777"),
        ("devpts", "/dev/pts", "mode=0620,ptmxmode=0666"),
    ];
    // A kernel may have been built without these file systems. A test that needs one of them
    // reports that itself.
    const WANTED: [(&str, &str, &str); 4] = [
        ("bpf", "/sys/fs/bpf", "mode=0700"),
        ("cgroup2", "/sys/fs/cgroup", ""),
        ("debugfs", "/sys/kernel/debug", ""),
        ("tracefs", "/sys/kernel/tracing", ""),
    ];
    for (kind, path, options) in NEEDED {
        fs::create_dir_all(path)?;
        mount_at(kind, path, options).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot mount {path}: {error}"))
        })?;
    }
    for (kind, path, options) in WANTED {
        if Path::new(path).exists() {
            // If the reason is not just a missing configuration option, the kernel's log contains
            // it.
            let _ = mount_at(kind, path, options);
        }
    }
    for (target, link) in [
        ("/proc/self/fd", "/dev/fd"),
        ("/proc/self/fd/0", "/dev/stdin"),
        ("/proc/self/fd/1", "/dev/stdout"),
        ("/proc/self/fd/2", "/dev/stderr"),
    ] {
        symlink(target, link)?;
    }
    Ok(())
}

/// Sleeps for a moment on each processor, which needs a working timer. If a processor lost its
/// timer when the machine was saved, a task that waits for this processor, for example in
/// `rcu_barrier`, could wait forever. If the guest hangs here instead, the host discards the
/// snapshot.
pub(super) fn try_every_timer() -> io::Result<()> {
    let home = sched_getaffinity(None)?;
    for cpu in 0..CpuSet::MAX_CPU {
        let mut only = CpuSet::new();
        only.set(cpu);
        if sched_setaffinity(None, &only).is_err() {
            // That was the last processor.
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(sched_setaffinity(None, &home)?)
}

/// Makes the file system that is mounted at `path` the root file system.
pub(super) fn enter(path: &Path) -> io::Result<()> {
    std::env::set_current_dir(path)?;
    rustix::mount::mount_move(".", "/")?;
    rustix::process::chroot(".")?;
    std::env::set_current_dir("/")
}

pub(super) fn mount_at(kind: &str, path: &str, options: &str) -> io::Result<()> {
    let options = std::ffi::CString::new(options)?;
    Ok(mount(kind, path, kind, MountFlags::empty(), options.as_c_str())?)
}

/// Brings up `lo` with a netlink message: interface index 1, flag `IFF_UP`.
pub(super) fn bring_up_loopback() -> io::Result<()> {
    const RTM_NEWLINK: u16 = 16;
    const NLM_F_REQUEST_ACK: u16 = 1 | 4;
    const NLMSG_ERROR: u16 = 2;
    const IFF_UP: u32 = 1;
    let mut message = Vec::new();
    message.extend(32_u32.to_ne_bytes());
    message.extend(RTM_NEWLINK.to_ne_bytes());
    message.extend(NLM_F_REQUEST_ACK.to_ne_bytes());
    message.extend([0; 8]); // number of the message, port
    message.extend([0; 4]); // struct ifinfomsg: family, type
    message.extend(1_i32.to_ne_bytes());
    message.extend(IFF_UP.to_ne_bytes());
    message.extend(IFF_UP.to_ne_bytes());

    let socket = rustix::net::socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    rustix::net::send(&socket, &message, SendFlags::empty())?;
    let mut answer = [0; 64];
    let (length, _) = rustix::net::recv(&socket, &mut answer[..], RecvFlags::empty())?;
    let kind = u16::from_ne_bytes([answer[4], answer[5]]);
    let errno = i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]);
    if length < 20 || kind != NLMSG_ERROR || errno != 0 {
        return Err(io::Error::from_raw_os_error(errno.wrapping_neg()));
    }
    Ok(())
}

/// Sets the clock to a time in nanoseconds since 1970. After a snapshot is restored, the clock
/// still shows the time at which the snapshot was taken.
pub(super) fn set_clock(nanoseconds: u64) -> io::Result<()> {
    let time = rustix::time::Timespec {
        tv_sec: i64::try_from(nanoseconds / 1_000_000_000).map_err(io::Error::other)?,
        tv_nsec: i64::try_from(nanoseconds % 1_000_000_000).map_err(io::Error::other)?,
    };
    Ok(rustix::time::clock_settime(rustix::time::ClockId::Realtime, time)?)
}

/// Mixes `seed` into the kernel's random number generator. Without the seed, all guests of one
/// snapshot would draw the same random numbers.
pub(super) fn reseed_random(seed: &[u8]) -> io::Result<()> {
    const RNDADDENTROPY: u64 = 0x4008_5203;
    const RNDRESEEDCRNG: u64 = 0x5207;
    let size = i32::try_from(seed.len()).map_err(io::Error::other)?;
    // struct rand_pool_info: the number of bits of entropy, the number of bytes, the bytes.
    let mut info = Vec::new();
    info.extend((size * 8).to_ne_bytes());
    info.extend(size.to_ne_bytes());
    info.extend(seed);
    let random = File::options().read(true).write(true).open("/dev/urandom")?;
    let fd = std::os::fd::AsRawFd::as_raw_fd(&random);
    // SAFETY: the first call reads a rand_pool_info, whose second member is its size. The second
    // call takes no argument.
    let failed = unsafe {
        libc::ioctl(fd, RNDADDENTROPY, info.as_ptr()) != 0 || libc::ioctl(fd, RNDRESEEDCRNG) != 0
    };
    if failed { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Returns whether a file system in the guest's memory is full.
pub(super) fn is_full() -> bool {
    let is_full = |path: &str| {
        rustix::fs::statvfs(path).is_ok_and(|found| {
            found.f_blocks > 0 && found.f_bavail == 0 || found.f_files > 0 && found.f_favail == 0
        })
    };
    // If this process is not a guest's init, the file systems belong to the user's machine and are
    // not checked.
    rustix::process::getpid().is_init() && ["/", "/tmp"].into_iter().any(is_full)
}

/// Loads an uncompressed kernel module.
pub(super) fn load_module(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    match rustix::system::finit_module(&file, c"", 0) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(error) => Err(io::Error::new(
            io::Error::from(error).kind(),
            format!("cannot load the kernel module {}: {error}", path.display()),
        )),
    }
}

/// Mounts a root file system over 9p, and continues as the init of that file system. A kernel with
/// built-in 9p support does the same. The tag of the root is `/dev/root`, because the kernel uses
/// this tag, too.
pub(super) fn switch_root() -> io::Result<Infallible> {
    const TAG: &str = "/dev/root";
    const OPTIONS: &str = "trans=virtio,version=9p2000.L,cache=loose,msize=1048576";
    const NEW: &str = "/new-root";
    const PATIENCE: Duration = Duration::from_secs(10);
    let modules: Vec<PathBuf> = serde_json::from_slice(&fs::read(SWITCH_ROOT)?)?;
    modules.iter().try_for_each(|module| load_module(module))?;
    fs::create_dir_all("/proc")?;
    mount_at("proc", "/proc", "")?;
    let arguments = fs::read_to_string("/proc/cmdline")?;
    let init = arguments.split_whitespace().find_map(|argument| argument.strip_prefix("init="));
    let init = init.unwrap_or("/sbin/init").to_owned();
    fs::create_dir_all(NEW)?;
    let options = std::ffi::CString::new(OPTIONS)?;
    let end = Instant::now() + PATIENCE;
    // The kernel finds devices asynchronously.
    while let Err(error) = mount(TAG, NEW, "9p", MountFlags::empty(), options.as_c_str()) {
        if Instant::now() >= end {
            let error = io::Error::from(error);
            return Err(io::Error::new(error.kind(), format!("cannot mount the root: {error}")));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    enter(Path::new(NEW))?;
    Err(Command::new(init).exec())
}
