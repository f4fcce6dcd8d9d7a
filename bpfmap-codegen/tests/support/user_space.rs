//! Runs the compilers for applications.

use std::path::Path;
use std::process::Command;

/// Each compiler with the language that it compiles. The C++ standard is given explicitly to test a
/// compiler without GNU extensions.
pub(crate) const COMPILERS: &[&[&str]] = &[
    &["gcc", "-x", "c"],
    &["clang-14", "-x", "c"],
    &["clang-19", "-x", "c"],
    &["g++", "-x", "c++"],
    &["g++", "-x", "c++", "-std=c++11"],
    &["clang++-14", "-x", "c++"],
    &["clang++-19", "-x", "c++", "-std=c++17"],
];

/// Checks that `compiler`, which is one of [`COMPILERS`], compiles the file `source` without
/// warnings.
///
/// # Errors
///
/// Returns the compiler's messages if the file does not compile.
///
/// # Panics
///
/// Panics if the compiler is not installed, because the tests must not skip a compiler.
pub(crate) fn compile(compiler: &[&str], source: &Path) -> Result<(), String> {
    let output = Command::new(compiler[0])
        .args(["-fsyntax-only", "-Wall", "-Wextra", "-Werror"])
        .args(&compiler[1..])
        .arg(source)
        .output();
    let output = output.unwrap_or_else(|error| {
        panic!("{}: {error}: `apt-get install gcc g++ clang-14 clang-19`", compiler[0])
    });
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{}: {}", compiler.join(" "), String::from_utf8_lossy(&output.stderr)))
    }
}
