//! What tests need of compilers.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// The oldest clang that the generated C is for, and a new one. The older has no versioned name
/// where it is the distribution's own.
pub(crate) const CLANGS: &[(&str, &[&str])] =
    &[("clang 14", &["clang-14"]), ("clang 19", &["clang-19"])];

/// Returns the command of a clang of [`CLANGS`].
///
/// # Panics
///
/// Panics if none is installed: a compiler that is missing is a failure, not a reason to test less.
pub(crate) fn clang(names: &[&str]) -> String {
    let found = names.iter().find(|name| Command::new(name).arg("--version").output().is_ok());
    let Some(found) = found else {
        panic!("{} is not installed: `apt-get install clang-14 clang-19`", names.join(" or "))
    };
    (*found).to_owned()
}

/// Compiles `source` for the BPF target, as its users do, and with every warning an error.
///
/// # Errors
///
/// What clang says.
pub(crate) fn compile_bpf(clang: &str, source: &Path, object: &Path) -> Result<(), String> {
    run_clang(clang, &["-c".as_ref(), source.as_os_str()], object)
}

/// Runs clang for the BPF target with `arguments`.
///
/// # Errors
///
/// What clang says.
pub(crate) fn run_clang(clang: &str, arguments: &[&OsStr], output: &Path) -> Result<(), String> {
    let output = Command::new(clang)
        .args(["-target", "bpf", "-O2", "-g", "-Wall", "-Wextra", "-Werror"])
        .args(host_include_path())
        .args(arguments)
        .arg("-o")
        .arg(output)
        .output()
        .map_err(|error| format!("{clang}: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{clang}: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// Debian keeps `asm/types.h` where clang does not look when it compiles for another target.
fn host_include_path() -> Option<String> {
    let path = format!("/usr/include/{}-linux-gnu", std::env::consts::ARCH);
    Path::new(&path).is_dir().then(|| format!("-I{path}"))
}
