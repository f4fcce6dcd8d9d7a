//! The builder that generates code from schemas in a build script.

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
/// The builder writes the generated files of each schema, and of the schemas that it includes, to
/// `OUT_DIR`. The BPF program includes the header `maps.h`. In the application,
/// `bpfmap::include_maps!()` declares a module for each schema. The macro needs the feature
/// `derive` of the crate `bpfmap`. You can also include a single file with
/// `include!(concat!(env!("OUT_DIR"), "/maps.rs"))`. The builder only writes a file if the content
/// of the file has changed.
///
/// [`program`](Self::program) adds a BPF program in C, and [`ebpf_crate`](Self::ebpf_crate) a package
/// with BPF programs in Rust, which the builder also compiles.
///
/// Cargo runs the script again if one of these files changes: a schema, a schema that it includes,
/// a program, a file that the program includes, any other `.bpf.c` file of the package, or a header
/// in the same folder as a `.bpf.c` file. For each of these files, `generate` prints
/// `cargo::rerun-if-changed`. These lines turn off Cargo's default rule, which runs the script
/// again if any file of the package changes. If your script reads other files, it must also print
/// `cargo::rerun-if-changed` for each of them.
///
/// Types and maps that are declared in Rust with the derives of the crate `bpfmap` also form a
/// schema. The application already contains this Rust code, so the builder only generates C from
/// such a schema:
///
/// ```no_run
/// // build.rs
/// fn main() -> Result<(), bpfmap_codegen::BuildError> {
///     bpfmap_codegen::Builder::new().rust_source("src/maps.rs").generate()
/// }
/// ```
///
/// `Emit::Fixtures`, which needs the feature `fixtures`, generates tests for schemas in both
/// languages. The tests of a schema in Rust use the types that the schema declares.
///
/// If a schema contains an error, the build fails, and the message shows the line of the error.
/// Warnings about a schema become Cargo warnings.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    schemas: Vec<Input>,
    out_dir: Option<PathBuf>,
    emit: Option<Vec<Emit>>,
    legacy: bool,
    /// The path of the BTF from which the programs' `vmlinux.h` was generated.
    kernel_btf: Option<PathBuf>,
    pub(crate) programs: Programs,
    /// The conditions that the caller has set, in addition to those from Cargo.
    #[cfg(feature = "rust")]
    cfg: Cfg,
    /// The error for a `cfg` condition that can't be parsed.
    #[cfg(feature = "rust")]
    wrong_cfg: Option<CfgError>,
}

/// A schema that was added to the builder.
#[derive(Debug, Clone)]
struct Input {
    path: PathBuf,
    language: Language,
    /// The path of an older version of the schema. Maps of that version can still be pinned.
    #[cfg(feature = "migrations")]
    before: Option<PathBuf>,
}

impl Builder {
    /// Returns a builder without schemas. By default, it writes to `OUT_DIR` and generates C and
    /// Rust for a schema in TOML, and only C for a schema in Rust.
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

    /// Adds a schema in Rust. [`front::rust`](bpfmap_schema::front::rust) describes such schemas.
    /// The path is relative to the folder of the package's `Cargo.toml`.
    #[cfg(feature = "rust")]
    #[must_use]
    pub fn rust_source(mut self, path: impl AsRef<Path>) -> Self {
        self.push(path.as_ref(), Language::Rust);
        self
    }

    /// Sets the features that are enabled for `#[cfg(feature = "…")]` in a schema in Rust. All
    /// other features are disabled.
    ///
    /// In a build script, bpfmap reads the features of the script's own package from Cargo. Call
    /// this method if the schema is part of another package.
    #[cfg(feature = "rust")]
    #[must_use]
    pub fn features<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.cfg.features(names);
        self
    }

    /// Sets a condition for `#[cfg(…)]` in a schema in Rust. Like the compiler's option `--cfg`,
    /// this method takes `NAME` or `KEY = "VALUE"` and makes the condition true. `not(…)` makes the
    /// condition false.
    ///
    /// In a build script, bpfmap reads the target's conditions from Cargo. Call this method for
    /// each condition that the script sets with `cargo::rustc-cfg`.
    #[cfg(feature = "rust")]
    #[must_use]
    pub fn cfg(mut self, condition: &str) -> Self {
        self.wrong_cfg = self.cfg.set(condition).err().or(self.wrong_cfg);
        self
    }

    /// Sets the root source file of a crate that a schema in Rust uses. The maps of the schema can
    /// then use types that this crate declares with the derives. The path is relative to the folder
    /// of the package's `Cargo.toml`.
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

    /// Adds migration functions for pinned maps of an older version of a schema. `path` is the
    /// older version of the schema that was added last. The builder writes `NAME_migrate.rs`, which
    /// contains a function for each map that changed.
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
    /// migrated, the builder generates no function for this map, and a warning gives the reason. If
    /// the name of the older version ends in `.toml` or `.rs`, the extension selects the language.
    /// Otherwise, both versions are in the same language. This method needs the feature
    /// `migrations`.
    ///
    /// # Panics
    ///
    /// Panics if no schema has been added.
    #[cfg(feature = "migrations")]
    #[must_use]
    pub fn migrates_from(mut self, path: impl AsRef<Path>) -> Self {
        let last = self.schemas.last_mut();
        let last = last.expect("call `migrates_from` after `schema` or `rust_source`");
        last.before = Some(path.as_ref().to_owned());
        self
    }

    /// Sets the folder for the generated files, instead of `OUT_DIR`. The builder creates the
    /// folder if it does not exist. The builder never overwrites a file that bpfmap did not
    /// generate.
    #[must_use]
    pub fn out_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.out_dir = Some(folder.as_ref().to_owned());
        self
    }

    /// Sets the kinds of files to generate, for schemas in both languages.
    #[must_use]
    pub fn emit(mut self, kinds: impl IntoIterator<Item = Emit>) -> Self {
        self.emit = Some(kinds.into_iter().collect());
        self
    }

    /// Sets whether to generate legacy map definitions: `struct bpf_map_def` in the section `maps`.
    /// Use legacy definitions for libbpf before 1.0. libbpf 1.0 and newer refuse them. aya loads
    /// legacy and BTF-defined maps.
    #[must_use]
    pub fn legacy(mut self, legacy: bool) -> Self {
        self.legacy = legacy;
        self
    }

    /// Sets the path of the BTF from which the programs' `vmlinux.h` was generated, such as a copy
    /// of `/sys/kernel/btf/vmlinux`. If a schema declares a name that this BTF also contains, the
    /// build fails. Names that only other kernels use are allowed. If no BTF is set, a name that
    /// any known kernel uses results in a warning.
    #[must_use]
    pub fn kernel_btf(mut self, path: impl AsRef<Path>) -> Self {
        self.kernel_btf = Some(path.as_ref().to_owned());
        self
    }

    /// Reads and checks the schemas, writes the generated files, and compiles the programs. Also
    /// tells Cargo on which files the build depends, by printing lines to standard output.
    ///
    /// # Errors
    ///
    /// Fails if a schema can't be read or breaks a rule, or if a file can't be written. In these
    /// cases, no file is changed. Also fails if a compiler is missing or a program does not compile.
    /// In these two cases, the generated files have already been written.
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

/// The files that were generated from all schemas of the builder.
#[derive(Default)]
struct Generated {
    files: Vec<GeneratedFile>,
    /// The names of the Rust files, without `.rs`.
    modules: Vec<String>,
}

impl Builder {
    /// Reads and checks the schemas, including the schemas that they include, and generates their
    /// files.
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

    /// Returns the options for the generated files of `checked`.
    fn options(&self, checked: &Checked) -> Options {
        let default = || Emit::default_for(checked).to_vec();
        let emit = self.emit.clone().unwrap_or_else(default);
        Options { emit, legacy: self.legacy }
    }
}

/// Returns the name of the Rust file of `checked` without `.rs`, or `None` if no Rust file is
/// generated.
fn module(checked: &Checked, options: &Options) -> Option<String> {
    options.emit.contains(&Emit::Rust).then(|| checked.schema().name.value.clone())
}

/// Reads the BTF of a kernel from the file `path`, and returns the names that this kernel uses.
fn kernel_names(path: &Path) -> Result<KernelNames, BuildError> {
    println!("cargo::rerun-if-changed={}", path.display());
    let fail = |why: String| BuildError(Cause::KernelBtf(path.to_owned(), why));
    let data =
        input::read(path, input::MAX_OBJECT_SIZE).map_err(|error| fail(error.to_string()))?;
    let btf = Btf::parse(&data).map_err(|error| fail(error.to_string()))?;
    Ok(KernelNames::new(&btf, format!("`{}`", path.display())))
}

/// Returns the functions that migrate the maps of an older version of a schema. Returns `None` if
/// no older version is set, or if one of the versions is invalid.
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
