//! Which files a checked schema becomes.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::backend::{GeneratedFile, c, c_user, docs, fixture, rust};
use bpfmap_schema::check::Checked;
use bpfmap_schema::syntax::Syntax;

/// A kind of file that a schema becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Emit {
    /// `NAME.h`: types and maps for BPF programs, and types for applications in C and C++.
    C,
    /// `NAME.user.h`: functions on the maps for applications in C and C++ that link libbpf. It includes `NAME.h`.
    CUser,
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
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("c", Self::C),
        ("c-user", Self::CUser),
        ("rust", Self::Rust),
        ("fixtures", Self::Fixtures),
        ("docs", Self::Docs),
    ];

    /// What is made unless something else is asked for.
    pub const DEFAULT: &'static [Self] = &[Self::C, Self::Rust];

    /// Returns what is made of `checked` unless something else is asked for: of a schema in Rust only the C, since its
    /// author has the Rust already.
    #[must_use]
    pub fn default_for(checked: &Checked) -> &'static [Self] {
        match checked.syntax() {
            Syntax::Toml => Self::DEFAULT,
            Syntax::Rust => &[Self::C],
        }
    }

    /// Returns whether a file of this kind names the file of the same kind of each schema that its own schema includes.
    ///
    /// Such files of the included schemas are generated too. The other kinds are about a schema's own maps.
    #[must_use]
    pub fn names_includes(self) -> bool {
        match self {
            Self::C | Self::Rust | Self::Docs => true,
            Self::CUser | Self::Fixtures => false,
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

impl Options {
    /// Returns what to make of a schema only because another one includes it: the files that the other's files name.
    #[must_use]
    pub fn for_include(mut self) -> Self {
        self.emit.retain(|kind| kind.names_includes());
        self
    }
}

/// Returns the paths of the schemas that are generated along with `roots`, since these include them.
///
/// Each path is there once, after those that it includes itself, and none is that of one of `roots`. Read each of them
/// as a schema of its own, with its maps, and call [`generate`] with [`Options::for_include`]: so its files are the
/// same whether a run names the schema or another one includes it.
///
/// # Examples
///
/// ```
/// use bpfmap_codegen::generate::includes;
/// use bpfmap_schema::{check::check, front::toml::read_file};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let (net, maps) = (folder.path().join("net.toml"), folder.path().join("maps.toml"));
/// # std::fs::write(&net, "[types.port]\nkind = \"alias\"\ntype = \"be16\"").unwrap();
/// # std::fs::write(&maps, "include = [\"net.toml\"]\n[types.ports]\nkind = \"alias\"\ntype = \"[port; 2]\"").unwrap();
/// let maps = check(read_file(&maps)).unwrap(); // include = ["net.toml"]
/// assert_eq!(includes(&[maps.clone()]), [net.clone()]);
///
/// let net = check(read_file(&net)).unwrap();
/// assert!(includes(&[maps, net]).is_empty());
/// ```
#[must_use]
pub fn includes(roots: &[Checked]) -> Vec<PathBuf> {
    let canonical = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let own = roots.iter().filter_map(|root| root.schema().sources.iter().next());
    let mut seen: HashSet<PathBuf> = own.map(|source| canonical(&source.path)).collect();
    let mut paths = Vec::new();
    for schema in roots.iter().map(Checked::schema) {
        for include in &schema.includes {
            let path = &schema.sources.get(include.source).path;
            if seen.insert(canonical(path)) {
                paths.push(path.clone());
            }
        }
    }
    paths
}

/// Returns the files that `checked` becomes. Those of the schemas that it [`includes`] are not
/// among them.
#[must_use]
pub fn generate(checked: &Checked, options: &Options) -> Vec<GeneratedFile> {
    let mut files = Vec::new();
    for (_, kind) in Emit::ALL.iter().filter(|(_, kind)| options.emit.contains(kind)) {
        match kind {
            Emit::C if options.legacy => files.push(c::emit_legacy(checked)),
            Emit::C => files.push(c::emit(checked)),
            Emit::CUser => files.push(c_user::emit(checked)),
            Emit::Rust => files.push(rust::emit(checked)),
            Emit::Fixtures => files.extend(fixture::emit(checked)),
            Emit::Docs => files.push(docs::emit(checked)),
        }
    }
    files
}
