//! Finds the clang that compiles the programs of a build, and the folders of the system's headers.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

#[cfg(feature = "libbpf")]
use super::error::ProgramError;
use super::error::{ToolchainError, Unusable};
use crate::clang::{self, OLDEST};

/// A header by which this module recognizes the folder of the kernel's headers. Debian installs
/// this header in a folder that is named after the architecture. clang does not search this folder
/// for the BPF target.
const OF_MACHINE: &str = "asm/types.h";

/// A clang that can compile BPF programs.
#[derive(Debug, Clone)]
pub(super) struct Toolchain {
    pub(super) clang: PathBuf,
    /// The environment variable through which clang was found: `CLANG` or `PATH`.
    variable: &'static str,
    /// The folders of the system's headers, in the order in which clang searches them for
    /// user-space programs.
    pub(super) headers: Vec<PathBuf>,
}

impl Toolchain {
    /// Finds clang and its folders of headers.
    pub(super) fn find() -> Result<Self, ToolchainError> {
        let clang = PathBuf::from(clang::find().map_err(ToolchainError::NoClang)?);
        let is_named = env::var_os("CLANG").is_some_and(|named| clang == Path::new(&named));
        let variable = if is_named { "CLANG" } else { "PATH" };
        let mut headers = match headers(&clang, None) {
            Ok(headers) => headers,
            Err(why) => return Err(ToolchainError::Unusable { clang, variable, why }),
        };
        // If the headers of the target are not installed, the headers of the host can be used
        // instead, because the types in the kernel's headers have the same sizes on every
        // architecture.
        let foreign = foreign_target().and_then(|target| self::headers(&clang, Some(&target)).ok());
        if let Some(foreign) = foreign.filter(|folders| has_headers_of_machine(folders)) {
            headers = foreign;
        }
        Ok(Self { clang, variable, headers })
    }

    /// Adds a folder with libbpf's headers if the system does not have these headers. The function
    /// writes the headers to `folder`. They come from the version of libbpf that is built into this
    /// crate.
    #[cfg(feature = "libbpf")]
    pub(super) fn with_headers_of_libbpf(mut self, folder: &Path) -> Result<Self, ProgramError> {
        if self.headers.iter().any(|folder| folder.join("bpf/bpf_helpers.h").exists()) {
            return Ok(self);
        }
        let folder = folder.join("libbpf");
        if let Err(error) = super::libbpf::write_headers(&folder) {
            return Err(ProgramError::Io { action: "write headers to", path: folder, error });
        }
        self.headers.push(folder);
        Ok(self)
    }

    /// Returns an error if clang reports that it was built without the BPF target.
    pub(super) fn lacks_bpf(&self) -> Option<ToolchainError> {
        let output = Command::new(&self.clang).arg("--print-targets").output().ok()?;
        let listed = String::from_utf8_lossy(&output.stdout);
        let has_bpf = listed.lines().any(|line| line.split_whitespace().next() == Some("bpf"));
        (output.status.success() && !has_bpf).then(|| ToolchainError::Unusable {
            clang: self.clang.clone(),
            variable: self.variable,
            why: Unusable::NoBpf,
        })
    }
}

/// Returns the folders that clang searches for headers, for `target` or for the host.
fn headers(clang: &Path, target: Option<&str>) -> Result<Vec<PathBuf>, Unusable> {
    let mut command = Command::new(clang);
    command.args(target.map(|target| format!("--target={target}")));
    command.args(["-v", "-E", "-x", "c", "/dev/null"]).env("LC_ALL", "C");
    let output = command.output().map_err(Unusable::CannotRun)?;
    let said = String::from_utf8_lossy(&output.stderr);
    match version(&said) {
        None => Err(Unusable::NotClang),
        Some(found) if found < OLDEST => Err(Unusable::TooOld(found)),
        Some(_) => Ok(folders(&said)),
    }
}

fn has_headers_of_machine(folders: &[PathBuf]) -> bool {
    folders.iter().any(|folder| folder.join(OF_MACHINE).exists())
}

/// Returns clang's name for the target of the build. Returns `None` if the target is this machine.
fn foreign_target() -> Option<String> {
    let [target, host] = ["TARGET", "HOST"].map(|name| env::var(name).ok());
    let target = target.filter(|target| Some(target) != host.as_ref())?;
    // clang's name does not contain the extensions of the architecture, so this function removes
    // them from Rust's name.
    Some(target.replacen("riscv64gc-", "riscv64-", 1))
}

/// Returns the major version in the output of clang, such as 19 for
/// `Debian clang version 19.1.7 (3)`.
fn version(said: &str) -> Option<u32> {
    let (_, rest) = said.lines().find_map(|line| line.split_once("clang version "))?;
    rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// Returns the folders that the output of `clang -v` lists.
fn folders(said: &str) -> Vec<PathBuf> {
    said.lines()
        .skip_while(|line| *line != "#include <...> search starts here:")
        .skip(1)
        .take_while(|line| *line != "End of search list.")
        .map(|line| Path::new(line.trim()).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_clang_is_parsed() {
        let said = "\
Ubuntu clang version 14.0.0-1ubuntu1.1
Target: x86_64-pc-linux-gnu
ignoring nonexistent directory \"/include\"
#include \"...\" search starts here:
 /not/this
#include <...> search starts here:
 /usr/lib/llvm-14/lib/clang/14.0.0/include
 /usr/include/x86_64-linux-gnu
 /usr/include
End of search list.
 /nor/this
";
        assert_eq!(version(said), Some(14));
        assert_eq!(
            folders(said),
            [
                "/usr/lib/llvm-14/lib/clang/14.0.0/include",
                "/usr/include/x86_64-linux-gnu",
                "/usr/include"
            ]
            .map(PathBuf::from)
        );
        assert_eq!(version("gcc version 12.2.0 (Debian 12.2.0-14)\n"), None);
        assert_eq!(version("clang version unknown\n"), None);
        assert!(folders("gcc version 12.2.0\n").is_empty());
    }
}
