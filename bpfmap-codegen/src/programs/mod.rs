//! BPF programs in build scripts: compiled by clang, with the headers that the build generates.

mod compile;
mod depfile;
pub(crate) mod distributions;
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
    options: Vec<OsString>,
    /// Whether each object gets a skeleton.
    #[cfg(feature = "libbpf")]
    skeletons: bool,
}

/// An object and its programs.
#[derive(Debug, Clone)]
struct Object {
    /// Its name, without a folder.
    name: PathBuf,
    sources: Vec<PathBuf>,
}

/// BPF programs.
impl Builder {
    /// Also compiles the BPF program `path`: `src/probe.bpf.c` becomes `probe.bpf.o` in `OUT_DIR`. The path is relative
    /// to the folder of the package's `Cargo.toml`. You can call it for several programs; each becomes a separate
    /// object.
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
    /// The compiler is the result of [`clang::find`](crate::clang::find): `CLANG` in the environment, or else the
    /// newest `clang-N` on `PATH`. The options are `-g -O2 -target bpf`, `-D__TARGET_ARCH_…` for the target of the
    /// build, and, in this order, the folder of the generated headers, the options of [`clang_args`](Self::clang_args),
    /// the program's folder, and the system's folders of headers, including Debian's folder for the architecture.
    ///
    /// Cargo runs the script again if the program or a file that it includes changes. Warnings of clang become warnings
    /// of Cargo. If a program does not compile, the build fails with clang's message. If clang or a header of libbpf,
    /// of the kernel or of this build is missing, the message says what to install or change.
    #[must_use]
    pub fn program(mut self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let object = Object { name: object_name(path), sources: vec![path.to_owned()] };
        self.programs.objects.push(object);
        self
    }

    /// Also compiles these BPF programs, and links them to a single object `name` in `OUT_DIR`.
    ///
    /// An `extern` declaration in one of them must have a definition in one of the others. The
    /// programs are compiled like those of [`program`](Self::program), and linked with the libbpf
    /// with which this crate is built.
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

    /// Sets whether to generate a skeleton of libbpf-cargo for each object: `probe.skel.rs` for
    /// `probe.bpf.o`.
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
    /// The application includes it in a separate module, and opens it with `ProbeSkelBuilder`:
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

    /// Adds options for clang, for each [`program`](Self::program). If two options conflict, such as `-O1` and the
    /// default `-O2`, the one given here wins.
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
        self.objects.is_empty()
    }

    fn sources(&self) -> impl Iterator<Item = &PathBuf> {
        self.objects.iter().flat_map(|object| &object.sources)
    }

    /// Tells Cargo to run the script again when a program of the package or of this builder
    /// changes.
    pub(crate) fn watch(&self) {
        let mut watched: BTreeSet<PathBuf> = self.sources().cloned().collect();
        if let Some(package) = env::var_os("CARGO_MANIFEST_DIR") {
            // The script may compile these programs itself, so it must run again when they change.
            watched.extend(of_package(Path::new(&package)));
        }
        for path in watched {
            println!("cargo::rerun-if-changed={}", path.display());
        }
        if !self.is_empty() {
            println!("cargo::rerun-if-env-changed=CLANG");
        }
    }

    /// Compiles the objects in `folder`, which contains the generated headers `generated`. Tells
    /// Cargo which files the programs include.
    pub(crate) fn compile(&self, folder: &Path, generated: &[String]) -> Result<(), ProgramError> {
        if self.is_empty() {
            return Ok(());
        }
        self.check_names()?;
        self.check_sources()?;
        fs::create_dir_all(folder).map_err(|error| ProgramError::Io {
            action: "create the folder",
            path: folder.to_owned(),
            error,
        })?;
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
            // The file has the program's name, because libbpf's messages show it.
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

    /// Fails if two objects would have the same path.
    fn check_names(&self) -> Result<(), ProgramError> {
        let mut makers = BTreeMap::new();
        for object in &self.objects {
            let made = std::iter::once(object.name.clone());
            #[cfg(feature = "libbpf")]
            let made = made.chain(self.skeletons.then(|| libbpf::skeleton_path(&object.name)));
            for name in made {
                if let Some(other) = makers.insert(name.clone(), object) {
                    return Err(ProgramError::MadeTwice {
                        name,
                        programs: [other, object].map(|object| object.sources.clone()),
                    });
                }
            }
        }
        Ok(())
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

/// Returns the name of a program's object: `probe.bpf.o` for `src/probe.bpf.c`.
fn object_name(program: &Path) -> PathBuf {
    Path::new(program.file_name().unwrap_or(program.as_os_str())).with_extension("o")
}

fn ends_in(path: &Path, ending: &str) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(ending.as_bytes())
}

/// Tells Cargo to run the script again when one of these files changes. Files that the script
/// writes itself are left out. They are newer than the start of the script, so Cargo would always
/// run the script again.
fn watch_included(read: &BTreeSet<PathBuf>) {
    let own = env::var_os("OUT_DIR").and_then(|folder| fs::canonicalize(folder).ok());
    for path in read {
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        if !own.as_ref().is_some_and(|own| place.starts_with(own)) {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
}
