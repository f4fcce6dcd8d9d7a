//! Runs clang, and reads its output.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use tempfile::TempDir;

use super::error::{ProgramError, Rejection};
use super::toolchain::Toolchain;
use super::{depfile, distributions};

/// The options with which clang compiles every program. The user's options come after these
/// options.
const OPTIONS: &[&str] = &["-g", "-O2", "-fno-stack-protector"];

/// Compiles the programs of a build, one after the other.
pub(super) struct Compiler<'build> {
    toolchain: Toolchain,
    /// The folder of the generated headers.
    folder: &'build Path,
    /// The names of the generated headers.
    generated: &'build [String],
    /// The options of the user.
    options: &'build [OsString],
    /// A folder for temporary files.
    pub(super) scratch: TempDir,
}

/// The results of all programs that have been compiled so far.
#[derive(Default)]
pub(super) struct Outcome {
    /// The files that clang has read.
    pub(super) read: BTreeSet<PathBuf>,
    /// Warnings about programs that compiled, one per line.
    pub(super) warnings: Vec<String>,
    pub(super) rejections: Vec<Rejection>,
}

impl<'build> Compiler<'build> {
    pub(super) fn new(
        toolchain: Toolchain,
        folder: &'build Path,
        generated: &'build [String],
        options: &'build [OsString],
    ) -> Result<Self, ProgramError> {
        let scratch = TempDir::new().map_err(|error| ProgramError::Io {
            action: "create a folder in",
            path: env::temp_dir(),
            error,
        })?;
        #[cfg(feature = "libbpf")]
        let toolchain = toolchain.with_headers_of_libbpf(folder)?;
        Ok(Self { toolchain, folder, generated, options, scratch })
    }

    /// Compiles a program to `object`.
    ///
    /// # Errors
    ///
    /// Fails if clang is not able to compile BPF programs at all. If only this program does not
    /// compile, the function adds clang's errors to `outcome` and returns `Ok`.
    pub(super) fn compile(
        &self,
        program: &Path,
        object: &Path,
        outcome: &mut Outcome,
    ) -> Result<(), ProgramError> {
        let depfile = self.scratch.path().join("program.d");
        let Toolchain { clang, .. } = &self.toolchain;
        let output = self
            .command(program, object, &depfile)
            .output()
            .map_err(|error| ProgramError::Io { action: "run", path: clang.clone(), error })?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            let read = fs::read_to_string(&depfile).map_err(|error| ProgramError::Io {
                action: "read the list of files that clang included from",
                path: depfile,
                error,
            })?;
            let read = depfile::prerequisites(&read);
            outcome.warnings.extend(warnings(&said).map(str::to_owned));
            outcome.warnings.extend(self.hidden_headers(program, &read));
            outcome.read.extend(read);
        } else if let Some(error) = self.toolchain.lacks_bpf() {
            return Err(ProgramError::Toolchain(error));
        } else {
            let missing = missing_header(&said);
            outcome.rejections.push(Rejection {
                program: program.to_owned(),
                clang: clang.clone(),
                status: output.status,
                help: missing.map(|header| distributions::remedy(header, self.generated)),
                said,
            });
        }
        Ok(())
    }

    fn command(&self, program: &Path, object: &Path, depfile: &Path) -> Command {
        let mut command = Command::new(&self.toolchain.clang);
        command.args(["-target", target()]).args(OPTIONS);
        if !self.options.iter().any(|option| names_machine(option)) {
            command.arg(format!("-D__TARGET_ARCH_{}", machine()));
        }
        // This folder comes first, so that clang uses the generated headers instead of older copies
        // in other folders.
        command.arg("-I").arg(self.folder).args(self.options);
        let beside = program.parent().filter(|folder| !folder.as_os_str().is_empty());
        command.arg("-I").arg(beside.unwrap_or(Path::new(".")));
        for folder in &self.toolchain.headers {
            // These folders come last, so that clang uses them only for headers that no other
            // folder contains.
            command.arg("-idirafter").arg(folder);
        }
        command.args(["-MD", "-MT", "program", "-MF"]).arg(depfile);
        command.arg("-c").arg(program).arg("-o").arg(object);
        command
    }

    /// Returns a warning for each included header that hides a generated header with the same name.
    fn hidden_headers(&self, program: &Path, read: &[PathBuf]) -> Vec<String> {
        let warning = |path: &PathBuf| {
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            let is_generated = self.generated.iter().any(|generated| generated == name);
            (is_generated && !read.contains(&self.folder.join(name))).then(|| {
                format!(
                    "`{0}` includes `{1}` instead of the generated `{name}`: delete `{1}`",
                    program.display(),
                    path.display()
                )
            })
        };
        read.iter().filter_map(warning).collect()
    }
}

/// Returns the lines of clang's warnings.
fn warnings(said: &str) -> impl Iterator<Item = &str> {
    said.lines().filter(|line| !line.trim().is_empty() && !line.ends_with(" generated."))
}

/// Returns clang's name for the BPF target with the byte order of the build's target.
fn target() -> &'static str {
    let host = if cfg!(target_endian = "big") { "big" } else { "little" };
    match env::var("CARGO_CFG_TARGET_ENDIAN").as_deref() {
        Ok("big") if host != "big" => "bpfeb",
        Ok("little") if host != "little" => "bpfel",
        _ => "bpf",
    }
}

/// Returns the name of the target's architecture in libbpf's `bpf_tracing.h`.
fn machine() -> String {
    let machine = env::var("CARGO_CFG_TARGET_ARCH");
    let machine = machine.unwrap_or_else(|_| env::consts::ARCH.to_owned());
    let name = match machine.as_str() {
        "x86_64" => "x86",
        "aarch64" => "arm64",
        "loongarch64" => "loongarch",
        "mips64" => "mips",
        "powerpc64" => "powerpc",
        "riscv64" => "riscv",
        "s390x" => "s390",
        "sparc64" => "sparc",
        _ => return machine,
    };
    name.to_owned()
}

fn names_machine(option: &OsStr) -> bool {
    option.to_string_lossy().contains("__TARGET_ARCH_")
}

/// Returns the name of the header that clang did not find. clang's message has the form
/// `fatal error: 'bpf/bpf_helpers.h' file not found`.
fn missing_header(said: &str) -> Option<&str> {
    said.lines().find_map(|line| {
        let (_, rest) = line.split_once("error: '")?;
        let (name, rest) = rest.split_once('\'')?;
        rest.starts_with(" file not found").then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::missing_header;

    #[test]
    fn the_missing_header_is_found_in_the_output_of_clang() {
        let said = "In file included from a.bpf.c:1:\na.h:2:10: fatal error: 'asm/types.h' file not found\n#include <asm/types.h>\n";
        assert_eq!(missing_header(said), Some("asm/types.h"));
        assert_eq!(missing_header("a.c:1:2: error: 'x' is not known\n"), None);
        assert_eq!(missing_header("a.c:1:2: warning: 'a.h' file not found\n"), None);
        assert_eq!(missing_header(""), None);
    }
}
