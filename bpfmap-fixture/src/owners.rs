//! Creates objects to which values are attached: sockets, files, tasks and cgroups. The objects
//! live as long as the case that uses them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Cgroup, Cgroup2, Keys};
use bpfmap::PidFd;

/// Objects of one kind. Each object is created when it is first needed.
pub(crate) struct Owners {
    keys: Keys,
    made: RefCell<BTreeMap<u32, Owner>>,
    /// The hierarchy that contains the cgroups. It is the last field, so that it is dropped after
    /// the cgroups.
    hierarchy: Option<Cgroup2>,
}

/// An object, and the values that must live as long as the object.
struct Owner {
    fd: OwnedFd,
    _process: Option<Process>,
    _cgroup: Option<Cgroup>,
}

impl Owners {
    pub(crate) fn new(keys: Keys) -> Self {
        let hierarchy = (keys == Keys::Cgroups).then(Cgroup2::mount);
        Self { keys, made: RefCell::default(), hierarchy }
    }

    /// Returns the descriptor of the object with this number.
    pub(crate) fn descriptor(&self, number: u32) -> RawFd {
        let mut made = self.made.borrow_mut();
        made.entry(number).or_insert_with(|| self.make(number)).fd.as_raw_fd()
    }

    fn make(&self, number: u32) -> Owner {
        let alone = |fd| Owner { fd, _process: None, _cgroup: None };
        match (self.keys, &self.hierarchy) {
            (Keys::Inodes, _) => alone(memory_file()),
            (Keys::Tasks, _) => {
                let process = Process::start();
                let id = u32::try_from(process.0).expect("`fork` returned a process");
                let fd = PidFd::open(id).expect("the process runs");
                Owner { fd, _process: Some(process), _cgroup: None }
            }
            (Keys::Cgroups, Some(hierarchy)) => {
                static MADE: AtomicU32 = AtomicU32::new(0);
                let unique = MADE.fetch_add(1, Ordering::Relaxed);
                let cgroup = hierarchy.make(&format!("bpfmap-owner-{number}-{unique}"));
                Owner { fd: cgroup.open().into(), _process: None, _cgroup: Some(cgroup) }
            }
            _ => {
                let socket = UdpSocket::bind("127.0.0.1:0").expect("the loopback interface is up");
                alone(socket.into())
            }
        }
    }
}

/// A process that waits until this value is dropped.
struct Process(libc::pid_t);

impl Process {
    fn start() -> Self {
        // SAFETY: the child calls only async-signal-safe functions.
        let process = unsafe { libc::fork() };
        if process == 0 {
            loop {
                // SAFETY: `pause` takes no arguments. A signal ends the process.
                unsafe { libc::pause() };
            }
        }
        assert!(process > 0, "{}", std::io::Error::last_os_error());
        Self(process)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SAFETY: this is a child of this process, and the process has not waited for it yet.
        unsafe {
            libc::kill(self.0, libc::SIGKILL);
            libc::waitpid(self.0, std::ptr::null_mut(), 0);
        }
    }
}

fn memory_file() -> OwnedFd {
    // SAFETY: the name ends with a zero byte.
    let fd = unsafe { libc::memfd_create(c"bpfmap-owner".as_ptr(), 0) };
    assert!(fd >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: the kernel has just created this descriptor, and nothing else owns it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
