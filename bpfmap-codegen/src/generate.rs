//! The files that are generated from a checked schema.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

#[cfg(feature = "c-user")]
use crate::backend::c_user;
#[cfg(feature = "docs")]
use crate::backend::docs;
#[cfg(feature = "fixtures")]
use crate::backend::fixture;
use crate::backend::{GeneratedFile, c, rust};
use bpfmap_schema::check::Checked;
use bpfmap_schema::syntax::Syntax;

/// A kind of generated file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Emit {
    /// `NAME.h`: types and maps for BPF programs, and types for applications in C and C++.
    C,
    /// `NAME.user.h`: functions on the maps for applications in C and C++ that link libbpf. It includes `NAME.h`.
    #[cfg(feature = "c-user")]
    CUser,
    /// `NAME.rs`: types and typed maps for applications, which need `bpfmap` with the feature `derive`.
    Rust,
    /// `NAME.fixture.bpf.c` and `NAME_fixture.rs`: a BPF program and tests that compare the two sides on the kernel on
    /// which they run. The types are those of `NAME.rs`, or for a schema in Rust those of the author.
    #[cfg(feature = "fixtures")]
    Fixtures,
    /// `NAME.md`: a reference page.
    #[cfg(feature = "docs")]
    Docs,
}

impl Emit {
    /// Every kind that the enabled features add, by its name on the command line.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("c", Self::C),
        #[cfg(feature = "c-user")]
        ("c-user", Self::CUser),
        ("rust", Self::Rust),
        #[cfg(feature = "fixtures")]
        ("fixtures", Self::Fixtures),
        #[cfg(feature = "docs")]
        ("docs", Self::Docs),
    ];

    /// The default kinds.
    pub const DEFAULT: &'static [Self] = &[Self::C, Self::Rust];

    /// Returns the default kinds for `checked`. For a schema in Rust this is only C, because its author already has the
    /// Rust code.
    #[must_use]
    pub fn default_for(checked: &Checked) -> &'static [Self] {
        match checked.syntax() {
            Syntax::Toml => Self::DEFAULT,
            Syntax::Rust => &[Self::C],
        }
    }

    /// Returns whether a file of this kind refers to the files of the same kind for included schemas.
    ///
    /// Such files are also generated for the included schemas. The other kinds only describe a schema's own maps.
    #[must_use]
    pub fn names_includes(self) -> bool {
        match self {
            Self::C | Self::Rust => true,
            #[cfg(feature = "docs")]
            Self::Docs => true,
            #[cfg(feature = "c-user")]
            Self::CUser => false,
            #[cfg(feature = "fixtures")]
            Self::Fixtures => false,
        }
    }
}

/// Options for the files that are generated from a schema.
#[derive(Debug, Clone)]
pub struct Options {
    /// The kinds of files.
    pub emit: Vec<Emit>,
    /// Whether to write legacy definitions, `struct bpf_map_def` in the section `maps` for libbpf
    /// before 1.0, instead of BTF-defined maps in `.maps`.
    pub legacy: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { emit: Emit::DEFAULT.to_vec(), legacy: false }
    }
}

impl Options {
    /// Returns the options for a schema that is only included by another schema. They select the
    /// files to which the files of the including schema refer.
    #[must_use]
    pub fn for_include(mut self) -> Self {
        self.emit.retain(|kind| kind.names_includes());
        self
    }
}

/// Returns the paths of the schemas that `roots` include. Files must be generated for these as
/// well.
///
/// Each path occurs once, after those of its own includes, and `roots` are not included. Read each
/// one as a separate schema with its maps, and call [`generate`] with [`Options::for_include`]. So
/// the files of a schema are the same whether you generate it directly or through a schema that
/// includes it.
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

/// Returns the generated files of `checked`, without those of the schemas that it [`includes`].
#[must_use]
pub fn generate(checked: &Checked, options: &Options) -> Vec<GeneratedFile> {
    let mut files = Vec::new();
    for (_, kind) in Emit::ALL.iter().filter(|(_, kind)| options.emit.contains(kind)) {
        match kind {
            Emit::C if options.legacy => files.push(c::emit_legacy(checked)),
            Emit::C => files.push(c::emit(checked)),
            #[cfg(feature = "c-user")]
            Emit::CUser => files.push(c_user::emit(checked)),
            Emit::Rust => files.push(rust::emit(checked)),
            #[cfg(feature = "fixtures")]
            Emit::Fixtures => files.extend(fixture::emit(checked)),
            #[cfg(feature = "docs")]
            Emit::Docs => files.push(docs::emit(checked)),
        }
    }
    files
}
