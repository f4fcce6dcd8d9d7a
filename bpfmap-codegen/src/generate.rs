//! Which files a checked schema becomes.

use crate::backend::{GeneratedFile, c, docs, fixture, rust};
use bpfmap_schema::check::Checked;
use bpfmap_schema::syntax::Syntax;

/// A kind of file that a schema becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Emit {
    /// `NAME.h`: types and maps for BPF programs.
    C,
    /// `NAME.rs`: types and typed maps for applications, which need `bpfmap` with the feature `derive`.
    Rust,
    /// `NAME.fixture.bpf.c` and `NAME_fixture.rs`: a BPF program and tests that hold the two sides
    /// together on the kernel that they run on. The types are those of `NAME.rs`; of a schema in Rust the
    /// author's own.
    Fixtures,
    /// `NAME.md`: a reference page.
    Docs,
}

impl Emit {
    /// Every kind, by its name on the command line.
    pub const ALL: &'static [(&'static str, Self)] =
        &[("c", Self::C), ("rust", Self::Rust), ("fixtures", Self::Fixtures), ("docs", Self::Docs)];

    /// What is made unless something else is asked for.
    pub const DEFAULT: &'static [Self] = &[Self::C, Self::Rust];

    /// What is made of `checked` unless something else is asked for: of a schema in Rust only the C,
    /// since its author has the Rust already.
    #[must_use]
    pub fn default_for(checked: &Checked) -> &'static [Self] {
        match checked.syntax() {
            Syntax::Toml => Self::DEFAULT,
            Syntax::Rust => &[Self::C],
        }
    }
}

/// What to make of a schema.
#[derive(Debug, Clone)]
pub struct Options {
    /// The kinds of files, each once.
    pub emit: Vec<Emit>,
    /// Whether the C has `struct bpf_map_def` in the section `maps`, the form that libbpf before
    /// 1.0 loads, rather than BTF-defined maps in `.maps`.
    pub legacy: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { emit: Emit::DEFAULT.to_vec(), legacy: false }
    }
}

/// The files that `checked` becomes.
#[must_use]
pub fn generate(checked: &Checked, options: &Options) -> Vec<GeneratedFile> {
    let mut files = Vec::new();
    for (_, kind) in Emit::ALL.iter().filter(|(_, kind)| options.emit.contains(kind)) {
        match kind {
            Emit::C if options.legacy => files.push(c::emit_legacy(checked)),
            Emit::C => files.push(c::emit(checked)),
            Emit::Rust => files.push(rust::emit(checked)),
            Emit::Fixtures => files.extend(fixture::emit(checked)),
            Emit::Docs => files.push(docs::emit(checked)),
        }
    }
    files
}
