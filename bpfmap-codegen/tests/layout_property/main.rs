//! Tests the layouts of random schemas. Four layouts must be equal: the layout of the layout
//! engine, the layout that clang computes for the types as an author would write them in C, the
//! layout that clang computes for the generated header, and the layout that rustc computes for the
//! generated module. The layouts of clang come from BTF. The layout of rustc includes the bytes
//! that accessors read and write. The compilers of applications also check the assertions in the
//! header, in C and in C++.
//!
//! `BPFMAP_LAYOUT_CASES` sets the number of schemas, and `BPFMAP_LAYOUT_SEED` selects the schemas.

#[path = "../../../bpfmap-schema/tests/support/mod.rs"]
mod support;

mod c;
#[path = "../../../bpfmap-schema/tests/support/recipe.rs"]
mod recipe;
mod rust;
#[path = "../support/user_space.rs"]
mod user_space;

use std::{env, thread};

use bpfmap_schema::check::{Checked, check};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use recipe::Recipe;

const CASES: u64 = 2000;
const SEED: u64 = 1;

/// The number of schemas that are compiled together.
const BATCH: usize = 500;

/// The maximum number of steps that shrink a schema that fails. Each step compiles the schema
/// again.
const SHRINKING_STEPS: u32 = 60;

#[test]
fn layouts_agree_with_clang_and_rustc() {
    let cases = number("BPFMAP_LAYOUT_CASES", CASES);
    let seed = number("BPFMAP_LAYOUT_SEED", SEED);
    let recipes: Vec<(u64, Recipe)> =
        (seed..seed + cases).map(|seed| (seed, tree(seed).current())).collect();
    for batch in recipes.chunks(BATCH) {
        if let Some((seed, _)) = first_failure(batch) {
            let (recipe, why) = shrink(seed);
            let schema = recipe::schema(&[(seed, recipe)]);
            let types = match check(schema) {
                Ok(checked) => c::by_hand(&checked),
                Err(rejected) => format!("{:#?}", rejected.findings),
            };
            panic!(
                "{why}\n\nof the types\n\n{types}\nRun it alone: \
                 BPFMAP_LAYOUT_SEED={seed} BPFMAP_LAYOUT_CASES=1"
            );
        }
    }
}

fn number(variable: &str, default: u64) -> u64 {
    match env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")),
        Err(_) => default,
    }
}

fn tree(seed: u64) -> impl ValueTree<Value = Recipe> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    recipe::recipes().new_tree(&mut runner).expect("no recipe is ever rejected")
}

/// Returns the first of `batch` that fails on its own, if the batch fails.
fn first_failure(batch: &[(u64, Recipe)]) -> Option<(u64, String)> {
    let why = disagreement(batch)?;
    if let [(seed, _)] = batch {
        return Some((*seed, why));
    }
    let (left, right) = batch.split_at(batch.len() / 2);
    let found = first_failure(left).or_else(|| first_failure(right));
    Some(found.unwrap_or_else(|| panic!("only together: {why}")))
}

fn shrink(seed: u64) -> (Recipe, String) {
    let mut tree = tree(seed);
    let mut smallest = tree.current();
    let mut why = disagreement(&[(seed, smallest.clone())]).expect("it failed before");
    let mut simpler = tree.simplify();
    for _ in 0..SHRINKING_STEPS {
        if !simpler {
            break;
        }
        let candidate = tree.current();
        simpler = match disagreement(&[(seed, candidate.clone())]) {
            Some(reason) => {
                (smallest, why) = (candidate, reason);
                tree.simplify()
            }
            None => tree.complicate(),
        };
    }
    (smallest, why)
}

/// Returns a description of the difference between the layouts, or `None` if they are equal.
fn disagreement(batch: &[(u64, Recipe)]) -> Option<String> {
    let schema = recipe::schema(batch);
    let checked = match check(schema) {
        Ok(checked) => checked,
        Err(rejected) => return Some(format!("the check refuses it: {:#?}", rejected.findings)),
    };
    thread::scope(|scope| {
        let clangs = scope.spawn(|| c::compare(&checked));
        let rustcs = rust::compare(&checked);
        clangs.join().expect("comparing does not panic").and(rustcs).err()
    })
}

/// Returns whether a member is a bit-field without a name. Such members are not compared.
fn is_unnamed_bit_field(member: &bpfmap_schema::ir::Member) -> bool {
    member.bits.is_some() && member.name.is_none()
}

/// Returns the composites of a schema with their layouts.
fn composites(
    checked: &Checked,
) -> impl Iterator<
    Item = (
        &bpfmap_schema::ir::TypeDef,
        &bpfmap_schema::ir::Composite,
        &bpfmap_schema::layout::CompositeLayout,
    ),
> {
    use bpfmap_schema::ir::TypeDefKind::{Struct, Union};
    checked.schema().types.iter().filter_map(|def| match &def.kind {
        Struct(body) | Union(body) => {
            Some((def, body, checked.layouts().composite(&def.name.value)?))
        }
        _ => None,
    })
}
