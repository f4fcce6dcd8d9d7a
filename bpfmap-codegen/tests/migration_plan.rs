//! Tests of migration plans: the steps that convert entries of an old map to entries of a new map,
//! and the obstacles.

#[path = "support/pairs.rs"]
mod pairs;
#[path = "../../bpfmap-schema/tests/support/recipe.rs"]
mod recipe;

use std::fmt::Write as _;
use std::path::Path;

use bpfmap_codegen::evolve::pair;
use bpfmap_codegen::evolve::plan::{Obstacle, PlannedMigration, plan};
use bpfmap_core::MigrationStep;
use bpfmap_core::migration::check as check_steps;
use bpfmap_schema::check::{Checked, check};
use bpfmap_schema::front::toml::{read_file, read_str};
use bpfmap_schema::ir::{KeyValue, MapDecl};
use bpfmap_schema::print;
use bumpalo::Bump;
use proptest::prelude::*;
use recipe::{recipes, schema};

/// Returns a schema with the types `types` and the map `m`, whose definition is `map`.
fn checked(types: &str, map: &str) -> Checked {
    let text = format!("name = \"s\"\n{types}\n[maps.m]\n{map}\n");
    check(read_str(Path::new("s.toml"), &text)).unwrap_or_else(|error| panic!("{error}"))
}

/// A plan that outlives its schemas.
#[derive(Debug)]
struct LeakedPlan {
    key: &'static [MigrationStep<'static>],
    value: &'static [MigrationStep<'static>],
    notes: Vec<String>,
    is_unchanged: bool,
}

fn planned(old: &Checked, new: &Checked) -> Result<LeakedPlan, Vec<Obstacle>> {
    let (old, new) = (Box::leak(Box::new(old.clone())), Box::leak(Box::new(new.clone())));
    let pairing = pair(old, new).unwrap();
    let arena = Box::leak(Box::new(Bump::new()));
    let PlannedMigration { plan, notes, is_unchanged } = plan(arena, old, new, &pairing.maps[0])?;
    Ok(LeakedPlan { key: plan.key, value: plan.value, notes, is_unchanged })
}

const HASH: &str = "type = \"hash\"\nkey = \"k\"\nvalue = \"v\"\nmax_entries = 10";

/// Plans the migration of a hash map whose value is a struct. The members of the struct change from
/// `old` to `new`.
fn value(old: &str, new: &str) -> Result<LeakedPlan, Vec<Obstacle>> {
    let types = |members: &str| {
        format!(
            "[types.k]\nkind = \"alias\"\ntype = \"u32\"\n[types.v]\nkind = \"struct\"\nmembers = [{members}]"
        )
    };
    planned(&checked(&types(old), HASH), &checked(&types(new), HASH))
}

fn key(old: &str, new: &str) -> Result<LeakedPlan, Vec<Obstacle>> {
    let types = |members: &str| {
        format!(
            "[types.v]\nkind = \"alias\"\ntype = \"u32\"\n[types.k]\nkind = \"struct\"\nmembers = [{members}]"
        )
    };
    planned(&checked(&types(old), HASH), &checked(&types(new), HASH))
}

#[track_caller]
fn steps(planned: Result<LeakedPlan, Vec<Obstacle>>) -> &'static [MigrationStep<'static>] {
    planned.unwrap_or_else(|obstacles| panic!("{obstacles:#?}")).value
}

#[track_caller]
fn refused(planned: Result<LeakedPlan, Vec<Obstacle>>, path: &str, message: &str) {
    let obstacles = planned.expect_err("expected an obstacle");
    assert_eq!(obstacles.len(), 1, "{obstacles:#?}");
    assert_eq!(obstacles[0].path, path);
    assert!(obstacles[0].message.contains(message), "{}", obstacles[0]);
}

const fn copy(from: u32, to: u32, len: u32) -> MigrationStep<'static> {
    MigrationStep::Copy { from, to, len }
}

const fn fill(to: u32, bytes: &'static [u8]) -> MigrationStep<'static> {
    MigrationStep::Fill { to, bytes }
}

const fn integer(
    from_bit: u32,
    from_bits: u32,
    to_bit: u32,
    to_bits: u32,
    signed: bool,
) -> MigrationStep<'static> {
    MigrationStep::Integer { from_bit, from_bits, to_bit, to_bits, signed }
}

const A: &str = r#"{ name = "a", type = "u32" }"#;
const B: &str = r#"{ name = "b", type = "u32" }"#;
const C: &str = r#"{ name = "c", type = "u64" }"#;

#[test]
fn members_are_matched_by_name_and_new_members_get_their_default() {
    let new = r#"{ name = "limit", type = "u32", default = 1000 }, { name = "since", type = "be16", default = 0x1234 },
        { name = "on", type = "bool", default = true }, "#;
    assert_eq!(
        steps(value(&format!("{A}, {B}, {C}"), &format!("{C}, {new} {B}, {A}"))),
        // `limit` has the offset 8, `since` has the offset 12 and is in network byte order, and
        // `on` has the offset 14.
        [
            fill(8, &[0xe8, 0x03]),
            fill(12, &[0x12, 0x34, 1]),
            copy(8, 0, 8),
            copy(4, 16, 4),
            copy(0, 20, 4)
        ]
    );
    let renamed = r#"{ name = "packets", type = "u32", renamed_from = "a" }"#;
    assert_eq!(
        steps(value(&format!("{A}, {B}"), &format!("{B}, {renamed}"))),
        [copy(4, 0, 4), copy(0, 4, 4)]
    );
}

#[test]
fn adjacent_members_are_copied_in_one_step_without_padding() {
    assert_eq!(steps(value(&format!("{A}, {B}"), &format!("{A}, {B}, {C}"))), [copy(0, 0, 8)]);
    let tail = r#"{ name = "d", type = "u8" }"#;
    assert_eq!(
        steps(value(&format!("{A}, {C}"), &format!("{A}, {C}, {tail}"))),
        [copy(0, 0, 4), copy(8, 8, 8)]
    );
}

#[test]
fn numbers_can_become_wider_but_not_narrower() {
    let member = |ty: &str| format!("{{ name = \"n\", type = \"{ty}\" }}");
    let of = |old: &str, new: &str| value(&member(old), &member(new));
    assert_eq!(steps(of("u16", "u64")), [integer(0, 16, 0, 64, false)]);
    assert_eq!(steps(of("u16", "i64")), [integer(0, 16, 0, 64, false)]);
    assert_eq!(steps(of("i16", "i64")), [integer(0, 16, 0, 64, true)]);
    assert_eq!(steps(of("bool", "u32")), [integer(0, 8, 0, 32, false)]);
    assert_eq!(steps(of("char", "u8")), [copy(0, 0, 1)]);
    assert_eq!(steps(of("be16", "be32")), [copy(0, 2, 2)]);
    refused(of("u64", "u32"), "m.value.n", "changed from 64 to 32 bits");
    refused(of("i32", "u64"), "m.value.n", "the type changed from signed to unsigned");
    refused(of("u32", "i32"), "m.value.n", "the type changed from unsigned to signed");
    refused(of("be32", "u32"), "m.value.n", "the byte order has changed");
    refused(of("u64", "*void"), "m.value.n", "the type has changed");
    refused(of("[u8; 8]", "u64"), "m.value.n", "the type has changed");
}

#[test]
fn bit_fields_are_moved_bit_by_bit() {
    let old = r#"{ name = "x", type = "u8", bits = 3 }, { name = "y", type = "i8", bits = 4 }"#;
    let new = r#"{ name = "y", type = "i8", bits = 5 }, { name = "z", type = "u8", bits = 3, default = 5 },
        { name = "x", type = "u8" }"#;
    assert_eq!(
        steps(value(old, new)),
        [fill(0, &[0b1010_0000]), integer(3, 4, 0, 5, true), integer(0, 3, 8, 8, false)]
    );
    let narrower = r#"{ name = "x", type = "u8", bits = 2 }"#;
    let was = r#"{ name = "x", type = "u8", bits = 3 }"#;
    refused(value(was, narrower), "m.value.x", "changed from 3 to 2 bits");
}

#[test]
fn arrays_and_their_elements_can_grow() {
    let types = |members: &str, len: u32| {
        format!(
            "[types.k]\nkind = \"alias\"\ntype = \"u32\"\n[types.e]\nkind = \"struct\"\nmembers = [{members}]\n\
             [types.v]\nkind = \"struct\"\nmembers = [{A}, {{ name = \"all\", type = \"[e; {len}]\" }}]"
        )
    };
    let of = |(old, was): (&str, u32), (new, is): (&str, u32)| {
        planned(&checked(&types(old, was), HASH), &checked(&types(new, is), HASH))
    };
    assert_eq!(steps(of((A, 3), (A, 5))), [copy(0, 0, 16)]);
    let two = format!("{{ name = \"n\", type = \"u16\", default = 7 }}, {A}");
    let each = MigrationStep::Each {
        from: 4,
        from_size: 4,
        to: 4,
        to_size: 8,
        len: 3,
        steps: &[fill(0, &[7]), copy(0, 4, 4)],
    };
    assert_eq!(steps(of((A, 3), (&two, 5))), [copy(0, 0, 4), each]);
    refused(of((A, 3), (A, 2)), "m.value.all", "changed from 3 to 2 elements");
}

#[test]
fn a_new_struct_gets_the_defaults_of_its_members() {
    let new = r#"{ name = "s", kind = "struct", members = [
        { name = "x", type = "u16" }, { name = "y", type = "u16", default = 258 } ] }"#;
    assert_eq!(steps(value(A, &format!("{new}, {A}"))), [fill(2, &[2, 1]), copy(0, 4, 4)]);
}

#[test]
fn members_can_be_removed_from_a_value_but_not_from_a_key() {
    let plan = value(&format!("{A}, {B}"), B).unwrap();
    assert_eq!(plan.value, [copy(4, 0, 4)]);
    assert_eq!(
        plan.notes,
        ["m.value.a: dropped, because the new schema does not have this member"]
    );
    refused(key(&format!("{A}, {B}"), B), "m.key.a", "two keys could become equal");
    let grown = key(A, &format!("{A}, {C}")).unwrap();
    assert_eq!((grown.key, grown.value), ([copy(0, 0, 4)].as_slice(), [copy(0, 0, 4)].as_slice()));
}

#[test]
fn enum_variants_must_keep_their_numbers() {
    let types = |repr: &str, variants: &str| {
        format!(
            "[types.k]\nkind = \"alias\"\ntype = \"u32\"\n[types.v]\nkind = \"enum\"\nrepr = \"{repr}\"\n\
             variants = {{ {variants} }}"
        )
    };
    let of = |(was, old): (&str, &str), (is, new): (&str, &str)| {
        planned(&checked(&types(was, old), HASH), &checked(&types(is, new), HASH))
    };
    assert_eq!(steps(of(("u8", "a = 0, b = 1"), ("u8", "a = 0, c = 2"))), [copy(0, 0, 1)]);
    assert_eq!(
        steps(of(("i8", "a = 0, b = -1"), ("i32", "a = 0, b = -1"))),
        [integer(0, 8, 0, 32, true)]
    );
    refused(
        of(("u8", "a = 0, b = 1"), ("u8", "a = 1, b = 2")),
        "m.value",
        "`a` changed from 0 to 1",
    );
}

#[test]
fn the_members_of_a_union_stay_together() {
    let union = |members: &str| format!("{{ kind = \"union\", members = [{members}] }}");
    let (x, y) = (r#"{ name = "x", type = "u32" }"#, r#"{ name = "y", type = "[u8; 4]" }"#);
    let wide = r#"{ name = "wide", type = "[u8; 8]" }"#;
    // The new union has one more member and another offset.
    assert_eq!(
        steps(value(
            &union(&format!("{x}, {y}")),
            &format!("{A}, {}", union(&format!("{x}, {y}, {wide}")))
        )),
        [copy(0, 4, 4), copy(0, 4, 4)]
    );
    refused(
        value(&union(&format!("{x}, {y}")), &union(x)),
        "m.value.y",
        "bpfmap does not know which entries use this member of the union",
    );
    refused(
        value(&union(&format!("{x}, {y}")), &format!("{x}, {y}")),
        "m.value.y",
        "this member and the member `x` share bytes, but their conversions differ",
    );
    refused(
        value(&format!("{x}, {y}"), &union(&format!("{x}, {y}"))),
        "m.value.y",
        "share bytes in the new type, but not in the old type",
    );
    refused(
        value(
            &union(&format!("{x}, {y}")),
            &union(&format!("{y}, {{ name = \"x\", type = \"u64\" }}")),
        ),
        "m.value.x",
        "the conversion of this member would change the other members of the union",
    );
    let inner = |members: &str| {
        union(&format!("{{ name = \"s\", kind = \"struct\", members = [{members}] }}, {wide}"))
    };
    refused(
        value(&inner(A), &inner(&format!("{B}, {A}"))),
        "m.value.s",
        "the conversion of this member would change the other members of the union",
    );
}

#[test]
fn special_fields_start_empty() {
    let hash = |members: &str| {
        let types = format!("[types.v]\nkind = \"struct\"\nmembers = [{members}]");
        checked(&types, "type = \"hash\"\nkey = \"u32\"\nvalue = \"v\"\nmax_entries = 10")
    };
    let lock = r#"{ name = "lock", type = "bpf_spin_lock" }"#;
    let timer = r#"{ name = "t", type = "bpf_timer" }"#;
    let plan =
        planned(&hash(&format!("{lock}, {A}")), &hash(&format!("{C}, {A}, {lock}"))).unwrap();
    assert_eq!((plan.value, plan.notes.as_slice()), ([copy(4, 8, 4)].as_slice(), [].as_slice()));
    let plan =
        planned(&hash(&format!("{timer}, {A}")), &hash(&format!("{timer}, {A}, {B}"))).unwrap();
    assert_eq!(plan.value, [copy(16, 16, 4)]);
    assert_eq!(
        plan.notes,
        ["m.value.t: the `bpf_timer` starts empty, because pending work can't be copied"]
    );
    let kptr = r#"{ name = "p", type = "kptr<task_struct>" }"#;
    refused(
        planned(&hash(&format!("{kptr}, {A}")), &hash(&format!("{kptr}, {A}, {B}"))),
        "m.value.p",
        "user space can't copy a `kptr`",
    );
}

#[test]
fn both_map_types_must_belong_to_the_same_family() {
    let map = |ty: &str, max_entries: u32| {
        let key = if ty.contains("array") { "" } else { "key = \"u32\"\n" };
        checked("", &format!("type = \"{ty}\"\n{key}value = \"u64\"\nmax_entries = {max_entries}"))
    };
    let of = |old: (&str, u32), new: (&str, u32)| planned(&map(old.0, old.1), &map(new.0, new.1));
    assert!(of(("hash", 10), ("lru_hash", 10)).is_ok());
    assert!(of(("percpu_hash", 10), ("lru_percpu_hash", 20)).is_ok());
    assert!(of(("hash", 10), ("hash", 10)).unwrap().is_unchanged);
    let fewer = of(("hash", 10), ("hash", 9)).unwrap();
    assert!(!fewer.is_unchanged);
    assert_eq!(
        fewer.notes,
        [
            "m: `max_entries` changed from 10 to 9: the migration fails if the map contains more entries"
        ]
    );
    refused(
        of(("hash", 10), ("percpu_hash", 10)),
        "m",
        "can't be converted to entries of type `percpu_hash`",
    );
    refused(of(("array", 10), ("hash", 10)), "m", "can't be converted to entries of type `hash`");
    refused(of(("array", 10), ("array", 9)), "m", "the entries beyond the new size would be lost");
    refused(of(("hash", 10), ("lru_hash", 9)), "m", "an LRU map would evict entries");
    let queue = |value: &str| {
        checked("", &format!("type = \"queue\"\nvalue = \"{value}\"\nmax_entries = 4"))
    };
    refused(
        planned(&queue("u32"), &queue("u64")),
        "m",
        "user space can't copy all entries of a map of type `queue`",
    );
}

#[test]
fn the_bits_of_a_prefix_keep_their_order() {
    let trie = |members: &str| {
        let types = format!(
            "[types.k]\nkind = \"struct\"\nmembers = [{{ name = \"len\", type = \"u32\" }}, {members}]"
        );
        let map = "type = \"lpm_trie\"\nkey = \"k\"\nvalue = \"u32\"\nmax_entries = 4\nflags = [\"no_prealloc\"]";
        checked(&types, map)
    };
    let (net, host) =
        (r#"{ name = "net", type = "[u8; 4]" }"#, r#"{ name = "host", type = "[u8; 4]" }"#);
    let grown = planned(&trie(net), &trie(&format!("{net}, {host}"))).unwrap();
    assert_eq!(grown.key, [copy(0, 0, 8)]);
    refused(
        planned(&trie(net), &trie(&format!("{host}, {net}"))),
        "m.key",
        "the order of the bits in the prefix would change",
    );
}

fn check_bounds(old: &Checked, new: &Checked) {
    let size = |of: &Checked, what: &Option<KeyValue>| {
        what.as_ref().map_or(0, |what| of.resolved().layout(what).size)
    };
    let both = |pair: (&MapDecl, &MapDecl), what: fn(&MapDecl) -> &Option<KeyValue>| {
        (size(old, what(pair.0)), size(new, what(pair.1)))
    };
    for pair in pair(old, new).unwrap().maps {
        let arena = Bump::new();
        let Ok(PlannedMigration { plan, .. }) = plan(&arena, old, new, &pair) else { continue };
        let (from, to) = both((pair.old, pair.new), |map| &map.key);
        assert!(check_steps(plan.key, from, to).is_ok(), "{plan:#?}");
        let (from, to) = both((pair.old, pair.new), |map| &map.value);
        assert!(check_steps(plan.value, from, to).is_ok(), "{plan:#?}");
    }
}

#[test]
fn a_migration_to_the_same_schema_is_a_single_copy() {
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let checked = check(read_file(&path)).unwrap();
        for pair in pair(&checked, &checked).unwrap().maps {
            let arena = Bump::new();
            match plan(&arena, &checked, &checked, &pair) {
                Ok(plan) => {
                    assert!(
                        plan.is_unchanged && plan.plan.key.len() <= 1 && plan.plan.value.len() <= 1,
                        "{plan:?}"
                    );
                }
                Err(obstacles) => {
                    let is_the_kernels = |it: &Obstacle| it.message.starts_with("user space can't");
                    assert!(obstacles.iter().all(is_the_kernels), "{obstacles:?}");
                }
            }
        }
    }
}

/// Tests the pairs of schemas with which `bpfmap diff` is tested, in both directions.
#[test]
fn no_plan_of_a_pair_accesses_bytes_outside_of_an_entry() {
    for pair in pairs::pairs() {
        let [old, new] = pair.schemas.map(|text| {
            check(read_str(Path::new("schema.toml"), &text))
                .unwrap_or_else(|error| panic!("{}: {error}", pair.name))
        });
        check_bounds(&old, &new);
        check_bounds(&new, &old);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_random_plan_accesses_bytes_outside_of_an_entry(old in recipes(), new in recipes()) {
        check_bounds(&with_maps(&old), &with_maps(&new));
    }
}

/// Returns a schema that uses the types of a recipe as the values of maps.
fn with_maps(recipe: &recipe::Recipe) -> Checked {
    let schema = schema(&[(0, recipe.clone())]);
    let mut text = print::toml::print(&schema);
    for (index, def) in schema.types.iter().enumerate() {
        let value = &def.name.value;
        let map = format!("type = \"hash\"\nkey = \"u32\"\nvalue = \"{value}\"\nmax_entries = 1");
        writeln!(text, "[maps.map{index}]\n{map}").unwrap();
    }
    check(read_str(Path::new("s.toml"), &text)).unwrap_or_else(|error| panic!("{error}"))
}
