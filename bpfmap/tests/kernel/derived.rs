//! Maps that are declared in Rust. They are created from their specs and opened again, which
//! compares the kernel's BTF of the maps.

use bpfmap::{
    Be16, Be32, Bool, BpfMap, BpfType, CharArray, Enum, Map, Padded, PerCpu, Result, UpdateMode,
};

/// The source of a packet.
#[derive(Clone, Copy, Debug, PartialEq, BpfType)]
#[repr(C)]
struct Source {
    address: Be32,
    port: Be16,
    _pad: [u8; 2],
}

/// The number of packets from each source.
#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 16, flags(no_prealloc))]
struct Packets {
    key: Source,
    value: u64,
}

#[test]
fn a_struct_and_a_hash() -> Result<()> {
    let packets = Map::<Packets>::create()?;
    let source = Source { address: Be32::new(0x7f00_0001), port: Be16::new(53), _pad: [0; 2] };
    assert!(packets.insert(&source, &3)?);
    let again = Map::<Packets>::from_id(packets.info()?.id)?;
    assert_eq!(again.lookup(&source)?, Some(3));
    let (key, value) = again.iter().next().unwrap()?;
    assert_eq!((key, value), (source, 3));
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BpfType)]
#[repr(u8)]
enum Verdict {
    Pass,
    Drop = 5,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C, align(4))]
union Address {
    v4: Padded<Be32, 12>,
    v6: [u8; 16],
}

const LABEL: usize = 6;

#[derive(Clone, Copy, BpfType)]
#[repr(C, align(8))]
#[bpf_type(name = "flow_state", align = 8)]
struct Flow {
    timeout: u32,
    #[bpf(bits(direction: u8 = 1, verdict: Enum<Verdict> = 3, seen: bool = 1, _: u8 = 3, count: u16 = 8))]
    bits0: [u8; 2],
    last: Enum<Verdict>,
    _pad: u8,
    address: Address,
    #[bpf(name = "type")]
    kind: u8,
    known: Bool,
    #[bpf(char)]
    label: [u8; LABEL],
    name: CharArray<{ LABEL + 2 }>,
}

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 1 << 2, name = "flows")]
struct FlowMap {
    value: Flow,
}

#[test]
fn bit_fields_enums_and_unions() -> Result<()> {
    let flows = Map::<FlowMap>::create()?;
    let mut flow = bpfmap::zeroed::<Flow>().with_direction(1).with_verdict(Verdict::Drop.into());
    flow.set_count(0x55);
    flow.last = Verdict::Pass.into();
    flow.address = Address { v4: Padded::new(Be32::new(1)) };
    flow.known = Bool::TRUE;
    flow.label = *b"abc\0\0\0";
    flow.name = "eth".parse().unwrap();
    flows.update(&3, &flow, UpdateMode::Any)?;
    let read = Map::<FlowMap>::from_id(flows.info()?.id)?.lookup(&3)?.unwrap();
    assert_eq!((read.direction(), read.seen(), read.count()), (1, false, 0x55));
    assert_eq!(read.verdict().get(), Ok(Verdict::Drop));
    assert_eq!(read.last, Verdict::Pass);
    assert_eq!((read.kind, read.known, read.label), (0, Bool::TRUE, flow.label));
    assert_eq!(read.name.to_str(), Ok("eth"));
    // SAFETY: every bit pattern is a valid value of each member.
    assert_eq!(unsafe { read.address.v6 }[..5], [0, 0, 0, 1, 0]);
    Ok(())
}

/// The counters of a tenant.
#[derive(BpfMap)]
#[bpf_map(template, percpu_array, max_entries = 2)]
struct TenantsInner {
    value: u64,
}

#[derive(BpfMap)]
#[bpf_map(hash_of_maps, max_entries = 4)]
struct Tenants {
    key: u32,
    inner: TenantsInner,
}

#[test]
fn maps_in_a_map() -> Result<()> {
    let tenants = Map::<Tenants>::create()?;
    let tenant = Map::<TenantsInner>::create()?;
    tenant.update(&1, &PerCpu::splat(7)?, UpdateMode::Any)?;
    tenants.set(&9, &tenant)?;
    let inside = tenants.inner(&9)?.unwrap();
    assert_eq!(inside.lookup(&1)?.unwrap().get(0), Some(&7));
    Ok(())
}
