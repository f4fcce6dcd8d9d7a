//! Runs clang in tools that are not build scripts.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use super::compile::{Compiler, Outcome};
use super::error::ProgramError;
use super::toolchain::Toolchain;

/// The clang on this system, and the folders that it searches for headers.
///
/// ```no_run
/// use bpfmap_codegen::clang::Clang;
///
/// # fn main() -> Result<(), bpfmap_codegen::clang::ClangError> {
/// let clang = Clang::find()?;
/// for warning in clang.compile("probe.bpf.c".as_ref(), "probe.bpf.o".as_ref(), "generated".as_ref(), &[])? {
///     eprintln!("{warning}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Clang(Toolchain);

impl Clang {
    /// Finds clang with [`find`](crate::clang::find), and asks it for the folders that it searches
    /// for headers.
    ///
    /// # Errors
    /// Fails if no clang is found, if clang can't be run, or if its version is too old. The message
    /// says what to install.
    pub fn find() -> Result<Self, ClangError> {
        Toolchain::find().map(Self).map_err(|error| ClangError(ProgramError::Toolchain(error)))
    }

    /// Compiles a BPF program to an object, like [`Builder::program`](crate::Builder::program), and returns clang's
    /// warnings. Searches for headers in the folder `headers` first.
    ///
    /// # Errors
    /// Fails if the program does not compile or clang can't be run. The error message contains
    /// clang's output. If a system header is missing, the error message also says what to install.
    pub fn compile(
        &self,
        program: &Path,
        object: &Path,
        headers: &Path,
        options: &[OsString],
    ) -> Result<Vec<String>, ClangError> {
        let compiler = Compiler::new(self.0.clone(), headers, &[], options).map_err(ClangError)?;
        let mut outcome = Outcome::default();
        compiler.compile(program, object, &mut outcome).map_err(ClangError)?;
        if outcome.rejections.is_empty() {
            Ok(outcome.warnings)
        } else {
            Err(ClangError(ProgramError::Rejected(outcome.rejections)))
        }
    }
}

/// An error that occurs when clang is searched for or run. The message contains a help text.
pub struct ClangError(ProgramError);

impl fmt::Display for ClangError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Debug for ClangError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl std::error::Error for ClangError {}
