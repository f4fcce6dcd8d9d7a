//! Reads schemas and shows their diagnostics; `bpfmap check`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use bpfmap_codegen::generate::includes;
use bpfmap_schema::check::{Checked, check_with};
use bpfmap_schema::diagnostics::{Finding, Rejected, Severity, render, to_json_line};
use bpfmap_schema::draft::Draft;
use bpfmap_schema::front::read_file_with;
use bpfmap_schema::front::rust::Cfg;
use bpfmap_schema::front::toml::{MAX_FILE_SIZE, read_str};
use bpfmap_schema::ir::Schema;
use bpfmap_schema::rules::UNREADABLE_SOURCE;
use bpfmap_schema::source::{SourceMap, Span};
use bpfmap_schema::taken::{KernelNames, Taken};
use clap::ArgMatches;

use crate::project::Project;
use crate::{
    Failed, Outcome, build, complain, complain_as_is, kernel_btf, paths, print, standard_input,
    style, word,
};

/// `bpfmap check`.
pub(crate) fn check(matches: &ArgMatches) -> Outcome {
    read(matches).map(|_| ())
}

/// Returns the paths of the schemas that the command line names, or else of those of the project.
pub(crate) fn given(matches: &ArgMatches) -> Result<Vec<PathBuf>, Failed> {
    let named: Vec<PathBuf> = paths(matches, "schemas").cloned().collect();
    if named.is_empty() {
        return Ok(Project::needed("no schema was given")?.schemas);
    }
    Ok(named)
}

/// Reads and checks the schemas that the command line names, and shows the diagnostics of all of
/// them. Fails if any of them can't be used.
pub(crate) fn read(matches: &ArgMatches) -> Result<Vec<Checked>, Failed> {
    let mut findings = Findings::new(matches);
    findings.kernel = kernel_btf::names(matches)?;
    let checked = given(matches)?.iter().filter_map(|path| findings.read(path)).collect();
    findings.close();
    if findings.errors == 0 { Ok(checked) } else { Err(Failed::Found) }
}

/// The schemas that files are generated from.
pub(crate) struct Run {
    /// The schemas that the command line names.
    pub(crate) roots: Vec<Checked>,
    /// The other schemas, which these include.
    pub(crate) includes: Vec<Checked>,
}

/// Reads and checks the schemas that the command line names, and each schema that they include as a
/// schema of its own. Shows the diagnostics of all of them.
pub(crate) fn read_with_includes(matches: &ArgMatches) -> Result<Run, Failed> {
    let mut findings = Findings::new(matches);
    findings.kernel = kernel_btf::names(matches)?;
    let roots: Vec<Checked> =
        given(matches)?.iter().filter_map(|path| findings.read(path)).collect();
    let paths = includes(&roots);
    let includes = paths.iter().filter_map(|path| findings.read(path)).collect();
    findings.close();
    if findings.errors == 0 { Ok(Run { roots, includes }) } else { Err(Failed::Found) }
}

/// Reads and checks the schema in `path`, and shows its diagnostics. The schema is returned as it
/// was written, without the defaults that the check adds.
pub(crate) fn read_as_written(matches: &ArgMatches, path: &Path) -> Result<Schema, Failed> {
    let mut findings = Findings::new(matches);
    let draft = draft(path, &build(matches));
    let schema = draft.schema.clone();
    let checked = findings.check(draft);
    findings.close();
    checked.map(|_| schema).ok_or(Failed::Found)
}

/// Reads and checks the schema in `path`, and shows its diagnostics.
pub(crate) fn read_one(matches: &ArgMatches, path: &Path) -> Result<Checked, Failed> {
    let mut findings = Findings::new(matches);
    let checked = findings.read(path);
    findings.close();
    checked.ok_or(Failed::Found)
}

/// Reads and checks two schemas, and shows the diagnostics of both.
pub(crate) fn read_two(
    matches: &ArgMatches,
    one: &Path,
    other: &Path,
) -> Result<(Checked, Checked), Failed> {
    let mut findings = Findings::new(matches);
    let read = (findings.read(one), findings.read(other));
    findings.close();
    read.0.zip(read.1).ok_or(Failed::Found)
}

/// Shows diagnostics that do not come from reading a schema.
pub(crate) fn show_findings(matches: &ArgMatches, found: &[Finding], sources: &SourceMap) {
    let mut findings = Findings::new(matches);
    findings.show(found, sources);
    findings.close();
}

/// Reads the schema in `path`. For `-`, it is read as TOML from standard input, and its includes
/// are relative to the current directory.
pub(crate) fn draft(path: &Path, cfg: &Cfg) -> Draft {
    if !standard_input::is_meant(path) {
        return read_file_with(path, cfg);
    }
    let path = Path::new(standard_input::NAME);
    match standard_input::read_text(MAX_FILE_SIZE) {
        Ok(text) => read_str(path, &text),
        Err(error) => unreadable(path, &error.to_string()),
    }
}

fn unreadable(path: &Path, why: &str) -> Draft {
    let mut draft = Draft::default();
    draft.schema.sources.add(path, "");
    draft.findings.push(
        Finding::new(&UNREADABLE_SOURCE, Span::NONE, format!("can't read standard input: {why}"))
            .help("pass a schema in TOML on standard input, or name a file"),
    );
    draft
}

#[derive(Default)]
struct Findings {
    json: bool,
    /// The known facts about the build.
    cfg: Cfg,
    errors: usize,
    warnings: usize,
    /// The rule of one of the errors.
    example: Option<&'static str>,
    /// The kernel whose names are reserved, instead of those of all kernels.
    kernel: Option<KernelNames>,
    /// The diagnostics that were shown. A schema that several others include is read once for each
    /// of them.
    shown: HashSet<Shown>,
}

/// A diagnostic: its rule, the file, the position in it, and the message.
type Shown = (&'static str, Option<PathBuf>, usize, String);

impl Findings {
    fn new(matches: &ArgMatches) -> Self {
        let json = matches.try_get_one::<String>("message-format").is_ok()
            && word(matches, "message-format") == "json";
        Self { json, cfg: build(matches), ..Self::default() }
    }

    fn read(&mut self, path: &Path) -> Option<Checked> {
        self.check(draft(path, &self.cfg))
    }

    fn check(&mut self, draft: Draft) -> Option<Checked> {
        let taken = self.kernel.as_ref().map(Taken::by_kernel).unwrap_or_default();
        match check_with(draft, taken) {
            Ok(checked) => {
                self.show(checked.warnings(), &checked.schema().sources);
                Some(checked)
            }
            Err(Rejected { findings, sources }) => {
                self.show(&findings, &sources);
                None
            }
        }
    }

    fn show(&mut self, findings: &[Finding], sources: &SourceMap) {
        let is_new = |finding: &&Finding| {
            let Finding { rule, place, message, .. } = finding;
            let path = place.span.source.map(|id| sources.get(id).path.clone());
            self.shown.insert((rule.id, path, place.span.start, message.clone()))
        };
        let findings: Vec<Finding> = findings.iter().filter(is_new).cloned().collect();
        for finding in &findings {
            match finding.severity() {
                Severity::Error => self.errors += 1,
                Severity::Warning => self.warnings += 1,
            }
            self.example.get_or_insert(finding.rule.id);
        }
        if self.json {
            let lines = findings.iter().map(|finding| to_json_line(finding, sources) + "\n");
            // If the output has no reader any more, the exit status still reports the result.
            let _ = print(&lines.collect::<String>());
        } else {
            complain_as_is(&render(&findings, sources, style()));
        }
    }

    /// Prints the summary.
    fn close(&self) {
        let Some(example) = self.example.filter(|_| !self.json) else { return };
        let count = |number: usize, what: &str| match number {
            0 => None,
            1 => Some(format!("1 {what}")),
            more => Some(format!("{more} {what}s")),
        };
        let counts: Vec<String> = [count(self.errors, "error"), count(self.warnings, "warning")]
            .into_iter()
            .flatten()
            .collect();
        complain(&format!(
            "{}; `bpfmap explain RULE` says more, as in `bpfmap explain {example}`\n",
            counts.join(" and ")
        ));
    }
}
