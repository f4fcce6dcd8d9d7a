//! Reads schemas and shows their diagnostics. Contains the command `bpfmap check`.

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
use clap::Args;

use crate::options::{
    BuildOptions, DiagnosticOptions, KernelBtfOption, MessageFormat, SchemasOption,
};
use crate::project::Project;
use crate::{
    Failed, Outcome, complain, complain_as_is, kernel_btf, manual, print, standard_input, style,
};

/// Check schemas
#[derive(Debug, Args)]
#[command(after_long_help = manual::CHECK)]
pub(crate) struct CheckOptions {
    #[command(flatten)]
    schemas: SchemasOption,
    #[command(flatten)]
    kernel: KernelBtfOption,
    #[command(flatten)]
    build: BuildOptions,
    #[command(flatten)]
    diagnostics: DiagnosticOptions,
}

/// `bpfmap check`.
pub(crate) fn check(options: &CheckOptions) -> Outcome {
    let findings = Findings::new(&options.build, options.diagnostics.message_format);
    let findings = findings.with_kernel(options.kernel.kernel_btf.as_deref())?;
    read(&options.schemas.schemas, findings).map(|_| ())
}

/// Returns the paths of the schemas on the command line. If there are none, returns the paths of
/// the project's schemas.
pub(crate) fn given(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failed> {
    if named.is_empty() {
        return Ok(Project::needed("no schema was given")?.schemas);
    }
    Ok(named.to_vec())
}

/// Reads and checks the schemas on the command line, and shows all diagnostics. Fails if any schema
/// can't be used.
pub(crate) fn read(named: &[PathBuf], mut findings: Findings) -> Result<Vec<Checked>, Failed> {
    let checked = given(named)?.iter().filter_map(|path| findings.read(path)).collect();
    findings.close();
    if findings.errors == 0 { Ok(checked) } else { Err(Failed::Found) }
}

/// The schemas from which files are generated.
pub(crate) struct Inputs {
    /// The schemas on the command line.
    pub(crate) roots: Vec<Checked>,
    /// The other schemas, which the schemas on the command line include.
    pub(crate) includes: Vec<Checked>,
}

/// Reads and checks the schemas on the command line, and shows all diagnostics. Does the same with
/// each included schema, as if it were on the command line.
pub(crate) fn read_with_includes(
    named: &[PathBuf],
    mut findings: Findings,
) -> Result<Inputs, Failed> {
    let roots: Vec<Checked> = given(named)?.iter().filter_map(|path| findings.read(path)).collect();
    let paths = includes(&roots);
    let includes = paths.iter().filter_map(|path| findings.read(path)).collect();
    findings.close();
    if findings.errors == 0 { Ok(Inputs { roots, includes }) } else { Err(Failed::Found) }
}

/// Reads and checks the schema in `path`, and shows its diagnostics. The schema is returned as it
/// was written, without the defaults that the check adds.
pub(crate) fn read_as_written(path: &Path, mut findings: Findings) -> Result<Schema, Failed> {
    let draft = draft(path, &findings.cfg);
    let schema = draft.schema.clone();
    let checked = findings.check(draft);
    findings.close();
    checked.map(|_| schema).ok_or(Failed::Found)
}

/// Reads and checks the schema in `path`, and shows its diagnostics.
pub(crate) fn read_one(path: &Path, mut findings: Findings) -> Result<Checked, Failed> {
    let checked = findings.read(path);
    findings.close();
    checked.ok_or(Failed::Found)
}

/// Reads and checks two schemas, and shows the diagnostics of both.
pub(crate) fn read_two(
    one: &Path,
    other: &Path,
    mut findings: Findings,
) -> Result<(Checked, Checked), Failed> {
    let read = (findings.read(one), findings.read(other));
    findings.close();
    read.0.zip(read.1).ok_or(Failed::Found)
}

/// Shows diagnostics that do not come from reading a schema.
pub(crate) fn show_findings(format: MessageFormat, found: &[Finding], sources: &SourceMap) {
    let mut findings = Findings { format, ..Findings::default() };
    findings.show(found, sources);
    findings.close();
}

/// Reads the schema in `path`. If `path` is `-`, reads a schema in TOML from standard input. The
/// paths of its includes are then relative to the current directory.
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
            .help("write a schema in TOML to standard input, or give the path of a file"),
    );
    draft
}

/// The settings for reading schemas, and a record of the diagnostics that have been found.
#[derive(Default)]
pub(crate) struct Findings {
    format: MessageFormat,
    /// The known facts about the build.
    cfg: Cfg,
    errors: usize,
    warnings: usize,
    /// The rule of one of the errors, which the summary uses as an example.
    example: Option<&'static str>,
    /// The names that the kernel given with `--kernel-btf` uses. If this field is set, only these
    /// names are reserved. Otherwise, the names of all known kernels are reserved.
    kernel: Option<KernelNames>,
    /// The diagnostics that have already been shown. If several schemas include the same schema,
    /// bpfmap reads that schema several times, but shows its diagnostics only once.
    shown: HashSet<Shown>,
}

/// The identity of a diagnostic: the rule, the file, the position in the file, and the message.
type Shown = (&'static str, Option<PathBuf>, usize, String);

impl Findings {
    /// Returns a value with the settings of this build and without diagnostics.
    pub(crate) fn new(build: &BuildOptions, format: MessageFormat) -> Self {
        Self { format, cfg: build.facts(), ..Self::default() }
    }

    /// Reserves the names that a kernel uses, if a file with the BTF of this kernel is given.
    pub(crate) fn with_kernel(self, btf: Option<&Path>) -> Result<Self, Failed> {
        Ok(Self { kernel: btf.map(kernel_btf::names).transpose()?, ..self })
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
        if self.format == MessageFormat::Json {
            let lines = findings.iter().map(|finding| to_json_line(finding, sources) + "\n");
            // If the reader of the output is gone, the error is ignored, because the exit status
            // still reports the result.
            let _ = print(&lines.collect::<String>());
        } else {
            complain_as_is(&render(&findings, sources, style()));
        }
    }

    /// Prints the summary of all diagnostics.
    fn close(&self) {
        let Some(example) = self.example.filter(|_| self.format == MessageFormat::Human) else {
            return;
        };
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
            "{}; for details, run `bpfmap explain RULE`, for example `bpfmap explain {example}`\n",
            counts.join(" and ")
        ));
    }
}
