//! Compiles BPF programs in build scripts. Programs in C can include the headers that the build
//! generates.

mod compile;
mod depfile;
pub(crate) mod distributions;
mod ebpf_crate;
mod error;
#[cfg(feature = "libbpf")]
mod libbpf;
mod package;
mod toolchain;
mod tools;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::{env, fs};

pub(crate) use error::ProgramError;
pub(crate) use package::of_package;
pub use tools::{Clang, ClangError};

use compile::{Compiler, Outcome};
use toolchain::Toolchain;

use crate::Builder;

/// The programs that a builder compiles.
#[derive(Debug, Clone, Default)]
pub(crate) struct Programs {
    objects: Vec<Object>,
    /// The folders of the packages with programs in Rust.
    packages: Vec<PathBuf>,
    options: Vec<OsString>,
    /// Whether to generate a skeleton for each object.
    #[cfg(feature = "libbpf")]
    skeletons: bool,
}

/// An object and the programs from which it is compiled.
#[derive(Debug, Clone)]
struct Object {
    /// The file name of the object, without a folder.
    name: PathBuf,
    sources: Vec<PathBuf>,
}

/// BPF programs.
impl Builder {
    /// Adds a BPF program to compile. For example, `src/probe.bpf.c` is compiled to `probe.bpf.o`
    /// in `OUT_DIR`. The path is relative to the folder of the package's `Cargo.toml`. If you call
    /// this method several times, each program is compiled to a separate object.
    ///
    /// ```no_run
    /// // build.rs
    /// fn main() -> Result<(), bpfmap_codegen::BuildError> {
    ///     bpfmap_codegen::Builder::new()
    ///         .schema("maps.toml")
    ///         .program("src/probe.bpf.c")
    ///         .generate()
    /// }
    /// ```
    ///
    /// The application includes the object with `include_bytes!(concat!(env!("OUT_DIR"), "/probe.bpf.o"))`.
    ///
    /// [`clang::find`](crate::clang::find) finds the compiler: the value of `CLANG` in the
    /// environment, or the newest `clang-N` on `PATH`. The options are `-g -O2 -target bpf`, and
    /// `-D__TARGET_ARCH_…` for the target of the build. After these options come the folder of the
    /// generated headers, the options of [`clang_args`](Self::clang_args), the program's folder,
    /// and the system's folders of headers, in this order. On Debian, the last group includes the
    /// folder of the architecture's headers.
    ///
    /// Cargo runs the script again if the program or a file that it includes changes.
    /// clang's warnings become Cargo warnings. If a program does not compile, the build fails with
    /// clang's message. If clang or a header is missing, the error message says what to install or
    /// change.
    #[must_use]
    pub fn program(mut self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let object = Object { name: object_name(path), sources: vec![path.to_owned()] };
        self.programs.objects.push(object);
        self
    }

    /// Adds several BPF programs to compile and to link into one object. The object is the file
    /// `name` in `OUT_DIR`.
    ///
    /// For each `extern` declaration in a program, another of these programs must contain the
    /// definition. The builder compiles the programs with the same options as
    /// [`program`](Self::program). It links them with the version of libbpf that is built into this
    /// crate.
    ///
    /// ```no_run
    /// // build.rs
    /// fn main() -> Result<(), bpfmap_codegen::BuildError> {
    ///     bpfmap_codegen::Builder::new()
    ///         .schema("maps.toml")
    ///         .link("probe.bpf.o", ["src/ingress.bpf.c", "src/egress.bpf.c"])
    ///         .generate()
    /// }
    /// ```
    #[cfg(feature = "libbpf")]
    #[must_use]
    pub fn link<P: AsRef<Path>>(
        mut self,
        name: impl AsRef<Path>,
        programs: impl IntoIterator<Item = P>,
    ) -> Self {
        let sources = programs.into_iter().map(|path| path.as_ref().to_owned()).collect();
        self.programs.objects.push(Object { name: name.as_ref().to_owned(), sources });
        self
    }

    /// Sets whether to generate a libbpf-cargo skeleton for each object. The skeleton of
    /// `probe.bpf.o` is `probe.skel.rs`.
    ///
    /// ```no_run
    /// // build.rs
    /// fn main() -> Result<(), bpfmap_codegen::BuildError> {
    ///     bpfmap_codegen::Builder::new()
    ///         .schema("maps.toml")
    ///         .program("src/probe.bpf.c")
    ///         .skeleton(true)
    ///         .generate()
    /// }
    /// ```
    ///
    /// The application includes the skeleton in a separate module, and opens the object with
    /// `ProbeSkelBuilder`:
    ///
    /// ```ignore
    /// mod skeleton {
    ///     include!(concat!(env!("OUT_DIR"), "/probe.skel.rs"));
    /// }
    /// ```
    #[cfg(feature = "libbpf")]
    #[must_use]
    pub fn skeleton(mut self, skeleton: bool) -> Self {
        self.programs.skeletons = skeleton;
        self
    }

    /// Adds clang options for all programs of the builder. These options override the default
    /// options. For example, `-O1` overrides the default `-O2`.
    ///
    /// ```
    /// let builder = bpfmap_codegen::Builder::new()
    ///     .program("src/probe.bpf.c")
    ///     .clang_args(["-Wall", "-Werror", "-mcpu=v3", "-Ivendor/vmlinux"]);
    /// ```
    #[must_use]
    pub fn clang_args<S: AsRef<OsStr>>(mut self, options: impl IntoIterator<Item = S>) -> Self {
        self.programs.options.extend(options.into_iter().map(|option| option.as_ref().to_owned()));
        self
    }
}

impl Programs {
    pub(crate) fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.packages.is_empty()
    }

    fn sources(&self) -> impl Iterator<Item = &PathBuf> {
        self.objects.iter().flat_map(|object| &object.sources)
    }

    /// Tells Cargo to run the script again when any program of the package or of this builder
    /// changes.
    pub(crate) fn watch(&self) {
        let mut watched: BTreeSet<PathBuf> = self.sources().cloned().collect();
        if let Some(package) = env::var_os("CARGO_MANIFEST_DIR") {
            // The script must also run again when these programs change, because it can compile
            // them without the builder.
            watched.extend(of_package(Path::new(&package)));
        }
        for path in watched {
            println!("cargo::rerun-if-changed={}", path.display());
        }
        if !self.objects.is_empty() {
            println!("cargo::rerun-if-env-changed=CLANG");
        }
    }

    /// Compiles the programs of all objects in `folder`. `generated` are the names of the generated
    /// headers in `folder`. Tells Cargo which files the programs include.
    pub(crate) fn compile(&self, folder: &Path, generated: &[String]) -> Result<(), ProgramError> {
        if self.is_empty() {
            return Ok(());
        }
        let names = self.check_names()?;
        self.check_sources()?;
        fs::create_dir_all(folder).map_err(|error| ProgramError::Io {
            action: "create the folder",
            path: folder.to_owned(),
            error,
        })?;
        if !self.objects.is_empty() {
            self.compile_c(folder, generated)?;
        }
        if self.packages.is_empty() {
            return Ok(());
        }
        ebpf_crate::build(&self.packages, folder, names)
    }

    /// Compiles the programs in C.
    fn compile_c(&self, folder: &Path, generated: &[String]) -> Result<(), ProgramError> {
        let toolchain = Toolchain::find().map_err(ProgramError::Toolchain)?;
        let compiler = Compiler::new(toolchain, folder, generated, &self.options)?;
        let mut outcome = Outcome::default();
        for object in &self.objects {
            let place = folder.join(&object.name);
            #[cfg(feature = "libbpf")]
            if self.skeletons || object.sources.len() > 1 {
                self.link_object(object, &place, &compiler, &mut outcome)?;
                continue;
            }
            for source in &object.sources {
                compiler.compile(source, &place, &mut outcome)?;
            }
        }
        for warning in &outcome.warnings {
            println!("cargo::warning={warning}");
        }
        if !outcome.rejections.is_empty() {
            return Err(ProgramError::Rejected(outcome.rejections));
        }
        watch_included(&outcome.read);
        Ok(())
    }

    /// Compiles the programs of an object, links them, and writes the skeleton if it was requested.
    #[cfg(feature = "libbpf")]
    fn link_object(
        &self,
        object: &Object,
        place: &Path,
        compiler: &Compiler<'_>,
        outcome: &mut Outcome,
    ) -> Result<(), ProgramError> {
        let rejections = outcome.rejections.len();
        let mut parts = Vec::with_capacity(object.sources.len());
        for (number, source) in object.sources.iter().enumerate() {
            // Each temporary file has the name of its program, because libbpf's messages contain
            // the file name.
            let folder = compiler.scratch.path().join(number.to_string());
            fs::create_dir_all(&folder).map_err(|error| ProgramError::Io {
                action: "create the folder",
                path: folder.clone(),
                error,
            })?;
            let part = folder.join(object_name(source));
            compiler.compile(source, &part, outcome)?;
            parts.push(part);
        }
        if outcome.rejections.len() > rejections {
            return Ok(());
        }
        libbpf::link(place, &parts)?;
        if self.skeletons { libbpf::write_skeleton(place) } else { Ok(()) }
    }

    /// Returns the names of the objects and skeletons, each with its sources. Fails if two of them
    /// would have the same path.
    fn check_names(&self) -> Result<BTreeMap<PathBuf, Vec<PathBuf>>, ProgramError> {
        let mut makers = BTreeMap::new();
        for object in &self.objects {
            let made = std::iter::once(object.name.clone());
            #[cfg(feature = "libbpf")]
            let made = made.chain(self.skeletons.then(|| libbpf::skeleton_path(&object.name)));
            for name in made {
                if let Some(other) = makers.insert(name.clone(), object.sources.clone()) {
                    let programs = [other, object.sources.clone()];
                    return Err(ProgramError::MadeTwice { name, programs });
                }
            }
        }
        Ok(makers)
    }

    /// Fails if a program can't be opened.
    fn check_sources(&self) -> Result<(), ProgramError> {
        for program in self.sources() {
            if let Err(error) = fs::File::open(program) {
                let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
                let present = package.as_deref().map(of_package).unwrap_or_default();
                let in_package = |path: PathBuf| {
                    let short =
                        package.as_ref().and_then(|package| path.strip_prefix(package).ok());
                    short.map(Path::to_owned).unwrap_or(path)
                };
                let programs = present.into_iter().filter(|path| !ends_in(path, ".h"));
                return Err(ProgramError::Unreadable {
                    program: program.clone(),
                    error,
                    present: programs.map(in_package).take(5).collect(),
                });
            }
        }
        Ok(())
    }
}

/// Returns the name of the object of a program, such as `probe.bpf.o` for `src/probe.bpf.c`.
fn object_name(program: &Path) -> PathBuf {
    Path::new(program.file_name().unwrap_or(program.as_os_str())).with_extension("o")
}

fn ends_in(path: &Path, ending: &str) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(ending.as_bytes())
}

/// Tells Cargo to run the script again when one of these files changes. The function leaves out
/// files in `OUT_DIR`, because the script itself writes them: they are always newer than the start
/// of the script, and Cargo would run the script again in every build.
fn watch_included(read: &BTreeSet<PathBuf>) {
    let own = env::var_os("OUT_DIR").and_then(|folder| fs::canonicalize(folder).ok());
    for path in read {
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        if !own.as_ref().is_some_and(|own| place.starts_with(own)) {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
}
