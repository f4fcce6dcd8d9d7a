//! Reads and checks the schemas of a builder, and tells Cargo about them.

use std::collections::HashSet;
use std::path::Path;

use bpfmap_schema::check::{Checked, check_with};
use bpfmap_schema::diagnostics::{Finding, Position, Rejected};
#[cfg(feature = "rust")]
use bpfmap_schema::front::rust::Cfg;
use bpfmap_schema::source::SourceMap;
use bpfmap_schema::taken::{KernelNames, Taken};

/// The language of a schema.
#[derive(Debug, Clone, Copy)]
pub(super) enum Language {
    #[cfg(feature = "toml")]
    Toml,
    #[cfg(feature = "rust")]
    Rust,
}

#[cfg(feature = "migrations")]
impl Language {
    /// Returns the language of the older version of a schema. The extension of `path` determines
    /// the language. For any other extension, the function returns the language of the newer
    /// version.
    pub(super) fn of(path: &Path, newer: Self) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            #[cfg(feature = "toml")]
            Some("toml") => Self::Toml,
            #[cfg(feature = "rust")]
            Some("rs") => Self::Rust,
            _ => newer,
        }
    }
}

/// A reader of schemas, with the messages and errors of the schemas that it has read.
pub(super) struct Reader<'a> {
    taken: Taken<'a>,
    #[cfg(feature = "rust")]
    cfg: Cfg,
    /// The lines that have been printed for Cargo. The reader prints each line only once, even
    /// if it reads a schema several times because several other schemas include it.
    told: HashSet<String>,
    /// The schemas that broke rules.
    pub(super) rejected: Vec<Rejected>,
}

impl<'a> Reader<'a> {
    /// Returns a reader for programs that include the `vmlinux.h` of `kernel`. If `kernel` is
    /// `None`, the programs can include the `vmlinux.h` of any kernel.
    pub(super) fn new(kernel: Option<&'a KernelNames>) -> Self {
        Self {
            taken: kernel.map(Taken::by_kernel).unwrap_or_default(),
            #[cfg(feature = "rust")]
            cfg: Cfg::default(),
            told: HashSet::new(),
            rejected: Vec::new(),
        }
    }

    /// Sets conditions that are used in addition to the conditions from Cargo.
    #[cfg(feature = "rust")]
    pub(super) fn told_cfg(&mut self, cfg: &Cfg) {
        self.cfg.clone_from(cfg);
    }

    /// Reads and checks a schema, and prints the schema's source files and warnings for Cargo.
    /// Returns `None` if the schema can't be read or breaks a rule.
    pub(super) fn read(&mut self, path: &Path, language: Language) -> Option<Checked> {
        // This line is also needed if the file does not exist yet, so that Cargo notices when the
        // file is created.
        self.tell(format!("cargo::rerun-if-changed={}", path.display()));
        let draft = match language {
            #[cfg(feature = "toml")]
            Language::Toml => bpfmap_schema::front::toml::read_file(path),
            #[cfg(feature = "rust")]
            Language::Rust => {
                let told = Cfg::from_build_script().unwrap_or_default();
                bpfmap_schema::front::rust::read_file_with(path, &told.for_source(path, &self.cfg))
            }
        };
        for source in draft.schema.sources.iter() {
            self.tell(format!("cargo::rerun-if-changed={}", source.path.display()));
        }
        match check_with(draft, self.taken) {
            Ok(checked) => {
                for warning in checked.warnings() {
                    let line = one_line(warning, &checked.schema().sources);
                    self.tell(format!("cargo::warning={line}"));
                }
                Some(checked)
            }
            Err(rejected) => {
                self.rejected.push(rejected);
                None
            }
        }
    }

    fn tell(&mut self, line: String) {
        if !self.told.contains(&line) {
            println!("{line}");
            self.told.insert(line);
        }
    }
}

/// Returns a diagnostic as a single line of text, such as `maps.toml:3:7: message (rule)`.
fn one_line(finding: &Finding, sources: &SourceMap) -> String {
    let place = finding.place.span.source.map_or_else(String::new, |id| {
        let source = sources.get(id);
        let at = Position::of(&source.text, finding.place.span.start);
        format!("{}:{}:{}: ", source.path.display(), at.line, at.column)
    });
    format!("{place}{} ({})", finding.message, finding.rule.id).replace(['\n', '\r'], " ")
}
