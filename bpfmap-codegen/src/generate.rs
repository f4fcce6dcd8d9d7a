//! Functions that generate files from a checked schema.

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
    /// `NAME.user.h`: typed functions for applications in C and C++ that link libbpf. The file
    /// includes `NAME.h`.
    #[cfg(feature = "c-user")]
    CUser,
    /// `NAME.rs`: types and typed maps for applications in Rust. The application needs the crate
    /// `bpfmap` with the feature `derive`.
    Rust,
    /// `NAME.fixture.bpf.c` and `NAME_fixture.rs`: a BPF program, and tests that check that the
    /// program and the Rust types agree on the running kernel. The tests use the types in
    /// `NAME.rs`. For a schema in Rust, the tests use the types of the schema itself.
    #[cfg(feature = "fixtures")]
    Fixtures,
    /// `NAME_fixture_programs.rs`: the BPF program of `Fixtures` in Rust, which takes the place of
    /// `NAME.fixture.bpf.c`. It uses the types in `NAME.rs`. Compile it for a BPF target: see
    /// [`emit_rust_programs`](crate::backend::fixture::emit_rust_programs).
    #[cfg(feature = "fixtures")]
    FixturesRust,
    /// `NAME.md`: a reference page.
    #[cfg(feature = "docs")]
    Docs,
}

impl Emit {
    /// Every kind that is available with the enabled features, and the name of each kind on the
    /// command line.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("c", Self::C),
        #[cfg(feature = "c-user")]
        ("c-user", Self::CUser),
        ("rust", Self::Rust),
        #[cfg(feature = "fixtures")]
        ("fixtures", Self::Fixtures),
        #[cfg(feature = "fixtures")]
        ("fixtures-rust", Self::FixturesRust),
        #[cfg(feature = "docs")]
        ("docs", Self::Docs),
    ];

    /// The default kinds.
    pub const DEFAULT: &'static [Self] = &[Self::C, Self::Rust];

    /// Returns the default kinds for `checked`. For a schema in Rust, the only default is C,
    /// because the schema itself is already the Rust code.
    #[must_use]
    pub fn default_for(checked: &Checked) -> &'static [Self] {
        match checked.syntax() {
            Syntax::Toml => Self::DEFAULT,
            Syntax::Rust => &[Self::C],
        }
    }

    /// Returns whether a file of this kind refers to files of the same kind that are generated from
    /// included schemas.
    ///
    /// If this method returns `true`, files of this kind must also be generated for the included
    /// schemas. Files of the other kinds only describe the maps of their own schema.
    #[must_use]
    pub fn names_includes(self) -> bool {
        match self {
            Self::C | Self::Rust => true,
            #[cfg(feature = "docs")]
            Self::Docs => true,
            #[cfg(feature = "c-user")]
            Self::CUser => false,
            #[cfg(feature = "fixtures")]
            Self::Fixtures | Self::FixturesRust => false,
        }
    }
}

/// Options for the files that are generated from a schema.
#[derive(Debug, Clone)]
pub struct Options {
    /// The kinds of files.
    pub emit: Vec<Emit>,
    /// Whether to generate legacy map definitions instead of BTF-defined maps. A legacy definition
    /// is a `struct bpf_map_def` in the section `maps`, for libbpf before 1.0. BTF-defined maps are
    /// in the section `.maps`.
    pub legacy: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { emit: Emit::DEFAULT.to_vec(), legacy: false }
    }
}

impl Options {
    /// Returns these options with only the kinds of files that are needed for an included schema.
    /// These are the files to which the files of the including schema refer.
    #[must_use]
    pub fn for_include(mut self) -> Self {
        self.emit.retain(|kind| kind.names_includes());
        self
    }
}

/// Returns the paths of the schemas that `roots` include. Files must also be generated for these
/// schemas.
///
/// The result contains each path once. If an included schema includes other schemas, their paths
/// come first. The paths of `roots` are not part of the result. Read each path as a separate
/// schema, and call [`generate`] with [`Options::for_include`]. The files of a schema are then the
/// same whether you generate them directly or because another schema includes the schema.
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

/// Generates the files of `checked` and returns them. Does not generate files for the schemas that
/// `checked` [`includes`].
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
            #[cfg(feature = "fixtures")]
            Emit::FixturesRust => files.push(fixture::emit_rust_programs(checked)),
            #[cfg(feature = "docs")]
            Emit::Docs => files.push(docs::emit(checked)),
        }
    }
    files
}
