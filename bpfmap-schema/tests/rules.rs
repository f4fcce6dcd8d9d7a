//! Every rule: the examples of its explanation, and more cases of `tests/rules/`.
//!
//! What is wrong breaks that rule and no other, what is right breaks none, and the message is the
//! one in the snapshot. After a change: `INSTA_UPDATE=always cargo test -p bpfmap-codegen --test
//! rules`, and read the difference.

use std::fs;
use std::path::Path;

use bpfmap_schema::check::check;
use bpfmap_schema::diagnostics::{Finding, Rejected, Style, render};
use bpfmap_schema::front::{self, toml::read_str};
use bpfmap_schema::ir::{KeyValue, MapDecl, Schema, Type};
use bpfmap_schema::rules::{ALL, Rule};
use bpfmap_schema::source::{SourceMap, Span};

/// Rules that no single TOML schema of a few lines can break; their own tests are below. Those of the
/// importer are in `tests/import`.
const WITHOUT_EXAMPLE: &[&str] = &["duplicate-map", "too-many-findings"];

#[test]
fn examples_of_the_explanations() {
    for rule in ALL {
        let Example { files, wrong, right, language } = Example::of(rule);
        if WITHOUT_EXAMPLE.contains(&rule.id) || rule.id.starts_with("import-") {
            assert_eq!((wrong, right), (None, None), "{}", rule.id);
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let schema = folder.path().join(format!("{}.{language}", rule.id));
        fs::write(&schema, wrong.unwrap_or_else(|| panic!("{} has no example", rule.id))).unwrap();
        assert_breaks(rule.id, &schema);

        fs::write(&schema, right.unwrap_or_else(|| panic!("{} has no right way", rule.id)))
            .unwrap();
        let (findings, sources) = findings(&schema);
        let text = render(&findings, &sources, Style::Plain);
        assert!(findings.is_empty(), "what is right about {}:\n{text}", rule.id);
    }
}

/// `tests/rules/RULE__CASE.toml`.
#[test]
fn further_cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules");
    let mut schemas: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    schemas.sort();
    assert!(!schemas.is_empty());
    for schema in schemas {
        let stem = schema.file_stem().unwrap().to_str().unwrap();
        let rule = stem.split("__").next().unwrap();
        assert!(Rule::by_id(rule).is_some(), "{stem}");
        assert_breaks(rule, &schema);
    }
}

#[test]
fn explanations_are_plain_text() {
    for rule in ALL {
        assert!(
            rule.explanation.starts_with(|first: char| first.is_ascii_uppercase() || first == '`'),
            "{}",
            rule.id
        );
        assert!(rule.explanation.lines().all(|line| line.len() <= 200), "{}", rule.id);
        assert!(
            rule.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'),
            "{}",
            rule.id
        );
        let first = ALL.iter().position(|other| other.id == rule.id).unwrap();
        assert!(std::ptr::eq(ALL[first], *rule), "{} stands twice", rule.id);
    }
}

/// Holds that `schema` breaks the rule and no other, and compares the message.
fn assert_breaks(rule: &str, schema: &Path) {
    let (findings, sources) = findings(schema);
    let folder = format!("{}/", schema.parent().unwrap().display());
    let text = render(&findings, &sources, Style::Plain).replace(&folder, "");
    assert!(!findings.is_empty(), "{} breaks no rule", schema.display());
    for finding in &findings {
        assert_eq!(finding.rule.id, rule, "{text}");
        assert!(finding.help.is_some(), "{text}");
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path("rules");
    let name = schema.file_stem().unwrap().to_str().unwrap();
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn findings(schema: &Path) -> (Vec<Finding>, SourceMap) {
    match check(front::read_file(schema)) {
        Ok(checked) => (checked.warnings().to_vec(), checked.schema().sources.clone()),
        Err(Rejected { findings, sources }) => (findings, sources),
    }
}

/// The code blocks of an explanation.
struct Example<'a> {
    files: Vec<(&'a str, String)>,
    wrong: Option<String>,
    right: Option<String>,
    /// How a file in the language of the examples ends.
    language: &'static str,
}

impl<'a> Example<'a> {
    fn of(rule: &'a Rule) -> Self {
        let mut example = Self { files: vec![], wrong: None, right: None, language: "toml" };
        let mut before = "";
        let mut lines = rule.explanation.lines();
        while let Some(line) = lines.next() {
            if line == "```toml" || line == "```rust" {
                example.language = if line == "```rust" { "rs" } else { "toml" };
                let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
                let text = block.join("\n") + "\n";
                match before {
                    "Wrong:" => example.wrong = Some(text),
                    "Right:" => example.right = Some(text),
                    _ => {
                        let name = before.strip_prefix("In `").unwrap().strip_suffix("`:").unwrap();
                        example.files.push((name, text));
                    }
                }
            } else if !line.is_empty() {
                before = line;
            }
        }
        example
    }
}

#[test]
fn maps_that_are_made_in_other_ways_have_names_of_their_own() {
    let map = || MapDecl {
        name: "counters".to_owned().into(),
        doc: None,
        map_type: "array".to_owned().into(),
        key: None,
        value: Some(KeyValue::Type(Type::Bool.into())),
        event: None,
        ops: None,
        max_entries: Some(1.into()),
        flags: vec![],
        pinning: None,
        numa_node: None,
        map_extra: None,
        inner: None,
        values: vec![],
        btf: None,
        set_by_loader: vec![],
        optional: false.into(),
        decl_tags: vec![],
        renamed_from: None,
        span: Span::NONE,
    };
    let schema = |maps| Schema { name: "made".to_owned().into(), maps, ..Schema::default() };
    assert!(check(schema(vec![map()])).is_ok());
    let rejected = check(schema(vec![map(), map()])).unwrap_err();
    let rules: Vec<&str> = rejected.findings.iter().map(|finding| finding.rule.id).collect();
    assert_eq!(rules, ["duplicate-map"]);
    assert_eq!(
        rejected.to_string().lines().next().unwrap(),
        "error[duplicate-map]: there are two maps `counters`"
    );
}

#[test]
fn a_flood_of_findings_is_cut() {
    let members: Vec<String> = (0..600)
        .map(|number| format!("{{ name = \"m{number}\", type = \"nonsense\" }},\n"))
        .collect();
    let members = members.concat();
    let text = format!("[types.flood]\nkind = \"struct\"\nmembers = [\n{members}]\n");
    let Err(rejected) = check(read_str(Path::new("flood.toml"), &text)) else {
        panic!("600 unknown types were taken")
    };
    assert_eq!(rejected.findings.len(), 501);
    let last = rejected.findings.last().unwrap();
    assert_eq!(last.rule.id, "too-many-findings");
    assert_eq!(last.message, "100 more diagnostics are not shown");
}
