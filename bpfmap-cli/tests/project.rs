//! Tests of projects: without arguments, commands use `bpfmap.toml`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const COUNTERS: &str =
    "[maps.counters]\ntype = \"hash\"\nkey = \"u32\"\nvalue = \"u64\"\nmax_entries = 64\n";
const FLOWS: &str =
    "[maps.flows]\ntype = \"array\"\nkey = \"u32\"\nvalue = \"u32\"\nmax_entries = 8\n";
const PROJECT: &str = r#"
schemas = ["schemas", "more/flows.toml"]
kernels = ["5.10", "7.3"]

[[generate]]
out = "bpf"
emit = ["c"]

[[generate]]
out = "src/maps"
emit = ["rust"]
modules = "mod.rs"
"#;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(project: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("bpfmap.toml", project);
        folder.write("schemas/counters.toml", COUNTERS);
        folder.write("schemas/README.md", "No schema.");
        folder.write("more/flows.toml", FLOWS);
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn run(&self, arguments: &str) -> (Option<i32>, String, String) {
        run_in(self.path(), arguments)
    }
}

fn run_in(folder: &Path, arguments: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bpfmap"));
    let output: Output =
        command.args(arguments.split_whitespace()).current_dir(folder).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn generate_writes_each_target_into_its_folder() {
    let folder = Folder::new(PROJECT);
    let (status, out, errors) = folder.run("generate");
    assert_eq!((status, errors.as_str()), (Some(0), ""));
    assert_eq!(
        out,
        "wrote bpf/counters.h\nwrote bpf/flows.h\nwrote src/maps/counters.rs\n\
         wrote src/maps/flows.rs\nwrote src/maps/mod.rs\n"
    );
    assert_eq!(folder.run("generate --check"), (Some(0), String::new(), String::new()));

    folder.write("more/flows.toml", &FLOWS.replace("max_entries = 8", "max_entries = 9"));
    let (status, _, errors) = folder.run("generate --check");
    assert_eq!(status, Some(1));
    assert!(errors.contains("`bpf/flows.h` is stale"), "{errors}");
}

/// The file that `docs/projects.md` shows.
#[test]
fn the_documented_project_file_works() {
    let page = include_str!("../../docs/projects.md");
    let (_, shown) = page.split_once("```toml file=bpfmap.toml\n").unwrap();
    let folder = Folder::new(shown.split_once("```").unwrap().0);
    let (status, out, errors) = folder.run("generate");
    assert_eq!((status, errors.as_str()), (Some(0), ""));
    let expected = "wrote src/bpf/counters.h\nwrote src/maps/counters.rs\nwrote src/maps/mod.rs\n";
    assert_eq!(out, expected);
}

#[test]
fn a_project_is_found_in_a_parent_folder() {
    let folder = Folder::new(PROJECT);
    let (status, out, errors) = run_in(&folder.path().join("schemas"), "generate");
    assert_eq!(status, Some(0), "{errors}");
    assert_eq!(out.lines().count(), 5);
    assert!(folder.path().join("src/maps/mod.rs").is_file());
    assert!(!folder.path().join("schemas/bpf").exists());
}

#[test]
fn the_command_line_overrides_the_project_file() {
    let folder = Folder::new(PROJECT);
    let (_, out, _) = folder.run("generate more/flows.toml");
    assert!(!out.contains("counters"), "{out}");
    let (_, out, _) = folder.run("generate --out other --emit docs");
    assert_eq!(out, "wrote other/counters.md\nwrote other/flows.md\n");
    let (status, _, errors) = folder.run("generate --emit docs");
    assert_eq!(status, Some(2), "{errors}");
}

#[test]
fn check_kernels_and_fmt_use_the_schemas_of_the_project() {
    let folder = Folder::new(PROJECT);
    assert_eq!(folder.run("check"), (Some(0), String::new(), String::new()));
    let (status, out, _) = folder.run("kernels");
    assert_eq!(status, Some(0));
    assert!(out.contains("map counters") && out.contains("map flows"), "{out}");
    folder.write("schemas/counters.toml", &COUNTERS.replace(" = ", "="));
    assert_eq!(folder.run("fmt --check").0, Some(1));
    assert_eq!(folder.run("fmt").1, "formatted schemas/counters.toml\n");
    assert_eq!(fs::read_to_string(folder.path().join("schemas/counters.toml")).unwrap(), COUNTERS);
}

#[test]
fn diff_compares_each_schema_with_its_older_revision() {
    let folder = Folder::new(PROJECT);
    let git = |arguments: &str| {
        let mut git = Command::new("git");
        git.current_dir(folder.path()).args([
            "-c",
            "user.name=x",
            "-c",
            "user.email=x@example.com",
        ]);
        let output = git.args(arguments.split_whitespace()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    git("init --quiet --initial-branch=main");
    git("add schemas bpfmap.toml");
    git("commit --quiet -m first");
    // The revision does not contain the other schema.
    let (status, out, errors) = folder.run("diff");
    assert_eq!((status, errors.as_str()), (Some(0), ""), "{out}");
    folder.write("schemas/counters.toml", &COUNTERS.replace("u64", "u32"));
    let (status, out, _) = folder.run("diff");
    assert_eq!(status, Some(1));
    assert!(out.contains("counters"), "{out}");
    git("commit --quiet --all -m second");
    assert_eq!(folder.run("diff").0, Some(0));
    assert_eq!(folder.run("diff --against HEAD~1").0, Some(1));
    folder.write("bpfmap.toml", &format!("{PROJECT}\n[diff]\nagainst = \"HEAD~1\"\n"));
    assert_eq!(folder.run("diff").0, Some(1));
}

#[test]
fn errors_are_shown_with_their_position() {
    for (line, message, place) in [
        ("schema = []", "unknown field `schema`", "bpfmap.toml:1:1"),
        (
            "schemas = [\"schemas\", \"absent.toml\"]",
            "can't read `absent.toml`",
            "bpfmap.toml:1:23",
        ),
        ("schemas = []", "at least one schema", "bpfmap.toml:1:11"),
        (
            "schemas = [\"empty\"]",
            "the folder `empty` contains no schema in TOML",
            "bpfmap.toml:1:12",
        ),
        ("schemas = 1", "invalid type", "bpfmap.toml:1:11"),
        ("schemas = [", "", "bpfmap.toml:1:1"),
        (
            "schemas = [\"schemas\"]\n[[generate]]\nout = \"x\"\nemit = [\"rst\"]",
            "unknown kind of file `rst`: did you mean `rust`?",
            "bpfmap.toml:4:8",
        ),
        (
            "schemas = [\"schemas\"]\n[[generate]]\nout = \"x\"\nmodules = \"a/mod.rs\"",
            "expected a file name without a folder",
            "bpfmap.toml:4:11",
        ),
        (
            "schemas = [\"schemas\"]\n[[generate]]\nemit = []",
            "missing field `out`",
            "bpfmap.toml:2:1",
        ),
    ] {
        let folder = Folder::new(line);
        fs::create_dir(folder.path().join("empty")).unwrap();
        let (status, out, errors) = folder.run("check");
        assert_eq!((status, out.as_str()), (Some(1), ""), "{errors}");
        assert!(errors.contains(message), "{line}: {errors}");
        assert!(errors.contains(place), "{line}: {errors}");
    }
}

#[test]
fn without_a_project_commands_ask_for_schemas() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["check", "generate --out x", "kernels", "fmt", "diff"] {
        let (status, out, errors) = run_in(folder.path(), command);
        assert_eq!((status, out.as_str()), (Some(2), ""));
        let expected = "error: no schema was given, and there is no `bpfmap.toml` in this folder or a parent folder\n";
        assert_eq!(errors, expected, "{command}");
    }
    let project = Folder::new("schemas = [\"schemas\"]");
    let (status, _, errors) = project.run("generate");
    assert_eq!(status, Some(2));
    assert!(errors.contains("has no `[[generate]]` table"), "{errors}");
}
