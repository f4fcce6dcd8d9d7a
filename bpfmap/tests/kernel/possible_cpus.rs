//! Another file may be mounted over the file that lists the possible CPUs, for example in a
//! container. The number in this file determines the size of the memory to which per-CPU values are
//! read.

use crate::common;
use crate::spec;
use bpfmap::TypeDesc;
use bpfmap::{Action, ErrorKind, Map, possible_cpus};
use std::ffi::CString;
use std::process::Command;

spec!(Packets: PercpuArray, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1);

const LIST: &str = "/sys/devices/system/cpu/possible";

/// The list that the child process mounts over the file.
const MOUNTED: &str = "BPFMAP_TEST_POSSIBLE";

/// Runs a test of this file in a separate process, because a process reads the number only once.
fn in_child(test: &str, list: &str) {
    let path = std::env::temp_dir().join(format!("bpfmap-possible-{}-{test}", std::process::id()));
    std::fs::write(&path, list).unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args([&format!("possible_cpus::{test}"), "--exact", "--nocapture"])
        .env(MOUNTED, &path)
        .output()
        .unwrap();
    std::fs::remove_file(&path).unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{list:?}: {said}{}", String::from_utf8_lossy(&child.stderr));
    assert!(said.contains("1 passed"), "{said}");
}

/// Mounts a list over the kernel's file, only for this thread. The child process calls this
/// function.
fn mount_over(list: &str) {
    // SAFETY: only a flag is passed.
    let alone = unsafe { libc::unshare(libc::CLONE_NEWNS) };
    assert_eq!(alone, 0, "{}", std::io::Error::last_os_error());
    let mount = |from: Option<&str>, to: &str, flags| {
        let path = |path: &str| CString::new(path).unwrap();
        let (from, to) = (from.map(path), path(to));
        let from = from.as_ref().map_or(core::ptr::null(), |from| from.as_ptr());
        let (none, no_data) = (core::ptr::null(), core::ptr::null());
        // SAFETY: the paths end with a zero, and no data is passed.
        let mounted = unsafe { libc::mount(from, to.as_ptr(), none, flags, no_data) };
        assert_eq!(mounted, 0, "{to:?}: {}", std::io::Error::last_os_error());
    };
    mount(None, "/", libc::MS_PRIVATE | libc::MS_REC);
    mount(Some(list), LIST, libc::MS_BIND);
}

/// Returns lists with fewer and with more CPUs than the kernel has.
fn false_lists() -> Vec<String> {
    let cpus = possible_cpus().unwrap();
    let mut lists = vec![format!("0-{cpus}\n"), "0-9999\n".to_owned()];
    if cpus > 1 {
        lists.push("0\n".to_owned());
    }
    lists
}

#[test]
fn a_wrong_list_is_noticed_before_values_are_read() {
    let Ok(list) = std::env::var(MOUNTED) else {
        let test = "a_wrong_list_is_noticed_before_values_are_read";
        return false_lists().iter().for_each(|list| in_child(test, list));
    };
    mount_over(&list);
    let error = Map::<Packets>::create().and_then(|map| map.lookup(&0)).unwrap_err();
    assert_eq!((error.action(), error.kind()), (Action::PossibleCpus, ErrorKind::PossibleCpus));
    let text = error.to_string();
    assert!(text.contains("lists") && text.contains("the kernel keeps values of"), "{text}");
    // The error is remembered for later calls.
    assert_eq!(possible_cpus().unwrap_err().kind(), ErrorKind::PossibleCpus);
}

#[test]
fn without_privileges_a_mounted_file_is_refused() {
    let Ok(list) = std::env::var(MOUNTED) else {
        let test = "without_privileges_a_mounted_file_is_refused";
        return false_lists().iter().for_each(|list| in_child(test, list));
    };
    mount_over(&list);
    let error = common::unprivileged(possible_cpus).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PossibleCpus, "{error}");
}

#[test]
fn without_privileges_the_kernels_file_is_accepted() {
    if std::env::var_os(MOUNTED).is_none() {
        return in_child("without_privileges_the_kernels_file_is_accepted", "");
    }
    let cpus = common::unprivileged(possible_cpus).unwrap();
    let packets = common::create::<Packets>().lookup(&0).unwrap().unwrap();
    assert_eq!(packets.len(), cpus);
}

/// The number must not change later, because existing buffers have the size that follows from the
/// first number.
#[test]
fn the_number_is_read_only_once() {
    let Ok(list) = std::env::var(MOUNTED) else {
        return false_lists()
            .iter()
            .for_each(|list| in_child("the_number_is_read_only_once", list));
    };
    let map = common::create::<Packets>();
    let cpus = possible_cpus().unwrap();
    mount_over(&list);
    assert_eq!(possible_cpus().unwrap(), cpus);
    assert_eq!(map.lookup(&0).unwrap().unwrap().len(), cpus);
}
