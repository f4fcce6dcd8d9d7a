//! Creates packages with a build script, which tests run with Cargo.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// A package with a build script, in a separate folder.
pub(crate) struct Package(PathBuf);

impl Package {
    /// Creates a package whose build script depends on this crate with the feature `toml`.
    pub(crate) fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
        let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs").join(name);
        if package.exists() {
            fs::remove_dir_all(&package).unwrap();
        }
        let package = Self(package);
        let manifest = format!(
            "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n[workspace]\n\n[build-dependencies]\n\
             bpfmap-codegen = {{ path = '{}', default-features = false, features = [\"toml\"] }}\n\n\
             [profile.dev]\ndebug = false\nincremental = false\n",
            root.join("bpfmap-codegen").display(),
        );
        package.write("Cargo.toml", &manifest);
        // The dependencies have the versions in this repository's lock file, so that no other
        // versions are downloaded.
        package.write("Cargo.lock", &fs::read_to_string(root.join("Cargo.lock")).unwrap());
        for (file, text) in files {
            package.write(file, text);
        }
        package
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a shell script, and returns its path.
    pub(crate) fn script(&self, name: &str, text: &str) -> String {
        self.write(name, &format!("#!/bin/sh\n{text}\n"));
        let path = self.path(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Runs `cargo build` with these environment variables, and returns its standard error.
    pub(crate) fn build(&self, environment: &[(&str, &OsStr)]) -> Result<String, String> {
        let output = Command::new(env!("CARGO"))
            .args(["build", "--offline"])
            .current_dir(&self.0)
            .env("CARGO_TARGET_DIR", self.path("../../layout_property/target"))
            .env_remove("CLANG")
            .env_remove("RUSTFLAGS")
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(said) } else { Err(said) }
    }
}

/// Asserts that the message contains each of the lines.
pub(crate) fn assert_lines(message: &str, lines: &[&str]) {
    for line in lines {
        // Cargo shows the error that `main` returns after "Error: ".
        let found =
            message.lines().any(|found| found.trim_start().trim_start_matches("Error: ") == *line);
        assert!(found, "expected\n{line}\nin\n{message}");
    }
}
