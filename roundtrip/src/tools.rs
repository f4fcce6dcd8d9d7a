//! The programs and files that the stages need. `cargo xtask roundtrip` passes their paths.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use bpfmap_btf::Btf;
use bpfmap_core::KernelVersion;
use bpfmap_schema::taken::KernelNames;

use crate::Error;

/// The programs and files that the stages need.
pub(crate) struct Tools {
    /// The command `bpfmap`.
    pub(crate) bpfmap: PathBuf,
    /// The compiled crates that the generated code uses, in the format of rustc's option
    /// `--extern`.
    pub(crate) libraries: Vec<String>,
    /// The directories with the dependencies of these crates, in the format of rustc's option `-L`.
    pub(crate) search: Vec<String>,
    /// The directory for the files of the schemas.
    pub(crate) work: PathBuf,
    /// The ways to compile programs: each combination of a clang version and kernel headers.
    pub(crate) ways: Vec<Way>,
    /// The number of programs that were compiled.
    pub(crate) programs: AtomicUsize,
}

/// A way to compile programs: a clang version, and the kernel headers that a program includes
/// before the header of the schema.
pub(crate) struct Way {
    pub(crate) clang: &'static str,
    /// The name of the headers.
    pub(crate) headers: String,
    /// The kernel to which `vmlinux.h` belongs, or `None` if the header is `linux/bpf.h`.
    pub(crate) kernel: Option<KernelVersion>,
    /// The names that the kernel defines.
    pub(crate) names: Option<Arc<KernelNames>>,
    precompiled: PathBuf,
    folder: PathBuf,
}

/// The oldest clang that can compile the generated C code.
pub(crate) const OLD_CLANG: &str = "clang-14";
/// A newer clang, which also compiles the fixtures.
pub(crate) const CLANG: &str = "clang-19";

impl Tools {
    /// Precompiles the headers: `linux/bpf.h`, and the `vmlinux.h` of each kernel. Each element of
    /// `kernels` consists of the name of a kernel and the path of its BTF file.
    pub(crate) fn prepare(&mut self, kernels: &[(String, PathBuf)]) -> Result<(), Error> {
        let folder = self.work.join("headers");
        fs::create_dir_all(&folder)?;
        let mut headers =
            vec![("linux/bpf.h".to_owned(), "#include <linux/bpf.h>\n".to_owned(), None, None)];
        for (kernel, image) in kernels {
            let path = folder.join(format!("vmlinux-{kernel}.h"));
            let mut bpftool = Command::new("bpftool");
            bpftool.args(["btf", "dump", "file"]).arg(image).args(["format", "c"]);
            fs::write(&path, output(&mut bpftool)?)?;
            headers.push((
                format!("vmlinux.h of {kernel}"),
                format!("#include \"{}\"\n", path.display()),
                Some(kernel.parse()?),
                Some(Arc::new(KernelNames::new(&Btf::parse(&fs::read(image)?)?, kernel.clone()))),
            ));
        }
        for clang in [OLD_CLANG, CLANG] {
            for (index, (name, text, kernel, names)) in headers.iter().enumerate() {
                let source = folder.join(format!("{clang}-{index}.h"));
                fs::write(&source, format!("{text}#include <bpf/bpf_helpers.h>\n"))?;
                let precompiled = source.with_extension("pch");
                let mut command = clang_command(clang);
                command.args(extensions(*kernel));
                command.args(["-x", "c-header"]).arg(&source).arg("-o").arg(&precompiled);
                output(&mut command)?;
                let way = Way {
                    clang,
                    headers: name.clone(),
                    kernel: *kernel,
                    names: names.clone(),
                    precompiled,
                    folder: folder.clone(),
                };
                self.ways.push(way);
            }
        }
        Ok(())
    }
}

impl Way {
    /// Compiles a program that uses the precompiled headers.
    ///
    /// # Errors
    ///
    /// Returns clang's messages if the program does not compile.
    pub(crate) fn compile(&self, source: &Path, object: &Path) -> Result<(), String> {
        let mut command = clang_command(self.clang);
        command.args(extensions(self.kernel));
        command.arg("-include-pch").arg(&self.precompiled).arg("-I").arg(&self.folder);
        command.arg("-c").arg(source).arg("-o").arg(object);
        said(&mut command)
    }
}

/// Returns the compiler options that the `vmlinux.h` of a kernel needs. Linux 7.0 and newer use the
/// C extensions that these options enable.
fn extensions(kernel: Option<KernelVersion>) -> &'static [&'static str] {
    if kernel.is_none() { &[] } else { &["-fms-extensions", "-Wno-microsoft"] }
}

/// Compiles a program of the fixtures.
///
/// # Errors
///
/// Returns clang's messages if the program does not compile.
pub(crate) fn compile_fixture(clang: &str, source: &Path, object: &Path) -> Result<(), String> {
    let mut command = clang_command(clang);
    command.args(["-mcpu=v3", "-Wno-unused-parameter", "-c"]).arg(source).arg("-o").arg(object);
    said(&mut command)
}

/// Compiles a source file of an application. `compiler` consists of the compiler's name, the
/// language standard, and the language.
///
/// # Errors
///
/// Returns the compiler's messages if the file does not compile.
pub(crate) fn compile_user_space(
    [name, standard, language]: [&str; 3],
    source: &Path,
) -> Result<(), String> {
    let mut command = Command::new(name);
    command.args([standard, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", language]);
    said(command.arg(source))
}

fn clang_command(clang: &str) -> Command {
    let mut command = Command::new(clang);
    command.args(["-target", "bpf", "-O2", "-g", "-Wall", "-Wextra", "-Werror"]);
    // Debian installs `asm/types.h` in a folder that clang does not search when it compiles for
    // another target.
    command.arg(format!("-I/usr/include/{}-linux-gnu", std::env::consts::ARCH));
    command
}

/// Runs a command. Returns the command's messages if the command fails.
pub(crate) fn said(command: &mut Command) -> Result<(), String> {
    let output = run(command)?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(format!("{}: {}", output.status, String::from_utf8_lossy(&text)))
}

/// Runs a command, and returns its output. Returns an error if the command fails.
fn output(command: &mut Command) -> Result<Vec<u8>, Error> {
    let output = run(command)?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into())
    }
}

/// Runs a command, and waits until it ends.
pub(crate) fn run(command: &mut Command) -> Result<std::process::Output, String> {
    command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("can't run `{}`: {error}", program(command.get_program())))
}

fn program(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}
