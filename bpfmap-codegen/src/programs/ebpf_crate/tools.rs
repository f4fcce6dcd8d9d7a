//! Finds the compiler and the linker that build BPF programs in Rust.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, io};

use super::error::{CrateError, NoCompiler};

/// The environment variable with the folder of the tools.
pub(super) const TOOLS: &str = "BPFMAP_EBPF_TOOLS";

/// The environment variable with which a stable compiler accepts unstable options.
const BOOTSTRAP: &str = "RUSTC_BOOTSTRAP";

/// Rustup's toolchain.
const NIGHTLY: &str = "nightly";

/// The tools that build BPF programs in Rust.
pub(super) struct Tools {
    compiler: Compiler,
    /// The folders in which the linker is searched.
    path: OsString,
}

/// A compiler that accepts unstable options, and has the source of its library.
enum Compiler {
    /// The compiler in the folder that [`TOOLS`] names.
    InFolder(PathBuf),
    /// The compiler of the build script.
    OfBuild,
    /// The compiler of rustup's toolchain [`NIGHTLY`].
    Nightly,
}

impl Tools {
    /// Finds the tools.
    pub(super) fn find() -> Result<Self, CrateError> {
        let compiler = Compiler::find().map_err(CrateError::NoCompiler)?;
        let mut path = env::var_os("PATH").unwrap_or_default();
        if let Compiler::InFolder(folder) = &compiler {
            let folders = std::iter::once(folder.join("bin")).chain(env::split_paths(&path));
            // A folder whose name contains the separator can't be in `PATH`.
            path = env::join_paths(folders).unwrap_or(path.clone());
        }
        let mut linker = Command::new("bpf-linker");
        linker.arg("--version").env("PATH", &path);
        match linker.stdin(Stdio::null()).output() {
            Ok(output) if output.status.success() => Ok(Self { compiler, path }),
            Ok(output) => Err(CrateError::UnusableLinker(output.status.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(CrateError::NoLinker),
            Err(error) => Err(CrateError::UnusableLinker(error.to_string())),
        }
    }

    /// Returns the command `cargo`, which uses these tools.
    pub(super) fn cargo(&self) -> Command {
        let own = || Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        let mut cargo = match &self.compiler {
            Compiler::InFolder(folder) => {
                let mut cargo = own();
                cargo.env("RUSTC", folder.join("rustc")).env(BOOTSTRAP, "1");
                cargo
            }
            Compiler::OfBuild => own(),
            Compiler::Nightly => {
                let mut cargo = Command::new("rustup");
                cargo.args(["run", NIGHTLY, "cargo"]);
                // Cargo sets these variables in a build script.
                cargo.env_remove("CARGO").env_remove("RUSTC").env_remove("RUSTDOC");
                cargo
            }
        };
        // The wrappers can be tools for the application, such as Clippy.
        cargo.env_remove("RUSTC_WRAPPER").env_remove("RUSTC_WORKSPACE_WRAPPER");
        cargo.env("PATH", &self.path);
        cargo
    }
}

impl Compiler {
    fn find() -> Result<Self, NoCompiler> {
        let mut missing = NoCompiler::default();
        if let Some(folder) = env::var_os(TOOLS).filter(|folder| !folder.is_empty()) {
            let folder = std::path::absolute(&folder).unwrap_or_else(|_| folder.into());
            let compiler = folder.join("rustc");
            if compiler.exists() {
                println!("cargo::rerun-if-changed={}", compiler.display());
                return Ok(Self::InFolder(folder));
            }
            missing.tools = Some(folder);
        }
        let own = || Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        missing.own = ask(own().arg("--version"));
        let is_nightly = missing.own.as_deref().is_some_and(|version| version.contains("nightly"));
        if is_nightly || env::var_os(BOOTSTRAP).is_some_and(|value| value == "1") {
            if ask(own().args(SYSROOT)).is_some_and(|sysroot| has_source(&sysroot)) {
                return Ok(Self::OfBuild);
            }
            missing.own_lacks_source = true;
        }
        let mut nightly = Command::new("rustup");
        nightly.args(["run", NIGHTLY, "rustc"]).args(SYSROOT);
        match ask(&mut nightly) {
            Some(sysroot) if has_source(&sysroot) => return Ok(Self::Nightly),
            Some(_) => missing.nightly_lacks_source = true,
            None => {}
        }
        Err(missing)
    }
}

/// The options with which a compiler prints the folder of its library.
const SYSROOT: [&str; 2] = ["--print", "sysroot"];

/// Returns the first line that a command prints, or `None` if it fails.
fn ask(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    let printed = String::from_utf8(output.stdout).ok()?;
    let line = printed.lines().next()?.trim().to_owned();
    (output.status.success() && !line.is_empty()).then_some(line)
}

/// Returns whether the source of the library is in this folder, where Cargo expects it.
fn has_source(sysroot: &str) -> bool {
    Path::new(sysroot).join("lib/rustlib/src/rust/library/Cargo.lock").exists()
}
