//! Generates random schemas that break no rule.
//!
//! The generator reads the properties of a map type from the table of facts. It uses `bpfmap`'s own
//! check of schemas to decide whether a part is valid. If the check rejects a part, the generator
//! counts the broken rule and generates another part.

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

/// Counts the parts of schemas that the check has accepted and rejected.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// The number of accepted types and maps.
    pub(crate) kept: usize,
    /// The number of rejected parts for each rule. If a part breaks several rules, only the first
    /// rule is counted.
    pub(crate) refused: BTreeMap<&'static str, usize>,
    /// The number of occurrences of each feature of a schema, such as `hash`, `hash.no_prealloc` or
    /// `bpf_timer`.
    pub(crate) covered: BTreeMap<String, usize>,
}

/// The maximum number of attempts to generate a part. If all attempts fail, the part is left out of
/// the schema.
const ATTEMPTS: usize = 30;

/// Returns the random schema for this seed. The same seed always results in the same schema.
pub(crate) fn schema(seed: u64, tally: &mut Tally) -> Schema {
    // The seed is hashed, because consecutive seeds would otherwise result in similar random
    // numbers.
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
            // The first maps of consecutive schemas have all map types in turn, and all flags of
            // each map type.
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
    recipe::recipes().new_tree(&mut runner).expect("the strategy rejects no recipe").current()
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

/// A number of schemas that is large enough to contain every feature.
const ENOUGH: u64 = 300;

/// The maximum share of the generated parts that the check may reject.
const MOST_REFUSED: f64 = 0.5;

impl Tally {
    /// Prints the rejected parts.
    pub(crate) fn print(&self, verbose: bool) {
        let refused: usize = self.refused.values().sum();
        println!("\nthe check accepted {} parts and rejected {refused}:", self.kept);
        for (rule, count) in &self.refused {
            println!("{count:6} {rule}");
        }
        if verbose {
            println!("\n{:#?}", self.covered);
        }
    }

    /// Checks that the generated schemas are still useful as tests.
    ///
    /// # Errors
    ///
    /// Fails if the check has rejected too many parts, or if a feature does not occur in any
    /// schema.
    pub(crate) fn verdict(&self, schemas: u64) -> Result<(), String> {
        if schemas < ENOUGH {
            return Ok(());
        }
        let refused: usize = self.refused.values().sum();
        #[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
        if refused as f64 > (refused + self.kept) as f64 * MOST_REFUSED {
            return Err("the check rejects more than half of the generated parts".to_owned());
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
            Err(format!("no schema contains {}", missing.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_number_of_schemas_contains_every_feature() {
        let mut tally = Tally::default();
        for seed in 1..=ENOUGH {
            schema(seed, &mut tally);
        }
        assert_eq!(tally.verdict(ENOUGH), Ok(()), "{tally:?}");
    }

    #[test]
    fn the_same_seed_results_in_the_same_schema() {
        let text = |seed| bpfmap_schema::print::toml::print(&schema(seed, &mut Tally::default()));
        assert_eq!(text(17), text(17));
        assert_ne!(text(17), text(18));
    }
}
