//! Errors that occur when a BPF program in Rust is built.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::{fmt, io};

use super::tools::TOOLS;

/// The reason why a program in Rust can't be built.
#[derive(Debug)]
pub(crate) enum CrateError {
    NoCompiler(NoCompiler),
    NoLinker,
    /// bpf-linker can't be run.
    UnusableLinker(String),
    CannotRun {
        program: PathBuf,
        error: io::Error,
    },
    /// The package has no manifest that can be read.
    Unreadable {
        manifest: PathBuf,
        error: io::Error,
    },
    /// Cargo failed.
    Rejected {
        package: PathBuf,
        status: ExitStatus,
        /// The output of Cargo.
        said: String,
    },
    NoBinary(PathBuf),
}

/// The compilers that can't be used.
#[derive(Debug, Default)]
pub(crate) struct NoCompiler {
    /// The folder that [`TOOLS`] names, which has no compiler.
    pub(super) tools: Option<PathBuf>,
    /// The version of the build script's compiler.
    pub(super) own: Option<String>,
    /// Whether the build script's compiler accepts unstable options, but lacks the source of its
    /// library.
    pub(super) own_lacks_source: bool,
    /// Whether rustup has a nightly compiler without the source of its library.
    pub(super) nightly_lacks_source: bool,
}

impl fmt::Display for NoCompiler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "no compiler for BPF programs in Rust found: expected a nightly compiler with the source of its library",
        )?;
        if let Some(folder) = &self.tools {
            let folder = folder.display();
            write!(formatter, "\nnote: `{folder}` (from `{TOOLS}`) contains no `rustc`")?;
        }
        if let Some(version) = &self.own {
            let lacks = if self.own_lacks_source {
                "lacks the source of its library"
            } else {
                "is not a nightly compiler"
            };
            write!(formatter, "\nnote: the compiler of this build, `{version}`, {lacks}")?;
        }
        formatter.write_str(if self.nightly_lacks_source {
            "\nnote: the compiler of rustup's toolchain `nightly` lacks the source of its library"
        } else {
            "\nnote: rustup has no toolchain `nightly`, or `rustup` is not on `PATH`"
        })?;
        formatter.write_str(if self.nightly_lacks_source {
            "\nhelp: run `rustup component add rust-src --toolchain nightly`"
        } else {
            "\nhelp: run `rustup toolchain install nightly --component rust-src`"
        })
    }
}

const INSTALL_LINKER: &str = "help: run `cargo install bpf-linker`";

impl fmt::Display for CrateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCompiler(error) => error.fmt(formatter),
            Self::NoLinker => write!(
                formatter,
                "no `bpf-linker` found on `PATH`, which links BPF programs in Rust\n{INSTALL_LINKER}"
            ),
            Self::UnusableLinker(why) => {
                write!(formatter, "can't run `bpf-linker`: {why}\n{INSTALL_LINKER}")
            }
            Self::CannotRun { program, error } => {
                write!(formatter, "can't run `{}`: {error}", program.display())
            }
            Self::Unreadable { manifest, error } => write!(
                formatter,
                "can't read the manifest `{}`: {error}\nhelp: call `Builder::ebpf_crate` with the folder of the \
                 program's package",
                manifest.display()
            ),
            Self::Rejected { package, status, said } => writeln!(
                formatter,
                "cargo can't build the BPF program in `{}` ({status})\n\n{}",
                package.display(),
                said.trim_end()
            ),
            Self::NoBinary(package) => write!(
                formatter,
                "the package in `{}` has no binary\nhelp: write the BPF program in `src/main.rs` of this package",
                package.display()
            ),
        }
    }
}
