//! `bpfmap diff`.

use std::path::{Path, PathBuf};

use bpfmap_codegen::evolve::{Change, Class, Format, Rule, diff, report};
use bpfmap_schema::check::{Checked, check};
use bpfmap_schema::diagnostics::{printable, render};
use bpfmap_schema::draft::Draft;
use bpfmap_schema::front::read_file_with;
use bpfmap_schema::front::rust::Cfg;
use clap::{ArgAction, Args};

use crate::options::{BuildOptions, one_of};
use crate::project::Project;
use crate::revision::Revision;
use crate::{Failed, Outcome, complain, complain_as_is, manual, print, schemas, style};

const USAGE: &str = "\
bpfmap diff [OPTIONS] <OLD> <NEW>
       bpfmap diff [OPTIONS] <NEW> --against <REV>
       bpfmap diff [OPTIONS] [--against <REV>]";

/// The long description of the command. If this text were the documentation comment of
/// [`DiffOptions`], clap would use its first paragraph as the short description.
const ABOUT: &str = "\
Show what a changed schema means for pinned maps. A change can be safe for a live pin, it can need a new pin \
because libbpf or bpfmap refuses the old pin, or it can make programs silently read wrong data.";

/// Show what a changed schema means for pinned maps
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_long_help = manual::DIFF, override_usage = USAGE)]
pub(crate) struct DiffOptions {
    /// The older schema, in TOML or in Rust with the derives; the default is to compare the schemas
    /// of bpfmap.toml with an older revision
    #[arg(requires = "newer")]
    old: Option<PathBuf>,
    /// The newer schema
    #[arg(group = "newer")]
    new: Option<PathBuf>,
    /// Compare with the schema in this git revision, such as main, v1.2 or HEAD~3; if no schema is
    /// given, the default is `against` of bpfmap.toml, or HEAD
    #[arg(long, value_name = "REV", group = "newer")]
    against: Option<String>,
    /// Lines of text, one JSON object, or workflow commands for GitHub
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = one_of(&Format::ALL))]
    format: Format,
    /// Exit with status 1 for changes of these classes (safe, new-pin, wrong-data) or rules, or
    /// `none`
    #[arg(long, value_name = "WHAT", value_delimiter = ',', action = ArgAction::Set)]
    #[arg(default_value = "new-pin,wrong-data")]
    fail_on: Vec<String>,
    #[command(flatten)]
    build: BuildOptions,
}

pub(crate) fn run(options: &DiffOptions) -> Outcome {
    let fail_on = FailOn::read(&options.fail_on)?;
    let mut is_found = false;
    for (old, new) in &pairs(options)? {
        let changes = diff(old, new).map_err(|error| cannot(&error.to_string()))?;
        let fails = |change: &Change| fail_on.names(change);
        // If the output has no reader any more, the exit status still reports the result.
        let _ = print(&printable(&report(&changes, (old, new), options.format, fails)));
        is_found |= changes.iter().any(fails);
    }
    if is_found { Err(Failed::Found) } else { Ok(()) }
}

/// Returns the pairs of schemas to compare. The first schema of each pair is the older schema.
fn pairs(options: &DiffOptions) -> Result<Vec<(Checked, Checked)>, Failed> {
    let cfg = options.build.facts();
    let revision = options.against.as_ref();
    match (&options.old, &options.new) {
        (Some(old), Some(new)) => {
            let read = |path: &Path| usable(schemas::draft(path, &cfg));
            Ok(vec![(read(old)?, read(new)?)])
        }
        (Some(schema), None) => {
            let revision = revision.map_or("HEAD", String::as_str);
            let pair = with_revision(schema, revision, &cfg)?.ok_or_else(|| {
                let schema = schema.display();
                cannot(&format!("there is no `{schema}` in the revision `{revision}`"))
            })?;
            Ok(vec![pair])
        }
        (None, _) => {
            let project = Project::needed("no schema was given")?;
            let revision = revision.or(project.against.as_ref()).map_or("HEAD", String::as_str);
            let pairs = project.schemas.iter().map(|path| with_revision(path, revision, &cfg));
            // A schema that does not exist in the revision cannot become incompatible.
            pairs.filter_map(Result::transpose).collect()
        }
    }
}

/// Returns the schema at `path` in a revision and the current schema at `path`, or `None` if the
/// revision does not contain the schema.
fn with_revision(
    path: &Path,
    revision: &str,
    cfg: &Cfg,
) -> Result<Option<(Checked, Checked)>, Failed> {
    let new = usable(read_file_with(path, cfg))?;
    let revision = Revision::check_out(revision, path).map_err(|error| cannot(&error))?;
    let Some(revision) = revision else { return Ok(None) };
    let mut draft = read_file_with(revision.path(), cfg);
    draft.schema.sources.rename(|path| revision.shown(path));
    Ok(Some((usable(draft)?, new)))
}

/// Returns a schema without errors. Does not show warnings, because `bpfmap check` shows them.
fn usable(draft: Draft) -> Result<Checked, Failed> {
    check(draft).map_err(|rejected| {
        complain_as_is(&render(&rejected.findings, &rejected.sources, style()));
        cannot("correct these errors, and compare the schemas again")
    })
}

fn cannot(error: &str) -> Failed {
    complain(&format!("error: {error}\n"));
    Failed::Usage
}

/// The changes for which the command exits with status 1.
struct FailOn {
    classes: Vec<Class>,
    rules: Vec<&'static Rule>,
}

impl FailOn {
    fn read(words: &[String]) -> Result<Self, Failed> {
        let mut fail_on = Self { classes: vec![], rules: vec![] };
        for word in words {
            let class = Class::ALL.into_iter().find(|class| class.name() == word);
            match (class, Rule::by_id(word)) {
                (Some(class), _) => fail_on.classes.push(class),
                (None, Some(rule)) => fail_on.rules.push(rule),
                (None, None) if word == "none" => {}
                (None, None) => {
                    let classes = Class::ALL.map(Class::name).join(", ");
                    return Err(cannot(&format!(
                        "unknown class or rule `{word}` (the classes are {classes}); `bpfmap explain` lists the rules"
                    )));
                }
            }
        }
        Ok(fail_on)
    }

    fn names(&self, change: &Change) -> bool {
        self.classes.contains(&change.class) || self.rules.contains(&change.rule)
    }
}
