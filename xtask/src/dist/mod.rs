//! `cargo xtask dist`: creates an archive of each tool for releases.
//!
//! An archive contains the program, its man pages and completions, the licences of all its
//! dependencies, and a bill of materials (the list of its dependencies in `CycloneDX` format). The
//! same commit results in the same bytes, regardless of the directory of the checkout. For this
//! purpose, paths in the program are replaced. All times are the time of the commit, or
//! `SOURCE_DATE_EPOCH` if that variable is set.

mod archive;
mod bill;
mod crates;
mod licences;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

use crate::Error;
use crate::cargo::{cargo, cargo_home, root};
use crate::step::{Steps, output, run as run_command};
use archive::File;

/// The target that archives are made for.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// A tool: its package, the package's directory, and its program.
struct Tool {
    package: &'static str,
    folder: &'static str,
    program: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool { package: "bpfmap-cli", folder: "bpfmap-cli", program: "bpfmap" },
    Tool { package: "bpfmap-vmtest", folder: "vmtest", program: "bpfmap-vmtest" },
];

/// The shells with completions: their names, and the extensions of the files.
const SHELLS: &[(&str, &str)] = &[("bash", ".bash"), ("fish", ".fish"), ("zsh", "")];

/// Runs `cargo xtask dist`. The archives and their checksums are in `target/dist`.
///
/// # Errors
///
/// Fails if a tool can't be built or described, or if a check of an archive fails.
pub(crate) fn run() -> Result<(), Error> {
    let mut steps = Steps::new(3);
    let time = time()?;
    let dist = root().join("target/dist");
    if dist.exists() {
        fs::remove_dir_all(&dist)?;
    }
    fs::create_dir_all(&dist)?;
    steps.next("Programs");
    let programs = build()?;
    steps.next("Archives");
    let mut sums = String::new();
    for tool in TOOLS {
        let name = format!("{}-{}-{TARGET}", tool.program, env!("CARGO_PKG_VERSION"));
        let files = files(tool, &programs.join(tool.program), time)?;
        let packed = archive::pack(&name, &files, time)?;
        for byte in Sha256::digest(&packed) {
            write!(sums, "{byte:02x}")?;
        }
        writeln!(sums, "  {name}.tar.gz")?;
        fs::write(dist.join(format!("{name}.tar.gz")), packed)?;
    }
    fs::write(dist.join("SHA256SUMS"), &sums)?;
    steps.next("The archives");
    try_out(&dist)?;
    print!("{sums}");
    println!("in {}", dist.display());
    Ok(())
}

/// Returns the modification time of the files in the archives, in seconds since 1970.
fn time() -> Result<u64, Error> {
    if let Ok(time) = std::env::var("SOURCE_DATE_EPOCH") {
        return Ok(time.parse().map_err(|_| {
            format!("expected seconds since 1970 in SOURCE_DATE_EPOCH, found `{time}`")
        })?);
    }
    let mut git = Command::new("git");
    let time = output(git.current_dir(root()).args(["log", "-1", "--format=%ct"]))?;
    Ok(time.trim().parse()?)
}

/// Builds the tools, and returns the directory with their programs.
fn build() -> Result<PathBuf, Error> {
    let mut command = cargo();
    command.args(["build", "--locked", "--release", "--target", TARGET]);
    for tool in TOOLS {
        command.args(["--package", tool.package]);
    }
    // With different flags in the usual directory, Cargo would rebuild everything each time.
    let target = root().join("target/dist-build");
    command.arg("--target-dir").arg(&target);
    command.args(["--config", "profile.release.strip=\"symbols\""]);
    command.args(["--config", "profile.release.codegen-units=1"]);
    let mut flags = vec![];
    for (folder, name) in [(root().to_owned(), "/bpfmap"), (cargo_home()?, "/cargo")] {
        flags.push(format!("--remap-path-prefix={}={name}", folder.display()));
    }
    command.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    run_command(&mut command)?;
    Ok(target.join(TARGET).join("release"))
}

/// Returns the files of a tool's archive.
fn files(tool: &Tool, program: &Path, time: u64) -> Result<BTreeMap<String, File>, Error> {
    let mut files = BTreeMap::new();
    let mut add = |path: String, file| files.insert(path, file);
    add(tool.program.to_owned(), File { data: fs::read(program)?, runs: true });
    for name in ["LICENSE-APACHE", "LICENSE-MIT", "CHANGELOG.md"] {
        add(name.to_owned(), File::plain(fs::read(root().join(name))?));
    }
    let readme = fs::read(root().join(tool.folder).join("README.md"))?;
    add("README.md".to_owned(), File::plain(readme));
    add("THIRD-PARTY.txt".to_owned(), File::plain(licences::of(tool.package, TARGET)?));
    add(format!("{}.cdx.json", tool.program), File::plain(bill::of(tool, time)?));
    for (shell, ending) in SHELLS {
        let script = output(Command::new(program).args(["completions", shell]))?;
        let first = if ending.is_empty() { "_" } else { "" };
        add(format!("completions/{first}{}{ending}", tool.program), File::plain(script));
    }
    let pages = root().join("target/dist-build/man").join(tool.program);
    if pages.exists() {
        fs::remove_dir_all(&pages)?;
    }
    fs::create_dir_all(&pages)?;
    run_command(Command::new(program).arg("man").arg(&pages))?;
    for entry in fs::read_dir(&pages)? {
        let page = entry?;
        let name = page.file_name().to_string_lossy().into_owned();
        add(format!("man/{name}"), File::plain(fs::read(page.path())?));
    }
    Ok(files)
}

/// Unpacks the archives as their users do, and runs their programs.
fn try_out(dist: &Path) -> Result<(), Error> {
    run_command(Command::new("sha256sum").current_dir(dist).args(["--check", "SHA256SUMS"]))?;
    let folder = root().join("target/dist-build/tried");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for tool in TOOLS {
        let name = format!("{}-{}-{TARGET}", tool.program, env!("CARGO_PKG_VERSION"));
        let packed = dist.join(format!("{name}.tar.gz"));
        run_command(Command::new("tar").arg("xzf").arg(&packed).arg("-C").arg(&folder))?;
        let unpacked = folder.join(&name);
        let said = output(Command::new(unpacked.join(tool.program)).arg("--version"))?;
        let expected = format!("{} {}", tool.program, env!("CARGO_PKG_VERSION"));
        if said.trim() != expected {
            return Err(
                format!("expected the version `{expected}`, found `{}`", said.trim()).into()
            );
        }
        let program = fs::read(unpacked.join(tool.program))?;
        for path in [root().to_owned(), cargo_home()?] {
            let path = path.to_string_lossy().into_owned();
            if program.windows(path.len()).any(|bytes| bytes == path.as_bytes()) {
                return Err(format!("the program {} contains the path {path}", tool.program).into());
            }
        }
        let page = format!("man/{}.1", tool.program);
        for file in ["THIRD-PARTY.txt", "LICENSE-MIT", "README.md", &page] {
            if fs::metadata(unpacked.join(file)).map_or(0, |metadata| metadata.len()) == 0 {
                return Err(format!("the archive {name} lacks `{file}`").into());
            }
        }
        let bill = fs::read_to_string(unpacked.join(format!("{}.cdx.json", tool.program)))?;
        let bill: serde_json::Value = serde_json::from_str(&bill)?;
        if bill["bomFormat"] != "CycloneDX"
            || bill["components"].as_array().is_none_or(Vec::is_empty)
        {
            return Err(format!("the bill of materials in {name} lists no components").into());
        }
    }
    Ok(())
}
