//! Errors that occur when programs are compiled. Most errors contain a help text.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::{fmt, io};

use super::distributions::CLANG;
use super::ebpf_crate::CrateError;
use crate::clang::{NoClang, OLDEST};

/// The reason why no clang can be used.
#[derive(Debug)]
pub(crate) enum ToolchainError {
    NoClang(NoClang),
    Unusable {
        clang: PathBuf,
        /// The environment variable through which this clang was found: `CLANG` or `PATH`.
        variable: &'static str,
        why: Unusable,
    },
}

/// The reason why the clang that was found can't compile BPF programs.
#[derive(Debug)]
pub(crate) enum Unusable {
    CannotRun(io::Error),
    /// The command is not clang: its output contains no clang version.
    NotClang,
    TooOld(u32),
    /// This clang was built without the BPF target.
    NoBpf,
}

impl fmt::Display for ToolchainError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (clang, variable, why) = match self {
            Self::NoClang(error) => return error.fmt(formatter),
            Self::Unusable { clang, variable, why } => (clang.display(), variable, why),
        };
        let named = format!("`{clang}` (from `{variable}`)");
        match why {
            Unusable::CannotRun(error) => write!(formatter, "can't run {named}: {error}")?,
            Unusable::NotClang => {
                write!(formatter, "{named} is not clang: `{clang} -v` shows no version of clang")?;
            }
            Unusable::TooOld(found) => write!(
                formatter,
                "{named} is too old: expected clang {OLDEST} or newer, found clang {found}"
            )?,
            Unusable::NoBpf => write!(
                formatter,
                "{named} can't compile BPF programs: `{clang} --print-targets` lists no target `bpf`"
            )?,
        }
        let other = match *variable {
            "CLANG" => {
                "set `CLANG` to another clang, or unset `CLANG` to use the newest clang on `PATH`"
            }
            _ => "set `CLANG` to another clang",
        };
        write!(formatter, "\nhelp: {other}; to install clang, run {CLANG}")
    }
}

/// The reason why the build could not compile a program to an object.
#[derive(Debug)]
pub(crate) enum ProgramError {
    Toolchain(ToolchainError),
    /// The source file of a program can't be read.
    Unreadable {
        program: PathBuf,
        error: io::Error,
        /// The programs that exist in the package.
        present: Vec<PathBuf>,
    },
    /// Two objects or skeletons have the same name.
    MadeTwice {
        name: PathBuf,
        programs: [Vec<PathBuf>; 2],
    },
    Rejected(Vec<Rejection>),
    /// An error in a program in Rust.
    Crate(CrateError),
    Io {
        action: &'static str,
        path: PathBuf,
        error: io::Error,
    },
    /// An error of libbpf.
    #[cfg(feature = "libbpf")]
    Libbpf {
        action: &'static str,
        path: PathBuf,
        why: String,
    },
}

/// A program that does not compile.
#[derive(Debug)]
pub(crate) struct Rejection {
    pub(super) program: PathBuf,
    pub(super) clang: PathBuf,
    pub(super) status: ExitStatus,
    /// What clang printed.
    pub(super) said: String,
    /// The help, if the cause of the error is known.
    pub(super) help: Option<String>,
}

impl From<CrateError> for ProgramError {
    fn from(error: CrateError) -> Self {
        Self::Crate(error)
    }
}

impl fmt::Display for ProgramError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Toolchain(error) => error.fmt(formatter),
            Self::Unreadable { program, error, present } => {
                write!(formatter, "can't read the program `{}`: {error}", program.display())?;
                if present.is_empty() {
                    return Ok(());
                }
                write!(formatter, "\nhelp: the package has {}", Listed(present))
            }
            Self::MadeTwice { name, programs: [first, second] } => write!(
                formatter,
                "two outputs of this build have the name `{}`: one comes from {}, the other from {}\nhelp: give the programs different names",
                name.display(),
                Listed(first),
                Listed(second)
            ),
            Self::Rejected(rejections) => {
                let mut between = "";
                rejections.iter().try_for_each(|rejection| {
                    write!(formatter, "{between}{rejection}")?;
                    between = "\n";
                    Ok(())
                })
            }
            Self::Crate(error) => error.fmt(formatter),
            Self::Io { action, path, error } => {
                write!(formatter, "can't {action} `{}`: {error}", path.display())
            }
            #[cfg(feature = "libbpf")]
            Self::Libbpf { action, path, why } => {
                write!(formatter, "can't {action} `{}`: {why}", path.display())
            }
        }
    }
}

/// Shows file names in backticks, separated by commas.
struct Listed<'paths>(&'paths [PathBuf]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        self.0.iter().try_for_each(|path| {
            write!(formatter, "{between}`{}`", path.display())?;
            between = ", ";
            Ok(())
        })
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "`{}` can't compile `{}` ({})\n\n{}",
            self.clang.display(),
            self.program.display(),
            self.status,
            self.said.trim_end()
        )?;
        match &self.help {
            Some(help) => writeln!(formatter, "\n\nhelp: {help}"),
            None => writeln!(formatter),
        }
    }
}
