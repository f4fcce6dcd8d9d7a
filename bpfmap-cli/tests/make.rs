//! Tests of `bpfmap generate` with the Makefile in `docs/build-systems.md`.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

const SCHEMA: &str = "include = [\"net types.toml\"]\n\n[maps.counters]\ntype = \"hash\"\nkey = \"port\"\n\
                      value = \"u64\"\nmax_entries = 64\n";
const INCLUDED: &str = "name = \"net\"\n[types.port]\nkind = \"alias\"\ntype = \"u16\"\n";
const PROGRAM: &str = "#include <linux/bpf.h>\n#include <linux/types.h>\n#include <bpf/bpf_helpers.h>\n\
                       #include \"maps.h\"\nvoid *used = &counters;\n";

#[test]
fn make_does_nothing_until_a_file_changes() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::write(root.join("Makefile"), recipe()).unwrap();
    fs::write(root.join("maps.toml"), SCHEMA).unwrap();
    fs::write(root.join("net types.toml"), INCLUDED).unwrap();
    fs::write(root.join("probe.bpf.c"), PROGRAM).unwrap();
    let (generates, compiles) = ("bpfmap generate", "-c probe.bpf.c");

    let first = make(root);
    assert!(first.contains(generates) && first.contains(compiles), "{first}");
    assert_eq!(make(root), "", "nothing is run");

    // The schema is newer, but its content is the same.
    touch(&root.join("maps.toml"));
    let touched = make(root);
    assert!(touched.contains(generates) && !touched.contains(compiles), "{touched}");
    assert_eq!(make(root), "", "nothing is run");

    fs::write(root.join("net types.toml"), INCLUDED.replace("u16", "u32")).unwrap();
    touch(&root.join("net types.toml"));
    let changed = make(root);
    assert!(changed.contains(generates) && changed.contains(compiles), "{changed}");
    assert_eq!(make(root), "", "nothing is run");

    // If the schema contains an error, no file changes, and the next run tries again.
    let object = fs::read(root.join("probe.bpf.o")).unwrap();
    fs::write(root.join("maps.toml"), SCHEMA.replace("u64", "u65")).unwrap();
    touch(&root.join("maps.toml"));
    for _ in 0..2 {
        let failed = run_make(root);
        assert!(!failed.status.success());
        assert!(String::from_utf8_lossy(&failed.stderr).contains("unknown type `u65`"));
    }
    assert_eq!(fs::read(root.join("probe.bpf.o")).unwrap(), object);

    // If an included schema was deleted, Make still runs `generate`.
    fs::write(root.join("maps.toml"), SCHEMA.replace("net types", "net")).unwrap();
    fs::rename(root.join("net types.toml"), root.join("net.toml")).unwrap();
    touch(&root.join("maps.toml"));
    assert!(make(root).contains(generates));
}

/// If the user confuses two arguments, the command must not overwrite a schema.
#[test]
fn a_depfile_or_stamp_does_not_replace_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::write(root.join("maps.toml"), SCHEMA).unwrap();
    fs::write(root.join("net types.toml"), INCLUDED).unwrap();
    fs::write(root.join("notes"), "mine").unwrap();
    for (arguments, why) in [
        (
            ["--stamp", "maps.toml"].as_slice(),
            "`maps.toml`, because it is a file that this command reads or generates",
        ),
        (
            &["--depfile", "net types.toml"],
            "`net types.toml`, because it is a file that this command reads or generates",
        ),
        (
            &["--depfile", "./maps.toml"],
            "`./maps.toml`, because it is a file that this command reads or generates",
        ),
        (
            &["--depfile", "maps.h"],
            "`maps.h`, because it is a file that this command reads or generates",
        ),
        (&["--stamp", "notes"], "can't overwrite `notes`, because it is not empty"),
        (
            &["--stamp", "new", "--depfile", "new"],
            "can't overwrite `new`, because it is also the depfile",
        ),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_bpfmap"))
            .args(["generate", "maps.toml", "--out", "."])
            .args(arguments)
            .current_dir(root)
            .output()
            .unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(why), "{message}");
        let mut left: Vec<_> =
            fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["maps.toml", "net types.toml", "notes"], "nothing is written");
    }
    assert_eq!(fs::read_to_string(root.join("maps.toml")).unwrap(), SCHEMA);
    assert_eq!(fs::read_to_string(root.join("notes")).unwrap(), "mine");
}

#[test]
fn standard_input_is_a_schema() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::write(root.join("net types.toml"), INCLUDED).unwrap();
    let run = |arguments: &[&str], schema: &str| {
        fs::write(root.join("input"), schema).unwrap();
        Command::new(env!("CARGO_BIN_EXE_bpfmap"))
            .args(arguments)
            .current_dir(root)
            .stdin(File::open(root.join("input")).unwrap())
            .output()
            .unwrap()
    };
    let named = format!("name = \"maps\"\n{SCHEMA}");
    let checked = run(&["check", "-"], &named);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let generated = run(&["generate", "-", "--out", "out", "--depfile", "out/maps.d"], &named);
    assert!(generated.status.success(), "{}", String::from_utf8_lossy(&generated.stderr));
    assert_eq!(
        fs::read_to_string(root.join("out/maps.d")).unwrap(),
        "out/maps.h out/maps.rs out/net.h out/net.rs: \\\n  net\\ types.toml\n\nnet\\ types.toml:\n"
    );

    let refused = run(&["check", "-"], &named.replace("u64", "u65"));
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(message.contains("--> <stdin>:"), "{message}");
    let nameless = run(&["check", "-"], SCHEMA);
    let message = String::from_utf8_lossy(&nameless.stderr).into_owned();
    assert!(message.contains("write `name = "), "{message}");
}

/// Schemas that share types, two programs in one object, and an application in C.
#[test]
fn the_example_with_several_schemas_is_built_by_make() {
    let folder = example("firewall", &["", "src", "schemas"]);
    let root = folder.path();
    let first = make(root);
    assert_eq!(first.matches("bpfmap generate").count(), 1, "{first}");
    assert_eq!(make(root), "make: 'out/firewall' is up to date.\n");
    shows_its_usage(&root.join("out/firewall"));

    // Both other schemas include this schema.
    change(&root.join("schemas/net.toml"));
    let changed = make(root);
    assert!(changed.contains("bpfmap generate"), "{changed}");
}

/// A project without Rust. `cargo xtask make-c` runs its test on every kernel.
#[test]
fn the_example_without_rust_is_built_by_make() {
    let folder = example("make-c", &[""]);
    let root = folder.path();
    let first = make(root);
    assert_eq!(first.matches("bpfmap generate").count(), 1, "{first}");
    assert_eq!(make(root), "make: Nothing to be done for 'all'.\n");
    shows_its_usage(&root.join("out/slowcalls"));

    change(&root.join("calls.toml"));
    let changed = make(root);
    assert!(changed.contains("bpfmap generate"), "{changed}");
}

/// Copies these folders of an example to a temporary folder, in which Make can write.
fn example(name: &str, folders: &[&str]) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name);
    for folder in folders {
        fs::create_dir_all(copy.path().join(folder)).unwrap();
        for file in fs::read_dir(example.join(folder)).unwrap().map(Result::unwrap) {
            if file.file_type().unwrap().is_file() {
                fs::copy(file.path(), copy.path().join(folder).join(file.file_name())).unwrap();
            }
        }
    }
    copy
}

fn shows_its_usage(program: &Path) {
    let output = Command::new(program).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.starts_with("usage: "), "{message}");
}

/// Adds a comment to a schema, which makes it newer than all other files.
fn change(schema: &Path) {
    fs::write(schema, fs::read_to_string(schema).unwrap() + "# Changed.\n").unwrap();
    let now = SystemTime::now() + Duration::from_secs(10);
    File::open(schema).unwrap().set_modified(now).unwrap();
}

/// Returns the Makefile in the page.
fn recipe() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/build-systems.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, block) = page.split_once("```make file=Makefile\n").unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

/// Runs Make, which must succeed, and returns its output.
fn make(folder: &Path) -> String {
    let output = run_make(folder);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn run_make(folder: &Path) -> Output {
    let bpfmap = Path::new(env!("CARGO_BIN_EXE_bpfmap")).parent().unwrap();
    let path = format!("{}:{}", bpfmap.display(), std::env::var("PATH").unwrap());
    Command::new("make")
        .arg("CLANG=clang-19")
        .current_dir(folder)
        .env("PATH", path)
        .env("LC_ALL", "C")
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .output()
        .unwrap()
}

/// Makes a file newer than all other files, and older than the files that are written next. The
/// difference is a few seconds, because the clock of a file system can be some milliseconds late.
fn touch(path: &Path) {
    let root = path.parent().unwrap();
    for folder in [root.to_owned(), root.join("generated")] {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let file = File::open(entry.path()).unwrap();
            let modified = file.metadata().unwrap().modified().unwrap();
            file.set_modified(modified - Duration::from_secs(60)).unwrap();
        }
    }
    let now = SystemTime::now() - Duration::from_secs(10);
    File::open(path).unwrap().set_modified(now).unwrap();
}
