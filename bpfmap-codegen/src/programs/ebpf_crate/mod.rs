//! Compiles BPF programs in Rust. Cargo builds the package of a program for the BPF target.

mod error;
mod tools;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs};

pub(super) use error::CrateError;

use super::error::ProgramError;
use super::{depfile, watch_included};
use crate::Builder;
use tools::Tools;

/// The settings of a program's profile, which override the settings in the manifest. Every panic
/// must be removed, because a program can't unwind. A map is described by debug information, from
/// which bpf-linker makes BTF.
const PROFILE: &[&str] = &["codegen-units=1", "debug=2", "lto=true", "panic=\"abort\""];

/// BPF programs in Rust.
impl Builder {
    /// Adds a package that contains BPF programs in Rust. `folder` is the folder of this package's
    /// `Cargo.toml`, relative to the folder of the `Cargo.toml` of the build script.
    ///
    /// ```no_run
    /// // build.rs
    /// fn main() -> Result<(), bpfmap_codegen::BuildError> {
    ///     bpfmap_codegen::Builder::new().ebpf_crate("packets-ebpf").generate()
    /// }
    /// ```
    ///
    /// Each binary of the package becomes an object in `OUT_DIR`. For example, the binary
    /// `packets-ebpf` becomes `packets-ebpf.o`. The application includes it with
    /// `include_bytes!(concat!(env!("OUT_DIR"), "/packets-ebpf.o"))`, or with
    /// `aya::include_bytes_aligned!` if aya loads the object. The builder generates no skeleton for
    /// these objects.
    ///
    /// # Tools
    ///
    /// The target is `bpfel-unknown-none`, or `bpfeb-unknown-none` for a big-endian machine. Rust
    /// has no compiled library for these targets, so the compiler must accept unstable options and
    /// have the source of its library (the component `rust-src`). The builder takes the first of
    /// these compilers that is usable:
    ///
    /// 1. `rustc` in the folder that the environment variable `BPFMAP_EBPF_TOOLS` names. This
    ///    folder can also contain `bin/bpf-linker`. The compiler can be a stable one: the builder
    ///    sets `RUSTC_BOOTSTRAP`, with which a stable compiler accepts unstable options.
    /// 2. the compiler of the build script, if it is a nightly compiler or `RUSTC_BOOTSTRAP` is set
    /// 3. the compiler of rustup's toolchain `nightly`
    ///
    /// The linker is `bpf-linker` on `PATH`. If there is no usable compiler or no linker, the build
    /// fails, and the message says what to install.
    ///
    /// # Build
    ///
    /// The builder runs `cargo build --release`. For the profile it sets `codegen-units = 1`,
    /// `debug = 2`, `lto = true` and `panic = "abort"`. The object contains BTF. The package can be
    /// a member of the same workspace as the application, or of no workspace. If it is a member,
    /// leave it out of the workspace's `default-members`, because it can't be compiled for this
    /// machine.
    ///
    /// If the program does not compile, the build fails with the compiler's message. The compiler's
    /// warnings become Cargo warnings. Cargo runs the script again if a file changes that was
    /// compiled into the program, including the files of the packages in other folders that the
    /// program depends on.
    #[must_use]
    pub fn ebpf_crate(mut self, folder: impl AsRef<Path>) -> Self {
        self.programs.packages.push(folder.as_ref().to_owned());
        self
    }
}

/// Builds the packages, and writes their objects to `folder`. `taken` contains the names of the
/// other files that the builder writes to `folder`, each with its sources.
pub(super) fn build(
    packages: &[PathBuf],
    folder: &Path,
    mut taken: BTreeMap<PathBuf, Vec<PathBuf>>,
) -> Result<(), ProgramError> {
    println!("cargo::rerun-if-env-changed=BPFMAP_EBPF_TOOLS");
    println!("cargo::rerun-if-env-changed=RUSTC_BOOTSTRAP");
    for package in packages {
        check_manifest(package)?;
    }
    let tools = Tools::find()?;
    // All packages share the compiled `core`.
    let target_folder =
        env::var_os("OUT_DIR").map_or_else(|| folder.to_owned(), PathBuf::from).join("ebpf");
    for package in packages {
        let mut watched = BTreeSet::new();
        for Binary { name, path } in build_package(&tools, package, &target_folder)? {
            let object = PathBuf::from(format!("{name}.o"));
            if let Some(other) = taken.insert(object.clone(), vec![package.clone()]) {
                let programs = [other, vec![package.clone()]];
                return Err(ProgramError::MadeTwice { name: object, programs });
            }
            let place = folder.join(object);
            fs::copy(&path, &place).map_err(|error| ProgramError::Io {
                action: "write",
                path: place,
                error,
            })?;
            let list = path.with_file_name(format!("{name}.d"));
            let text = fs::read_to_string(&list).map_err(|error| ProgramError::Io {
                action: "read",
                path: list,
                error,
            })?;
            watched.extend(depfile::prerequisites(&text));
        }
        let manifests: Vec<PathBuf> = watched.iter().flat_map(|path| manifests(path)).collect();
        watched.extend(manifests);
        watched.extend(manifests_of_package(package));
        watch_included(&watched);
    }
    Ok(())
}

/// An executable that Cargo has built.
struct Binary {
    name: String,
    path: PathBuf,
}

/// Runs Cargo on a package. Prints the warnings, and returns the binaries of the package.
fn build_package(
    tools: &Tools,
    package: &Path,
    target_folder: &Path,
) -> Result<Vec<Binary>, CrateError> {
    let target = target();
    let folder = target_folder.join(target).join("release");
    // Binaries of another package, or a binary that no longer exists. Cargo writes the others again, even
    // if it compiles nothing.
    remove_files(&folder);
    let mut cargo = tools.cargo();
    cargo.args(["build", "--release", "--bins", "--quiet", "--color", "never"]);
    cargo.args(["--target", target, "-Z", "build-std=core", "--manifest-path"]);
    cargo.arg(package.join("Cargo.toml"));
    cargo.arg("--target-dir").arg(target_folder);
    for setting in PROFILE {
        cargo.arg("--config").arg(format!("profile.release.{setting}"));
    }
    cargo.arg("--config").arg(compiler_options(target));
    // If this folder were the application's, Cargo would wait for itself.
    cargo.env("CARGO_BUILD_BUILD_DIR", target_folder);
    // These options are meant for the application. If they were set, Cargo would ignore the options
    // above.
    cargo.env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("RUSTFLAGS");
    let output = cargo
        .output()
        .map_err(|error| CrateError::CannotRun { program: cargo.get_program().into(), error })?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let (package, said) = (package.to_owned(), said.into_owned());
        return Err(CrateError::Rejected { package, status: output.status, said });
    }
    for line in said.lines().filter(|line| !line.is_empty()) {
        println!("cargo::warning={line}");
    }
    let binaries = binaries(&folder);
    if binaries.is_empty() { Err(CrateError::NoBinary(package.to_owned())) } else { Ok(binaries) }
}

/// Returns the BPF target with the byte order of the target of the build.
fn target() -> &'static str {
    let order = env::var("CARGO_CFG_TARGET_ENDIAN");
    let is_big = order.map_or(cfg!(target_endian = "big"), |order| order == "big");
    if is_big { "bpfeb-unknown-none" } else { "bpfel-unknown-none" }
}

/// Returns a setting of Cargo with the compiler's options for the BPF target.
fn compiler_options(target: &str) -> OsString {
    let machine = env::var("CARGO_CFG_TARGET_ARCH");
    let machine = machine.as_deref().unwrap_or(env::consts::ARCH);
    // aya-ebpf reads the condition: its bindings contain types of the machine, such as `pt_regs`.
    format!("target.{target}.rustflags=['-Clink-arg=--btf', '--cfg=bpf_target_arch=\"{machine}\"']")
        .into()
}

/// Returns the executables in a folder, sorted by name. Cargo writes a list of the sources for each
/// executable and for each library, but the file of a library has another name than its list.
fn binaries(folder: &Path) -> Vec<Binary> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut binaries: Vec<Binary> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let name = name.strip_suffix(".d")?.to_owned();
            let path = folder.join(&name);
            path.is_file().then_some(Binary { name, path })
        })
        .collect();
    binaries.sort_by(|one, other| one.name.cmp(&other.name));
    binaries
}

/// Removes the files in a folder, but no folders.
fn remove_files(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            // If this file can't be removed, Cargo reports that it can't be written.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn check_manifest(package: &Path) -> Result<(), CrateError> {
    let manifest = package.join("Cargo.toml");
    match fs::File::open(&manifest) {
        Ok(_) => Ok(()),
        Err(error) => Err(CrateError::Unreadable { manifest, error }),
    }
}

/// Returns the manifests that apply to a source file: the manifest of its package and of the
/// workspace.
fn manifests(source: &Path) -> Vec<PathBuf> {
    let folders = source.ancestors().skip(1);
    folders.map(|folder| folder.join("Cargo.toml")).filter(|manifest| manifest.exists()).collect()
}

/// Returns the files of a package that Cargo reads before it compiles something, and the folder in
/// which it looks for binaries.
fn manifests_of_package(package: &Path) -> Vec<PathBuf> {
    let package = std::path::absolute(package).unwrap_or_else(|_| package.to_owned());
    let mut found = manifests(&package.join("Cargo.toml"));
    let locks = found.iter().map(|manifest| manifest.with_extension("lock"));
    let others = locks.chain([package.join("src")]).filter(|path| path.exists());
    found.extend(others.collect::<Vec<_>>());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_told_from_libraries() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b-ebpf", "b-ebpf.d", "a", "a.d", "libcommon.rlib", "libcommon.d", "no_list"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join("deps")).unwrap();
        let names = |found: Vec<Binary>| found.into_iter().map(|it| it.name).collect::<Vec<_>>();
        assert_eq!(names(binaries(folder.path())), ["a", "b-ebpf"]);
        remove_files(folder.path());
        assert!(binaries(folder.path()).is_empty());
        assert!(folder.path().join("deps").exists());
    }
}
