//! Tests of the help: the help of each command has exit statuses and examples, each example does
//! what it says, and the completion scripts and man pages are correct.

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use bpfmap_codegen::clang;
use support::{Folder, INCLUDES, compile, text};

const MAPS: &str = "name = \"maps\"\n\n[maps.counters]\ntype = \"hash\"\nkey = \"u32\"\nvalue = \"u64\"\nmax_entries = 128\n";
const PROJECT: &str =
    "schemas = [\"schemas\"]\nkernels = [\"6.1\"]\n\n[[generate]]\nout = \"generated\"\n";
const PROGRAM: &str = "struct {\n\t__uint(type, BPF_MAP_TYPE_HASH);\n\t__type(key, __u32);\n\t__type(value, __u64);\n\t__uint(max_entries, 128);\n} counters SEC(\".maps\");\n";

/// The path of a pinned map in examples. `tests/live` runs these examples.
const LIVE: &str = "/sys/fs/bpf/";

#[test]
fn each_example_of_the_help_does_what_it_says() {
    let mut run = 0;
    for command in [vec![String::new()], commands()].concat() {
        let folder = prepared_folder();
        let examples = examples(&command);
        if command == "fmt" {
            fs::write(folder.path("maps.toml"), MAPS.replace(" = ", "=")).unwrap();
        }
        if command == "init" {
            let clone = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
            std::os::unix::fs::symlink(clone, folder.path("bpfmap")).unwrap();
        }
        assert!(!examples.is_empty(), "the help of `{command}` has no example");
        // `tests/kernel_test.rs` runs the examples that boot kernels.
        let boots = |example: &&String| example.starts_with("bpfmap test ");
        for example in examples.iter().filter(|example| !example.contains(LIVE) && !boots(example))
        {
            let output = shell(&folder, example);
            assert!(output.status.success(), "{example}: {output:?}");
            let said = [&output.stdout, &output.stderr].iter().any(|said| !said.is_empty());
            let is_silent =
                example.contains("check") || example.contains('>') || example.contains("verify");
            assert!(said || is_silent || example.contains("diff"), "{example} does nothing");
            run += 1;
        }
    }
    assert!(run > 20, "{run} examples were run");
}

/// Runs examples with invalid input, and checks the exit status.
#[test]
fn examples_fail_if_the_input_is_invalid() {
    let folder = prepared_folder();
    fs::write(folder.path("maps.toml"), MAPS.replace("u64", "u65")).unwrap();
    for example in examples("check").iter().filter(|example| example.contains("maps.toml")) {
        assert_eq!(shell(&folder, example).status.code(), Some(1), "{example}");
    }
    fs::write(folder.path("maps.toml"), MAPS.replace("u64", "u32")).unwrap();
    let verify = "bpfmap verify maps.toml --object program.bpf.o";
    assert!(examples("verify").contains(&verify.to_owned()));
    assert_eq!(shell(&folder, verify).status.code(), Some(1));
}

#[test]
fn each_help_describes_the_exit_statuses() {
    for command in [vec![String::new()], commands()].concat() {
        let help = help(&command);
        let (_, statuses) = help.split_once("Exit status:\n").expect(&command);
        for status in 0..3 {
            assert!(
                statuses.contains(&format!("\n  {status}  "))
                    || statuses.starts_with(&format!("  {status}  ")),
                "{help}"
            );
        }
    }
}

#[test]
fn completion_scripts_are_valid_and_contain_each_command() {
    let folder = Folder::new();
    for name in ["bash", "zsh", "fish"] {
        let output = folder.bpfmap(&["completions", name]);
        assert!(output.status.success(), "{output:?}");
        let script = text(&output.stdout);
        for command in commands() {
            assert!(script.contains(&command), "{command} in {name}");
        }
        let path = folder.path(name);
        fs::write(&path, script).unwrap();
        if name == "bash" {
            let checked = Command::new(name).arg("-n").arg(&path).output().unwrap();
            assert!(checked.status.success(), "{checked:?}");
        }
    }
    // Returns the words that bash suggests.
    let script = format!(
        "source {}; COMP_WORDS=(bpfmap ''); COMP_CWORD=1; _bpfmap bpfmap '' bpfmap; echo \"${{COMPREPLY[@]}}\"",
        folder.path("bash").display()
    );
    let completed = Command::new("bash").args(["-c", &script]).output().unwrap();
    let words: Vec<&str> = text(&completed.stdout).split_whitespace().collect();
    assert!(commands().iter().all(|command| words.contains(&command.as_str())), "{words:?}");
    assert!(!words.contains(&"man"), "a hidden command is completed: {words:?}");
    let unknown = folder.bpfmap(&["completions", "cmd.exe"]);
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn man_pages_are_rendered_without_a_warning() {
    let folder = Folder::new();
    let output = folder.bpfmap(&["man", "."]);
    assert!(output.status.success(), "{output:?}");
    for command in commands() {
        assert!(folder.path(&format!("bpfmap-{command}.1")).is_file(), "{command}");
    }
    let mut pages = 0;
    for entry in fs::read_dir(folder.path(".")).unwrap() {
        let path = entry.unwrap().path();
        let drawn =
            Command::new("groff").args(["-Kutf8", "-man", "-Tutf8", "-ww"]).arg(&path).output();
        let drawn = drawn.expect("groff is not installed: `apt-get install groff-base`");
        assert!(drawn.status.success() && drawn.stderr.is_empty(), "{}: {drawn:?}", path.display());
        assert!(text(&drawn.stdout).contains("Examples:"), "{}", path.display());
        pages += 1;
    }
    assert!(pages > 10);
    let absent = folder.bpfmap(&["man", "absent"]);
    assert_eq!(absent.status.code(), Some(1));
}

#[test]
fn standard_input_replaces_a_file() {
    let folder = prepared_folder();
    for command in [
        "bpfmap check - < maps.toml",
        "bpfmap kernels - < maps.toml",
        "bpfmap generate - --out x < maps.toml",
        "bpfmap convert - --to rust < maps.toml",
        "bpfmap fmt --check - < maps.toml",
        "bpfmap diff - maps.toml < maps.toml",
        "bpfmap diff maps.toml - < maps.toml",
        "bpfmap verify - --object program.bpf.o < maps.toml",
        "bpfmap verify maps.toml --object - < program.bpf.o",
        "bpfmap import - < program.bpf.o | bpfmap check -",
    ] {
        let output = shell(&folder, command);
        assert!(output.status.success(), "{command}: {output:?}");
    }
    let output = shell(&folder, "bpfmap check - < program.bpf.o");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is not UTF-8"), "{output:?}");
}

/// Returns the commands that the help lists.
fn commands() -> Vec<String> {
    let help = help("");
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let lines = list.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names: Vec<String> =
        names.filter(|name| !name.is_empty() && *name != "help").map(str::to_owned).collect();
    assert!(names.len() > 10, "{names:?}");
    names
}

fn help(command: &str) -> String {
    let mut bpfmap = Command::new(env!("CARGO_BIN_EXE_bpfmap"));
    let output = bpfmap.args(command.split_whitespace()).arg("--help").output().unwrap();
    text(&output.stdout).to_owned()
}

/// Returns the examples in the help of a command.
fn examples(command: &str) -> Vec<String> {
    let help = help(command);
    let (_, examples) = help.split_once("Examples:\n").unwrap_or_default();
    examples.lines().filter_map(|line| line.trim().strip_prefix("$ ")).map(str::to_owned).collect()
}

/// Creates a folder with the files that the examples use: a project in a git repository, and a
/// compiled program.
fn prepared_folder() -> Folder {
    let folder = Folder::new();
    let write = |name: &str, text: &str| fs::write(folder.path(name), text).unwrap();
    fs::create_dir(folder.path("schemas")).unwrap();
    write("bpfmap.toml", PROJECT);
    write(
        "schemas/flows.toml",
        &MAPS.replace("counters", "flows").replace("\"maps\"", "\"flows\""),
    );
    write(
        "schemas/limits.toml",
        &MAPS.replace("counters", "limits").replace("\"maps\"", "\"limits\""),
    );
    write("old.toml", &MAPS.replace("128", "64"));
    write("maps.toml", MAPS);
    write("program.bpf.c", &format!("{INCLUDES}{PROGRAM}"));
    compile(clang::find().unwrap(), &folder.path("program.bpf.c"), &folder.path("program.bpf.o"));
    let git = "git init --quiet --initial-branch=main && git add --all && \
        git -c user.name=x -c user.email=x@example.com commit --quiet --message=first";
    assert!(shell(&folder, git).status.success());
    folder
}

/// Runs a command line in a shell, with the command `bpfmap` in `PATH`.
fn shell(folder: &Folder, line: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_bpfmap")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).env("PATH", path).current_dir(folder.path("."));
    shell.env_remove("GITHUB_STEP_SUMMARY").output().unwrap()
}
