//! Schemas in TOML that break rules: the examples of the explanations, and `tests/rules/`.

use std::fs;
use std::path::Path;

use bpfmap_schema::rules::ALL;

/// A schema that breaks a rule.
pub(crate) struct BrokenSchema {
    /// The rule, or `RULE__CASE`.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Returns all there are, in the order of their names. `schema` is the folder of the crate
/// bpfmap-schema.
pub(crate) fn cases(schema: &Path) -> Vec<BrokenSchema> {
    let examples = ALL.iter().filter_map(|rule| {
        let (_, wrong) = rule.explanation.split_once("Wrong:\n\n```toml\n")?;
        let (text, _) = wrong.split_once("```")?;
        // What includes another file can't be read from its text.
        (!rule.explanation.contains("\nIn `"))
            .then(|| BrokenSchema { name: rule.id.to_owned(), text: text.to_owned() })
    });
    let files = fs::read_dir(schema.join("tests/rules")).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name()?.to_str()?.strip_suffix(".toml")?.to_owned();
        Some(BrokenSchema { name, text: fs::read_to_string(&path).unwrap() })
    });
    let mut cases: Vec<BrokenSchema> = examples.chain(files).collect();
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    cases
}
