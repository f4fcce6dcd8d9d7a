//! `cargo xtask package`: builds and installs the published crates from their tarballs.
//!
//! Cargo's own check builds each package separately, including its dependencies. This command
//! instead unpacks the tarballs side by side, so that they share the compiled dependencies. Each
//! package is still built alone, with its default features, so that it cannot use a feature that a
//! different package enables.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::Error;
use crate::cargo::{cargo, root};
use crate::step::{output, run as run_command};

/// The directory in which the packages are unpacked and built.
const FOLDER: &str = "target/packaged";

/// The tools, and the programs that they install.
const TOOLS: &[(&str, &str)] = &[("bpfmap-cli", "bpfmap"), ("bpfmap-vmtest", "bpfmap-vmtest")];

/// The files in a tarball besides `src/`.
const FILES: &[&str] = &[
    ".cargo_vcs_info.json",
    "Cargo.lock",
    "Cargo.toml",
    "Cargo.toml.orig",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "build.rs",
];

/// Runs `cargo xtask package`.
///
/// # Errors
///
/// Fails if a package lacks a file or a field, has an unexpected file, or does not build from its
/// tarball. Also fails if a tool can't be installed or does not run.
pub(crate) fn run() -> Result<(), Error> {
    let packages = packages()?;
    let packed = pack(&packages)?;

    let workspace = workspace(&packed)?;
    check(&workspace, &packed)?;

    for package in &packed {
        println!("Building {} from its tarball", package.name);
        run_command(unpacked(&workspace).args(["check", "--quiet", "--package", &package.name]))?;
    }

    let installed = install(&workspace, &packed)?;
    try_out(&installed)
}

/// A published package.
struct Package {
    name: String,
    version: String,
    /// The directory in which it is unpacked.
    folder: PathBuf,
}

/// Returns the names and versions of the published packages of the workspace.
fn packages() -> Result<Vec<(String, String)>, Error> {
    let metadata = output(cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let text = |package: &Value, key: &str| package[key].as_str().unwrap_or_default().to_owned();
    let all = metadata["packages"].as_array().into_iter().flatten();
    let published = all.filter(|package| package["publish"].is_null());
    Ok(published.map(|package| (text(package, "name"), text(package, "version"))).collect())
}

/// Creates the tarballs of the packages, and unpacks them.
fn pack(packages: &[(String, String)]) -> Result<Vec<Package>, Error> {
    let mut command = cargo();
    // Developers have changes that are not committed.
    command.args(["package", "--quiet", "--no-verify", "--allow-dirty"]);
    for (name, _) in packages {
        command.args(["--package", name]);
    }
    run_command(&mut command)?;
    let target = root().join(FOLDER);
    let sources = target.join("sources");
    if sources.exists() {
        fs::remove_dir_all(&sources)?;
    }
    fs::create_dir_all(&sources)?;
    let mut packed = vec![];
    for (name, version) in packages {
        let tarball = root().join(format!("target/package/{name}-{version}.crate"));
        run_command(Command::new("tar").arg("xzf").arg(&tarball).arg("-C").arg(&sources))?;
        let size = fs::metadata(&tarball)?.len();
        println!("{:>5} KiB  {name}-{version}.crate", size.div_ceil(1024));
        let folder = sources.join(format!("{name}-{version}"));
        packed.push(Package { name: name.clone(), version: version.clone(), folder });
    }
    Ok(packed)
}

/// Checks that each package contains all necessary files, and no tests.
fn check(workspace: &Path, packages: &[Package]) -> Result<(), Error> {
    let arguments = ["metadata", "--no-deps", "--format-version", "1"];
    let metadata: Value = serde_json::from_str(&output(unpacked(workspace).args(arguments))?)?;
    for package in packages {
        let mut all = metadata["packages"].as_array().into_iter().flatten();
        let described = all.find(|it| it["name"] == *package.name);
        check_one(package, described.ok_or("`cargo metadata` does not list every package")?)?;
    }
    Ok(())
}

fn check_one(package: &Package, described: &Value) -> Result<(), Error> {
    let wrong = |what: &str| Error::from(format!("the package of {} {what}", package.name));
    for entry in fs::read_dir(&package.folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name != "src" && !FILES.contains(&name.as_str()) {
            return Err(wrong(&format!(
                "contains `{name}`: list the files of the package in `include`"
            )));
        }
    }
    for name in ["LICENSE-APACHE", "LICENSE-MIT", "README.md"] {
        if !package.folder.join(name).is_file() {
            return Err(wrong(&format!("lacks the file `{name}`")));
        }
    }
    for field in ["description", "license", "readme", "rust_version"] {
        if !described[field].is_string() {
            return Err(wrong(&format!("lacks `{field}`")));
        }
    }
    for field in ["keywords", "categories"] {
        if described[field].as_array().is_none_or(Vec::is_empty) {
            return Err(wrong(&format!("lacks `{field}`")));
        }
    }
    if !described["metadata"]["docs"]["rs"].is_object() {
        return Err(wrong("lacks `package.metadata.docs.rs`"));
    }
    for dependency in described["dependencies"].as_array().into_iter().flatten() {
        let name = &dependency["name"];
        if dependency["req"] == "*" {
            return Err(wrong(&format!("depends on any version of {name}")));
        }
    }
    Ok(())
}

/// Writes a workspace of the unpacked packages. In this workspace, the packages depend on each
/// other like published packages.
fn workspace(packages: &[Package]) -> Result<PathBuf, Error> {
    let folder = root().join(FOLDER).join("sources");
    let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
    let names: Vec<String> =
        packages.iter().map(|package| format!("{}-{}", package.name, package.version)).collect();
    let mut text =
        format!("[workspace]\nresolver = \"3\"\nmembers = {names:?}\n\n[patch.crates-io]\n");
    for (package, path) in packages.iter().zip(&names) {
        writeln!(text, "{} = {{ path = {path:?} }}", package.name)?;
    }
    // With the same profiles, dependencies that are already compiled can be reused.
    let profiles = manifest.find("[profile.dev]").map_or("", |start| &manifest[start..]);
    text.push('\n');
    text.push_str(&of_members(profiles, packages));
    fs::write(folder.join("Cargo.toml"), text)?;
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    Ok(folder)
}

/// Returns the profiles without the profiles of packages that are not published.
fn of_members(profiles: &str, packages: &[Package]) -> String {
    let is_kept = |section: &&str| {
        let name = section.lines().next().unwrap_or_default();
        let name = name.strip_prefix("dev.package.").unwrap_or_default().trim_end_matches(']');
        !name.starts_with("bpfmap") || packages.iter().any(|package| package.name == name)
    };
    let sections = profiles.split("[profile.").filter(|section| !section.is_empty());
    sections.filter(is_kept).flat_map(|section| ["[profile.", section]).collect()
}

/// Returns a cargo command that runs in the workspace of the unpacked packages. The command needs
/// no network, because the workspace's own build has fetched everything.
fn unpacked(workspace: &Path) -> Command {
    let mut command = cargo();
    command.current_dir(workspace).env("CARGO_NET_OFFLINE", "true");
    command.env("CARGO_TARGET_DIR", root().join("target"));
    command
}

/// Installs the tools, and returns the directory with their programs. The programs are not
/// optimized, because optimization is not necessary for this test.
fn install(workspace: &Path, packages: &[Package]) -> Result<PathBuf, Error> {
    let folder = root().join(FOLDER).join("installed");
    for (tool, _) in TOOLS {
        let package = packages.iter().find(|package| package.name == *tool);
        let package = package.ok_or_else(|| format!("{tool} is not published"))?;
        println!("Installing {tool} from its tarball");
        let mut command = unpacked(workspace);
        command.args(["install", "--quiet", "--debug", "--force", "--locked", "--no-track"]);
        run_command(command.arg("--path").arg(&package.folder).arg("--root").arg(&folder))?;
    }
    Ok(folder.join("bin"))
}

/// Runs the installed tools in an empty directory.
fn try_out(programs: &Path) -> Result<(), Error> {
    let folder = root().join(FOLDER).join("tried");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for (_, program) in TOOLS {
        print!("{}", output(Command::new(programs.join(program)).arg("--version"))?);
    }
    fs::write(folder.join("maps.toml"), SCHEMA)?;
    let mut generate = Command::new(programs.join("bpfmap"));
    generate.current_dir(&folder).args(["generate", "maps.toml", "--emit", "c,rust,fixtures,docs"]);
    run_command(generate.args(["--out", "generated"]))?;
    for name in ["maps.h", "maps.rs"] {
        if !folder.join("generated").join(name).is_file() {
            return Err(format!("the installed `bpfmap` wrote no {name}").into());
        }
    }
    Ok(())
}

const SCHEMA: &str = r#"
name = "maps"
min_kernel = "5.10"

[maps.packets]
type = "hash"
key = "u32"
value = "u64"
max_entries = 1024
"#;
