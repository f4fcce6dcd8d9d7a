//! An address that safe code invents must not reach a program. A `UserPtr` is plain data, and so is
//! a value that a spec declares as two numbers.
#![forbid(unsafe_code)]

use bpfmap::TypeDesc;
use bpfmap::{MapDef, Map, MapSpec, PidFd, UserPtr, from_bytes, kind};
use std::os::fd::AsFd;

const POINTER: &TypeDesc<'static> = &TypeDesc::Pointer {
    target: &TypeDesc::Tagged { tag: "uptr", target: &TypeDesc::Struct { name: "shared", size: 8, members: &[] } },
};

enum Shared {}
impl MapSpec for Shared {
    type Kind = kind::TaskStorage;
    type Key = u32;
    type Value = UserPtr<u64>;
    const DEF: MapDef<'static> = kind::TaskStorage::def("shared", TypeDesc::I32, POINTER);
}

enum Numbers {}
impl MapSpec for Numbers {
    type Kind = kind::TaskStorage;
    type Key = u32;
    type Value = [u64; 2];
    const DEF: MapDef<'static> = kind::TaskStorage::def("shared", TypeDesc::I32, &TypeDesc::Array { element: POINTER, len: 2 });
}

fn main() {
    let own = PidFd::open(std::process::id()).unwrap();
    let own = PidFd::new(own.as_fd());
    let number = 1_u64;
    let address = (&raw const number).addr() as u64;
    let forged: UserPtr<u64> = from_bytes(&address.to_ne_bytes()).unwrap();
    Map::<Shared>::create().unwrap().attach(own, &forged).unwrap();
    Map::<Numbers>::create().unwrap().attach_new(own, &[address, 0]).unwrap();
    Map::<Numbers>::create().unwrap().replace_attached(own, &[address, 0]).unwrap();
}
