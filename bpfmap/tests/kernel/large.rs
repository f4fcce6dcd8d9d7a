//! Values that are too large for the stack of a thread.

use crate::common::{create, kernel};
use crate::spec;
use bpfmap::TypeDesc;
use bpfmap::{UpdateMode, zeroed_box};

/// The value has 3 MB. A hash accepts values of at most 4 MiB.
type Image = [u8; 3_000_000];
const IMAGE: &TypeDesc<'static> = &TypeDesc::Array { element: TypeDesc::U8, len: 3_000_000 };
spec!(ByIndex: Array, u32 as TypeDesc::U32 => Image as IMAGE, max 2);
spec!(ByKey: Hash, u32 as TypeDesc::U32 => Image as IMAGE, max 2);
spec!(InOrder: Queue, () as TypeDesc::VOID => Image as IMAGE, max 2);

/// Runs `work` in a thread with a stack of 128 KiB. A single value on this stack would end the
/// process.
fn on_a_small_stack(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(128 << 10).spawn_scoped(scope, work);
        thread.unwrap().join().unwrap();
    });
}

fn image(last: u8) -> Box<Image> {
    let mut image = zeroed_box::<Image>();
    image[0] = 1;
    image[2_999_999] = last;
    image
}

#[test]
fn an_array_returns_large_values_in_boxes() {
    on_a_small_stack(|| {
        let map = create::<ByIndex>();
        map.update(&1, &image(7), UpdateMode::Any).unwrap();
        assert!(map.lookup_boxed(&0).unwrap().unwrap().iter().all(|byte| *byte == 0));
        assert!(map.lookup_boxed(&1).unwrap().unwrap() == image(7));
        assert!(map.lookup_boxed(&2).unwrap().is_none());
        assert!(map.contains_key(&1).unwrap() && !map.contains_key(&2).unwrap());
        let mut read = zeroed_box();
        assert!(map.lookup_into(&1, &mut read).unwrap());
        assert!(read == image(7));
        // The walk returns a reference to each value on the heap.
        let mut walk = map.walk().unwrap();
        for last in [0, 7] {
            let (_, value) = walk.next_entry().unwrap().unwrap();
            assert_eq!(value[2_999_999], last);
        }
        assert!(walk.next_entry().unwrap().is_none());
    });
}

#[test]
fn a_hash_returns_large_values_in_boxes() {
    on_a_small_stack(|| {
        let map = create::<ByKey>();
        assert!(map.insert(&5, &image(7)).unwrap());
        assert!(!map.insert(&5, &image(8)).unwrap());
        assert!(map.lookup_boxed(&5).unwrap().unwrap() == image(7));
        assert_eq!(map.keys().collect::<Result<Vec<_>, _>>().unwrap(), [5]);
        if kernel() < (5, 14) {
            let error = map.take_boxed(&5).map(drop).unwrap_err();
            assert_eq!(error.kind(), bpfmap::ErrorKind::Unsupported);
            assert!(map.delete(&5).unwrap());
        } else {
            assert!(map.take_boxed(&5).unwrap().unwrap() == image(7));
        }
        assert!(map.lookup_boxed(&5).unwrap().is_none());
        assert!(!map.contains_key(&5).unwrap());
    });
}

#[test]
fn a_queue_returns_large_values_in_boxes() {
    on_a_small_stack(|| {
        let map = create::<InOrder>();
        assert!(map.try_push(&image(1)).unwrap() && map.try_push(&image(2)).unwrap());
        assert!(map.peek_boxed().unwrap().unwrap() == image(1));
        assert!(map.pop_boxed().unwrap().unwrap() == image(1));
        assert!(map.pop_boxed().unwrap().unwrap() == image(2));
        assert!(map.pop_boxed().unwrap().is_none());
        assert!(map.peek_boxed().unwrap().is_none());
    });
}

/// `bpfmap check` warns about values that are larger than this size. Smaller values fit on the
/// stack of a thread of the standard library, even in a debug build.
#[test]
fn a_value_below_the_warning_size_fits_on_a_stack_of_2_mib() {
    type Value = [u8; 256 << 10];
    spec!(Values: Array, u32 as TypeDesc::U32 => Value as &TypeDesc::Array { element: TypeDesc::U8, len: 256 << 10 }, max 1);
    let map = create::<Values>();
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn_scoped(scope, || {
            let value = map.lookup(&0).unwrap().unwrap();
            map.update(&0, &value, UpdateMode::Any).unwrap();
            assert!(map.iter().all(|entry| entry.is_ok()));
        });
        thread.unwrap().join().unwrap();
    });
}
