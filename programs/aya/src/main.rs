//! A program that declares its maps with aya-ebpf and its types by hand, without bpfmap.

#![no_std]
#![no_main]
#![allow(dead_code, reason = "the tests read the types from BTF")]

use core::marker::PhantomData;
use core::num::NonZeroU32;

use aya_ebpf::bindings::xdp_action::XDP_PASS;
use aya_ebpf::btf_maps::{Array, HashMap, LpmTrie, LruHashMap, PerCpuArray, Queue, RingBuf};
use aya_ebpf::macros::{btf_map, xdp};
use aya_ebpf::programs::XdpContext;

/// An address in network byte order. In C, such an integer is a `__be32`.
#[allow(non_camel_case_types, reason = "the name in C")]
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct __be32(u32);

#[allow(non_camel_case_types, reason = "the name in C")]
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct __be16(u16);

/// A newtype.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Port(__be16);

/// A newtype that is not transparent.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Index(u32);

/// An enum without data.
#[repr(u8)]
#[derive(Clone, Copy)]
pub enum Verdict {
    Pass = 1,
    Drop = 2,
}

/// An enum with data.
#[repr(C, u32)]
#[derive(Clone, Copy)]
pub enum Action {
    Pass,
    Redirect { interface: u32, queue: u64 },
    Limit(u32),
}

/// A type with a parameter.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Counter<T> {
    value: T,
    limit: T,
}

#[derive(Clone, Copy)]
pub struct Bytes;

/// A type whose parameter has no bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Amount<Unit> {
    number: u64,
    unit: PhantomData<Unit>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub union Address {
    v4: __be32,
    v6: [u8; 16],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Flow {
    address: Address,
    port: Port,
    r#type: u8,
    verdict: Verdict,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Usage {
    packets: Counter<u64>,
    small: Counter<u16>,
    index: Index,
    amount: Amount<Bytes>,
    names: [[u8; 16]; 2],
    last: Option<NonZeroU32>,
    is_new: bool,
    letter: i8,
    delta: i64,
    large: u128,
    pair: (u32, u32),
}

/// A struct whose members the compiler orders.
#[derive(Clone, Copy)]
pub struct Ordered {
    small: u8,
    large: u64,
    medium: u16,
}

#[repr(C, packed)]
#[derive(Clone, Copy)]
pub struct Packed {
    kind: u8,
    time: u64,
}

#[btf_map]
static FLOWS: HashMap<Flow, Usage, 1024> = HashMap::new();
#[btf_map]
static ACTIONS: LruHashMap<u32, Action, 512> = LruHashMap::new();
#[btf_map]
static OPTIONS: HashMap<u32, Option<u32>, 16> = HashMap::new();
#[btf_map]
static ORDERED: Array<Ordered, 4> = Array::new();
#[btf_map]
static PACKED: PerCpuArray<Packed, 1> = PerCpuArray::new();
#[btf_map(name = "routes")]
static ROUTES: LpmTrie<__be32, u32, 256, 1> = LpmTrie::new();
#[btf_map]
static WAITING: Queue<Verdict, 8> = Queue::new();
#[btf_map(name = "records")]
static RECORDS: RingBuf<Packed, 4096> = RingBuf::new();

#[xdp]
pub fn count(_: XdpContext) -> u32 {
    if let Some(value) = ORDERED.get_ptr_mut(0) {
        // SAFETY: the address is a value's.
        unsafe { (*value).large += 1 };
    }
    for map in [
        (&raw const FLOWS).addr(),
        (&raw const ACTIONS).addr(),
        (&raw const OPTIONS).addr(),
        (&raw const PACKED).addr(),
        (&raw const ROUTES).addr(),
        (&raw const WAITING).addr(),
        (&raw const RECORDS).addr(),
    ] {
        if map == 0 {
            return 0;
        }
    }
    XDP_PASS
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
