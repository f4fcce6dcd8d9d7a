//! Tests of `bpfmap init`: the new project builds without changes, and existing files do not
//! change.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bpfmap_codegen::clang;

const CRATE: &[&str] =
    &["Cargo.toml", "src/lib.rs", "src/main.rs", "tests/counts.rs", ".gitignore"];
const PROGRAM: &[&str] = &["src/program.bpf.c"];
const TOML: &[&str] = &["maps.toml", "bpfmap.toml", "build.rs"];
const DERIVE: &[&str] = &["bpfmap.toml", "build.rs"];
const AYA: &[&str] = &[
    "bpfmap.toml",
    "build.rs",
    "common/Cargo.toml",
    "common/src/lib.rs",
    "ebpf/Cargo.toml",
    "ebpf/src/main.rs",
];
const C: &[&str] = &["maps.toml", "bpfmap.toml", "Makefile", "src/main.c", ".gitignore"];
const SHARED: &[&str] = &[".github/workflows/bpfmap.yml"];

#[test]
fn a_project_with_a_schema_in_toml_builds() {
    let folder = created("counts-toml", &["--path", &root()], &[TOML, CRATE, PROGRAM, SHARED]);
    builds(&folder, "counts-toml");
    assert!(run(&folder.path("counts-toml"), &["fmt", "--check"]).status.success());
}

#[test]
fn a_project_with_maps_in_rust_builds() {
    let groups = &[DERIVE, CRATE, PROGRAM, SHARED];
    let folder = created("counts_derive", &["--derive", "--path", &root()], groups);
    builds(&folder, "counts_derive");
}

/// Needs the tools that `cargo xtask ebpf` installs.
#[test]
fn a_project_with_a_program_in_rust_builds() {
    let folder = created("counts-aya", &["--aya", "--path", &root()], &[AYA, CRATE, SHARED]);
    let program = folder.path("counts-aya/ebpf");
    let lock = Path::new(&root()).join("programs/program/Cargo.lock");
    fs::copy(lock, program.join("Cargo.lock")).unwrap();
    builds(&folder, "counts-aya");
    let format = Command::new(env!("CARGO")).args(["fmt", "--check"]).current_dir(program).output();
    assert!(format.unwrap().status.success());
}

#[test]
fn a_project_in_c_builds() {
    let folder = created("counts-c", &["--c", "--path", &root()], &[C, PROGRAM, SHARED]);
    let make = || {
        let bpfmap = format!("BPFMAP={}", env!("CARGO_BIN_EXE_bpfmap"));
        let clang = format!("CLANG={}", clang::find().unwrap().display());
        let flags = "CFLAGS=-Wall -Wextra -Wpedantic -Werror";
        let mut make = Command::new("make");
        make.args([&bpfmap, &clang, flags]).current_dir(folder.path("counts-c")).output().unwrap()
    };
    let output = make();
    assert!(output.status.success(), "{output:?}");
    assert!(text(&output.stderr).is_empty(), "{output:?}");
    for file in ["counts", "program.bpf.o", "generated/maps.user.h"] {
        assert!(folder.path(&format!("counts-c/{file}")).is_file(), "{file}");
    }
    // A second `make` has nothing to do.
    assert_eq!(text(&make().stdout), "");
    checks(&folder, "counts-c");
    assert!(run(&folder.path("counts-c"), &["generate", "--check"]).status.success());
}

/// Existing files can be the work of the user, so they must not change.
#[test]
fn existing_files_do_not_change() {
    for kind in [&[][..], &["--derive"], &["--aya"], &["--c"]] {
        let root = root();
        let arguments = [&["init", "--path", &root], kind].concat();
        let folder = Folder::new();
        // The name of a temporary folder is not a valid package name.
        fs::create_dir(folder.path("x")).unwrap();
        let place = folder.path("x");
        let first = run(&place, &arguments);
        assert!(first.status.success(), "{first:?}");
        let before = contents(&place);
        assert!(before.len() > 5);
        let unchanged = run(&place, &arguments);
        assert!(!text(&unchanged.stdout).contains("Add to"), "{unchanged:?}");
        for (path, _) in &before {
            fs::write(path, "mine").unwrap();
        }
        let again = run(&place, &arguments);
        assert!(again.status.success(), "{again:?}");
        assert!(!text(&again.stdout).contains("created"), "{again:?}");
        let after = contents(&place);
        // An existing crate gets fewer files than a new project.
        assert_eq!(after.len(), before.len());
        assert!(after.iter().all(|(_, text)| text == "mine"));
    }
}

#[test]
fn an_existing_crate_gets_the_missing_files_and_instructions() {
    let folder = Folder::new();
    fs::create_dir(folder.path("src")).unwrap();
    let manifest = "[package]\nname = \"mine\"\nedition = \"2024\"\n";
    for (name, text) in [
        ("Cargo.toml", manifest),
        ("src/main.rs", "fn main() {}\n"),
        ("build.rs", "fn main() {}\n"),
    ] {
        fs::write(folder.path(name), text).unwrap();
    }
    let output = folder.bpfmap(&["init", "--path", &root()]);
    assert!(output.status.success(), "{output:?}");
    let said = text(&output.stdout);
    for expected in [
        "kept    ./build.rs",
        "created ./maps.toml",
        "created ./src/program.bpf.c",
        "Add to Cargo.toml:",
        "bpfmap-codegen = \"",
        "[patch.crates-io]",
        "Add to build.rs:",
        ".schema(\"maps.toml\")",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert_eq!(fs::read_to_string(folder.path("Cargo.toml")).unwrap(), manifest);
    for absent in ["src/lib.rs", "tests", ".gitignore"] {
        assert!(!folder.path(absent).exists(), "{absent}");
    }
    assert!(folder.bpfmap(&["check"]).status.success());
}

#[test]
fn errors_name_the_file_that_cannot_be_created() {
    let folder = Folder::new();
    let output = folder.bpfmap(&["init", "1st", "--path", &root()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("the folder `1st` can't be the name of a package"),
        "{output:?}"
    );
    assert!(!folder.path("1st").exists());

    fs::write(folder.path("file"), "").unwrap();
    let output = folder.bpfmap(&["init", "file", "--path", &root()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("file"), "{output:?}");

    let output = folder.bpfmap(&["init", "x", "--path", "."]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("`.` is not a clone of bpfmap's repository"),
        "{output:?}"
    );

    for two in [["--c", "--derive"], ["--aya", "--derive"], ["--aya", "--c"]] {
        let arguments = [&["init", "x"][..], &two].concat();
        assert_eq!(folder.bpfmap(&arguments).status.code(), Some(2));
    }
    assert!(!folder.path("x").exists());
}

/// Nothing is published yet, so a project without a clone could not be built.
#[test]
fn without_a_clone_the_error_says_how_to_go_on() {
    for kind in [&[][..], &["--derive"], &["--aya"], &["--c"]] {
        let folder = Folder::new();
        let output = folder.bpfmap(&[&["init", "x"], kind].concat());
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = text(&output.stderr);
        assert!(said.starts_with("error: bpfmap is not published yet"), "{said}");
        assert!(said.contains("help: add `--path CLONE`"), "{said}");
        assert!(!folder.path("x").exists());
    }
}

/// A project and a clone in the same folder can be moved together.
#[test]
fn the_manifest_has_the_path_from_the_project_to_the_clone() {
    let folder = Folder::new();
    imitate_clone(&folder.path("bpf map"));
    fs::create_dir(folder.path("work")).unwrap();
    std::os::unix::fs::symlink("work", folder.path("link")).unwrap();
    for project in ["work/deep/counts", "link/deep/other"] {
        let output = folder.bpfmap(&["init", project, "--path", "bpf map"]);
        assert!(output.status.success(), "{output:?}");
        let read = |file: &str| fs::read_to_string(folder.path(project).join(file)).unwrap();
        let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
        for name in ["bpfmap", "bpfmap-codegen"] {
            let path = manifest["patch"]["crates-io"][name]["path"].as_str().unwrap();
            assert_eq!(path, format!("../../../bpf map/{name}"));
            assert!(folder.path(project).join(path).join("Cargo.toml").is_file());
        }
    }
    // The program has a manifest of its own, one folder deeper.
    let output = folder.bpfmap(&["init", "work/aya", "--aya", "--path", "bpf map"]);
    assert!(output.status.success(), "{output:?}");
    let manifest = fs::read_to_string(folder.path("work/aya/ebpf/Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let path = manifest["patch"]["crates-io"]["bpfmap-ebpf"]["path"].as_str().unwrap();
    assert_eq!(path, "../../../bpf map/bpfmap-ebpf");
}

/// The names of bpfmap's tools do not belong to anybody on the registry, so the workflow must not
/// install them from there.
#[test]
fn the_workflow_installs_the_tools_from_a_clone() {
    for kind in [&[][..], &["--derive"], &["--aya"], &["--c"]] {
        let folder = Folder::new();
        imitate_clone(&folder.path("bpf map"));
        let output = folder.bpfmap(&[&["init", "counts", "--path", "bpf map"], kind].concat());
        assert!(output.status.success(), "{output:?}");
        assert!(text(&output.stdout).contains("set `BPFMAP_REPOSITORY` in it"), "{output:?}");
        let workflow =
            fs::read_to_string(folder.path("counts/.github/workflows/bpfmap.yml")).unwrap();
        assert!(workflow.contains("\n\nenv:\n  # FILL IN: "), "{workflow}");
        assert!(workflow.contains("\n  BPFMAP_REPOSITORY: \"\"\n\njobs:\n"), "{workflow}");
        let (_, step) = workflow.split_once("name: Install bpfmap\n        run: |\n").unwrap();
        let script: Vec<&str> =
            step.lines().map_while(|line| line.strip_prefix("          ")).collect();
        let script = script.join("\n");

        // The commands `git` and `cargo` print their arguments. `git` also creates the clone.
        fs::create_dir(folder.path("bin")).unwrap();
        fs::rename(folder.path("bpf map"), folder.path("origin")).unwrap();
        for (name, action) in [("git", "cp -r ../origin \"$5\""), ("cargo", "test -d \"$4\"")] {
            let path = folder.path("bin").join(name);
            fs::write(&path, format!("#!/bin/sh\necho {name} \"$@\"\n{action}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = format!("{}:{}", folder.path("bin").display(), std::env::var("PATH").unwrap());
        let run = |address: &str| {
            let mut shell = Command::new("sh");
            shell.args(["-ec", &script]).env("PATH", &path).env("BPFMAP_REPOSITORY", address);
            shell.current_dir(folder.path("counts")).output().unwrap()
        };
        let unset = run("");
        assert!(!unset.status.success(), "{unset:?}");
        assert!(text(&unset.stderr).contains("BPFMAP_REPOSITORY: is not set: write"), "{unset:?}");
        assert_eq!(text(&unset.stdout), "");
        let install = "cargo install --locked --path ../bpf map/bpfmap-cli\n\
             cargo install --locked --path ../bpf map/vmtest\n";
        let set = run("https://example.com/x.git");
        assert!(set.status.success(), "{set:?}");
        let clone = "git clone --depth 1 https://example.com/x.git ../bpf map\n";
        assert_eq!(text(&set.stdout), format!("{clone}{install}"));
        // A clone that exists already is used, for example a submodule.
        assert_eq!(text(&run("").stdout), install);
    }
}

/// Creates the files by which `bpfmap init` recognises a clone, and the folders of the tools.
fn imitate_clone(clone: &Path) {
    for name in ["bpfmap", "bpfmap-codegen", "bpfmap-cli", "vmtest"] {
        fs::create_dir_all(clone.join(name)).unwrap();
        fs::write(clone.join(name).join("Cargo.toml"), "").unwrap();
    }
}

/// A temporary folder, which is removed at the end of the test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn bpfmap(&self, arguments: &[&str]) -> Output {
        run(self.0.path(), arguments)
    }
}

/// Returns the path of the clone that contains these tests.
fn root() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    root.into_os_string().into_string().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Creates a project, and checks the output of the command and the created files.
fn created(name: &str, arguments: &[&str], groups: &[&[&str]]) -> Folder {
    let folder = Folder::new();
    let output = folder.bpfmap(&[&["init", name], arguments].concat());
    assert!(output.status.success(), "{output:?}");
    let mut files: Vec<String> =
        groups.concat().iter().map(|file| format!("{name}/{file}")).collect();
    let said = text(&output.stdout);
    for file in &files {
        assert!(said.contains(&format!("created {file}\n")), "{file}: {said}");
    }
    files.sort();
    let there: Vec<PathBuf> =
        contents(&folder.path(name)).into_iter().map(|(path, _)| path).collect();
    assert_eq!(there, files.iter().map(|file| folder.path(file)).collect::<Vec<_>>());
    folder
}

/// Builds the crate and its tests, without warnings, against the crates of this repository.
fn builds(folder: &Folder, name: &str) {
    let project = folder.path(name);
    // The lock file of this repository, so that no other versions are downloaded.
    fs::copy(Path::new(&root()).join("Cargo.lock"), project.join("Cargo.lock")).unwrap();
    let cargo = |arguments: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("layout_property/target");
        cargo.args(arguments).env("CARGO_TARGET_DIR", target);
        let output = cargo.current_dir(&project).output().unwrap();
        let said = text(&output.stderr);
        assert!(output.status.success() && !said.contains("warning"), "{said}");
    };
    cargo(&["test", "--no-run", "--offline"]);
    cargo(&["fmt", "--check"]);
    checks(folder, name);
}

/// Checks that the schema breaks no rule, and that the commands in the workflow exist.
fn checks(folder: &Folder, name: &str) {
    let project = folder.path(name);
    let output = run(&project, &["check"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let workflow = fs::read_to_string(project.join(".github/workflows/bpfmap.yml")).unwrap();
    for placeholder in ["BUILD", "TEST", "NAME", "VERSION", "INSTALL", "TOOLS", "VARIABLE", "CLONE"]
    {
        assert!(!workflow.contains(placeholder), "{workflow}");
    }
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bpfmap")).args(arguments).current_dir(folder).output().unwrap()
}

/// Returns the paths and texts of all files below a folder, sorted by path.
fn contents(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut files = vec![];
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    files.sort();
    files
}
