//! Migrations of pinned maps of each type to a new layout.

use crate::bpf_fs::BpfFs;
use crate::common::{create, kernel, raise_memlock};
use crate::kills::{killed_at_any_moment, killed_at_each_stage};
use crate::spec;
use bpfmap::migrate::{Migration, MigrationPlan, MigrationStep, Outcome, Progress, Stage};
use bpfmap::{Error, ErrorKind, Map, MapDef, MapFlags, MapSpec, PerCpu, UpdateMode};
use bpfmap::{MemberDesc, TypeDesc};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

const fn member(
    name: &'static str,
    byte: u32,
    layout: &'static TypeDesc<'static>,
) -> MemberDesc<'static> {
    MemberDesc { name, bit_offset: byte * 8, bits: 0, ty: layout }
}

#[repr(C)]
struct Old {
    packets: u32,
    drops: i32,
    bytes: u64,
}
bpfmap::plain_struct!(Old { packets: u32, drops: i32, bytes: u64 });

#[repr(C)]
struct New {
    packets: u64,
    drops: i64,
    limit: u64,
    bytes: u64,
    seen: u64,
}
bpfmap::plain_struct!(New { packets: u64, drops: i64, limit: u64, bytes: u64, seen: u64 });

const OLD: &TypeDesc<'static> = &TypeDesc::Struct {
    name: "old",
    size: 16,
    members: &[
        member("packets", 0, TypeDesc::U32),
        member("drops", 4, TypeDesc::I32),
        member("bytes", 8, TypeDesc::U64),
    ],
};
const NEW: &TypeDesc<'static> = &TypeDesc::Struct {
    name: "new",
    size: 40,
    members: &[
        member("packets", 0, TypeDesc::U64),
        member("drops", 8, TypeDesc::I64),
        member("limit", 16, TypeDesc::U64),
        member("bytes", 24, TypeDesc::U64),
        member("seen", 32, TypeDesc::U64),
    ],
};
const VALUE: &[MigrationStep<'static>] = &[
    MigrationStep::Integer { from_bit: 0, from_bits: 32, to_bit: 0, to_bits: 64, signed: false },
    MigrationStep::Integer { from_bit: 32, from_bits: 32, to_bit: 64, to_bits: 64, signed: true },
    MigrationStep::Fill { to: 16, bytes: &1000_u64.to_ne_bytes() },
    MigrationStep::Copy { from: 8, to: 24, len: 8 },
];
const PLAN: MigrationPlan<'static> =
    MigrationPlan { key: &[MigrationStep::whole(4)], value: VALUE };

fn old(seed: u32) -> Old {
    Old {
        packets: u32::MAX - seed,
        drops: -i32::try_from(seed).unwrap(),
        bytes: u64::from(seed) << 33,
    }
}

#[track_caller]
fn check(new: &New, seed: u32) {
    assert_eq!(new.packets, u64::from(u32::MAX - seed));
    assert_eq!(new.drops, -i64::from(seed));
    assert_eq!(new.bytes, u64::from(seed) << 33);
    assert_eq!((new.limit, new.seen), (1000, 0));
}

/// Fills a map of the old spec and migrates the map, once in batches and once one by one. Passes
/// the new map to `then`.
fn migrated<O: MapSpec, N: MapSpec>(
    plan: MigrationPlan<'_>,
    fill: impl Fn(&Map<O>),
    then: impl Fn(&Map<N>),
) {
    let (from, to) = (O::DEF, N::DEF);
    for batches in [true, false] {
        let bpf_fs = BpfFs::mount("migrate");
        let path = bpf_fs.path("map");
        let map = create::<O>();
        fill(&map);
        map.pin(&path).unwrap();
        let migration = Migration::new(&path, &from, &to, plan);
        let migration = if batches { migration } else { migration.without_batches() };
        let Outcome::Migrated(done) = migration.run(|_| {}).unwrap() else {
            panic!("the map should not have the new layout yet")
        };
        assert!(done.same);
        assert_eq!(done.entries, done.old_entries);
        then(&Map::from_pinned(&path).unwrap());
        assert_eq!(migration.run(|_| {}).unwrap(), Outcome::AlreadyNew);
    }
}

/// Migrates a hash or an array with 100 entries.
macro_rules! keyed {
    ($kind:ident, $keys:expr $(, $field:ident = $content:expr)*) => {{
        spec!(OldMap: $kind, u32 as TypeDesc::U32 => Old as OLD, max 100 $(, $field = $content)*);
        spec!(NewMap: $kind, u32 as TypeDesc::U32 => New as NEW, max 120 $(, $field = $content)*);
        migrated::<OldMap, NewMap>(
            PLAN,
            |map| for key in $keys { map.update(&key, &old(key), UpdateMode::Any).unwrap() },
            |map| {
                assert_eq!(map.max_entries(), 120);
                for key in $keys { check(&map.lookup(&key).unwrap().unwrap(), key) }
                assert_eq!(map.keys().filter(|key| !$keys.contains(key.as_ref().unwrap())).count(),
                    if stringify!($kind) == "Array" { 20 } else { 0 });
            },
        );
    }};
}

#[test]
fn all_entries_of_a_hash_are_migrated() {
    keyed!(Hash, 50..150);
    keyed!(Hash, 0..99, flags = MapFlags::NO_PREALLOC);
    keyed!(LruHash, 0..50);
    // This map has no entries.
    keyed!(Hash, core::ops::Range::<u32>::default());
}

#[test]
fn all_entries_of_a_resizable_hash_are_migrated() {
    if kernel() >= (7, 2) {
        keyed!(Rhash, 0..100, flags = MapFlags::NO_PREALLOC);
        return;
    }
    spec!(Resizable: Rhash, u32 as TypeDesc::U32 => Old as OLD, max 100, flags = MapFlags::NO_PREALLOC);
    raise_memlock();
    assert!(Map::<Resizable>::create().is_err());
}

/// Values at indices that only the new map has are zero.
#[test]
fn an_array_keeps_its_indices() {
    keyed!(Array, 0..100);
}

macro_rules! per_cpu {
    ($kind:ident) => {{
        spec!(OldMap: $kind, u32 as TypeDesc::U32 => [u8; 3] as &TypeDesc::Array { element: TypeDesc::U8, len: 3 }, max 40);
        spec!(NewMap: $kind, u32 as TypeDesc::U32 => [u8; 9] as &TypeDesc::Array { element: TypeDesc::U8, len: 9 }, max 40);
        let value = |key: u32, cpu: usize| {
            let (key, cpu) = (u8::try_from(key).unwrap(), u8::try_from(cpu).unwrap());
            [key, cpu, 0xff]
        };
        migrated::<OldMap, NewMap>(
            MigrationPlan {
                key: &[MigrationStep::whole(4)],
                value: &[
                    MigrationStep::Copy { from: 0, to: 6, len: 3 },
                    MigrationStep::Fill { to: 1, bytes: &[0xaa] },
                ],
            },
            |map| {
                for key in 0..40 {
                    let values = PerCpu::from_fn(|cpu| value(key, cpu)).unwrap();
                    map.update(&key, &values, UpdateMode::Any).unwrap();
                }
            },
            |map| {
                for key in 0..40 {
                    let values = map.lookup(&key).unwrap().unwrap();
                    for (cpu, new) in values.iter().enumerate() {
                        let [a, b, c] = value(key, cpu);
                        assert_eq!(*new, [0, 0xaa, 0, 0, 0, 0, a, b, c], "CPU {cpu}");
                    }
                }
            },
        );
    }};
}

#[test]
fn the_values_of_each_cpu_are_migrated() {
    per_cpu!(PercpuHash);
    per_cpu!(PercpuArray);
    // The map has enough space for all entries, because an LRU map evicts entries separately for
    // each CPU.
    spec!(OldMap: LruPercpuHash, u32 as TypeDesc::U32 => u32 as TypeDesc::U32, max 4096);
    spec!(NewMap: LruPercpuHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 4096);
    migrated::<OldMap, NewMap>(
        MigrationPlan {
            key: &[MigrationStep::whole(4)],
            value: &[MigrationStep::Integer {
                from_bit: 0,
                from_bits: 32,
                to_bit: 0,
                to_bits: 64,
                signed: false,
            }],
        },
        |map| {
            for key in 0..100 {
                map.update(&key, &PerCpu::splat(key + 1).unwrap(), UpdateMode::Any).unwrap();
            }
        },
        |map| {
            for key in 0..100 {
                let values = map.lookup(&key).unwrap().unwrap();
                assert!(values.iter().all(|&value| value == u64::from(key) + 1));
            }
        },
    );
}

#[repr(C)]
struct Prefix {
    len: u32,
    address: [u8; 4],
}
bpfmap::plain_struct!(Prefix { len: u32, address: [u8; 4] });

const PREFIX: &TypeDesc<'static> = &TypeDesc::Struct {
    name: "prefix",
    size: 8,
    members: &[
        member("len", 0, TypeDesc::U32),
        member("address", 4, &TypeDesc::Array { element: TypeDesc::U8, len: 4 }),
    ],
};

#[test]
fn a_trie_keeps_its_prefixes() {
    spec!(OldMap: LpmTrie, Prefix as PREFIX => Old as OLD, max 400, flags = MapFlags::NO_PREALLOC);
    spec!(NewMap: LpmTrie, Prefix as PREFIX => New as NEW, max 400, flags = MapFlags::NO_PREALLOC);
    let prefix = |number: u32| Prefix {
        len: 8 + number % 25,
        // The number is in the first byte and the last bits of the prefix's data.
        address: [u8::try_from(number).unwrap(), 0xff, 0xff, 0xff],
    };
    migrated::<OldMap, NewMap>(
        MigrationPlan { key: &[MigrationStep::whole(8)], value: VALUE },
        |map| {
            for number in 0..250 {
                map.update(&prefix(number), &old(number), UpdateMode::Any).unwrap();
            }
        },
        |map| {
            for number in 0..250 {
                check(&map.lookup(&prefix(number)).unwrap().unwrap(), number);
            }
            assert_eq!(map.keys().count(), 250);
        },
    );
}

spec!(OldHash: Hash, u32 as TypeDesc::U32 => Old as OLD, max 100);
spec!(NewHash: Hash, u32 as TypeDesc::U32 => New as NEW, max 100);
static OLD_HASH: MapDef<'static> = OldHash::DEF;
static NEW_HASH: MapDef<'static> = NewHash::DEF;

/// Returns the definition with another map type.
fn retyped(mut def: MapDef<'static>, map_type: u32) -> MapDef<'static> {
    def.map_type = map_type;
    def
}

/// Returns a pinned map of the old spec with this many entries.
fn pinned(bpf_fs: &BpfFs, entries: u32) -> Map<OldHash> {
    let map = create::<OldHash>();
    map.extend((0..entries).map(|key| (key, old(key)))).unwrap();
    map.pin(bpf_fs.path("map")).unwrap();
    map
}

/// Returns the error of a refused migration. Checks that the pin is unchanged and that there is no
/// other pin.
#[track_caller]
fn refused<S: MapSpec>(bpf_fs: &BpfFs, before: &Map<S>, result: Result<Outcome, Error>) -> Error {
    let pin = Map::<S>::options().any_max_entries().from_pinned(bpf_fs.path("map")).unwrap();
    assert_eq!(pin.info().unwrap().id, before.info().unwrap().id);
    assert_eq!(bpf_fs.pins(), ["map"]);
    result.expect_err("should be refused")
}

#[test]
fn a_map_that_matches_neither_definition_is_refused() {
    spec!(Other: Hash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 100);
    let bpf_fs = BpfFs::mount("neither");
    let other = create::<Other>();
    other.pin(bpf_fs.path("map")).unwrap();
    let result = Migration::new(bpf_fs.path("map"), &OLD_HASH, &NEW_HASH, PLAN).run(|_| {});
    let error = refused(&bpf_fs, &other, result);
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    assert!(error.to_string().contains("value_size: 8, schema says 16"), "{error}");

    let missing = Migration::new(bpf_fs.path("none"), &OLD_HASH, &NEW_HASH, PLAN).run(|_| {});
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn maps_without_plain_entries_are_refused() {
    let bpf_fs = BpfFs::mount("refused");
    let map = pinned(&bpf_fs, 1);
    for (map_type, why) in [
        (22, "a map of type queue can't be migrated: reading its values removes them"),
        (24, "a map of type sk_storage can't be migrated"),
        (15, "a map of type sockmap can't be migrated: its entries are objects of the kernel"),
        (6, "a map of type hash can't become a map of type percpu_array"),
        (2, "a map of type hash can't become a map of type array"),
    ] {
        let new = retyped(NEW_HASH, map_type);
        let result = Migration::new(bpf_fs.path("map"), &OLD_HASH, &new, PLAN).run(|_| {});
        let error = refused(&bpf_fs, &map, result);
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }
    let beyond =
        MigrationPlan { value: &[MigrationStep::Copy { from: 8, to: 40, len: 8 }], ..PLAN };
    let result = Migration::new(bpf_fs.path("map"), &OLD_HASH, &NEW_HASH, beyond).run(|_| {});
    assert!(
        refused(&bpf_fs, &map, result)
            .to_string()
            .contains("value: the plan reads or writes outside")
    );
}

/// Without BTF, two layouts of the same size can't be distinguished. A map that was migrated must
/// not be migrated a second time.
#[test]
fn a_map_whose_layout_is_unknown_is_refused() {
    spec!(Bare: Hash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 10, btf = false);
    spec!(Swapped: Hash, u32 as TypeDesc::U32 => [u32; 2] as &TypeDesc::Opaque { size: 8 }, max 10, btf = false);
    let plan = MigrationPlan {
        key: &[MigrationStep::whole(4)],
        value: &[
            MigrationStep::Copy { from: 0, to: 4, len: 4 },
            MigrationStep::Copy { from: 4, to: 0, len: 4 },
        ],
    };
    let bpf_fs = BpfFs::mount("bare");
    let map = create::<Bare>();
    map.insert(&1, &0x1111_1111_2222_2222).unwrap();
    map.pin(bpf_fs.path("map")).unwrap();
    let (from, to) = (Bare::DEF, Swapped::DEF);
    let migration = Migration::new(bpf_fs.path("map"), &from, &to, plan);
    let error = refused(&bpf_fs, &map, migration.run(|_| {}));
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    assert!(error.to_string().contains("the map has no BTF"), "{error}");
    assert!(matches!(migration.assume_old(true).run(|_| {}).unwrap(), Outcome::Migrated(_)));
    let map = Map::<Bare>::from_pinned(bpf_fs.path("map")).unwrap();
    assert_eq!(map.lookup(&1).unwrap(), Some(0x2222_2222_1111_1111));
}

#[test]
fn a_new_map_that_is_too_small_is_refused() {
    let bpf_fs = BpfFs::mount("room");
    let map = pinned(&bpf_fs, 50);
    let migration = Migration::new(bpf_fs.path("map"), &OLD_HASH, &NEW_HASH, PLAN);
    let error = refused(&bpf_fs, &map, migration.clone().max_entries(49).run(|_| {}));
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    assert!(error.to_string().contains("a max_entries of 49, but"), "{error}");
    let to_lru = retyped(NEW_HASH, 9);
    let lru = Migration::new(bpf_fs.path("map"), &OLD_HASH, &to_lru, PLAN).max_entries(99);
    let error = refused(&bpf_fs, &map, lru.run(|_| {}));
    assert!(error.to_string().contains("an LRU map would evict entries"), "{error}");
    // A smaller map is accepted if the entries fit into it.
    migration.max_entries(50).run(|_| {}).unwrap();

    spec!(OldArray: Array, u32 as TypeDesc::U32 => Old as OLD, max 100);
    let bpf_fs = BpfFs::mount("shorter");
    let array = create::<OldArray>();
    array.pin(bpf_fs.path("map")).unwrap();
    let (from, to) = (OldArray::DEF, retyped(NEW_HASH, 2));
    for allowed in [false, true] {
        let shorter = Migration::new(bpf_fs.path("map"), &from, &to, PLAN)
            .max_entries(99)
            .allow_differences(allowed);
        let error = refused(&bpf_fs, &array, shorter.run(|_| {}));
        assert!(error.to_string().contains("the remaining entries would be lost"), "{error}");
    }
}

/// The loader set the `max_entries` of the live map. The new map gets the same number, unless the
/// schemas have different numbers.
#[test]
fn a_max_entries_from_the_loader_is_kept() {
    let bpf_fs = BpfFs::mount("loaders");
    raise_memlock();
    let map = Map::<OldHash>::options().max_entries(777).create().unwrap();
    map.pin(bpf_fs.path("map")).unwrap();
    Migration::new(bpf_fs.path("map"), &OLD_HASH, &NEW_HASH, PLAN).run(|_| {}).unwrap();
    let new = Map::<NewHash>::options().any_max_entries().from_pinned(bpf_fs.path("map")).unwrap();
    assert_eq!(new.max_entries(), 777);
    // This migration changes only `max_entries`.
    let more = NEW_HASH.max_entries(1000);
    let plan =
        MigrationPlan { key: &[MigrationStep::whole(4)], value: &[MigrationStep::whole(40)] };
    let migration = Migration::new(bpf_fs.path("map"), &NEW_HASH, &more, plan);
    assert!(matches!(migration.run(|_| {}).unwrap(), Outcome::Migrated(_)));
    assert_eq!(migration.run(|_| {}).unwrap(), Outcome::AlreadyNew);
    let new = Map::<NewHash>::options().any_max_entries().from_pinned(bpf_fs.path("map")).unwrap();
    assert_eq!(new.max_entries(), 1000);
}

#[test]
fn keys_that_become_equal_are_reported() {
    let bpf_fs = BpfFs::mount("same");
    let map = pinned(&bpf_fs, 3);
    // This plan keeps only the highest byte of each key.
    let key = [MigrationStep::Copy { from: 3, to: 3, len: 1 }];
    let plan = MigrationPlan { key: &key, ..PLAN };
    let migration = Migration::new(bpf_fs.path("map"), &OLD_HASH, &NEW_HASH, plan);
    let error = refused(&bpf_fs, &map, migration.run(|_| {}));
    assert!(error.to_string().contains("3 entries were copied, but the new map has 1"), "{error}");
    let Outcome::Migrated(done) = migration.allow_differences(true).run(|_| {}).unwrap() else {
        panic!("the map should not have the new layout yet")
    };
    assert_eq!((done.entries, done.old_entries, done.same), (1, 3, false));
}

/// Returns a callback that writes to the old map during the first `rounds` rounds of copying.
fn disturbing(map: &Map<OldHash>, mut rounds: u32) -> impl FnMut(Progress) + '_ {
    move |progress| {
        if progress.stage == Stage::Checking && progress.entries == 0 && rounds > 0 {
            rounds -= 1;
            let key = u32::try_from(map.keys().count()).unwrap();
            map.insert(&key, &old(key)).unwrap();
        }
    }
}

#[test]
fn a_map_that_changes_while_it_is_copied_is_copied_again() {
    let bpf_fs = BpfFs::mount("again");
    let map = pinned(&bpf_fs, 10);
    let migration = Migration::new(bpf_fs.path("map"), &OLD_HASH, &NEW_HASH, PLAN);
    let error = refused(&bpf_fs, &map, migration.run(disturbing(&map, 3)));
    assert_eq!(error.kind(), ErrorKind::Disturbed, "{error}");
    let Outcome::Migrated(done) = migration.run(disturbing(&map, 2)).unwrap() else {
        panic!("the map should not have the new layout yet")
    };
    assert!(done.same);
}

#[test]
fn differences_can_be_allowed() {
    let bpf_fs = BpfFs::mount("allowed");
    let map = pinned(&bpf_fs, 10);
    let migration = Migration::new(bpf_fs.path("map"), &OLD_HASH, &NEW_HASH, PLAN);
    let allowed = migration.allow_differences(true).run(disturbing(&map, 3)).unwrap();
    let Outcome::Migrated(done) = allowed else {
        panic!("the map should not have the new layout yet")
    };
    assert_eq!((done.entries, done.old_entries, done.same), (10, 11, false));
}

#[test]
fn the_pin_keeps_its_owner_and_mode() {
    let bpf_fs = BpfFs::mount("owner");
    let path = bpf_fs.path("map");
    drop(pinned(&bpf_fs, 10));
    std::os::unix::fs::chown(&path, Some(1234), Some(5678)).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o660)).unwrap();
    Migration::new(&path, &OLD_HASH, &NEW_HASH, PLAN).run(|_| {}).unwrap();
    let pin = std::fs::metadata(&path).unwrap();
    assert_eq!((pin.uid(), pin.gid(), pin.mode() & 0o777), (1234, 5678, 0o660));
    Map::<NewHash>::from_pinned(&path).unwrap();
}

/// A migration removes a temporary pin only if an earlier migration left it.
#[test]
fn a_temporary_pin_is_checked_before_it_is_removed() {
    let bpf_fs = BpfFs::mount("beside");
    let map = pinned(&bpf_fs, 10);
    let beside = bpf_fs.path("map__bpfmap_migrate");
    map.pin(&beside).unwrap();
    let migration = Migration::new(bpf_fs.path("map"), &OLD_HASH, &NEW_HASH, PLAN);
    let error = migration.run(|_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists, "{error}");
    assert!(error.to_string().contains("map__bpfmap_migrate exists"), "{error}");
    std::fs::remove_file(&beside).unwrap();
    create::<NewHash>().pin(&beside).unwrap();
    assert!(matches!(migration.run(|_| {}).unwrap(), Outcome::Migrated(_)));
    assert!(!beside.exists());
}

/// The lock and the timer are reset in the new map.
#[test]
fn special_fields_are_reset() {
    use bpfmap::SpinLock;
    #[repr(C)]
    struct Locked {
        lock: SpinLock,
        count: u32,
    }
    bpfmap::plain_struct!(Locked { lock: SpinLock, count: u32 });
    #[repr(C)]
    struct LockedWide {
        count: u64,
        lock: SpinLock,
        flags: u32,
    }
    bpfmap::plain_struct!(LockedWide { count: u64, lock: SpinLock, flags: u32 });
    impl bpfmap::HasSpinLock for LockedWide {}
    const LOCKED: &TypeDesc<'static> = &TypeDesc::Struct {
        name: "locked",
        size: 8,
        members: &[member("lock", 0, TypeDesc::SPIN_LOCK), member("count", 4, TypeDesc::U32)],
    };
    const LOCKED_WIDE: &TypeDesc<'static> = &TypeDesc::Struct {
        name: "locked_wide",
        size: 16,
        members: &[
            member("count", 0, TypeDesc::U64),
            member("lock", 8, TypeDesc::SPIN_LOCK),
            member("flags", 12, TypeDesc::U32),
        ],
    };
    spec!(OldMap: Hash, u32 as TypeDesc::U32 => Locked as LOCKED, max 10);
    spec!(NewMap: Hash, u32 as TypeDesc::U32 => LockedWide as LOCKED_WIDE, max 10);
    migrated::<OldMap, NewMap>(
        MigrationPlan {
            key: &[MigrationStep::whole(4)],
            value: &[MigrationStep::Integer {
                from_bit: 32,
                from_bits: 32,
                to_bit: 0,
                to_bits: 64,
                signed: false,
            }],
        },
        |map| assert!(map.insert(&1, &Locked { lock: SpinLock::default(), count: 5 }).unwrap()),
        |map| assert_eq!(map.lookup_locked(&1).unwrap().unwrap().count, 5),
    );
}

#[test]
fn a_migration_can_be_killed_at_any_moment() {
    raise_memlock();
    killed_at_any_moment(2000, 6);
}

#[test]
fn a_migration_can_be_killed_at_each_stage() {
    raise_memlock();
    killed_at_each_stage();
}

mod generated {
    include!("../../../bpfmap-codegen/tests/goldens/generated/flows_migrate.rs");
}

/// The functions from `Builder::migrates_from`, with bit-fields, arrays of structs that grow,
/// enums, defaults and a renamed map.
#[test]
fn generated_functions_migrate() {
    #[repr(C)]
    struct OldFlow {
        packets: u32,
        verdict: u8,
        proto: u8,
        pad: [u8; 2],
        hops: [[u8; 4]; 2],
        bytes: u64,
    }
    bpfmap::plain_struct!(OldFlow {
        packets: u32,
        verdict: u8,
        proto: u8,
        pad: [u8; 2],
        hops: [[u8; 4]; 2],
        bytes: u64
    });
    const HOPS: &TypeDesc<'static> = &TypeDesc::Array {
        element: &TypeDesc::Struct {
            name: "hop",
            size: 4,
            members: &[member("address", 0, TypeDesc::BE32)],
        },
        len: 2,
    };
    const OLD_FLOW: &TypeDesc<'static> = &TypeDesc::Struct {
        name: "flow",
        size: 24,
        members: &[
            member("packets", 0, TypeDesc::U32),
            member("verdict", 4, TypeDesc::U8),
            MemberDesc { name: "proto", bit_offset: 40, bits: 4, ty: TypeDesc::U8 },
            member("hops", 8, HOPS),
            member("bytes", 16, TypeDesc::U64),
        ],
    };
    spec!(Flows: Hash, u32 as TypeDesc::U32 => OldFlow as OLD_FLOW, max 100);
    spec!(Counts: PercpuArray, u32 as TypeDesc::U32 => u32 as TypeDesc::U32, max 4);
    let bpf_fs = BpfFs::mount("generated");
    let (flows, counts) = (create::<Flows>(), create::<Counts>());
    let flow = OldFlow {
        packets: 0x8000_0001,
        verdict: 1,
        proto: 0xf6,
        pad: [0xee; 2],
        hops: [[1, 2, 3, 4], [5, 6, 7, 8]],
        bytes: 0x0102_0304_0506_0708,
    };
    flows.insert(&7, &flow).unwrap();
    counts.update(&3, &PerCpu::splat(u32::MAX).unwrap(), UpdateMode::Any).unwrap();
    flows.pin(bpf_fs.path("flows")).unwrap();
    counts.pin(bpf_fs.path("counts")).unwrap();

    let done = generated::migrate_flows(bpf_fs.path("flows"), |_| {}).unwrap();
    assert!(matches!(done, Outcome::Migrated(done) if done.entries == 1), "{done:?}");
    let done = generated::migrate_counters(bpf_fs.path("counts"), |_| {}).unwrap();
    assert!(matches!(done, Outcome::Migrated(done) if done.entries == 4), "{done:?}");
    let again = generated::migrate_flows(bpf_fs.path("flows"), |_| {}).unwrap();
    assert_eq!(again, Outcome::AlreadyNew);

    spec!(NewFlows: Hash, u32 as TypeDesc::U32 => [u8; 48] as &TypeDesc::Opaque { size: 48 }, max 200,
        flags = MapFlags::NO_PREALLOC);
    let flows = Map::<NewFlows>::from_pinned(bpf_fs.path("flows")).unwrap();
    let value = flows.lookup(&7).unwrap().unwrap();
    assert_eq!(value[..8], 0x0102_0304_0506_0708_u64.to_ne_bytes());
    assert_eq!(value[8..16], 0x8000_0001_u64.to_ne_bytes());
    // These are the 4 bits of the bit-field, then the verdict, and then the limit, which is a new
    // member.
    assert_eq!(value[16..18], [6, 1]);
    assert_eq!(value[18..20], 1000_u16.to_ne_bytes());
    // Each step has a port in network byte order, and padding before its address. The third step is
    // completely new.
    assert_eq!(value[20..28], [1, 187, 0, 0, 1, 2, 3, 4]);
    assert_eq!(value[28..36], [1, 187, 0, 0, 5, 6, 7, 8]);
    assert_eq!(value[36..], [0; 12]);

    spec!(Counters: PercpuArray, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 8);
    let counters = Map::<Counters>::from_pinned(bpf_fs.path("counts")).unwrap();
    let values = counters.lookup(&3).unwrap().unwrap();
    assert!(values.iter().all(|&value| value == u64::from(u32::MAX)));
}
