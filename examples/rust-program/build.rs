//! Builds the BPF program with the tools that `cargo xtask ebpf` installs. If these tools are not
//! installed, uses a nightly compiler.
//!
//! If neither is available, the application can still be built, but it fails when it starts: see
//! `OBJECT` in `src/lib.rs`.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    println!("cargo::rerun-if-env-changed=BPFMAP_EBPF_TOOLS");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=program");
    let object = if let Some(compiler) = Compiler::find() {
        let object = compiler.build(&out.join("target"))?;
        let path = object.to_str().ok_or("the path of the object file is not UTF-8")?;
        format!("Some(aya::include_bytes_aligned!({path:?}))")
    } else {
        println!(
            "cargo::warning=the BPF program is not built, because bpf-linker or the compiler's library source is \
             missing: run `cargo xtask ebpf` in this repository; elsewhere run `rustup toolchain install nightly \
             --component rust-src` and `cargo install bpf-linker`"
        );
        "None".to_owned()
    };
    fs::write(out.join("object.rs"), object)?;
    Ok(())
}

/// A compiler for which the source of the standard library is installed.
struct Compiler {
    cargo: Command,
    /// The folder of the tools that `cargo xtask ebpf` installed, or `None` for a nightly compiler.
    tools: Option<PathBuf>,
}

impl Compiler {
    fn find() -> Option<Self> {
        if let Some(tools) = env::var_os("BPFMAP_EBPF_TOOLS").map(PathBuf::from) {
            println!("cargo::rerun-if-changed={}", tools.join("rustc").display());
            if tools.join("rustc").exists() {
                let cargo = Command::new(env::var_os("CARGO")?);
                return Some(Self { cargo, tools: Some(tools) });
            }
        }
        let mut sysroot = Command::new("rustup");
        sysroot.args(["run", "nightly", "rustc", "--print", "sysroot"]);
        let sysroot = sysroot.stderr(Stdio::null()).output().ok()?;
        let sysroot = String::from_utf8(sysroot.stdout).ok()?;
        let source = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/Cargo.lock");
        let linker = Command::new("bpf-linker").arg("--version").stdout(Stdio::null()).status();
        if sysroot.is_empty() || !source.exists() || !linker.is_ok_and(|status| status.success()) {
            return None;
        }
        let mut cargo = Command::new("rustup");
        cargo.args(["run", "nightly", "cargo"]);
        Some(Self { cargo, tools: None })
    }

    /// Builds the program, and returns the path of the object file.
    fn build(mut self, target: &Path) -> Result<PathBuf, Box<dyn Error>> {
        // These variables are meant for the build of the application.
        for variable in ["RUSTC", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_TARGET_DIR"] {
            self.cargo.env_remove(variable);
        }
        if let Some(tools) = &self.tools {
            let path = env::var_os("PATH").unwrap_or_default();
            let folders = std::iter::once(tools.join("bin")).chain(env::split_paths(&path));
            self.cargo.env("PATH", env::join_paths(folders)?);
            // If RUSTC_BOOTSTRAP is set, the stable compiler accepts unstable options.
            self.cargo.env("RUSTC", tools.join("rustc")).env("RUSTC_BOOTSTRAP", "1");
        }
        self.cargo.env("CARGO_ENCODED_RUSTFLAGS", "-Cdebuginfo=2\x1f-Clink-arg=--btf");
        self.cargo.args(["build", "--release", "--target", "bpfel-unknown-none"]);
        self.cargo.args(["-Z", "build-std=core", "--manifest-path"]);
        self.cargo.arg("program/Cargo.toml").arg("--target-dir").arg(target);
        let status = self.cargo.status()?;
        if !status.success() {
            return Err(
                format!("the BPF program does not build: cargo failed with {status}").into()
            );
        }
        // The executable has the name of the program's package.
        let name = format!("{}-ebpf", env::var("CARGO_PKG_NAME")?);
        let object = target.join("bpfel-unknown-none/release").join(name);
        // The sources of the program and of the crates that it uses.
        let sources = fs::read_to_string(object.with_extension("d"))?;
        for source in sources.split_whitespace().skip(1) {
            println!("cargo::rerun-if-changed={source}");
        }
        Ok(object)
    }
}
