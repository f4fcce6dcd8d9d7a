//! Values that are attached to sockets, inodes, tasks and cgroups.

use std::fs::File;
use std::net::UdpSocket;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use bpfmap::{CgroupFd, Map, PidFd};
use bpfmap_fixture::{Cgroup2, has_bpf_lsm};
use bpfmap_programs_common::{Attached, OfCgroups, OfInodes, OfSockets, OfTasks};
use libbpf_rs::ErrorKind;

use super::load::{HOOKED, is_here, load, load_with, run};
use super::open;

#[test]
fn socket() {
    let object = load();
    let values: Map<OfSockets> = open(&object);
    let hierarchy = Cgroup2::mount();
    let cgroup = hierarchy.make("bpfmap-programs");
    let directory = cgroup.open();
    let program = object.progs_mut().find(|program| program.name() == "socket").unwrap();
    let _link = program.attach_cgroup(directory.as_raw_fd()).unwrap();
    cgroup.with_this_process(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(socket.local_addr().unwrap()).unwrap();
        assert_eq!(values.attached(&socket).unwrap(), None);
        socket.send(b"one").unwrap();
        assert_eq!(values.attached(&socket).unwrap(), Some(Attached { events: 1, mark: 7 }));
        values.attach(&socket, &Attached { events: 10, mark: 0 }).unwrap();
        socket.send(b"two").unwrap();
        assert_eq!(values.attached(&socket).unwrap(), Some(Attached { events: 11, mark: 0 }));
    });
}

#[test]
fn inode() {
    let object = match load_with(HOOKED) {
        // A machine may refuse programs at its security hooks. The guests of the harness do not.
        Err(error)
            if error.kind() == ErrorKind::PermissionDenied
                && std::env::var_os("VMTEST_KERNEL").is_none() =>
        {
            println!("vmtest:skip this machine lets no program at its security hooks (EPERM)");
            return;
        }
        loaded => loaded.unwrap(),
    };
    let values: Map<OfInodes> = open(&object);
    let is_guest = std::env::var_os("VMTEST_KERNEL").is_some();
    assert!(has_bpf_lsm() || !is_guest, "the harness boots each kernel with the module");
    if !has_bpf_lsm() {
        println!("vmtest:note refused.attach=EBADF, without `bpf` in the kernel's lsm=");
        return;
    }
    let path = std::env::temp_dir().join(format!("bpfmap-programs-{}", std::process::id()));
    std::fs::create_dir(&path).unwrap();
    let directory = File::open(&path).unwrap();
    values.attach(&directory, &Attached { events: 3, mark: 0 }).unwrap();
    let program = object.progs_mut().find(|program| program.name() == HOOKED).unwrap();
    let link = program.attach_lsm().unwrap();
    std::fs::create_dir(path.join("one")).unwrap();
    drop(link);
    let seen = values.attached(&directory).unwrap().unwrap();
    std::fs::remove_dir_all(&path).unwrap();
    assert_eq!(seen.events, 4);
}

#[test]
fn task() {
    if !is_here("task") {
        assert!(load_with("task").is_err());
        return;
    }
    // A pidfd is the owner of a process, whose first thread has the value.
    in_child(|| {
        let object = load();
        let values: Map<OfTasks> = open(&object);
        let own = PidFd::open(std::process::id()).unwrap();
        let own = PidFd::new(own.as_fd());
        values.attach(own, &Attached { events: 5, mark: 3 }).unwrap();
        assert_eq!(run(&object, "task"), 0);
        assert_eq!(values.attached(own).unwrap(), Some(Attached { events: 7, mark: 3 }));
        assert_eq!(run(&object, "task_detach"), 0);
        assert_eq!(values.attached(own).unwrap(), None);
        assert_eq!(run(&object, "task"), 0);
        assert_eq!(values.attached(own).unwrap(), Some(Attached { events: 1, mark: 7 }));
    });
}

#[test]
fn cgroup() {
    if !is_here("cgroup") {
        assert!(load_with("cgroup").is_err());
        return;
    }
    let object = load();
    let values: Map<OfCgroups> = open(&object);
    let hierarchy = Cgroup2::mount();
    let program = object.progs_mut().find(|program| program.name() == "cgroup").unwrap();
    let link = program.attach().unwrap();
    let cgroup = hierarchy.make("bpfmap-mkdir");
    drop(link);
    let directory = cgroup.open();
    let seen = values.attached(CgroupFd::new(directory.as_fd())).unwrap();
    assert_eq!(seen, Some(Attached { events: 2, mark: 7 }));
    let root = hierarchy.root();
    assert_eq!(values.attached(CgroupFd::new(root.as_fd())).unwrap(), None);
}

/// Calls a function in a process of its own, which has one thread.
fn in_child(check: impl FnOnce()) {
    // SAFETY: the child uses nothing of other threads but the allocator, which the C library
    // prepares for this.
    match unsafe { libc::fork() } {
        -1 => panic!("{}", std::io::Error::last_os_error()),
        0 => {
            let passed = catch_unwind(AssertUnwindSafe(check)).is_ok();
            // SAFETY: the call ends the child.
            unsafe { libc::_exit(i32::from(!passed)) }
        }
        child => {
            let mut status = 0;
            // SAFETY: the address is that of an integer.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert_eq!(status, 0, "the child has failed: its message is above");
        }
    }
}
