//! Rings that another library also uses, or that differ from the spec.
//! `fixtures/tests/shared_rings.rs` contains the tests that need a program which sends events.

use bpfmap::TypeDesc;
use bpfmap::{ErrorKind, EventSpec, Map, MapDef, MapSpec, RingBuf, UserRingBuf, kind};
use libbpf_rs::{MapHandle, UserRingBuffer};

macro_rules! ring {
    ($name:ident: $kind:ident, $words:literal) => {
        enum $name {}
        impl MapSpec for $name {
            type Kind = kind::$kind;
            type Key = ();
            type Value = ();
            const DEF: MapDef<'static> =
                kind::$kind::def(stringify!($name), TypeDesc::VOID, TypeDesc::VOID)
                    .max_entries(4096)
                    .event(&TypeDesc::Array { element: TypeDesc::U64, len: $words });
        }
        impl EventSpec for $name {
            type Event = [u64; $words];
        }
    };
}
ring!(Huge: Ringbuf, 2000);
ring!(Orders: UserRingbuf, 3);

/// Creates the map. Returns `None` if the kernel is too old for the map type.
fn create<S: MapSpec>() -> Option<Map<S>> {
    match Map::create() {
        Ok(map) => Some(map),
        Err(error) => {
            assert_eq!(error.errno(), Some(libc::EINVAL), "{error}");
            None
        }
    }
}

/// Earlier, an event of 16,000 bytes could be read from a ring of which only 8,192 bytes are
/// mapped.
#[test]
fn an_event_that_is_larger_than_the_mapped_ring_is_refused() {
    let map = create::<Huge>().unwrap();
    assert_eq!(RingBuf::open(&map).unwrap_err().kind(), ErrorKind::Mismatch);
}

/// Earlier, both libraries returned the same memory for writing, without an error.
#[test]
fn two_libraries_that_write_to_a_ring_write_to_different_memory() {
    let Some(map) = create::<Orders>() else { return };
    let handle = MapHandle::from_map_id(map.info().unwrap().id).unwrap();
    let mut own = UserRingBuf::open(&map).unwrap();
    let other = UserRingBuffer::new(&handle).unwrap();

    let mut order = own.reserve().unwrap().unwrap();
    let mut theirs = other.reserve(24).unwrap();
    *order = [1; 3];
    theirs.fill(9);
    assert_eq!(*order, [1; 3]);
    other.submit(theirs).unwrap();
    assert_eq!(order.submit().unwrap_err().kind(), ErrorKind::Contended);
}
