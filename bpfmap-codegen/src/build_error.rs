//! The error type of [`Builder::generate`](crate::Builder::generate).

use std::fmt;
use std::path::PathBuf;

#[cfg(feature = "migrations")]
use crate::evolve::TooLarge;
use crate::output::OutputError;
use crate::programs::ProgramError;
use bpfmap_schema::diagnostics::Rejected;
#[cfg(feature = "rust")]
use bpfmap_schema::front::rust::CfgError;

/// An error of [`Builder::generate`](crate::Builder::generate). `Display` and `Debug` both show
/// each error in a schema or program with its position.
pub struct BuildError(pub(crate) Cause);

pub(crate) enum Cause {
    NoSchema,
    NoOutDir,
    #[cfg(feature = "rust")]
    Cfg(CfgError),
    Rejected(Vec<Rejected>),
    #[cfg(feature = "migrations")]
    TooLarge(TooLarge),
    Output(OutputError),
    Program(ProgramError),
    KernelBtf(PathBuf, String),
}

impl BuildError {
    /// Returns the schemas that break rules. The slice is empty if the build failed for another
    /// reason.
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
                "the builder has neither a schema nor a program: call `Builder::schema`, `Builder::rust_source`, \
                 `Builder::program` or `Builder::ebpf_crate` first",
            ),
            Cause::NoOutDir => formatter.write_str(
                "`OUT_DIR` is not set, because this program is not a build script: call `Builder::out_dir`",
            ),
            #[cfg(feature = "rust")]
            Cause::Cfg(error) => error.fmt(formatter),
            Cause::Rejected(rejected) => {
                rejected.iter().try_for_each(|rejected| write!(formatter, "\n{rejected}"))
            }
            #[cfg(feature = "migrations")]
            Cause::TooLarge(error) => error.fmt(formatter),
            Cause::Output(error) => error.fmt(formatter),
            Cause::Program(error) => error.fmt(formatter),
            Cause::KernelBtf(path, why) => {
                write!(formatter, "can't read the kernel's BTF from `{}`: {why}", path.display())
            }
        }
    }
}

/// Shows the same text as `Display`. If the `main` function of a build script returns an error,
/// Rust prints the error with `Debug`.
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
