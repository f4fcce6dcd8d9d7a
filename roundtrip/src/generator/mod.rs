//! Random schemas that satisfy every rule.
//!
//! The properties of a map type are read from the facts table, but the check decides. Parts that it
//! rejects are counted by rule, and generated again.

mod kernel_fields;
mod maps;
#[path = "../../../bpfmap-schema/tests/support/recipe.rs"]
mod recipe;
mod types;
#[path = "../../../bpfmap-schema/tests/support/words.rs"]
mod words;

use std::collections::{BTreeMap, HashSet};

use bpfmap_core::KernelVersion;
use bpfmap_core::SpecialField;
use bpfmap_core::map_type::MAP_TYPES;
use bpfmap_schema::check::check;
use bpfmap_schema::diagnostics::{Finding, Severity};
use bpfmap_schema::ir::Schema;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use words::Random;

/// The parts that the generator created, and those that the check rejected.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// The number of accepted types and maps.
    pub(crate) kept: usize,
    /// The number of rejected parts, by the first rule that each of them violated.
    pub(crate) refused: BTreeMap<&'static str, usize>,
    /// The number of occurrences of each feature of a schema: `hash`, `hash.no_prealloc`,
    /// `bpf_timer`.
    pub(crate) covered: BTreeMap<String, usize>,
}

/// The maximum number of attempts to generate a part. After that, the schema is generated without
/// it.
const ATTEMPTS: usize = 30;

/// Returns the random schema with this number, which is always the same.
pub(crate) fn schema(seed: u64, tally: &mut Tally) -> Schema {
    // Without this, consecutive numbers would result in similar random numbers.
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xd1b5_4a32_d192_ed03);
    let random = &mut random;
    let mut schema = Schema::default();
    for attempt in 0..ATTEMPTS {
        schema = recipe::schema(&[(0, recipe(seed + ((attempt as u64) << 40)))]);
        schema.name = random.pick(words::NAMES).to_owned().into();
        schema.doc = words::doc(random);
        types::decorate(&mut schema, random);
        if kept(&schema, tally) {
            break;
        }
    }
    schema.min_kernel = random.sometimes(20, |_| KernelVersion::new(5, 10).into());
    let mut taken: HashSet<String> = HashSet::new();
    for number in 0..=random.below(3) {
        for _ in 0..ATTEMPTS {
            let mut candidate = schema.clone();
            // The first maps of consecutive schemas go through all map types, and through all flags
            // of each.
            let round = usize::try_from(seed).unwrap_or_default();
            let (row, flag) = if number == 0 {
                (&MAP_TYPES[round % MAP_TYPES.len()], Some(round / MAP_TYPES.len()))
            } else {
                (&MAP_TYPES[random.below(MAP_TYPES.len())], None)
            };
            let name = words::name(random, &mut taken.clone());
            maps::add(&mut candidate, row, name.clone(), flag, random);
            if kept(&candidate, tally) {
                taken.insert(name);
                schema = candidate;
                break;
            }
        }
    }
    maps::cover(&schema, tally);
    schema
}

fn recipe(seed: u64) -> recipe::Recipe {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    recipe::recipes().new_tree(&mut runner).expect("no recipe is ever rejected").current()
}

/// Returns whether the check accepts the schema.
fn kept(schema: &Schema, tally: &mut Tally) -> bool {
    match check(schema.clone()) {
        Ok(_) => {
            tally.kept += 1;
            true
        }
        Err(rejected) => {
            let is_error = |finding: &&Finding| finding.severity() == Severity::Error;
            let rule =
                rejected.findings.iter().find(is_error).map_or("none", |first| first.rule.id);
            *tally.refused.entry(rule).or_default() += 1;
            false
        }
    }
}

/// This number of schemas contains every feature.
const ENOUGH: u64 = 300;

/// The maximum share of the generated parts that the check may reject.
const MOST_REFUSED: f64 = 0.5;

impl Tally {
    /// Prints the rejected parts.
    pub(crate) fn print(&self, verbose: bool) {
        let refused: usize = self.refused.values().sum();
        println!("\nthe check took {} parts and refused {refused}:", self.kept);
        for (rule, count) in &self.refused {
            println!("{count:6} {rule}");
        }
        if verbose {
            println!("\n{:#?}", self.covered);
        }
    }

    /// Checks that the generator is still effective.
    ///
    /// # Errors
    ///
    /// Fails if too many parts are rejected, or if some feature does not occur in any schema.
    pub(crate) fn verdict(&self, schemas: u64) -> Result<(), String> {
        if schemas < ENOUGH {
            return Ok(());
        }
        let refused: usize = self.refused.values().sum();
        #[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
        if refused as f64 > (refused + self.kept) as f64 * MOST_REFUSED {
            return Err("the check refuses more than half of what the generator makes".to_owned());
        }
        let flags = MAP_TYPES.iter().flat_map(|row| {
            let flags = row.flags.iter().map(|(flag, _)| format!("{}.{flag}", row.name));
            flags.chain([row.name.to_owned()])
        });
        let fields = SpecialField::ALL.iter().map(|field| field.name().to_owned());
        let missing: Vec<String> =
            flags.chain(fields).filter(|what| !self.covered.contains_key(what)).collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(format!("no schema has {}", missing.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_each_day_has_everything() {
        let mut tally = Tally::default();
        for seed in 1..=ENOUGH {
            schema(seed, &mut tally);
        }
        assert_eq!(tally.verdict(ENOUGH), Ok(()), "{tally:?}");
    }

    #[test]
    fn a_number_makes_the_same_schema_each_time() {
        let text = |seed| bpfmap_schema::print::toml::print(&schema(seed, &mut Tally::default()));
        assert_eq!(text(17), text(17));
        assert_ne!(text(17), text(18));
    }
}
