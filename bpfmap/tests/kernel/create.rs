//! Creation of maps: attributes that the kernel refuses, and the properties of created maps.

use crate::common::{anyone_may, create, errno, kernel, raise_memlock, set_memlock, unprivileged};
use crate::spec;
use bpfmap::{Action, Error, ErrorKind, LayoutCheck, Map, MapDef, MapFlags, MapSpec, Timer};
use bpfmap::{MemberDesc, TypeDesc};

const NO_PREALLOC: MapFlags = MapFlags::NO_PREALLOC;

/// Each of these specs has one attribute that the kernel refuses. The specs have no BTF, so that
/// the kernel refuses the map and not the BTF.
#[test]
fn bad_attributes_fail_with_einval() {
    fn refused<S: MapSpec>() {
        raise_memlock();
        let error = Map::<S>::create().unwrap_err();
        assert_eq!(error.errno(), Some(libc::EINVAL), "{}: {error}", S::DEF.name);
        assert_eq!(error.action(), Action::Create, "{}", S::DEF.name);
    }
    type Flags = MapFlags;
    spec!(HashNoEntries: Hash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 0, btf = false);
    spec!(HashNoValue: Hash, u32 as TypeDesc::U32 => () as TypeDesc::VOID, max 1, btf = false);
    spec!(HashNoKey: Hash, () as TypeDesc::VOID => u64 as TypeDesc::U64, max 1, btf = false);
    spec!(HashFlag: Hash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1, btf = false, flags = Flags::NO_COMMON_LRU);
    spec!(HashBothOnly: Hash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1, btf = false,
        flags = Flags::RDONLY_PROG.union(Flags::WRONLY_PROG));
    spec!(HashExtra: Hash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1, btf = false, map_extra = 1);
    spec!(ArrayKey: Array, u64 as TypeDesc::U64 => u64 as TypeDesc::U64, max 1, btf = false);
    spec!(ArrayNoEntries: Array, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 0, btf = false);
    spec!(ArrayFlag: Array, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1, btf = false, flags = NO_PREALLOC);
    spec!(PercpuKey: PercpuArray, u16 as TypeDesc::U16 => u64 as TypeDesc::U64, max 1, btf = false);
    spec!(PercpuNode: PercpuHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1, btf = false, numa_node = 0);
    spec!(LruNoEntries: LruHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 0, btf = false);
    spec!(LpmPrealloc: LpmTrie, [u8; 8] as &TypeDesc::Opaque { size: 8 } => u64 as TypeDesc::U64, max 1, btf = false);
    spec!(LpmShort: LpmTrie, [u8; 4] as &TypeDesc::Opaque { size: 4 } => u64 as TypeDesc::U64, max 1, btf = false, flags = NO_PREALLOC);
    spec!(LpmLong: LpmTrie, [u8; 261] as &TypeDesc::Opaque { size: 261 } => u64 as TypeDesc::U64, max 1, btf = false, flags = NO_PREALLOC);
    spec!(QueueKey: Queue, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1);
    spec!(QueueNoEntries: Queue, () as TypeDesc::VOID => u64 as TypeDesc::U64, max 0);
    spec!(StackNoValue: Stack, () as TypeDesc::VOID => () as TypeDesc::VOID, max 1);
    spec!(StackFlag: Stack, () as TypeDesc::VOID => u64 as TypeDesc::U64, max 1, flags = NO_PREALLOC);
    refused::<HashNoEntries>();
    refused::<HashNoValue>();
    refused::<HashNoKey>();
    refused::<HashFlag>();
    refused::<HashBothOnly>();
    refused::<HashExtra>();
    refused::<ArrayKey>();
    refused::<ArrayNoEntries>();
    refused::<ArrayFlag>();
    refused::<PercpuKey>();
    refused::<PercpuNode>();
    refused::<LruNoEntries>();
    refused::<LpmPrealloc>();
    refused::<LpmShort>();
    refused::<LpmLong>();
    refused::<QueueKey>();
    refused::<QueueNoEntries>();
    refused::<StackNoValue>();
    refused::<StackFlag>();
}

/// The kernel requires preallocation for LRU maps, and returns `ENOTSUPP` otherwise.
#[test]
fn an_lru_map_without_preallocation_is_refused() {
    spec!(Lru: LruHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1, flags = NO_PREALLOC);
    raise_memlock();
    let error = Map::<Lru>::create().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("ENOTSUPP"), "{error}");
}

#[test]
fn creating_without_privilege_fails_with_eperm() {
    fn attempt<S: MapSpec>() -> Result<(), Error> {
        Map::<S>::create().map(drop)
    }
    fn refused<S: MapSpec>() {
        let error = unprivileged(attempt::<S>).unwrap_err();
        assert_eq!(error.errno(), Some(libc::EPERM), "{}: {error}", S::DEF.name);
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("CAP_BPF"), "{error}");
    }
    raise_memlock();
    spec!(Hash: Hash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1, btf = false);
    spec!(WithBtf: Hash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1);
    spec!(Array: Array, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1, btf = false);
    spec!(PercpuHash: PercpuHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1, btf = false);
    spec!(PercpuArray: PercpuArray, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1, btf = false);
    spec!(Lru: LruHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1, btf = false);
    spec!(LruPercpu: LruPercpuHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1, btf = false);
    spec!(Lpm: LpmTrie, u64 as TypeDesc::U64 => u64 as TypeDesc::U64, max 1, btf = false, flags = NO_PREALLOC);
    spec!(Queue: Queue, () as TypeDesc::VOID => u64 as TypeDesc::U64, max 1);
    spec!(Stack: Stack, () as TypeDesc::VOID => u64 as TypeDesc::U64, max 1);
    refused::<WithBtf>();
    refused::<Lru>();
    refused::<LruPercpu>();
    refused::<Lpm>();
    refused::<Queue>();
    refused::<Stack>();
    if anyone_may() {
        unprivileged(attempt::<Hash>).unwrap();
        unprivileged(attempt::<Array>).unwrap();
    } else {
        refused::<Hash>();
        refused::<Array>();
        refused::<PercpuHash>();
        refused::<PercpuArray>();
    }
}

/// Up to Linux 5.10, the memory of a map counts towards the limit, even for root.
#[test]
fn the_error_names_the_memory_limit() {
    spec!(Big: Array, u32 as TypeDesc::U32 => [u8; 4096] as &TypeDesc::Opaque { size: 4096 }, max 4096, btf = false);
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: there is space for the limit.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) }, 0);
    set_memlock(0, limit.rlim_max);
    let created = Map::<Big>::create();
    if kernel() < (5, 11) {
        let error = created.unwrap_err();
        assert_eq!(error.errno(), Some(libc::EPERM));
        assert!(error.to_string().contains("RLIMIT_MEMLOCK"), "{error}");
    } else {
        created.unwrap();
    }
    raise_memlock();
    Map::<Big>::create().unwrap();
}

#[test]
fn a_map_without_max_entries_says_so() {
    enum Unsized {}
    impl MapSpec for Unsized {
        type Kind = bpfmap::kind::Hash;
        type Key = u32;
        type Value = u32;
        const DEF: MapDef<'static> =
            bpfmap::kind::Hash::def("unsized", TypeDesc::U32, TypeDesc::U32);
    }
    raise_memlock();
    let error = Map::<Unsized>::create().unwrap_err();
    assert_eq!(error.errno(), Some(libc::EINVAL));
    assert!(error.to_string().contains("max_entries"), "{error}");
    let map = Map::<Unsized>::options().max_entries(3).name("other-name").create().unwrap();
    let info = map.info().unwrap();
    assert_eq!((info.max_entries, info.name.as_str()), (3, "other_name"));
}

/// The value has a member of each kind of type in BTF, so that the kernel checks each kind.
#[test]
fn the_kernel_accepts_every_kind_of_layout() {
    const VERDICT: &TypeDesc<'static> = &TypeDesc::Enum {
        name: "verdict",
        size: 1,
        signed: false,
        variants: &[("VERDICT_PASS", 0)],
    };
    const WIDE: &TypeDesc<'static> =
        &TypeDesc::Enum { name: "wide", size: 8, signed: true, variants: &[("WIDE_LOW", -1)] };
    const PORT: &TypeDesc<'static> = &TypeDesc::Union {
        name: "",
        size: 2,
        members: &[
            MemberDesc { name: "port", bit_offset: 0, bits: 0, ty: TypeDesc::BE16 },
            MemberDesc { name: "icmp", bit_offset: 0, bits: 0, ty: TypeDesc::U16 },
        ],
    };
    const VALUE: &TypeDesc<'static> = &TypeDesc::Struct {
        name: "all",
        size: 96,
        members: &[
            MemberDesc { name: "timer", bit_offset: 0, bits: 0, ty: TypeDesc::TIMER },
            MemberDesc { name: "big", bit_offset: 128, bits: 0, ty: TypeDesc::U128 },
            MemberDesc { name: "task", bit_offset: 256, bits: 0, ty: TypeDesc::VOID_POINTER },
            MemberDesc { name: "wide", bit_offset: 320, bits: 0, ty: WIDE },
            MemberDesc { name: "proto", bit_offset: 384, bits: 4, ty: TypeDesc::U8 },
            MemberDesc { name: "vlan", bit_offset: 388, bits: 4, ty: TypeDesc::U8 },
            MemberDesc { name: "verdict", bit_offset: 392, bits: 0, ty: VERDICT },
            MemberDesc { name: "", bit_offset: 400, bits: 0, ty: PORT },
            MemberDesc { name: "on", bit_offset: 416, bits: 0, ty: TypeDesc::BOOL },
            MemberDesc {
                name: "comm",
                bit_offset: 424,
                bits: 0,
                ty: &TypeDesc::Array { element: TypeDesc::CHAR, len: 16 },
            },
            MemberDesc {
                name: "__pad0",
                bit_offset: 552,
                bits: 0,
                ty: &TypeDesc::Array {
                    element: &TypeDesc::Array { element: TypeDesc::U8, len: 9 },
                    len: 3,
                },
            },
        ],
    };
    #[repr(C, align(16))]
    struct All {
        timer: Timer,
        big: u128,
        rest: [u8; 64],
    }
    bpfmap::plain_struct!(All { timer: Timer, big: u128, rest: [u8; 64] });
    spec!(Shapes: Hash, u32 as TypeDesc::U32 => All as VALUE, max 4);
    let map = create::<Shapes>();
    assert_eq!(map.layout_check(), LayoutCheck::Agrees);
    assert_ne!(map.info().unwrap().btf_id, 0);
    // This reads the BTF back from the kernel and compares it.
    assert_eq!(Map::<Shapes>::from_map(&map).unwrap().layout_check(), LayoutCheck::Agrees);
}

/// libbpf creates such maps in the same way. The kernel requires an integer as the key of an array,
/// and an array of bytes is not an integer.
#[test]
fn a_map_with_only_one_known_type_has_no_btf() {
    spec!(HalfKey: Array, [u8; 4] as &TypeDesc::Opaque { size: 4 } => u64 as TypeDesc::U64, max 1);
    spec!(HalfValue: Hash, u32 as TypeDesc::U32 => [u8; 12] as &TypeDesc::Opaque { size: 12 }, max 1);
    let (key, value) = (create::<HalfKey>(), create::<HalfValue>());
    assert_eq!(key.layout_check(), LayoutCheck::NoBtf);
    assert_eq!(value.layout_check(), LayoutCheck::NoBtf);
    assert_eq!((key.info().unwrap().btf_id, value.info().unwrap().btf_id), (0, 0));
}

/// If the kernel refuses the BTF, the error contains the kernel's message in addition to the errno.
#[test]
fn the_error_about_refused_btf_contains_the_kernels_message() {
    const BAD: &TypeDesc<'static> = &TypeDesc::Struct {
        name: "not an identifier",
        size: 4,
        members: &[MemberDesc { name: "val", bit_offset: 0, bits: 0, ty: TypeDesc::U32 }],
    };
    spec!(Bad: Hash, u32 as TypeDesc::U32 => u32 as BAD, max 4);
    raise_memlock();
    let error = Map::<Bad>::create().unwrap_err();
    assert_eq!(error.action(), Action::LoadBtf);
    assert!(error.to_string().contains("Invalid name"), "{error}");
    assert_eq!(errno(Map::<Bad>::create()), libc::EINVAL);
}
