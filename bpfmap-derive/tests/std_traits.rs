//! Tests of the items that the derives generate in addition to the proof: the traits of the
//! standard library, methods of unions and of anonymous members, and the handles of all maps.

use std::collections::HashSet;

use bpfmap::{
    Be16, BpfMap, BpfMaps, BpfType, CharArray, Enum, KernelVersion, Map, MapSource, Padded,
    bytes_of, zeroed,
};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
struct Flow {
    address: Address,
    port: Be16,
    #[bpf(bits(vlan: i16 = 12, tagged: bool = 1))]
    bits0: [u8; 2],
    r#type: Enum<Verdict>,
    level: Level,
    _pad: [u8; 2],
    hits: u32,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C, align(4))]
#[bpf_type(std_traits)]
union Address {
    v4: Padded<u32, 4>,
    v6: [u8; 8],
    #[bpf(holds(_: Tight))]
    anon0_bytes: [u8; 8],
}

#[derive(Clone, Copy, BpfType)]
#[repr(C, packed)]
#[bpf_type(in_place, std_traits)]
struct Tight {
    kind: u8,
    wide: u32,
    rest: [u8; 3],
}

#[derive(Clone, Copy, Debug, PartialEq, BpfType)]
#[repr(u8)]
enum Verdict {
    Pass,
    Drop = 3,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BpfType)]
#[repr(transparent)]
#[bpf_type(std_traits, variants(LOW = 1, HIGH = 9))]
struct Level(u8);

#[derive(Clone, Copy, BpfType)]
#[repr(transparent)]
#[bpf_type(std_traits)]
struct Number(u32);

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
struct Task {
    id: u32,
    name: CharArray<8>,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 8)]
struct Flows {
    key: Number,
    value: u64,
}

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 1)]
struct Totals {
    value: u64,
}

#[derive(Debug, BpfMaps)]
struct Maps {
    flows: Map<Flows>,
    totals: Map<Totals>,
}

#[test]
fn debug_shows_members_and_no_padding() {
    let flow = Flow { port: Be16::new(443), level: Level::HIGH, ..zeroed() };
    let flow = flow.with_vlan(-2).with_tagged(true);
    let shown = format!("{flow:?}");
    let parts = [
        "Flow { address: Address { v4: 0, ",
        "port: 443, vlan: -2, tagged: true, type: Pass, level: HIGH, hits: 0",
    ];
    for part in parts {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(!shown.contains("_pad") && !shown.contains("bits0"), "{shown}");
    let task = Task { id: 1, name: "sshd".parse().unwrap() };
    assert_eq!(format!("{task:?}"), "Task { id: 1, name: \"sshd\" }");
    assert_eq!(format!("{:?} {:?}", Level(7), Number(3)), "Level(7) Number { value: 3 }");
}

#[test]
fn values_are_compared_by_members() {
    // Bit-fields are compared by their numbers, and not by the bytes that store them.
    let flow = |vlan| Flow::default().with_vlan(vlan);
    assert!(flow(-2) < flow(0) && flow(0) < flow(0x100) && flow(1) < flow(0x100));
    assert!(Number(0x100) > Number(2));
    assert_eq!(HashSet::from([flow(1), flow(1), flow(2)]).len(), 2);
    assert_eq!(bytes_of(&Flow::default()), [0; 20]);
}

#[test]
fn members_of_unions_are_read_and_written_without_unsafe() {
    let mut address = Address::from_v6([0xff; 8]);
    address.set_v4(7);
    // The bytes after the member do not change.
    assert_eq!((address.v4(), &address.v6()[4..]), (7, &[0xff; 4][..]));
    assert_eq!(Address::from_v4(7).v6()[4..], [0; 4]);
    // The methods of an anonymous member have the name of its bytes.
    let tight = Address::from_anon0(Tight { kind: 1, wide: u32::MAX, rest: [0; 3] }).anon0();
    assert_eq!({ tight.wide }, u32::MAX);
}

#[test]
fn the_oldest_kernel_of_all_maps_is_a_constant() {
    const MIN_KERNEL: KernelVersion = Maps::MIN_KERNEL;
    assert_eq!(MIN_KERNEL, KernelVersion::new(3, 19));
    Maps::preflight().unwrap();
}

/// An object without maps.
struct Empty;

impl MapSource for Empty {
    fn map_fd(&self, _: &str) -> std::io::Result<Option<std::os::fd::OwnedFd>> {
        Ok(None)
    }
}

#[test]
fn maps_are_opened_in_the_order_of_the_fields() {
    let opened = Maps::from_object(&Empty).map(|Maps { flows, totals }| (flows, totals));
    let error = opened.unwrap_err();
    assert!(error.to_string().contains("flows"), "{error}");
}
