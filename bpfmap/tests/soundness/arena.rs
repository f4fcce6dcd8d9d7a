//! The memory of an arena, which is aligned only to a page.

use bpfmap::TypeDesc;
use bpfmap::{Map, MapDef, MapFlags, MapSpec, kind};

/// The address of a page that is not a multiple of two pages.
const ODD_PAGE: u64 = 0x2000_0000_1000;

enum Pool {}
impl MapSpec for Pool {
    type Kind = kind::Arena;
    type Key = ();
    type Value = ();
    const DEF: MapDef<'static> = kind::Arena::def("pool", TypeDesc::VOID, TypeDesc::VOID)
        .max_entries(8)
        .flags(MapFlags::MMAPABLE)
        .map_extra(ODD_PAGE);
}

/// A type of two pages that is aligned to two pages.
#[repr(C, align(8192))]
struct Wide {
    bytes: [u8; 8192],
}
bpfmap::plain_struct!(Wide { bytes: [u8; 8192] });

#[test]
fn a_cell_is_aligned_even_if_its_type_needs_more_than_a_page() {
    // Arenas need Linux 6.9.
    let pool = match Map::<Pool>::create() {
        Err(error) if error.errno() == Some(libc::EINVAL) => return,
        pool => pool.unwrap(),
    };
    let arena = pool.map_arena().unwrap();
    assert_eq!(arena.address(), ODD_PAGE);
    assert!(arena.at::<Wide>(0).is_none(), "the start is at an odd page");
    let cell = arena.at::<Wide>(4096).expect("the next page is an even one");
    assert!(core::ptr::from_ref(cell).is_aligned());
    assert!(arena.at::<()>(arena.len()).is_some() && arena.at::<u8>(arena.len()).is_none());
}
