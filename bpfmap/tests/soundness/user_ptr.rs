//! User pointers, through which programs write, in specs that declare them as plain data.

use bpfmap::{ErrorKind, Map, MapDef, MapFlags, MapSpec, PidFd, kind};
use bpfmap::{MemberDesc, TypeDesc};
use std::os::fd::AsFd as _;

const fn member(
    name: &'static str,
    byte: u32,
    layout: &'static TypeDesc<'static>,
) -> MemberDesc<'static> {
    MemberDesc { name, bit_offset: byte * 8, bits: 0, ty: layout }
}

/// The target of a user pointer, which must be a struct.
const TARGET: &TypeDesc<'static> =
    &TypeDesc::Struct { name: "shared", size: 8, members: &[member("requests", 0, TypeDesc::U64)] };

const POINTER: &TypeDesc<'static> =
    &TypeDesc::Pointer { target: &TypeDesc::Tagged { tag: "uptr", target: TARGET } };

/// Returns the description of a struct of 16 bytes, whose first eight bytes have the given type.
const fn entry(members: &'static [MemberDesc<'static>]) -> TypeDesc<'static> {
    TypeDesc::Struct { name: "entry", size: 16, members }
}

const WITH_POINTER: &TypeDesc<'static> =
    &entry(&[member("memory", 0, POINTER), member("number", 8, TypeDesc::U64)]);
const WITH_ADDRESS: &TypeDesc<'static> =
    &entry(&[member("memory", 0, TypeDesc::VOID_POINTER), member("number", 8, TypeDesc::U64)]);
const POINTER_ELSEWHERE: &TypeDesc<'static> =
    &entry(&[member("memory", 0, TypeDesc::VOID_POINTER), member("number", 8, POINTER)]);

/// These are specs that are written by hand for the same map.
macro_rules! storage {
    ($name:ident, $layout:expr, btf: $btf:literal) => {
        #[derive(Debug)]
        enum $name {}
        impl MapSpec for $name {
            type Kind = kind::TaskStorage;
            type Key = u32;
            type Value = [u64; 2];
            const DEF: MapDef<'static> = kind::TaskStorage::def("shared", TypeDesc::I32, $layout)
                .flags(MapFlags::NO_PREALLOC)
                .btf($btf);
        }
    };
}
storage!(Honest, WITH_POINTER, btf: true);
storage!(PlainAddress, WITH_ADDRESS, btf: true);
storage!(Elsewhere, POINTER_ELSEWHERE, btf: false);
storage!(OpaqueBytes, &TypeDesc::Opaque { size: 16 }, btf: true);
storage!(SizesAlone, &TypeDesc::Opaque { size: 16 }, btf: false);

/// Returns a map with a user pointer, or `None` if this kernel has no task storage or can't read
/// type tags.
fn shared() -> Option<Map<Honest>> {
    let map = Map::<Honest>::create();
    let unsupported = |error: &bpfmap::Error| error.errno() == Some(libc::EINVAL);
    if map.as_ref().is_err_and(unsupported) { None } else { Some(map.unwrap()) }
}

#[track_caller]
fn is_refused<S: MapSpec>(map: &Map<Honest>) {
    let error = Map::<S>::from_map(map).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    assert!(error.to_string().contains("through a user pointer at offset 0"), "{error}");
}

#[test]
fn a_spec_cannot_hide_a_user_pointer() {
    let Some(map) = shared() else { return };
    // On a kernel that can't read type tags, the created map has no user pointer.
    let honest = Map::<Honest>::from_map(&map).unwrap();
    assert_eq!(honest.info().unwrap().value_size, 16);
    if !has_tags() {
        return;
    }
    is_refused::<PlainAddress>(&map);
    is_refused::<Elsewhere>(&map);
    is_refused::<OpaqueBytes>(&map);
    is_refused::<SizesAlone>(&map);
}

/// Returns whether the kernel can read type tags, which need Linux 5.17.
fn has_tags() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    (numbers.next().unwrap(), numbers.next().unwrap()) >= (5, 17)
}

/// A map whose value has no user pointer still accepts plain data.
#[test]
fn plain_data_is_attached_without_unsafe() {
    if shared().is_none() {
        return;
    }
    let map = Map::<PlainAddress>::create().unwrap();
    let own = PidFd::open(std::process::id()).unwrap();
    map.attach(PidFd::new(own.as_fd()), &[0x1000, 2]).unwrap();
    let opened = Map::<SizesAlone>::from_map(&map).unwrap();
    opened.attach(PidFd::new(own.as_fd()), &[0x2000, 3]).unwrap();
    assert_eq!(map.attached(PidFd::new(own.as_fd())).unwrap(), Some([0x2000, 3]));
}
