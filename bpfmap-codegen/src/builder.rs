//! Schemas in build scripts.

mod reader;

use std::path::{Path, PathBuf};

use bpfmap_btf::Btf;

use self::reader::{Language, Reader};
use crate::backend::GeneratedFile;
#[cfg(feature = "migrations")]
use crate::backend::rust::{Migrations, emit_migrations};
use crate::build_error::{BuildError, Cause};
#[cfg(feature = "toml")]
use crate::generate::includes;
use crate::generate::{Emit, Options, generate};
use crate::modules;
use crate::output::{plan, write};
use crate::programs::Programs;
use bpfmap_schema::check::Checked;
#[cfg(feature = "rust")]
use bpfmap_schema::front::rust::{Cfg, CfgError};
use bpfmap_schema::input;
use bpfmap_schema::taken::KernelNames;

/// Generates files from schemas in a build script.
///
/// ```no_run
/// // build.rs
/// fn main() -> Result<(), bpfmap_codegen::BuildError> {
///     bpfmap_codegen::Builder::new().schema("src/maps.toml").generate()
/// }
/// ```
///
/// It writes the files of each schema and of its includes to `OUT_DIR`. The program includes
/// `maps.h` from there. In the application, `bpfmap::include_maps!()` declares a module for each
/// schema, which needs `bpfmap` with the feature `derive`. You can also include a single file with
/// `include!(concat!(env!("OUT_DIR"), "/maps.rs"))`. A file is not written if its content has not
/// changed.
///
/// [`program`](Self::program) also compiles a BPF program.
///
/// Cargo runs the script again if one of these files changes: a schema, its includes, a program,
/// the files that it includes, any other `.bpf.c` of the package, or a header in the same folder as
/// one. For these `generate` prints `cargo::rerun-if-changed`, which turns off Cargo's default rule
/// (any file of the package). If your script reads other files, it has to print
/// `cargo::rerun-if-changed` for them itself.
///
/// Types and maps with the derives of the crate `bpfmap` also form a schema. The application
/// already has them, so only the C is generated:
///
/// ```no_run
/// // build.rs
/// fn main() -> Result<(), bpfmap_codegen::BuildError> {
///     bpfmap_codegen::Builder::new().rust_source("src/maps.rs").generate()
/// }
/// ```
///
/// `Emit::Fixtures`, with the feature `fixtures`, generates tests for both kinds of schemas. Those of a schema in Rust use the types that declare
/// the maps.
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
    /// The conditions that the caller has set, in addition to those from Cargo.
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
    /// An older version, whose maps may still be pinned.
    #[cfg(feature = "migrations")]
    before: Option<PathBuf>,
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

    /// Sets the enabled features for `#[cfg(feature = "…")]` in a Rust source. All other features
    /// are disabled.
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
    /// In a build script, the target is known from Cargo. Also call this for the conditions that
    /// the script itself sets with `cargo::rustc-cfg`.
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
        self.schemas.push(Input {
            path: path.to_owned(),
            language,
            #[cfg(feature = "migrations")]
            before: None,
        });
    }

    /// Sets an older version of the schema that was added last. Maps of the older version may still
    /// be pinned. This also writes `NAME_migrate.rs` with a function for each map that changed.
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
    /// The application includes this file in addition to `maps.rs`, and calls
    /// `migrate_MAP(path, |_| {})` before it loads its programs. If a changed map can't be
    /// migrated, there is no function, and a warning gives the reason. The older version is TOML,
    /// or Rust if the name ends in `.rs`. This function needs the feature `migrations`.
    ///
    /// # Panics
    ///
    /// Panics if no schema was added before.
    #[cfg(feature = "migrations")]
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
    /// Fails if a schema can't be read or breaks a rule, or if a file can't be written. In these
    /// cases, no file is changed. Also fails if clang is missing or a program does not compile. In
    /// these cases, the generated files have been written.
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
        let Generated { mut files, modules } = self.files()?;
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

/// The generated files.
#[derive(Default)]
struct Generated {
    files: Vec<GeneratedFile>,
    /// The names of the Rust files, without `.rs`.
    modules: Vec<String>,
}

impl Builder {
    /// Reads and checks the schemas and the schemas that they include, and generates the files.
    fn files(&self) -> Result<Generated, BuildError> {
        let kernel = self.kernel_btf.as_deref().map(kernel_names).transpose()?;
        let mut reader = Reader::new(kernel.as_ref());
        #[cfg(feature = "rust")]
        reader.told_cfg(&self.cfg);
        let mut generated = Generated::default();
        let mut roots = Vec::new();
        for input in &self.schemas {
            let root = reader.read(&input.path, input.language);
            #[cfg(feature = "migrations")]
            if let Some(migrations) = migrations(&mut reader, input, root.as_ref())? {
                generated.modules.extend(migrations.module);
                generated.files.push(migrations.file);
            }
            roots.extend(root);
        }
        for root in &roots {
            generated.files.extend(generate(root, &self.options(root)));
        }
        #[cfg(feature = "toml")]
        for path in includes(&roots) {
            if let Some(include) = reader.read(&path, Language::Toml) {
                let options = self.options(&include);
                generated.modules.extend(module(&include, &options));
                generated.files.extend(generate(&include, &options.for_include()));
            }
        }
        if !reader.rejected.is_empty() {
            return Err(BuildError(Cause::Rejected(reader.rejected)));
        }
        generated.modules.extend(roots.iter().filter_map(|it| module(it, &self.options(it))));
        Ok(generated)
    }

    /// Returns the options for `checked`.
    fn options(&self, checked: &Checked) -> Options {
        let default = || Emit::default_for(checked).to_vec();
        let emit = self.emit.clone().unwrap_or_else(default);
        Options { emit, legacy: self.legacy }
    }
}

/// Returns the name of the Rust file of `checked` without `.rs`, if there is one.
fn module(checked: &Checked, options: &Options) -> Option<String> {
    options.emit.contains(&Emit::Rust).then(|| checked.schema().name.value.clone())
}

/// Returns the names of the kernel whose BTF is in `path`.
fn kernel_names(path: &Path) -> Result<KernelNames, BuildError> {
    println!("cargo::rerun-if-changed={}", path.display());
    let fail = |why: String| BuildError(Cause::KernelBtf(path.to_owned(), why));
    let data =
        input::read(path, input::MAX_OBJECT_SIZE).map_err(|error| fail(error.to_string()))?;
    let btf = Btf::parse(&data).map_err(|error| fail(error.to_string()))?;
    Ok(KernelNames::new(&btf, format!("`{}`", path.display())))
}

/// Returns the functions that migrate the maps of an older version of a schema, if there is an
/// older version and both versions are valid.
#[cfg(feature = "migrations")]
fn migrations(
    reader: &mut Reader<'_>,
    input: &Input,
    new: Option<&Checked>,
) -> Result<Option<Migrations>, BuildError> {
    let Some(path) = &input.before else { return Ok(None) };
    let old = reader.read(path, Language::of(path, input.language));
    let (Some(old), Some(new)) = (old, new) else { return Ok(None) };
    let made = emit_migrations(&old, new).map_err(|error| BuildError(Cause::TooLarge(error)))?;
    for obstacle in &made.left_out {
        println!("cargo::warning=no migration function: {obstacle}");
    }
    Ok(Some(made))
}
