//! Queues and stacks.

use crate::common::{DELETE, NEXT_KEY, UPDATE, bare, create, errno};
use crate::spec;
use bpfmap::TypeDesc;
use bpfmap::UpdateMode;

spec!(Queue: Queue, () as TypeDesc::VOID => u32 as TypeDesc::U32, max 3);
spec!(Stack: Stack, () as TypeDesc::VOID => u32 as TypeDesc::U32, max 3);

#[test]
fn a_queue_returns_the_oldest_value_first() {
    let map = create::<Queue>();
    for value in 1..=3 {
        map.push(&value, UpdateMode::Any).unwrap();
    }
    assert_eq!(map.peek().unwrap(), Some(1));
    assert_eq!(map.pop().unwrap(), Some(1));
    assert_eq!(map.pop().unwrap(), Some(2));
    let mut into = 0;
    assert!(map.peek_into(&mut into).unwrap());
    assert!(map.pop_into(&mut into).unwrap());
    assert_eq!(into, 3);
    assert_eq!(map.pop().unwrap(), None, "ENOENT");
    assert_eq!(map.peek().unwrap(), None);
    assert!(!map.pop_into(&mut into).unwrap());
}

#[test]
fn a_stack_returns_the_newest_value_first() {
    let map = create::<Stack>();
    for value in 1..=3 {
        map.push(&value, UpdateMode::Any).unwrap();
    }
    assert_eq!(map.peek().unwrap(), Some(3));
    assert_eq!([map.pop(), map.pop(), map.pop()].map(Result::unwrap), [Some(3), Some(2), Some(1)]);
    assert_eq!(map.pop().unwrap(), None);
    assert_eq!(map.peek().unwrap(), None);
}

#[test]
fn a_full_map_refuses_a_value_or_drops_the_oldest_one() {
    let queue = create::<Queue>();
    let stack = create::<Stack>();
    for value in 1..=3 {
        queue.push(&value, UpdateMode::Any).unwrap();
        assert!(stack.try_push(&value).unwrap());
    }
    assert_eq!(errno(queue.push(&4, UpdateMode::Any)), libc::E2BIG);
    assert_eq!(errno(stack.push(&4, UpdateMode::Any)), libc::E2BIG);
    assert!(!queue.try_push(&4).unwrap());
    assert!(!stack.try_push(&4).unwrap());
    queue.push(&4, UpdateMode::Exist).unwrap();
    stack.push(&4, UpdateMode::Exist).unwrap();
    let drained = |pop: &dyn Fn() -> Option<u32>| core::iter::from_fn(pop).collect::<Vec<_>>();
    assert_eq!(drained(&|| queue.pop().unwrap()), [2, 3, 4]);
    assert_eq!(drained(&|| stack.pop().unwrap()), [4, 3, 2]);
}

/// The type system prevents these operations, so they are tested without it.
#[test]
fn the_kernel_refuses_all_other_operations() {
    let queue = create::<Queue>();
    let stack = create::<Stack>();
    assert_eq!(errno(queue.push(&1, UpdateMode::NoExist)), libc::EINVAL);
    assert_eq!(errno(stack.push(&1, UpdateMode::NoExist)), libc::EINVAL);
    for command in [DELETE, NEXT_KEY] {
        assert_eq!(bare(&queue, command, None, 0), libc::EINVAL);
        assert_eq!(bare(&stack, command, None, 0), libc::EINVAL);
    }
    assert_eq!(bare(&queue, UPDATE, Some(1), 0), libc::EINVAL, "the map type has no keys");
}

/// The kernel refuses BTF for queues and stacks. They can be opened without BTF.
#[test]
fn queues_and_stacks_have_no_btf() {
    let map = create::<Queue>();
    let info = map.info().unwrap();
    assert_eq!((info.btf_id, info.key_size, info.value_size), (0, 0, 4));
    let again = bpfmap::Map::<Queue>::from_map(&map).unwrap();
    assert_eq!(again.layout_check(), bpfmap::LayoutCheck::NoBtf);
}
