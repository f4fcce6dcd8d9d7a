//! Operations on one entry do not allocate memory. Per-CPU operations do not allocate memory either
//! if they reuse a buffer.

use crate::common::create;
use crate::spec;
use bpfmap::TypeDesc;
use bpfmap::{Map, PerCpu, UpdateMode};
use std::alloc::{GlobalAlloc, Layout as Memory, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: all calls are forwarded to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Memory) -> *mut u8 {
        // A thread that is ending no longer has a counter.
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller promises this.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Memory) {
        // SAFETY: the caller promises this.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Returns the number of allocations that this thread makes in `work`.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

#[test]
fn an_allocation_is_counted() {
    assert_eq!(allocations(|| drop(core::hint::black_box(Box::new(1)))), 1);
}

#[test]
fn single_operations_allocate_nothing() {
    spec!(Hash: Hash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 10);
    spec!(Slots: Array, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 10);
    spec!(Queue: Queue, () as TypeDesc::VOID => u64 as TypeDesc::U64, max 10);
    let (hash, slots, queue) = (create::<Hash>(), create::<Slots>(), create::<Queue>());
    let work = || {
        for key in 0..10 {
            hash.update(&key, &1, UpdateMode::Any).unwrap();
            assert_eq!(hash.lookup(&key).unwrap(), Some(1));
            assert!(hash.contains_key(&key).unwrap());
            assert!(!hash.insert(&key, &2).unwrap());
            assert!(hash.replace(&key, &2).unwrap());
            assert_eq!(hash.next_key(None).unwrap(), Some(key));
            assert!(hash.delete(&key).unwrap());
            // These operations access absent keys, or are refused.
            assert_eq!(hash.lookup(&key).unwrap(), None);
            assert!(!hash.delete(&key).unwrap());
            assert!(hash.update(&key, &1, UpdateMode::Exist).is_err());
            slots.update(&key, &3, UpdateMode::Any).unwrap();
            assert_eq!(slots.lookup(&key).unwrap(), Some(3));
            queue.push(&4, UpdateMode::Any).unwrap();
            assert_eq!(queue.peek().unwrap(), Some(4));
            assert_eq!(queue.pop().unwrap(), Some(4));
            assert_eq!(queue.pop().unwrap(), None);
        }
    };
    assert_eq!(allocations(work), 0);
}

#[test]
fn a_percpu_buffer_is_allocated_once() {
    spec!(Counters: PercpuHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 10);
    let map = create::<Counters>();
    let mut buffer = PerCpu::splat(7).unwrap();
    let work = || {
        for key in 0..10 {
            map.update(&key, &buffer, UpdateMode::Any).unwrap();
            assert!(map.lookup_into(&key, &mut buffer).unwrap());
            assert_eq!(buffer[0], 7);
        }
    };
    assert_eq!(allocations(work), 0);
}

/// A walk allocates memory for its batches, but not for each entry.
#[test]
fn a_walk_allocates_for_batches_only() {
    spec!(Hash: Hash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 20_000);
    let map = create::<Hash>();
    map.extend((0..20_000).map(|key| (key, 1))).unwrap();
    let count = allocations(|| assert_eq!(map.iter().count(), 20_000));
    assert!(count < 20, "{count} allocations");
}

/// A walk over a per-CPU map returns references into one buffer.
#[test]
fn a_percpu_walk_allocates_for_batches_only() {
    spec!(Counters: PercpuHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 100_000);
    crate::common::raise_memlock();
    for options in [Map::<Counters>::options(), Map::<Counters>::options().without_batches()] {
        let map = options.create().unwrap();
        let value = PerCpu::from_fn(|cpu| cpu as u64).unwrap();
        map.extend((0..100_000).map(|key| (key, value.clone()))).unwrap();
        let count = allocations(|| {
            let mut walk = map.walk().unwrap();
            let (mut entries, mut sum) = (0, 0);
            while let Some((key, values)) = walk.next_entry().unwrap() {
                assert_eq!(*values, value);
                sum += u64::from(key);
                entries += 1;
            }
            assert_eq!((entries, sum), (100_000, 100_000 * 99_999 / 2));
            assert!(walk.next_entry().unwrap().is_none());
        });
        assert!(count < 20, "{count} allocations");
    }
}
