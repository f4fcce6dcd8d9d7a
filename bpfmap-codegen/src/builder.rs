//! Schemas in build scripts.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use bpfmap_btf::Btf;

use crate::backend::rust::{Migrations, emit_migrations};
use crate::evolve::TooLarge;
#[cfg(feature = "toml")]
use crate::generate::includes;
use crate::generate::{Emit, Options, generate};
use crate::modules;
use crate::output::{OutputError, plan, write};
use crate::programs::{ProgramError, Programs};
use bpfmap_schema::check::{Checked, check_with};
use bpfmap_schema::diagnostics::{Position, Rejected};
use bpfmap_schema::draft::Draft;
#[cfg(feature = "rust")]
use bpfmap_schema::front::rust::{Cfg, CfgError};
use bpfmap_schema::input;
use bpfmap_schema::taken::{KernelNames, Taken};

/// Generates files from schemas in a build script.
///
/// ```no_run
/// // build.rs
/// fn main() -> Result<(), bpfmap_codegen::BuildError> {
///     bpfmap_codegen::Builder::new().schema("src/maps.toml").generate()
/// }
/// ```
///
/// It writes the files of each schema and of its includes to `OUT_DIR`. The program includes `maps.h` from there. In
/// the application, `bpfmap::include_maps!()` declares a module for each schema, which needs `bpfmap` with the feature
/// `derive`. You can also include a single file with `include!(concat!(env!("OUT_DIR"), "/maps.rs"))`. A file whose
/// content stays the same is not written.
///
/// [`program`](Self::program) also compiles a BPF program.
///
/// Cargo runs the script again if one of these files changes: a schema, its includes, a program, the files that it
/// includes, another `.bpf.c` of the package, or a header beside one. For these `generate` prints
/// `cargo::rerun-if-changed`, which turns off Cargo's default rule (any file of the package). If your script reads
/// other files, it has to print `cargo::rerun-if-changed` for them itself.
///
/// Types and maps with the derives of the crate `bpfmap` are a schema too. The application already
/// has them, so only the C is generated:
///
/// ```no_run
/// // build.rs
/// fn main() -> Result<(), bpfmap_codegen::BuildError> {
///     bpfmap_codegen::Builder::new().rust_source("src/maps.rs").generate()
/// }
/// ```
///
/// [`Emit::Fixtures`] generates tests for both kinds of schemas. Those of a schema in Rust use the types that declare
/// the maps: see [`backend::fixture`](crate::backend::fixture).
///
/// Errors in a schema fail the build and are shown with their lines. Warnings become warnings of
/// Cargo.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    schemas: Vec<Input>,
    out_dir: Option<PathBuf>,
    emit: Option<Vec<Emit>>,
    legacy: bool,
    /// The BTF of the kernel whose `vmlinux.h` the programs include.
    kernel_btf: Option<PathBuf>,
    pub(crate) programs: Programs,
    /// What was said of the build beside what Cargo says.
    #[cfg(feature = "rust")]
    cfg: Cfg,
    /// The error of a `cfg` condition that could not be read.
    #[cfg(feature = "rust")]
    wrong_cfg: Option<CfgError>,
}

/// A schema.
#[derive(Debug, Clone)]
struct Input {
    path: PathBuf,
    language: Language,
    /// Older ones, of which maps may still be pinned.
    before: Option<PathBuf>,
}

/// What a schema is written in.
#[derive(Debug, Clone, Copy)]
enum Language {
    #[cfg(feature = "toml")]
    Toml,
    #[cfg(feature = "rust")]
    Rust,
}

impl Language {
    /// What the older form of a schema is written in, where its name tells.
    fn of(path: &Path, newer: Self) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            #[cfg(feature = "toml")]
            Some("toml") => Self::Toml,
            #[cfg(feature = "rust")]
            Some("rs") => Self::Rust,
            _ => newer,
        }
    }
}

impl Builder {
    /// Returns a builder without schemas. It generates C and Rust, or only C for a schema in Rust, in `OUT_DIR`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a schema in TOML. The path is relative to the folder of the package's `Cargo.toml`.
    #[cfg(feature = "toml")]
    #[must_use]
    pub fn schema(mut self, path: impl AsRef<Path>) -> Self {
        self.push(path.as_ref(), Language::Toml);
        self
    }

    /// Adds the schema in a Rust source: see [`front::rust`](bpfmap_schema::front::rust). The path
    /// is relative to the folder of the package's `Cargo.toml`.
    #[cfg(feature = "rust")]
    #[must_use]
    pub fn rust_source(mut self, path: impl AsRef<Path>) -> Self {
        self.push(path.as_ref(), Language::Rust);
        self
    }

    /// Sets the enabled features for `#[cfg(feature = "…")]` in a Rust source: these and no others.
    ///
    /// In a build script, the features of its own package are known from Cargo. Call this for a source in another
    /// package.
    #[cfg(feature = "rust")]
    #[must_use]
    pub fn features<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.cfg.features(names);
        self
    }

    /// Sets a condition that is met for `#[cfg(…)]` in a Rust source, like `--cfg` of the compiler: `NAME` or `KEY =
    /// "VALUE"`. With `not(…)`, it is not met.
    ///
    /// In a build script, the target is known from Cargo. Name the conditions that the script itself sets with
    /// `cargo::rustc-cfg` here too.
    #[cfg(feature = "rust")]
    #[must_use]
    pub fn cfg(mut self, condition: &str) -> Self {
        self.wrong_cfg = self.cfg.set(condition).err().or(self.wrong_cfg);
        self
    }

    /// Sets the root file of a crate that a Rust source uses. Its maps can then use the types that the crate declares
    /// with the derives. The path is relative to the folder of the package's `Cargo.toml`.
    ///
    /// ```no_run
    /// // build.rs
    /// fn main() -> Result<(), bpfmap_codegen::BuildError> {
    ///     bpfmap_codegen::Builder::new()
    ///         .rust_source("src/maps.rs")
    ///         .extern_crate("net_types", "../net-types/src/lib.rs")
    ///         .generate()
    /// }
    /// ```
    ///
    /// `name` is the name of the crate in Rust code, with `_` instead of `-`.
    #[cfg(feature = "rust")]
    #[must_use]
    pub fn extern_crate(mut self, name: &str, path: impl AsRef<Path>) -> Self {
        self.cfg.extern_crate(name, path.as_ref());
        self
    }

    fn push(&mut self, path: &Path, language: Language) {
        self.schemas.push(Input { path: path.to_owned(), language, before: None });
    }

    /// Sets an older version of the schema that was added last, of which maps may still be pinned.
    /// This also writes `NAME_migrate.rs` with a function for each map that changed.
    ///
    /// ```no_run
    /// // build.rs
    /// fn main() -> Result<(), bpfmap_codegen::BuildError> {
    ///     bpfmap_codegen::Builder::new()
    ///         .schema("src/maps.toml")
    ///         .migrates_from("src/maps_v1.toml")
    ///         .generate()
    /// }
    /// ```
    ///
    /// The application includes it beside `maps.rs`, and calls `migrate_MAP(path, |_| {})` before it loads its
    /// programs. If a changed map can't be migrated, there is no function, and a warning gives the reason. The older
    /// version is TOML, or Rust if the name ends in `.rs`.
    ///
    /// # Panics
    ///
    /// Panics if no schema was added before.
    #[must_use]
    pub fn migrates_from(mut self, path: impl AsRef<Path>) -> Self {
        let last = self.schemas.last_mut();
        let last = last.expect("call `migrates_from` after `schema` or `rust_source`");
        last.before = Some(path.as_ref().to_owned());
        self
    }

    /// Writes to `folder` instead of `OUT_DIR`, and creates it if it does not exist. Files that
    /// bpfmap did not generate are not overwritten.
    #[must_use]
    pub fn out_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.out_dir = Some(folder.as_ref().to_owned());
        self
    }

    /// Generates these kinds of files, for schemas in all languages.
    #[must_use]
    pub fn emit(mut self, kinds: impl IntoIterator<Item = Emit>) -> Self {
        self.emit = Some(kinds.into_iter().collect());
        self
    }

    /// Sets whether to write legacy map definitions: `struct bpf_map_def` in the section `maps`,
    /// for libbpf before 1.0. libbpf 1.0 and newer refuse it. aya loads both forms.
    #[must_use]
    pub fn legacy(mut self, legacy: bool) -> Self {
        self.legacy = legacy;
        self
    }

    /// Sets the BTF from which the `vmlinux.h` of the programs was generated, such as a copy of
    /// `/sys/kernel/btf/vmlinux`. A name that this kernel has is then an error, and a name that only other kernels have
    /// is allowed. Without it, names of all known kernels are warnings.
    #[must_use]
    pub fn kernel_btf(mut self, path: impl AsRef<Path>) -> Self {
        self.kernel_btf = Some(path.as_ref().to_owned());
        self
    }

    /// Reads and checks the schemas, writes the files, compiles the programs, and tells Cargo on standard output which
    /// files they depend on.
    ///
    /// # Errors
    ///
    /// Fails if a schema can't be read or breaks a rule, or if a file can't be written. Then no file is changed. Also
    /// fails if clang is missing or a program does not compile; then the generated files have been written.
    pub fn generate(&self) -> Result<(), BuildError> {
        if self.schemas.is_empty() && self.programs.is_empty() {
            return Err(BuildError(Cause::NoSchema));
        }
        #[cfg(feature = "rust")]
        if let Some(error) = &self.wrong_cfg {
            return Err(BuildError(Cause::Cfg(error.clone())));
        }
        self.programs.watch();
        let out_dir = match &self.out_dir {
            Some(folder) => folder.clone(),
            None => {
                std::env::var_os("OUT_DIR").map(PathBuf::from).ok_or(BuildError(Cause::NoOutDir))?
            }
        };
        let kernel = self.kernel_btf.as_deref().map(kernel_names).transpose()?;
        let taken = kernel.as_ref().map(Taken::by_kernel).unwrap_or_default();
        let draft = |path: &Path, language: Language| match language {
            #[cfg(feature = "toml")]
            Language::Toml => bpfmap_schema::front::toml::read_file(path),
            #[cfg(feature = "rust")]
            Language::Rust => {
                let told = Cfg::from_build_script().unwrap_or_default();
                bpfmap_schema::front::rust::read_file_with(path, &told.for_source(path, &self.cfg))
            }
        };
        let mut told = HashSet::new();
        let mut checked = |path: &Path, draft: Draft| checked(path, draft, taken, &mut told);
        let name = |checked: &Checked| checked.schema().name.value.clone();
        let (mut files, mut rejected, mut roots) = (Vec::new(), Vec::new(), Vec::new());
        // Rust files, without their ending.
        let mut modules = Vec::new();
        for Input { path, language, before } in &self.schemas {
            let new = checked(path, draft(path, *language));
            let old = before
                .as_ref()
                .map(|path| checked(path, draft(path, Language::of(path, *language))));
            match (new, old) {
                (Ok(root), None) => roots.push(root),
                (Ok(root), Some(Ok(old))) => {
                    let migrations = migrations(&old, &root)?;
                    modules.extend(migrations.module);
                    files.push(migrations.file);
                    roots.push(root);
                }
                (new, old) => {
                    rejected.extend(new.err());
                    rejected.extend(old.and_then(Result::err));
                }
            }
        }
        files.extend(roots.iter().flat_map(|root| generate(root, &self.options(root))));
        let has_rust = |checked: &&Checked| self.options(checked).emit.contains(&Emit::Rust);
        #[cfg(feature = "toml")]
        for path in includes(&roots) {
            match checked(&path, draft(&path, Language::Toml)) {
                Ok(include) => {
                    files.extend(generate(&include, &self.options(&include).for_include()));
                    modules.extend(Some(&include).filter(has_rust).map(name));
                }
                Err(include) => rejected.push(include),
            }
        }
        if !rejected.is_empty() {
            return Err(BuildError(Cause::Rejected(rejected)));
        }
        modules.extend(roots.iter().filter(has_rust).map(name));
        files.extend(modules::file(&out_dir, &modules));
        let names = files.iter().map(|file| file.name.clone());
        let is_header = |name: &String| Path::new(name).extension().is_some_and(|end| end == "h");
        let headers: Vec<String> = names.filter(is_header).collect();
        let planned = plan(&out_dir, files).map_err(|error| BuildError(Cause::Output(error)))?;
        write(&planned, false).map_err(|error| BuildError(Cause::Output(error)))?;
        if !modules.is_empty() {
            modules::tell_cargo(&out_dir);
        }
        self.programs.compile(&out_dir, &headers).map_err(|error| BuildError(Cause::Program(error)))
    }
}

impl Builder {
    /// What to make of `checked`.
    fn options(&self, checked: &Checked) -> Options {
        let default = || Emit::default_for(checked).to_vec();
        let emit = self.emit.clone().unwrap_or_else(default);
        Options { emit, legacy: self.legacy }
    }
}

/// Checks what was read of a schema, and tells Cargo what it was made of and what it should know, unless it was `told`
/// already: a schema that others include is read with each of them.
fn checked(
    path: &Path,
    draft: Draft,
    taken: Taken<'_>,
    told: &mut HashSet<String>,
) -> Result<Checked, Rejected> {
    let mut tell = |line: String| {
        if !told.contains(&line) {
            println!("{line}");
            told.insert(line);
        }
    };
    // A file that is not there yet may come.
    tell(format!("cargo::rerun-if-changed={}", path.display()));
    for source in draft.schema.sources.iter() {
        tell(format!("cargo::rerun-if-changed={}", source.path.display()));
    }
    let checked = check_with(draft, taken)?;
    for warning in checked.warnings() {
        tell(format!("cargo::warning={}", one_line(warning, &checked.schema().sources)));
    }
    Ok(checked)
}

/// The names of the kernel whose BTF is in `path`.
fn kernel_names(path: &Path) -> Result<KernelNames, BuildError> {
    println!("cargo::rerun-if-changed={}", path.display());
    let fail = |why: String| BuildError(Cause::KernelBtf(path.to_owned(), why));
    let data =
        input::read(path, input::MAX_OBJECT_SIZE).map_err(|error| fail(error.to_string()))?;
    let btf = Btf::parse(&data).map_err(|error| fail(error.to_string()))?;
    Ok(KernelNames::new(&btf, format!("`{}`", path.display())))
}

fn migrations(old: &Checked, new: &Checked) -> Result<Migrations, BuildError> {
    let made = emit_migrations(old, new).map_err(|error| BuildError(Cause::TooLarge(error)))?;
    for obstacle in &made.left_out {
        println!("cargo::warning=no migration function: {obstacle}");
    }
    Ok(made)
}

/// `maps.toml:3:7: message (rule)`
fn one_line(
    finding: &bpfmap_schema::diagnostics::Finding,
    sources: &bpfmap_schema::source::SourceMap,
) -> String {
    let place = finding.place.span.source.map_or_else(String::new, |id| {
        let source = sources.get(id);
        let at = Position::of(&source.text, finding.place.span.start);
        format!("{}:{}:{}: ", source.path.display(), at.line, at.column)
    });
    format!("{place}{} ({})", finding.message, finding.rule.id).replace(['\n', '\r'], " ")
}

/// The error of [`Builder::generate`]. `Display` and `Debug` both show the errors in the schemas or
/// programs with their positions.
pub struct BuildError(Cause);

enum Cause {
    NoSchema,
    NoOutDir,
    #[cfg(feature = "rust")]
    Cfg(CfgError),
    Rejected(Vec<Rejected>),
    TooLarge(TooLarge),
    Output(OutputError),
    Program(ProgramError),
    KernelBtf(PathBuf, String),
}

impl BuildError {
    /// Returns the schemas that break rules, if that is the reason.
    #[must_use]
    pub fn rejected(&self) -> &[Rejected] {
        match &self.0 {
            Cause::Rejected(rejected) => rejected,
            _ => &[],
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::NoSchema => formatter.write_str(
                "there is no schema and no program: call `Builder::schema`, `Builder::rust_source` or \
                 `Builder::program` first",
            ),
            Cause::NoOutDir => formatter.write_str(
                "OUT_DIR is not set, because this is not a build script: call `Builder::out_dir`",
            ),
            #[cfg(feature = "rust")]
            Cause::Cfg(error) => error.fmt(formatter),
            Cause::Rejected(rejected) => {
                rejected.iter().try_for_each(|rejected| write!(formatter, "\n{rejected}"))
            }
            Cause::TooLarge(error) => error.fmt(formatter),
            Cause::Output(error) => error.fmt(formatter),
            Cause::Program(error) => error.fmt(formatter),
            Cause::KernelBtf(path, why) => {
                write!(formatter, "can't read the types of a kernel in `{}`: {why}", path.display())
            }
        }
    }
}

/// As `Display`: a build script whose `main` returns the error shows it so.
impl fmt::Debug for BuildError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Cause::Output(error) => Some(error),
            _ => None,
        }
    }
}
