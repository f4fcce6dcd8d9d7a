//! Declarations that break a rule only because of an item that is declared elsewhere. Each module is a case, and the comment above it contains the names of the rules.
//! `src/same_rules.rs` writes this file.

// array-key-type
mod array_key_type__struct {
use bpfmap::{BpfMap, BpfMaps, BpfType, Enum, Map};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Index {
    pub number: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BpfType)]
#[repr(u32)]
pub enum SlotNumber {
    First = 0,
    Second = 1,
}

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 4)]
pub struct ByStruct {
    key: Index,
    value: u64,
}

#[derive(BpfMap)]
#[bpf_map(percpu_array, max_entries = 4)]
pub struct ByEnum {
    key: Enum<SlotNumber>,
    value: u64,
}

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 4, btf = false)]
pub struct WithoutBtf {
    key: [u8; 4],
    value: u64,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub by_struct: Map<ByStruct>,
    pub by_enum: Map<ByEnum>,
    pub without_btf: Map<WithoutBtf>,
}
}

// duplicate-member
mod duplicate_member {
use bpfmap::{Be16, BpfType};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Flow {
    pub port: Be16,
    #[bpf(anonymous)]
    pub anon0: FlowAnon0,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(in_place, std_traits)]
pub union FlowAnon0 {
    pub port: Be16,
    pub icmp: u16,
}
}

// event-shape
mod event_shape {
use bpfmap::{BpfMap, BpfMaps, BpfType, Map};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Packet {
    pub length: u32,
    pub data: [u8; 4096],
}

#[derive(BpfMap)]
#[bpf_map(ringbuf, max_entries = 4096)]
pub struct Packets {
    event: Packet,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub packets: Map<Packets>,
}
}

// inner-attribute
mod inner_attribute__pinned {
use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "pinned");

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 16, pinning = by_name)]
pub struct Tenant {
    key: u32,
    value: u64,
}

#[derive(BpfMap)]
#[bpf_map(array_of_maps, max_entries = 4)]
pub struct Tenants {
    inner: Tenant,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub tenant: Map<Tenant>,
    pub tenants: Map<Tenants>,
}
}

// lpm-key-shape
mod lpm_key_shape {
use bpfmap::{BpfMap, BpfMaps, BpfType, Map};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Prefix {
    pub address: [u8; 4],
    pub prefix_len: u32,
}

#[derive(BpfMap)]
#[bpf_map(lpm_trie, max_entries = 64, flags(no_prealloc))]
pub struct Routes {
    key: Prefix,
    value: u32,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub routes: Map<Routes>,
}
}

// special-field-in-key
mod special_field_in_key {
use bpfmap::{BpfMap, BpfMaps, BpfType, Map, SpinLock};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Counter {
    pub lock: SpinLock,
    pub _pad0: [u8; 4],
    pub count: u64,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 64)]
pub struct Counters {
    key: Counter,
    value: u64,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub counters: Map<Counters>,
}
}

// special-field-needs-btf
mod special_field_needs_btf {
use bpfmap::{BpfMap, BpfMaps, BpfType, Map, SpinLock};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Counter {
    pub lock: SpinLock,
    pub _pad0: [u8; 4],
    pub count: u64,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 64, btf = false)]
pub struct Counters {
    key: u32,
    value: Counter,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub counters: Map<Counters>,
}
}

// special-field-needs-btf
mod special_field_needs_btf__set_by_loader {
use bpfmap::{BpfMap, BpfType, SpinLock};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Counter {
    pub lock: SpinLock,
    pub _pad0: [u8; 4],
    pub count: u64,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 64)]
pub struct Counters<K> {
    key: K,
    value: Counter,
}
}

// special-field-not-for-type
mod special_field_not_for_type {
use bpfmap::{BpfMap, BpfMaps, BpfType, Map, SpinLock};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Counter {
    pub lock: SpinLock,
    pub _pad0: [u8; 4],
    pub count: u64,
}

#[derive(BpfMap)]
#[bpf_map(percpu_hash, max_entries = 64)]
pub struct Counters {
    key: u32,
    value: Counter,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub counters: Map<Counters>,
}
}

// special-field-target
mod special_field_target {
use bpfmap::{BpfType, ListHead, SpinLock};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Job {
    pub id: u64,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Jobs {
    pub lock: SpinLock,
    pub _pad0: [u8; 4],
    #[bpf(list_head = Job.node)]
    pub list: ListHead,
}
}

// special-field-twice
mod special_field_twice__nested {
use bpfmap::{BpfType, Timer};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Twice {
    pub timer: Timer,
    #[bpf(anonymous)]
    pub anon0: TwiceAnon0,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(in_place, std_traits)]
pub struct TwiceAnon0 {
    pub second: Timer,
}
}

fn main() {}
