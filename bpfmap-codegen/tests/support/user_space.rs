//! The compilers of applications.

use std::path::Path;
use std::process::Command;

/// Each with the language that it compiles. The standard of C++ is named where a compiler without GNU's extensions has
/// to do as well.
pub(crate) const COMPILERS: &[&[&str]] = &[
    &["gcc", "-x", "c"],
    &["clang-14", "-x", "c"],
    &["clang-19", "-x", "c"],
    &["g++", "-x", "c++"],
    &["g++", "-x", "c++", "-std=c++11"],
    &["clang++-14", "-x", "c++"],
    &["clang++-19", "-x", "c++", "-std=c++17"],
];

/// Checks that `compiler`, one of [`COMPILERS`], takes the file `source`, with every warning an error.
///
/// # Errors
///
/// What the compiler says.
///
/// # Panics
///
/// Panics if it is not installed: a compiler that is missing is a failure, not a reason to test less.
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
