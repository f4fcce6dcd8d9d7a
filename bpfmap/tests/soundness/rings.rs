//! Rings that another library uses too, or that are not what a spec says. `fixtures/tests/shared_rings.rs` has those that
//! take a program that sends events.

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

/// Makes the map, unless the kernel is too old for its type.
fn create<S: MapSpec>() -> Option<Map<S>> {
    match Map::create() {
        Ok(map) => Some(map),
        Err(error) => {
            assert_eq!(error.errno(), Some(libc::EINVAL), "{error}");
            None
        }
    }
}

/// An event of 16,000 bytes was copied out of, or shown in, a ring that is mapped for 8,192.
#[test]
fn an_event_larger_than_what_is_mapped_of_a_ring_is_refused() {
    let map = create::<Huge>().unwrap();
    assert_eq!(RingBuf::open(&map).unwrap_err().kind(), ErrorKind::Mismatch);
}

/// Both libraries gave out the same memory to be written, without a word.
#[test]
fn two_libraries_that_write_to_a_ring_write_to_memory_of_their_own() {
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
