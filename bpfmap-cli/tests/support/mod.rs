//! A temporary folder in which tests compile programs and run the command.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The headers that each program includes.
pub(crate) const INCLUDES: &str =
    "#include <linux/bpf.h>\n#include <linux/types.h>\n#include <bpf/bpf_helpers.h>\n";

/// A temporary folder, which is removed at the end of the test.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs the command in the folder.
    pub(crate) fn bpfmap(&self, arguments: &[&str]) -> Output {
        let command = Command::new(env!("CARGO_BIN_EXE_bpfmap"))
            .args(arguments)
            .current_dir(self.0.path())
            .output();
        command.unwrap()
    }
}

/// Compiles a program, with debug information.
pub(crate) fn compile(clang: impl AsRef<OsStr>, source: &Path, object: &Path) {
    let clang = clang.as_ref();
    // Debian installs `asm/types.h` in a folder that clang does not search when it compiles for
    // another target.
    let include = format!("-I/usr/include/{}-linux-gnu", std::env::consts::ARCH);
    let compiled = Command::new(clang)
        .args(["-target", "bpf", "-O2", "-g", "-Qunused-arguments", "-c", &include])
        .arg(source)
        .arg("-o")
        .arg(object)
        .output()
        .unwrap_or_else(|_| panic!("{0} is not installed: `apt-get install {0}`", clang.display()));
    assert!(compiled.status.success(), "{}", text(&compiled.stderr));
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}
