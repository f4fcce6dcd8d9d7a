//! Reads schemas and shows what is wrong with them; `bpfmap check`.

use std::path::Path;

use bpfmap_codegen::check::Checked;
use bpfmap_codegen::diagnostics::{Finding, Rejected, Severity, render, to_json_line};
use bpfmap_codegen::front::toml::read_file;
use bpfmap_codegen::source::SourceMap;
use clap::ArgMatches;

use super::{Failed, Outcome, complain, paths, print, style, word};

/// `bpfmap check`.
pub(super) fn check(matches: &ArgMatches) -> Outcome {
    read(matches).map(|_| ())
}

/// Reads and checks the schemas that the command line names, and shows all that was found in any
/// of them. `None` of them is returned if one can't be used.
pub(super) fn read(matches: &ArgMatches) -> Result<Vec<Checked>, Failed> {
    let mut findings = Findings {
        json: matches.try_get_one::<String>("message-format").is_ok()
            && word(matches, "message-format") == "json",
        ..Findings::default()
    };
    let checked = paths(matches, "schemas").filter_map(|path| findings.read(path)).collect();
    findings.close();
    if findings.errors == 0 { Ok(checked) } else { Err(Failed::Found) }
}

#[derive(Default)]
struct Findings {
    json: bool,
    errors: usize,
    warnings: usize,
    /// A rule that an error was found of.
    example: Option<&'static str>,
}

impl Findings {
    fn read(&mut self, path: &Path) -> Option<Checked> {
        match bpfmap_codegen::check::check(read_file(path)) {
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
        for finding in findings {
            match finding.severity() {
                Severity::Error => self.errors += 1,
                Severity::Warning => self.warnings += 1,
            }
            self.example.get_or_insert(finding.rule.id);
        }
        if self.json {
            let lines = findings.iter().map(|finding| to_json_line(finding, sources) + "\n");
            // Where nobody reads, the exit status still tells.
            let _ = print(&lines.collect::<String>());
        } else {
            complain(&render(findings, sources, style()));
        }
    }

    /// Sums up.
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
