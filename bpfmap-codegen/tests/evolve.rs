//! Tests of the changes between two schemas. The tests use the pair of schemas on the page of each
//! rule, and further pairs in `tests/evolve/RULE__CASE`. `changes.snap` contains the changes of a
//! pair.
//!
//! After a change, run `INSTA_UPDATE=always cargo test -p bpfmap-codegen --test evolve`, and read
//! the difference.

#[path = "support/pairs.rs"]
mod pairs;
#[path = "../../bpfmap-schema/tests/support/recipe.rs"]
mod recipe;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use bpfmap_codegen::evolve::rules::{ALL, Loading};
use bpfmap_codegen::evolve::{Class, Format, diff, report};
use bpfmap_schema::check::{Checked, check};
use bpfmap_schema::front::{rust, toml};
use bpfmap_schema::ir::{KeyValue, MapDecl, Type, TypeDefKind};
use bpfmap_schema::layout::Layouts;
use bpfmap_schema::print;
use pairs::{Pair, folder, pairs};
use proptest::prelude::*;
use recipe::{recipes, schema};

#[test]
fn each_rule_is_the_most_severe_change_of_its_pair() {
    for pair in pairs() {
        let (name, [old, new]) = (&pair.name, pair.checked());
        let rule = name.split("__").next().unwrap();
        let changes = diff(&old, &new).unwrap();
        let change = changes.iter().find(|change| change.rule.id == rule);
        let change = change.unwrap_or_else(|| panic!("{name}: {changes:#?}"));
        assert_eq!(change.class, change.rule.class, "{name}");
        let worst = changes.iter().map(|change| change.class).max();
        assert_eq!(worst, Some(change.class), "{name}: {changes:#?}");
    }
}

#[test]
fn the_changes_of_each_pair_match_the_snapshot() {
    for pair in pairs() {
        let [old, new] = pair.checked();
        let changes = diff(&old, &new).unwrap();
        let fails = |change: &bpfmap_codegen::evolve::Change| change.class != Class::Safe;
        let shown = Format::ALL.map(|(_, format)| report(&changes, (&old, &new), format, fails));
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.set_snapshot_path(folder().join(&pair.name));
        settings.bind(|| insta::assert_snapshot!("changes", shown.join("\n")));
    }
}

/// The comparison in the opposite direction must not panic, and must also find changes.
#[test]
fn each_pair_can_be_compared_in_both_directions() {
    for pair in pairs() {
        let [old, new] = pair.checked();
        assert!(!diff(&new, &old).unwrap().is_empty(), "{}", pair.name);
        for schema in [&old, &new] {
            assert_eq!(diff(schema, schema).unwrap(), [], "{}", pair.name);
        }
    }
}

#[test]
fn the_table_does_not_contradict_itself() {
    for rule in ALL {
        let (is_refused, is_safe) = (
            matches!(
                rule.libbpf,
                Loading::Refuses | Loading::Unverified | Loading::RefusesContents
            ),
            rule.class == Class::Safe,
        );
        assert!(!(is_refused && rule.class != Class::NewPin), "{rule}");
        if rule.class == Class::WrongData {
            assert_eq!(rule.libbpf, Loading::Reuses, "{rule}");
        }
        assert!(!(is_safe && is_refused), "{rule}");
        // `bpfmap explain` accepts the rules of both catalogues, so no name may occur in both.
        assert_eq!(bpfmap_schema::rules::Rule::by_id(rule.id), None);
        assert!(rule.explanation.lines().all(|line| line.len() <= 120), "{rule}");
        let (text, schemas) = rule.explanation.split_once("\n\nOlder:\n\n```toml\n").unwrap();
        assert!(text.ends_with('.') || text.contains("\nSource: "), "{rule}");
        let [older, newer] = schemas.split("```\n\nNewer:\n\n```toml\n").collect::<Vec<_>>()[..]
        else {
            panic!("{rule}: an older and a newer schema");
        };
        assert_eq!(rule.schemas(), [older, newer.strip_suffix("```\n").unwrap()], "{rule}");
    }
    let ids: BTreeSet<&str> = ALL.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), ALL.len());
}

/// Comments, names of types, the order of declarations and explicit padding have no effect on live
/// maps.
#[test]
fn differences_without_an_effect_are_not_changes() {
    let old = "[types.a]\nkind = \"struct\"\nmembers = [ { name = \"x\", type = \"u8\" }, { name = \"y\", type = \"b\" } ]\n\
               [types.b]\nkind = \"alias\"\ntype = \"u32\"\n\
               [types.c]\nkind = \"struct\"\nmembers = [ { name = \"p\", type = \"*a\" } ]\n\
               [maps.m]\ntype = \"hash\"\nkey = \"a\"\nvalue = \"c\"\nmax_entries = 1\nflags = [\"rdonly_prog\", \"no_prealloc\"]\n\
               [maps.n]\ntype = \"array\"\nvalue = \"u8\"\nmax_entries = 1\n";
    let new = "[maps.n]\ntype = \"array\"\nkey = \"u32\"\nvalue = \"u8\"\nmax_entries = 1\ndoc = \"New.\"\npinning = \"none\"\n\
               [maps.m]\ntype = \"hash\"\nkey = \"renamed\"\nvalue = \"c\"\nmax_entries = 1\nflags = [\"no_prealloc\", \"rdonly_prog\"]\n\
               [types.c]\nkind = \"struct\"\nmembers = [ { name = \"p\", type = \"*renamed\" } ]\n\
               [types.renamed]\nkind = \"struct\"\ndoc = \"Now with a comment.\"\nmembers = [ { name = \"x\", type = \"u8\" }, { name = \"_pad0\", type = \"[u8; 3]\" }, { name = \"y\", type = \"u32\", default = 7 } ]\n";
    assert_eq!(diff(&of_text(old), &of_text(new)).unwrap(), []);
}

/// A struct has ten members of a type that has ten members of another type, and so on. Counted at
/// each use, the types have more members than any machine can store.
#[test]
fn types_that_are_used_many_times_are_compared_once() {
    let schema = |last: &str| {
        let mut text = String::new();
        for level in 0..6 {
            let below = if level == 0 { last.to_owned() } else { format!("t{}", level - 1) };
            let members: Vec<String> = (0..10)
                .map(|number| format!("{{ name = \"m{number}\", type = \"{below}\" }}"))
                .collect();
            writeln!(
                text,
                "[types.t{level}]\nkind = \"struct\"\nmembers = [ {} ]",
                members.join(", ")
            )
            .unwrap();
        }
        text += "[maps.m]\ntype = \"hash\"\nkey = \"u32\"\nvalue = \"t5\"\nmax_entries = 1\n";
        of_text(&text)
    };
    assert_eq!(diff(&schema("u8"), &schema("u8")).unwrap(), []);
    let error = diff(&schema("u8"), &schema("i8")).unwrap_err();
    assert!(error.to_string().contains("100000 members"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_schema_and_itself_have_no_changes(recipe in recipes()) {
        let text = with_maps(&recipe, 0);
        prop_assert_eq!(diff(&of_text(&text), &of_text(&text)).unwrap(), []);
    }

    #[test]
    fn a_schema_and_its_twin_in_rust_have_no_changes(recipe in recipes()) {
        let toml = of_text(&with_maps(&recipe, 0));
        let text = print::rust::print(toml.schema(), &Layouts::new(toml.schema()));
        let twin = check(rust::read_str(Path::new("twin.rs"), &text)).unwrap();
        prop_assert_eq!(diff(&toml, &twin).unwrap(), []);
        prop_assert_eq!(diff(&twin, &toml).unwrap(), []);
    }

    /// Any two schemas can be compared. If the size of a value changes, this change is reported. If
    /// a member of a value moves or is removed, an unsafe change of its map is reported.
    #[test]
    fn two_schemas_are_compared(one in recipes(), other in recipes()) {
        let (old, new) = (of_text(&with_maps(&one, 0)), of_text(&with_maps(&other, 0)));
        let changes = diff(&old, &new).unwrap();
        for (_, format) in Format::ALL {
            let shown = report(&changes, (&old, &new), format, |_| true);
            prop_assert!(!shown.contains("from 0 bytes to 0"), "{}", shown);
        }
        for (map, name) in new.schema().maps.iter().map(|map| (map, &map.name.value)) {
            let Some(before) = old.schema().maps.iter().find(|map| map.name.value == *name) else {
                continue;
            };
            let size = |checked: &Checked, map: &MapDecl| {
                map.value.as_ref().map(|value| checked.resolved().layout(value).size)
            };
            let is_told = changes.iter().any(|change| {
                change.path == format!("{name}.value") && change.rule.id.starts_with("value-")
            });
            prop_assert_eq!(size(&old, before) != size(&new, map), is_told);
            let is_of_map = |path: &str| {
                path.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            let is_dangerous = changes
                .iter()
                .any(|change| is_of_map(&change.path) && change.class != Class::Safe);
            let now = places(&new, map);
            for (member, place) in places(&old, before) {
                let stays = now.get(&member) == Some(&place);
                prop_assert!(stays || is_dangerous, "{}.value.{}: {:#?}", name, member, changes);
            }
        }
    }
}

/// Returns the positions of the members of a value that is a struct, by their names. A position
/// consists of the first bit and the number of bits. The result contains neither padding nor arrays
/// without elements.
fn places(checked: &Checked, map: &MapDecl) -> BTreeMap<String, (u64, u64)> {
    let Some(KeyValue::Type(ty)) = &map.value else { return BTreeMap::new() };
    let Type::Named(name) = &ty.value else { return BTreeMap::new() };
    let (Some(def), Some(layout)) =
        (checked.resolved().type_def(name), checked.layouts().composite(name))
    else {
        return BTreeMap::new();
    };
    let TypeDefKind::Struct(body) = &def.kind else { return BTreeMap::new() };
    let members = body.members.iter().zip(&layout.members).filter(|(_, place)| place.bits > 0);
    let named = members.filter_map(|(member, place)| {
        let name = member.name.as_ref()?.value.clone();
        (!name.starts_with("_pad")).then_some((name, (place.bit_offset, place.bits)))
    });
    named.collect()
}

/// Returns a schema in TOML that uses the types of a recipe as the values of maps.
fn with_maps(recipe: &recipe::Recipe, seed: u64) -> String {
    let schema = schema(&[(seed, recipe.clone())]);
    let mut text = print::toml::print(&schema);
    for (index, def) in schema.types.iter().enumerate() {
        writeln!(
            text,
            "[maps.map{index}]\ntype = \"hash\"\nkey = \"u32\"\nvalue = \"{}\"\nmax_entries = 1",
            def.name.value
        )
        .unwrap();
    }
    text
}

fn of_text(text: &str) -> Checked {
    check(toml::read_str(Path::new("schema.toml"), text))
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

impl Pair {
    fn checked(&self) -> [Checked; 2] {
        let [old, new] = &self.schemas;
        [("old.toml", old), ("new.toml", new)].map(|(path, text)| {
            check(toml::read_str(Path::new(path), text)).unwrap_or_else(|error| panic!("{error}"))
        })
    }
}
