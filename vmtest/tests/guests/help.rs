//! The help of each command. The examples work as described, and shells and `man` accept the
//! generated files.

use crate::common::{harness, said};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Each example, with a text that its output contains.
const EXAMPLES: &[(&str, &str)] = &[
    ("run --kernel 6.1 -- uname -r", "6.1."),
    ("run --kernel 6.12 --root debian:bookworm/iproute2 -- ip -V", "iproute2"),
    ("test --kernel 5.10 --kernel 7.3", "7.3"),
    ("explain", "fetch-failed"),
    ("explain fetch-failed", "help: check the network"),
    ("completions bash > bpfmap-vmtest.bash", ""),
    ("run --kernel 6.12 --cpus 2 --file notes.txt:/tmp/n --env LANG=C -- cat /tmp/n", "noted"),
    ("shell --kernel 6.12 --file /usr/bin/dmesg", ""),
    ("test --package sums --test sums --kernel 6.12 -- adds", "6.12"),
    ("matrix --kernel 5.10 --kernel 7.3 --junit report.xml ./sums", "5.10"),
    ("matrix --print github --shards 4", "4/4"),
    ("kernels list", "7.3"),
    ("kernels fetch 5.10 7.3", "5.10"),
    ("kernels prune", "removed 0 kernels"),
];

#[test]
fn each_example_of_the_help_does_what_it_says() {
    let folder = prepared_folder();
    for (example, said) in EXAMPLES {
        let output = run(folder.path(), example);
        assert!(output.status.success(), "{example}: {output:?}");
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains(said), "{example}: {printed}");
    }
    assert!(folder.path().join("report.xml").is_file());
}

#[test]
fn the_help_of_each_command_has_an_example() {
    for command in [vec![""], commands().iter().map(String::as_str).collect()].concat() {
        let help = help(command);
        assert!(help.contains("\nExit status:\n  0  "), "{help}");
        let (_, examples) = help.split_once("Examples:\n").expect(command);
        let examples =
            examples.lines().filter_map(|line| line.strip_prefix("    $ bpfmap-vmtest "));
        let examples: Vec<&str> = examples.collect();
        assert!(!examples.is_empty(), "{help}");
        for example in examples {
            let is_run = EXAMPLES.iter().any(|(known, _)| *known == example);
            assert!(is_run, "no test runs `{example}`");
        }
    }
}

#[test]
fn completions_and_man_pages_are_right() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("bash");
    let output = harness().args(["completions", "bash"]).output().unwrap();
    fs::write(&script, &output.stdout).unwrap();
    let checked = Command::new("bash").arg("-n").arg(&script).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
    let complete = format!(
        "source {}; COMP_WORDS=(bpfmap-vmtest ''); COMP_CWORD=1; \
         $(complete -p bpfmap-vmtest | sed 's/.*-F \\([^ ]*\\).*/\\1/') bpfmap-vmtest '' bpfmap-vmtest; echo \"${{COMPREPLY[@]}}\"",
        script.display()
    );
    let completed = said(&Command::new("bash").args(["-c", &complete]).output().unwrap());
    let words: Vec<&str> = completed.split_whitespace().collect();
    assert!(commands().iter().all(|command| words.contains(&command.as_str())), "{completed}");
    assert!(!words.contains(&"run-plan"), "a hidden command is completed: {completed}");

    let output = harness().arg("man").arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    for command in commands() {
        let page = folder.path().join(format!("bpfmap-vmtest-{command}.1"));
        let drawn =
            Command::new("groff").args(["-Kutf8", "-man", "-Tutf8", "-ww"]).arg(page).output();
        let drawn = drawn.expect("groff is not installed: `apt-get install groff-base`");
        assert!(drawn.status.success() && drawn.stderr.is_empty(), "{command}: {drawn:?}");
        assert!(said(&drawn).contains("Examples:"), "{command}");
    }
    let output = harness().args(["man", "/absent"]).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
}

/// Returns the commands that the help lists.
fn commands() -> Vec<String> {
    let help = help("");
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let lines = list.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "help");
    let names: Vec<String> = names.map(str::to_owned).collect();
    assert!(names.len() > 5, "{names:?}");
    names
}

fn help(command: &str) -> String {
    let output = harness().args(command.split_whitespace()).arg("--help").output().unwrap();
    said(&output)
}

/// Creates a directory with the files that the examples use: a package with a test, its test
/// binary, and a file.
fn prepared_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("Cargo.toml", "[package]\nname = \"sums\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
        ("src/lib.rs", ""),
        ("tests/sums.rs", "#[test]\nfn adds() { assert_eq!(1 + 1, 2); }\n"),
        ("notes.txt", "noted\n"),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mut rustc = Command::new(Path::new(env!("CARGO")).with_file_name("rustc"));
    let built =
        rustc.args(["--test", "tests/sums.rs"]).current_dir(folder.path()).status().unwrap();
    assert!(built.success());
    folder
}

/// Runs an example as a user would, with the harness on the `PATH`. `prune` gets a separate cache.
fn run(folder: &Path, example: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_bpfmap-vmtest")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("bpfmap-vmtest {example}")]).env("PATH", path).current_dir(folder);
    shell.env_remove("GITHUB_STEP_SUMMARY").env_remove("CARGO_TARGET_DIR");
    if example.contains("prune") {
        shell.env("XDG_CACHE_HOME", folder.join("cache"));
    }
    let mut shell =
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program may end before it reads this input.
    let _ = shell.stdin.take().unwrap().write_all(b"exit\n");
    shell.wait_with_output().unwrap()
}
