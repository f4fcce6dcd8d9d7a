//! Test binaries that Cargo builds, each with the environment that Cargo gives its tests.
//!
//! `cargo test` runs a test binary in the directory of its package, with environment variables that
//! describe the package. [`build_tests`] builds the binaries and determines the directory and the
//! variables of each, so that the tests can run somewhere else.
//!
//! ```no_run
//! use bpfmap_vmtest::cargo::build_tests;
//! use std::path::Path;
//!
//! # fn main() -> bpfmap_vmtest::Result<()> {
//! for binary in build_tests(Path::new("."), ["--package", "maps", "--release"])? {
//!     println!("{}: {}", binary.name, binary.path.display());
//! }
//! # Ok(())
//! # }
//! ```

use crate::binary::Binary;
use crate::error::{Context as _, Error, ErrorKind, Result};
use cargo_metadata::{
    Artifact, BuildScript, Message, Metadata, MetadataCommand, Package, PackageId, Target,
};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Builds the tests that `arguments` select, and returns the test binaries.
///
/// `directory` is the working directory of Cargo, in which Cargo looks for the package or the
/// workspace. `arguments` are the arguments of `cargo test` that select packages, targets, features
/// and profiles. Cargo's progress and the compiler's messages are written to standard error.
///
/// # Errors
///
/// Fails if Cargo is missing ([`ErrorKind::CargoMissing`]), if the build fails
/// ([`ErrorKind::BuildFailed`]), or if none of the selected targets has tests
/// ([`ErrorKind::NoTestBinary`]).
pub fn build_tests<A: AsRef<OsStr>>(
    directory: &Path,
    arguments: impl IntoIterator<Item = A>,
) -> Result<Vec<Binary>> {
    let built = Built::new(directory, arguments)?;
    let Some(first) = built.tests.first() else {
        return Err(Error::new(ErrorKind::NoTestBinary, "Cargo built no test binary").help(
            "select a package or a target that has tests: `cargo test --no-run` lists them",
        ));
    };
    let metadata = metadata(directory, first.manifest_path.as_std_path())?;
    let compilers_libraries = compilers_libraries();
    let binary = |test| built.binary(test, &metadata, compilers_libraries.as_deref());
    let mut binaries: Vec<Binary> = built.tests.iter().filter_map(binary).collect();
    binaries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(binaries)
}

/// The facts about a build that Cargo's messages contain.
#[derive(Debug, Default)]
struct Built {
    tests: Vec<Artifact>,
    /// The programs that Cargo builds for the integration tests of each package.
    programs: BTreeMap<PackageId, Vec<(String, PathBuf)>>,
    scripts: BTreeMap<PackageId, BuildScript>,
}

impl Built {
    fn new<A: AsRef<OsStr>>(
        directory: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Self> {
        let mut command = Command::new(program());
        command.current_dir(directory).args(["test", "--no-run"]).args(arguments);
        command.arg("--message-format=json-render-diagnostics");
        let mut cargo = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(cargo_cannot_be_run)?;
        let messages = cargo.stdout.take().expect("it is piped");
        let mut built = Self::default();
        for message in Message::parse_stream(BufReader::new(messages)) {
            built.add(message.doing("read the messages of Cargo")?);
        }
        let status = cargo.wait().doing("wait for Cargo")?;
        if status.success() {
            return Ok(built);
        }
        let message = format!("Cargo could not build the tests ({status})");
        Err(Error::new(ErrorKind::BuildFailed, message)
            .help("the messages of Cargo and of the compiler say why"))
    }

    fn add(&mut self, message: Message) {
        match message {
            Message::CompilerArtifact(artifact) => {
                let Some(path) = artifact.executable.clone() else { return };
                if artifact.profile.test {
                    self.tests.push(artifact);
                } else if artifact.target.is_bin() {
                    let programs = self.programs.entry(artifact.package_id).or_default();
                    programs.push((artifact.target.name, path.into()));
                }
            }
            Message::BuildScriptExecuted(script) => {
                self.scripts.insert(script.package_id.clone(), script);
            }
            _ => {}
        }
    }

    /// Returns a test binary with the environment that Cargo gives its tests, or `None` if its
    /// package is not in the workspace.
    fn binary(
        &self,
        test: &Artifact,
        metadata: &Metadata,
        compilers_libraries: Option<&Path>,
    ) -> Option<Binary> {
        let package = metadata.packages.iter().find(|package| package.id == test.package_id)?;
        let path = test.executable.as_ref()?.as_std_path().to_owned();
        let mut env = package_variables(package);
        let script = self.scripts.get(&package.id);
        if let Some(script) = script {
            env.push(("OUT_DIR".to_owned(), script.out_dir.to_string()));
            env.extend(script.env.iter().cloned());
        }
        let mut programs = Vec::new();
        if test.target.is_test() || test.target.is_bench() {
            for (name, program) in self.programs.get(&package.id).into_iter().flatten() {
                let value = program.to_str()?.to_owned();
                env.push((format!("CARGO_BIN_EXE_{name}"), value));
                programs.push(program.clone());
            }
        }
        let linked = script.iter().flat_map(|script| &script.linked_paths);
        let linked = linked.map(|path| PathBuf::from(folder_of_linked_path(path.as_str())));
        // The compiler also searches other directories, such as those of the system, but only these
        // contain what Cargo built.
        let mut libraries: Vec<PathBuf> =
            linked.filter(|path| path.starts_with(&metadata.target_directory)).collect();
        // Crates that are shared libraries are in the directory of the test binary, such as
        // `target/debug/deps`, or in its parent.
        libraries.extend(path.ancestors().skip(1).take(2).map(Path::to_owned));
        libraries.extend(compilers_libraries.map(Path::to_owned));
        Some(Binary {
            name: binary_id(&package.name, &test.target),
            directory: Some(package.manifest_path.parent()?.into()),
            env,
            programs,
            libraries,
            may_be_empty: true,
            ..Binary::at(path)
        })
    }
}

/// Returns the path of the Cargo that runs this program. If there is none, returns `cargo`, which
/// is then searched for on the `PATH`.
fn program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn cargo_cannot_be_run(error: std::io::Error) -> Error {
    let missing = error.kind() == std::io::ErrorKind::NotFound;
    let kind = if missing { ErrorKind::CargoMissing } else { ErrorKind::Io };
    let message = format!("cannot run {}", Path::new(&program()).display());
    let error = Error::new(kind, message).because(error);
    if missing {
        error.help("install Rust from https://rustup.rs, or set CARGO to the path of Cargo")
    } else {
        error
    }
}

fn metadata(directory: &Path, manifest: &Path) -> Result<Metadata> {
    let mut command = MetadataCommand::new();
    command.cargo_path(program()).current_dir(directory).manifest_path(manifest).no_deps();
    command.exec().map_err(|error| {
        Error::new(ErrorKind::BuildFailed, "cannot read the metadata of the workspace")
            .because(error)
    })
}

/// Returns the compiler's directory that contains the standard library as a shared library. Tests
/// of procedural macros are linked with this library.
fn compilers_libraries() -> Option<PathBuf> {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(compiler).args(["--print", "target-libdir"]).output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(folder.trim_end())).filter(|folder| folder.is_dir())
}

/// Returns the directory of a library path that a build script printed, such as `/x` for
/// `native=/x`.
fn folder_of_linked_path(path: &str) -> &str {
    match path.split_once('=') {
        Some(("dependency" | "crate" | "native" | "framework" | "all", folder)) => folder,
        _ => path,
    }
}

/// Returns the variables that describe a package to its tests, with the names that Cargo uses.
fn package_variables(package: &Package) -> Vec<(String, String)> {
    let version = &package.version;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let manifest = package.manifest_path.as_path();
    let folder = manifest.parent().unwrap_or(manifest);
    let rust_version = package.rust_version.as_ref().map(ToString::to_string);
    let variables = [
        ("MANIFEST_DIR", folder.to_string()),
        ("MANIFEST_PATH", manifest.to_string()),
        ("PKG_NAME", package.name.to_string()),
        ("PKG_VERSION", version.to_string()),
        ("PKG_VERSION_MAJOR", version.major.to_string()),
        ("PKG_VERSION_MINOR", version.minor.to_string()),
        ("PKG_VERSION_PATCH", version.patch.to_string()),
        ("PKG_VERSION_PRE", version.pre.to_string()),
        ("PKG_AUTHORS", package.authors.join(":")),
        ("PKG_DESCRIPTION", text(&package.description)),
        ("PKG_HOMEPAGE", text(&package.homepage)),
        ("PKG_REPOSITORY", text(&package.repository)),
        ("PKG_LICENSE", text(&package.license)),
        ("PKG_RUST_VERSION", text(&rust_version)),
    ];
    variables.map(|(name, value)| (format!("CARGO_{name}"), value)).into()
}

/// Returns the name that cargo-nextest uses for a test binary: the name of the package, followed by
/// the name of the target unless the target is the library.
fn binary_id(package: &str, target: &Target) -> String {
    let name = &target.name;
    if target.is_test() {
        return format!("{package}::{name}");
    }
    let kind = if target.is_bin() {
        "bin"
    } else if target.is_example() {
        "example"
    } else if target.is_bench() {
        "bench"
    } else {
        return package.to_owned();
    };
    format!("{package}::{kind}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_of_a_linked_path_has_no_kind() {
        assert_eq!(folder_of_linked_path("native=/t/out"), "/t/out");
        assert_eq!(folder_of_linked_path("/t/a=b"), "/t/a=b");
        assert_eq!(folder_of_linked_path("/t"), "/t");
    }
}
