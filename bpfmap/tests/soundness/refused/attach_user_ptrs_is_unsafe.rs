//! A method that lets programs write through an address is unsafe to call.
#![forbid(unsafe_code)]

use bpfmap::{Map, MapSpec, PidFd, UpdateMode, UserPtr, kind};

fn attach<S: MapSpec<Kind = kind::TaskStorage, Value = UserPtr<u64>>>(map: &Map<S>, task: PidFd<'_>) {
    let mut number = 1_u64;
    let pointer = UserPtr::new((&mut number).into());
    map.attach_user_ptrs(task, &pointer, UpdateMode::Any).unwrap();
    assert_eq!(number, 1);
}

fn main() {}
