//! Tests that the code around a derive does not change the meaning of the generated code.

#![deny(warnings, unused, missing_docs, unreachable_pub, unused_qualifications)]
#![deny(clippy::pedantic)]

use bpfmap::{BpfType, ErrorKind, MapSource, MapSpec};

/// The module has no prelude.
mod bare {
    #![no_implicit_prelude]

    use ::bpfmap::{BpfMap, BpfMaps, BpfType, Enum, Padded, SpinLock};
    use ::core::clone::Clone;
    use ::core::marker::Copy;

    #[derive(Clone, Copy, BpfType)]
    #[repr(C, align(4))]
    pub(crate) struct Bare {
        #[bpf(bits(a: u8 = 3, b: bool = 1))]
        bits0: [u8; 1],
        state: Enum<State>,
        _pad: [u8; 2],
        address: Address,
    }

    #[derive(Clone, Copy, BpfType)]
    #[repr(C)]
    pub(crate) struct Locked {
        lock: SpinLock,
        count: u32,
    }

    #[derive(Clone, Copy, BpfType)]
    #[repr(C)]
    pub(crate) union Address {
        pub(crate) half: Padded<u16, 2>,
        pub(crate) whole: u32,
        #[bpf(bits(low: u32 = 4))]
        bits0: [u8; 4],
    }

    #[derive(Clone, Copy, BpfType)]
    #[repr(u8)]
    pub(crate) enum State {
        On,
        Off,
    }

    #[derive(BpfMap)]
    #[bpf_map(hash, max_entries = ENTRIES, flags(no_prealloc))]
    pub(crate) struct Map {
        key: Bare,
        value: Locked,
    }

    #[derive(BpfMap)]
    #[bpf_map(array_of_maps, max_entries = 2, pinning = by_name)]
    pub(crate) struct Outer {
        inner: Map,
    }

    #[derive(BpfMap)]
    #[bpf_map(ringbuf, max_entries = 4096, optional)]
    pub(crate) struct Spare;

    #[derive(BpfMaps)]
    pub(crate) struct Maps {
        pub(crate) map: ::bpfmap::Map<Map>,
        pub(crate) spare: ::core::option::Option<::bpfmap::Map<Spare>>,
    }

    const ENTRIES: u32 = 12;

    pub(crate) fn make() -> Bare {
        ::bpfmap::zeroed::<Bare>().with_a(5).with_b(true)
    }

    pub(crate) fn states() -> [State; 2] {
        [State::On, State::Off]
    }
}

/// The author's types have the names of types in the prelude, and of types that the derives use.
mod taken {
    use bpfmap::{BpfMap, BpfType};

    #[derive(Clone, Copy, BpfType)]
    #[repr(C)]
    pub(crate) struct Option {
        pub(crate) some: u32,
    }

    #[derive(Clone, Copy, BpfType)]
    #[repr(C)]
    pub(crate) struct Result {
        pub(crate) ok: Option,
        pub(crate) layout: Layout,
    }

    #[derive(Clone, Copy, BpfType)]
    #[repr(transparent)]
    pub(crate) struct Layout(pub(crate) u32);

    #[derive(BpfMap)]
    #[bpf_map(hash, max_entries = 3)]
    pub(crate) struct MapSpec {
        key: Option,
        value: Result,
    }

    #[derive(BpfMap)]
    #[bpf_map(ringbuf, max_entries = 4096)]
    pub(crate) struct EventSpec {
        event: Result,
    }
}

/// The crate `bpfmap` has another name in this module.
mod renamed {
    pub(crate) mod runtime {
        pub(crate) use bpfmap as other;
    }

    #[derive(Clone, Copy, runtime::other::BpfType)]
    #[repr(C)]
    #[bpf_type(crate = crate::renamed::runtime::other)]
    pub(crate) struct Key {
        pub(crate) a: u32,
    }

    #[derive(runtime::other::BpfMap)]
    #[bpf_map(lru_hash, max_entries = 3, crate = crate::renamed::runtime::other)]
    pub(crate) struct Renamed {
        key: Key,
        value: u8,
    }

    #[derive(runtime::other::BpfMap)]
    #[bpf_map(array, max_entries = 3, optional, crate = crate::renamed::runtime::other)]
    pub(crate) struct Open<V> {
        value: V,
    }

    #[derive(runtime::other::BpfMaps)]
    #[bpf_maps(crate = crate::renamed::runtime::other)]
    pub(crate) struct Maps<V: runtime::other::Plain> {
        pub(crate) renamed: runtime::other::Map<Renamed>,
        pub(crate) open: Option<runtime::other::Map<Open<V>>>,
    }

    #[derive(runtime::other::BpfMaps)]
    #[bpf_maps(crate = crate::renamed::runtime::other)]
    pub(crate) struct One {
        pub(crate) renamed: runtime::other::Map<Renamed>,
    }
}

/// Some names come from a macro, and some names come from the code that calls the macro.
mod by_a_macro {
    use bpfmap::BpfType;

    macro_rules! both {
        ($name:ident, $new:ident, $union:ident, $member:ident: $ty:ty) => {
            #[derive(Clone, Copy, BpfType)]
            #[repr(C)]
            pub(crate) struct $name {
                pub(crate) $member: $ty,
                own: u32,
                #[bpf(bits(low: u32 = 5))]
                bits0: [u8; 1],
                _pad: [u8; 3],
            }

            #[derive(Clone, Copy, BpfType)]
            #[repr(C)]
            pub(crate) union $union {
                pub(crate) $member: $ty,
                own: u32,
            }

            #[derive(Clone, Copy, BpfType)]
            #[repr(transparent)]
            pub(crate) struct $new(pub(crate) $ty);

            pub(crate) const NUMBER: $new = $new(7);
        };
    }
    both!(Pair, Number, Either, given: u32);
}

#[test]
fn each_type_has_its_declared_meaning() {
    use bpfmap::BpfEnum as _;

    assert_eq!((bare::make().a(), bare::make().b()), (5, true));
    assert_eq!(bare::states().map(bare::State::number), [0, 1]);
    let address = bare::Address { whole: 7 };
    // SAFETY: all members of a union of plain data are valid values.
    assert_eq!(unsafe { (address.whole, address.half.get()) }, (7, 7));
    assert_eq!((address.low(), bare::Address::from_low(0x1f).low()), (7, 0xf));
    assert_eq!((bare::Map::DEF.name, bare::Map::DEF.max_entries), ("map", Some(12)));
    assert!(bare::Outer::DEF.inner.is_some());
    assert_eq!(taken::MapSpec::DEF.value, <taken::Result as BpfType>::DESC);
    let result = taken::Result { ok: taken::Option { some: 1 }, layout: taken::Layout(2) };
    assert_eq!(bpfmap::bytes_of(&result).len(), 8);
    assert_eq!(taken::EventSpec::DEF.event.size(), 8);
    assert_eq!(bpfmap::zeroed::<by_a_macro::Pair>().with_low(31).given, 0);
    assert_eq!(bpfmap::bytes_of(&by_a_macro::Either { given: by_a_macro::NUMBER.0 }).len(), 4);
    assert_eq!(renamed::Renamed::DEF.name, "renamed");
    assert_eq!(renamed::Key { a: 1 }.a, 1);
}

/// An object without maps.
struct Empty;

impl MapSource for Empty {
    fn map_fd(&self, _: &str) -> std::io::Result<Option<std::os::fd::OwnedFd>> {
        Ok(None)
    }

    fn map_names(&self) -> Vec<String> {
        ["map", "renamed", "spare"].map(str::to_owned).into()
    }
}

#[test]
fn handles_of_all_maps() {
    let error = bare::Maps::from_object(&Empty).map(|maps| (maps.map, maps.spare)).unwrap_err();
    assert_eq!((error.kind(), error.map()), (ErrorKind::NotCreated, "map"));
    let opened = renamed::Maps::<u32>::from_object(&Empty);
    let error = opened.map(|maps| (maps.renamed, maps.open)).unwrap_err();
    assert_eq!((error.kind(), error.map()), (ErrorKind::NotCreated, "renamed"));
    let error = renamed::One::from_object(&Empty).map(|maps| maps.renamed).unwrap_err();
    assert_eq!(error.map(), "renamed");
    assert!(bpfmap::Map::<bare::Spare>::from_object_if_created(&Empty).unwrap().is_none());
}

#[test]
fn items_of_a_function() {
    #[derive(Clone, Copy, BpfType)]
    #[repr(C, align(2))]
    struct Local {
        #[bpf(bits(a: u16 = 9))]
        bits0: [u8; 2],
    }

    #[derive(bpfmap::BpfMap)]
    #[bpf_map(percpu_array, max_entries = SIZE)]
    struct Counters {
        value: Local,
    }

    const SIZE: usize = size_of::<Local>();

    assert_eq!(Counters::DEF.max_entries, Some(2));
    assert_eq!(bpfmap::zeroed::<Local>().with_a(0x1ff).a(), 0x1ff);
}
