//! Memory of an arena, which starts at a page and no better.

use bpfmap::TypeDesc;
use bpfmap::{Map, MapDef, MapFlags, MapSpec, kind};

/// A page that is no multiple of two pages.
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

/// Two pages, at a multiple of two pages.
#[repr(C, align(8192))]
struct Wide {
    bytes: [u8; 8192],
}
bpfmap::plain_struct!(Wide { bytes: [u8; 8192] });

#[test]
fn a_cell_is_aligned_though_its_type_asks_for_more_than_a_page() {
    // Arenas are of Linux 6.9: before, there is no such map type.
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
