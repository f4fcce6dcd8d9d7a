//! The four hash types return the same results.

use crate::common::{
    ENOTSUPP, F_LOCK, LOOKUP, UPDATE, bare, create, errno, kernel, stay_on_another_cpu,
};
use crate::spec;
use bpfmap::TypeDesc;
use bpfmap::kind::{
    DeleteElement, InsertElement, Iterate, LookupElement, TakeElement, UpdateElement,
};
use bpfmap::{Map, MapSpec, PerCpu, UpdateMode, Value};
use core::fmt::Debug;

spec!(Hash: Hash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 4);
spec!(Percpu: PercpuHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 4);
spec!(Lru: LruHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1000);
spec!(LruPercpu: LruPercpuHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1000);

fn all(value: u64) -> PerCpu<u64> {
    PerCpu::splat(value).unwrap()
}

/// Runs a test on each hash type.
macro_rules! on_each_hash {
    ($($test:ident)*) => { $(
        mod $test {
            #[test]
            fn hash() {
                super::super::$test::<super::super::Hash>(|value| value);
            }
            #[test]
            fn percpu_hash() {
                super::super::$test::<super::super::Percpu>(super::super::all);
            }
            #[test]
            fn lru_hash() {
                super::super::$test::<super::super::Lru>(|value| value);
            }
            #[test]
            fn lru_percpu_hash() {
                super::super::$test::<super::super::LruPercpu>(super::super::all);
            }
        }
    )* };
}

mod each {
    on_each_hash! {
        update_modes
        absent_keys
        raw_walk
        next_key_restarts_after_a_deleted_key
        deleting_returned_entries_does_not_restart_the_iterator
        take_twice
        insert_and_replace
        lock_without_a_lock
    }
}

fn update_modes<S>(value: fn(u64) -> Value<S>)
where
    S: MapSpec<Key = u32>,
    S::Kind: LookupElement + UpdateElement,
    Value<S>: Debug + PartialEq,
{
    let map = create::<S>();
    assert_eq!(errno(map.update(&1, &value(1), UpdateMode::Exist)), libc::ENOENT);
    assert_eq!(map.lookup(&1).unwrap(), None);
    map.update(&1, &value(1), UpdateMode::NoExist).unwrap();
    assert_eq!(errno(map.update(&1, &value(2), UpdateMode::NoExist)), libc::EEXIST);
    assert_eq!(map.lookup(&1).unwrap(), Some(value(1)));
    map.update(&1, &value(3), UpdateMode::Exist).unwrap();
    map.update(&1, &value(4), UpdateMode::Any).unwrap();
    map.update(&2, &value(5), UpdateMode::Any).unwrap();
    assert_eq!(map.lookup(&1).unwrap(), Some(value(4)));
    assert_eq!(map.lookup(&2).unwrap(), Some(value(5)));
}

fn absent_keys<S>(value: fn(u64) -> Value<S>)
where
    S: MapSpec<Key = u32>,
    S::Kind: LookupElement + DeleteElement + UpdateElement,
    Value<S>: Debug + PartialEq,
{
    let map = create::<S>();
    assert_eq!(map.lookup(&7).unwrap(), None);
    assert!(!map.contains_key(&7).unwrap());
    assert!(!map.delete(&7).unwrap());
    // The kernel returns these errnos, which the handle converts to `None` or `false`.
    assert_eq!(bare(&map, LOOKUP, Some(7), 0), libc::ENOENT);
    assert_eq!(bare(&map, crate::common::DELETE, Some(7), 0), libc::ENOENT);
    let mut into = value(9);
    assert!(!map.lookup_into(&7, &mut into).unwrap());
    assert_eq!(into, value(9));
    map.update(&7, &value(1), UpdateMode::Any).unwrap();
    assert!(map.lookup_into(&7, &mut into).unwrap());
    assert_eq!(into, value(1));
    assert!(map.contains_key(&7).unwrap());
    assert!(map.delete(&7).unwrap());
    assert!(!map.delete(&7).unwrap());
}

fn raw_walk<S>(value: fn(u64) -> Value<S>)
where
    S: MapSpec<Key = u32>,
    S::Kind: Iterate + UpdateElement,
{
    let map = create::<S>();
    assert_eq!(map.next_key(None).unwrap(), None, "an empty map has no first key");
    for key in 1..=3 {
        map.update(&key, &value(0), UpdateMode::Any).unwrap();
    }
    let first = map.next_key(None).unwrap().unwrap();
    let second = map.next_key(Some(&first)).unwrap().unwrap();
    let third = map.next_key(Some(&second)).unwrap().unwrap();
    let mut keys = [first, second, third];
    keys.sort_unstable();
    assert_eq!(keys, [1, 2, 3]);
    assert_eq!(map.next_key(Some(&third)).unwrap(), None, "the walk ends after the last key");
    assert_eq!(
        map.next_key(Some(&99)).unwrap(),
        Some(first),
        "after an absent key, the first key is returned"
    );
}

fn next_key_restarts_after_a_deleted_key<S>(value: fn(u64) -> Value<S>)
where
    S: MapSpec<Key = u32>,
    S::Kind: Iterate + UpdateElement + DeleteElement,
{
    let map = create::<S>();
    for key in 1..=3 {
        map.update(&key, &value(0), UpdateMode::Any).unwrap();
    }
    let first = map.next_key(None).unwrap().unwrap();
    let second = map.next_key(Some(&first)).unwrap().unwrap();
    assert!(map.delete(&second).unwrap());
    assert_eq!(map.next_key(Some(&second)).unwrap(), Some(first));
}

fn deleting_returned_entries_does_not_restart_the_iterator<S>(value: fn(u64) -> Value<S>)
where
    S: MapSpec<Key = u32>,
    S::Kind: Iterate + LookupElement + UpdateElement + DeleteElement,
{
    crate::common::raise_memlock();
    for options in [Map::<S>::options(), Map::<S>::options().without_batches()] {
        let map = options.create().unwrap();
        for key in 1..=4 {
            map.update(&key, &value(u64::from(key)), UpdateMode::Any).unwrap();
        }
        let mut seen = Vec::new();
        for entry in &map {
            let (key, _) = entry.unwrap();
            assert!(map.delete(&key).unwrap());
            seen.push(key);
        }
        seen.sort_unstable();
        assert_eq!(seen, [1, 2, 3, 4], "each key is returned once");
        assert_eq!(map.next_key(None).unwrap(), None);
    }
}

fn take_twice<S>(value: fn(u64) -> Value<S>)
where
    S: MapSpec<Key = u32>,
    S::Kind: TakeElement + UpdateElement + LookupElement,
    Value<S>: Debug + PartialEq,
{
    let map = create::<S>();
    map.update(&1, &value(5), UpdateMode::Any).unwrap();
    let taken = map.take(&1);
    if kernel() < (5, 14) {
        let error = taken.unwrap_err();
        assert_eq!(error.errno(), Some(ENOTSUPP));
        assert_eq!(error.kind(), bpfmap::ErrorKind::Unsupported);
        assert!(error.to_string().contains("Linux 5.14"), "{error}");
        assert_eq!(map.lookup(&1).unwrap(), Some(value(5)), "nothing was deleted");
        return;
    }
    assert_eq!(taken.unwrap(), Some(value(5)));
    assert_eq!(map.take(&1).unwrap(), None);
    assert_eq!(bare(&map, crate::common::TAKE, Some(1), 0), libc::ENOENT);
    map.update(&1, &value(6), UpdateMode::Any).unwrap();
    let mut into = value(0);
    assert!(map.take_into(&1, &mut into).unwrap());
    assert_eq!(into, value(6));
    assert!(!map.take_into(&1, &mut into).unwrap());
}

fn insert_and_replace<S>(value: fn(u64) -> Value<S>)
where
    S: MapSpec<Key = u32>,
    S::Kind: InsertElement + LookupElement + UpdateElement,
    Value<S>: Debug + PartialEq,
{
    let map = create::<S>();
    assert!(!map.replace(&1, &value(1)).unwrap());
    assert!(map.insert(&1, &value(2)).unwrap());
    assert!(!map.insert(&1, &value(3)).unwrap());
    assert_eq!(map.lookup(&1).unwrap(), Some(value(2)));
    assert!(map.replace(&1, &value(4)).unwrap());
    assert_eq!(map.lookup(&1).unwrap(), Some(value(4)));
}

fn lock_without_a_lock<S>(value: fn(u64) -> Value<S>)
where
    S: MapSpec<Key = u32>,
    S::Kind: UpdateElement,
{
    let map = create::<S>();
    map.update(&1, &value(1), UpdateMode::Any).unwrap();
    assert_eq!(bare(&map, LOOKUP, Some(1), F_LOCK), libc::EINVAL);
    assert_eq!(bare(&map, UPDATE, Some(1), F_LOCK), libc::EINVAL);
}

#[test]
fn inserting_into_a_full_hash_fails_with_e2big() {
    let map = create::<Hash>();
    for key in 0..4 {
        map.update(&key, &0, UpdateMode::Any).unwrap();
    }
    assert_eq!(errno(map.update(&4, &0, UpdateMode::Any)), libc::E2BIG);
    assert_eq!(errno(map.update(&4, &0, UpdateMode::Exist)), libc::ENOENT);
    map.update(&3, &1, UpdateMode::Any).unwrap();
}

#[test]
fn freezing_makes_a_map_read_only() {
    let map = create::<Hash>();
    map.update(&1, &2, UpdateMode::Any).unwrap();
    map.freeze().unwrap();
    let error = map.update(&1, &3, UpdateMode::Any).unwrap_err();
    assert_eq!(error.errno(), Some(libc::EPERM));
    assert!(error.to_string().contains("frozen"), "{error}");
    assert_eq!(errno(map.delete(&1)), libc::EPERM);
    assert_eq!(map.lookup(&1).unwrap(), Some(2));
    let again = if kernel() < (6, 5) { libc::EBUSY } else { libc::EPERM };
    assert_eq!(errno(map.freeze()), again);
}

mod locked {
    use super::{TypeDesc, UpdateMode, create, spec, stay_on_another_cpu};
    use bpfmap::MemberDesc;
    use bpfmap::{HasSpinLock, SpinLock};

    #[repr(C)]
    struct Account {
        lock: SpinLock,
        balance: u32,
    }
    bpfmap::plain_struct!(Account { lock: SpinLock, balance: u32 });
    impl HasSpinLock for Account {}

    const ACCOUNT: &TypeDesc<'static> = &TypeDesc::Struct {
        name: "account",
        size: 8,
        members: &[
            MemberDesc { name: "lock", bit_offset: 0, bits: 0, ty: TypeDesc::SPIN_LOCK },
            MemberDesc { name: "balance", bit_offset: 32, bits: 0, ty: TypeDesc::U32 },
        ],
    };

    spec!(Accounts: Hash, u32 as TypeDesc::U32 => Account as ACCOUNT, max 4);
    spec!(Slots: Array, u32 as TypeDesc::U32 => Account as ACCOUNT, max 4);

    /// The kernel finds the lock through the BTF that `create` writes.
    #[test]
    fn operations_under_the_lock_work_in_a_created_map() {
        let map = create::<Accounts>();
        assert_ne!(map.info().unwrap().btf_value_type_id, 0);
        map.update_locked(&1, &Account { balance: 5, ..Account::default() }, UpdateMode::Any)
            .unwrap();
        assert_eq!(map.lookup_locked(&1).unwrap().unwrap().balance, 5);
        assert_eq!(map.lookup_locked(&2).unwrap(), None);
        let mut account = Account::default();
        assert!(map.lookup_into_locked(&1, &mut account).unwrap());
        assert_eq!(account.balance, 5);

        let map = create::<Slots>();
        map.update_locked(&3, &Account { balance: 7, ..Account::default() }, UpdateMode::Any)
            .unwrap();
        assert_eq!(map.lookup_locked(&3).unwrap().unwrap().balance, 7);
        assert_eq!(map.lookup_locked(&4).unwrap(), None);
    }

    /// Bytes that user space writes to the lock never reach the map.
    #[test]
    fn user_space_cannot_overwrite_the_lock() {
        let map = create::<Accounts>();
        let taken: Account = bpfmap::from_bytes(&[1, 0, 0, 0, 9, 0, 0, 0]).unwrap();
        map.update(&1, &taken, UpdateMode::Any).unwrap();
        let account = map.lookup(&1).unwrap().unwrap();
        assert_eq!(account, Account { balance: 9, ..Account::default() });
        // This would hang if the lock were held.
        assert_eq!(map.lookup_locked(&1).unwrap(), Some(account));
    }

    /// Two threads write values with equal words under the lock. A reader under the lock never sees
    /// a mix of two values.
    #[test]
    fn a_value_that_is_read_under_the_lock_is_consistent() {
        const PAIR: &TypeDesc<'static> = &TypeDesc::Struct {
            name: "pair",
            size: 516,
            members: &[
                MemberDesc { name: "lock", bit_offset: 0, bits: 0, ty: TypeDesc::SPIN_LOCK },
                MemberDesc {
                    name: "words",
                    bit_offset: 32,
                    bits: 0,
                    ty: &TypeDesc::Array { element: TypeDesc::U32, len: 128 },
                },
            ],
        };
        #[repr(C)]
        struct Pair {
            lock: SpinLock,
            words: [u32; 128],
        }
        bpfmap::plain_struct!(Pair { lock: SpinLock, words: [u32; 128] });
        impl HasSpinLock for Pair {}
        spec!(Pairs: Array, u32 as TypeDesc::U32 => Pair as PAIR, max 1);

        let map = create::<Pairs>();
        std::thread::scope(|scope| {
            for writer in 1..=2 {
                let map = &map;
                scope.spawn(move || {
                    stay_on_another_cpu();
                    for round in 0..2000 {
                        let words = [writer * 10_000 + round; 128];
                        let pair = Pair { words, ..Pair::default() };
                        map.update_locked(&0, &pair, UpdateMode::Any).unwrap();
                    }
                });
            }
            for _ in 0..2000 {
                let words = map.lookup_locked(&0).unwrap().unwrap().words;
                assert!(words.iter().all(|word| *word == words[0]), "{words:?}");
            }
        });
    }
}
