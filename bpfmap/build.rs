//! Reports that libelf is missing, before the build of libbpf fails with an error that is hard to
//! find in the output of make.
//!
//! libbpf-rs compiles libbpf, which includes a header of libelf. If the feature `vendored` of
//! libbpf-rs is on, libbpf-rs also compiles libelf. Otherwise, libelf must be installed. This
//! script does not know which features of libbpf-rs other crates turn on. It fails only if libelf
//! is not installed and can't be compiled either.

use std::env;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// The tools that are needed to compile libelf, besides a C compiler.
const TOOLS_OF_LIBELF: [&str; 5] = ["autoreconf", "autopoint", "flex", "bison", "gawk"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The headers for a cross build are in a different folder, and docs.rs builds no libraries.
    let is_foreign = env::var_os("TARGET") != env::var_os("HOST");
    let is_needed = env::var_os("CARGO_FEATURE_LIBBPF_RS").is_some();
    if !is_needed || is_foreign || env::var_os("DOCS_RS").is_some() {
        return;
    }
    if !compiler_finds("libelf.h")
        && !pkg_config_knows("libelf")
        && !TOOLS_OF_LIBELF.into_iter().all(is_on_path)
    {
        println!(
            "cargo::error=libbpf-rs needs libelf, and `libelf.h` was not found: run `apt install libelf-dev zlib1g-dev` \
             (Debian, Ubuntu), `dnf install elfutils-libelf-devel zlib-devel` (Fedora) or `pacman -S libelf zlib` (Arch); \
             if you don't use libbpf-rs, turn off the default features of bpfmap"
        );
    }
}

/// Returns whether the C compiler finds a header. Returns true if there is no compiler, because the
/// missing compiler is then the problem.
fn compiler_finds(header: &str) -> bool {
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let flags =
        ["CFLAGS", "LIBBPF_SYS_EXTRA_CFLAGS"].map(|name| env::var(name).unwrap_or_default());
    let mut words = compiler.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or("cc"));
    command.args(words).args(flags.iter().flat_map(|flags| flags.split_whitespace()));
    command.args(["-E", "-x", "c", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return true };
    if let Some(mut input) = child.stdin.take() {
        // If the compiler did not read this line, its exit status reports the failure.
        let _ = writeln!(input, "#include <{header}>");
    }
    child.wait().is_ok_and(|status| status.success())
}

fn pkg_config_knows(library: &str) -> bool {
    let program = env::var_os("PKG_CONFIG").unwrap_or_else(|| "pkg-config".into());
    let mut command = Command::new(program);
    command.args(["--exists", library]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn is_on_path(tool: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(tool).exists())
}
