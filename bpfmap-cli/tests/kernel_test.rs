//! Tests of `bpfmap test`, which boots a kernel.

mod support;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use bpfmap_vmtest::event::{Event, Outcome};
use support::{Folder, INCLUDES, compile, text};

/// A schema with a map type that the tested kernel supports, and a map type that this kernel does
/// not know.
const SCHEMA: &str = r#"
name = "counted"

[types.endpoint]
kind = "struct"
members = [{ name = "port", type = "be16" }, { name = "proto", type = "u8" }, { name = "flag", type = "bool" }]

[maps.packets]
type = "hash"
key = "endpoint"
value = "u64"
max_entries = 8

[maps.shared]
type = "arena"
max_entries = 2
flags = ["mmapable"]
"#;

/// A kernel series that does not support arenas yet.
const KERNEL: &str = "6.1";

#[test]
fn a_schema_is_tested_and_reports_are_written() {
    let folder = Folder::new();
    std::fs::write(folder.path("counted.toml"), SCHEMA).unwrap();
    let reports = ["--json", "events.jsonl", "--junit", "junit.xml", "--html", "report.html"];
    let output =
        folder.bpfmap(&[&["test", "counted.toml", "--kernel", KERNEL][..], &reports].concat());
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    let table = text(&output.stdout);
    let has_row = |row: &[&str]| {
        table.lines().any(|line| line.split_whitespace().take(row.len()).eq(row.iter().copied()))
    };
    assert!(has_row(&[KERNEL]) && has_row(&["counted.packets", "2", "ok"]), "{table}");
    assert!(has_row(&["counted.shared", "refused"]), "{table}");
    assert!(table.contains("creation (EINVAL, from Linux 6.9)\n    counted.shared\n"), "{table}");

    let events = std::fs::read_to_string(folder.path("events.jsonl")).unwrap();
    let events: Vec<Event> =
        events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut passed = vec![];
    for event in &events {
        if let Event::Test(test) = event {
            assert_eq!((test.outcome, test.kernel.as_str()), (Outcome::Passed, KERNEL));
            passed.push(test.test.as_str());
        }
    }
    // The tests have the same names as the tests of the compiled fixtures.
    assert!(passed.contains(&"counted::packets::members_agree_on_both_sides"), "{passed:?}");
    assert!(passed.contains(&"counted::packets::operations_answer_as_the_facts_say"), "{passed:?}");
    for report in ["junit.xml", "report.html"] {
        let report = std::fs::read_to_string(folder.path(report)).unwrap();
        assert!(report.contains("counted::packets::members_agree_on_both_sides"), "{report}");
    }
}

#[test]
fn each_map_of_an_object_is_tested_or_listed_with_a_reason() {
    let folder = Folder::new();
    let program = format!(
        "{INCLUDES}
struct value {{ __u32 a; __u16 b; __u16 c : 3; __u16 d : 13; }};
struct {{
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16);
	__type(key, __u64);
	__type(value, struct value);
}} recent SEC(\".maps\");
struct {{
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__uint(key_size, 4);
}} unsized SEC(\".maps\");
static int calls;
SEC(\"tc\") int count(struct __sk_buff *skb) {{ return calls++; }}
"
    );
    std::fs::write(folder.path("probe.bpf.c"), program).unwrap();
    compile(
        bpfmap_codegen::clang::find().unwrap(),
        &folder.path("probe.bpf.c"),
        &folder.path("probe.bpf.o"),
    );
    let output = folder.bpfmap(&["test", "--object", "probe.bpf.o", "--kernel", KERNEL]);
    let (table, said) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{table}{said}");
    assert!(table.lines().any(|line| line.starts_with("probe.recent  2 ok")), "{table}");
    assert!(said.contains("not tested: probe.unsized: "), "{said}");
    assert!(!said.contains("calls") && !table.contains("calls"), "{table}{said}");
}

#[test]
fn each_example_of_the_help_does_what_it_says() {
    let folder = Folder::new();
    std::fs::write(folder.path("maps.toml"), SCHEMA).unwrap();
    std::fs::write(folder.path("bpfmap.toml"), "schemas = [\"maps.toml\"]\n").unwrap();
    // An example for every kernel runs only on one kernel.
    let matrix = format!("matrix = [{KERNEL:?}]\n");
    std::fs::write(folder.path("bpfmap-vmtest.toml"), matrix).unwrap();
    let program = format!(
        "{INCLUDES}struct {{\n\t__uint(type, BPF_MAP_TYPE_ARRAY);\n\t__uint(max_entries, 2);\n\t__type(key, __u32);\n\t__type(value, __u64);\n}} totals SEC(\".maps\");\n"
    );
    std::fs::write(folder.path("program.bpf.c"), program).unwrap();
    compile(
        bpfmap_codegen::clang::find().unwrap(),
        &folder.path("program.bpf.c"),
        &folder.path("program.bpf.o"),
    );
    let help = folder.bpfmap(&["test", "--help"]);
    let (_, examples) = text(&help.stdout).split_once("Examples:\n").unwrap();
    let examples = examples.lines().filter_map(|line| line.trim().strip_prefix("$ bpfmap "));
    let examples: Vec<&str> = examples.collect();
    assert!(examples.len() > 3, "{examples:?}");
    for example in examples {
        let output = folder.bpfmap(&example.split(' ').collect::<Vec<_>>());
        assert!(output.status.success(), "{example}: {output:?}");
        assert!(text(&output.stdout).contains("\ngreen: "), "{example}: {output:?}");
    }
    assert!(folder.path("report.html").exists());
}

/// A test that can't be run fails with a message in the guest.
#[test]
fn a_test_that_cannot_be_run_fails() {
    let folder = Folder::new();
    std::fs::write(folder.path("counted.toml"), SCHEMA).unwrap();
    for (name, expected) in [
        ("counted::packets", "there is no test `counted::packets`"),
        ("absent::packets::x", "absent.toml"),
        ("counted::absent::x", "`counted` has no map `absent`"),
        ("counted::packets::x", "`packets` has no test `x`"),
        ("counted::packets::operations_answer_as_the_facts_say", "counted.bpf.o"),
    ] {
        let output = folder.bpfmap(&["run-fixture", ".", "--exact", name, "--nocapture"]);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(101), "{said}");
        assert!(said.contains(expected), "expected {expected:?} in {said}");
        assert!(!said.contains("test result: ok"), "{said}");
    }
}

/// An old clang can't compile the header of an arena with a fixed address.
#[test]
fn an_object_whose_test_program_does_not_compile_is_left_out() {
    let folder = Folder::new();
    let program = format!(
        "{INCLUDES}
struct {{
	__uint(type, 33); /* BPF_MAP_TYPE_ARENA, which older headers lack */
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4);
	enum {{ address = 1ull << 44 }} map_extra;
}} pages SEC(\".maps\");
"
    );
    std::fs::write(folder.path("far.bpf.c"), program).unwrap();
    compile(
        bpfmap_codegen::clang::find().unwrap(),
        &folder.path("far.bpf.c"),
        &folder.path("far.bpf.o"),
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_bpfmap"));
    command.args(["test", "--object", "far.bpf.o"]).current_dir(folder.path(""));
    let Output { status, stderr, .. } = command.env("CLANG", "clang-14").output().unwrap();
    let said = text(&stderr);
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("note: `far.bpf.o` is left out: `clang-14` can't compile"), "{said}");
    assert!(said.contains("not tested: far.pages: its test program can't be compiled"), "{said}");
    assert!(said.contains("error: none of the maps can be tested"), "{said}");
}

#[test]
fn errors_name_the_missing_file_or_program() {
    let folder = Folder::new();
    std::fs::write(folder.path("counted.toml"), SCHEMA).unwrap();
    let fails = |change: &dyn Fn(&mut Command), arguments: &[&str], expected: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bpfmap"));
        command.arg("test").args(arguments).current_dir(folder.path(""));
        change(&mut command);
        let Output { status, stderr, .. } = command.output().unwrap();
        let said = text(&stderr);
        assert_eq!(status.code(), Some(1), "{said}");
        for part in expected {
            assert!(said.contains(part), "expected {part:?} in {said}");
        }
        // No temporary files of the run remain.
        assert!(!said.contains("panicked"), "{said}");
    };
    let no_path: &dyn Fn(&mut Command) = &|command| {
        command.env_remove("CLANG").env("PATH", "");
    };
    fails(no_path, &["counted.toml"], &["no clang found", "apt install clang"]);
    let clang = absolute(Path::new(&bpfmap_codegen::clang::find().unwrap()));
    let no_qemu: &dyn Fn(&mut Command) = &|command| {
        command.env("CLANG", &clang).env("PATH", "");
    };
    fails(no_qemu, &["counted.toml"], &["qemu-system-x86"]);
    let nothing: &dyn Fn(&mut Command) = &|_| {};
    fails(nothing, &["missing.toml"], &["can't read", "missing.toml"]);
    fails(nothing, &["--object", "counted.toml"], &["counted.toml"]);
    std::fs::write(folder.path("probe.bpf.o"), b"\x7fELF\x02\x01\x01").unwrap();
    let is_object = "error: `probe.bpf.o` is an object file, not a schema";
    fails(nothing, &["probe.bpf.o"], &[is_object, "help: use `--object probe.bpf.o`"]);
    let nobody: &dyn Fn(&mut Command) = &|command| {
        use std::os::unix::process::CommandExt as _;
        if rustix::process::geteuid().is_root() {
            command.uid(65534);
        }
    };
    fails(nobody, &["counted.toml", "--host"], &["`--host` needs root", "leave out `--host`"]);
}

#[test]
fn an_unknown_kernel_is_an_error_of_the_command_line() {
    let folder = Folder::new();
    std::fs::write(folder.path("counted.toml"), SCHEMA).unwrap();
    let output = folder.bpfmap(&["test", "counted.toml", "--kernel", "6.2"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.starts_with("error: unknown kernel `6.2`\n  help: use one of 5.10, 6.1"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 2, "{said}");
}

/// The error of a kernel that can't be fetched is shown once, for all kernels together.
#[test]
fn a_kernel_that_cannot_be_fetched_is_one_message() {
    let folder = Folder::new();
    std::fs::write(folder.path("counted.toml"), SCHEMA).unwrap();
    std::fs::create_dir(folder.path("cache")).unwrap();
    let fetch = |options: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bpfmap"));
        command.args(["test", "counted.toml", "--kernel", "6.1", "--kernel", "6.12"]);
        let output = command
            .args(options)
            .current_dir(folder.path(""))
            .env("XDG_CACHE_HOME", folder.path("cache"))
            .output()
            .unwrap();
        let said = text(&output.stderr).to_owned() + text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(!said.contains("\\n"), "a line end is escaped in {said}");
        said
    };
    let said = fetch(&["--offline"]);
    assert_eq!(
        said.matches("`--offline` forbids downloads").count(),
        2,
        "one for each kernel: {said}"
    );
    assert!(said.contains("6.1: FETCH-FAILED: the kernel 6.1 is not in the cache"), "{said}");
    // Nothing listens on this port.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mirror = format!("http://{closed}/debian");
    let said = fetch(&["--mirror", &mirror, "--security-mirror", &mirror]);
    assert!(said.contains("  fetches the package index of bookworm-security\n"), "{said}");
    assert!(said.contains(&format!("Could not connect to {closed}")), "{said}");
}

/// Interrupts `bpfmap test` while it waits for a mirror, and while it tests.
#[test]
fn a_signal_ends_a_run_within_a_second_and_leaves_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}/debian", listener.local_addr().unwrap());
    let mirror = ["--mirror", &silent, "--security-mirror", &silent];
    for (options, has_own_cache) in [(&mirror[..], true), (&[][..], false)] {
        let folder = Folder::new();
        std::fs::write(folder.path("counted.toml"), SCHEMA).unwrap();
        for name in ["cache", "tmp"] {
            std::fs::create_dir(folder.path(name)).unwrap();
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_bpfmap"));
        command.args(["test", "counted.toml", "--kernel", KERNEL]).args(options);
        command.current_dir(folder.path("")).env("TMPDIR", folder.path("tmp"));
        if has_own_cache {
            command.env("XDG_CACHE_HOME", folder.path("cache"));
        }
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // The program for the guest is compiled before the first process starts.
        let pid = rustix::process::Pid::from_child(&child);
        let wanted = if has_own_cache { "apt-get" } else { "qemu-system" };
        let limit = Instant::now() + Duration::from_secs(60);
        while !processes_with_variable(&folder.path("tmp")).iter().any(|it| it.contains(wanted)) {
            assert!(Instant::now() < limit, "no {wanted} was started");
            std::thread::sleep(Duration::from_millis(20));
        }
        let start = Instant::now();
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let output = child.wait_with_output().unwrap();
        let (took, said) = (start.elapsed(), text(&output.stderr));
        assert_eq!(output.status.code(), Some(130), "{said}");
        // A second, and some time for a busy machine.
        assert!(took < Duration::from_secs(2), "{took:?}");
        let said: Vec<&str> = said.lines().filter(|line| !line.contains("  fetches ")).collect();
        assert_eq!(said, ["bpfmap: stopped by a signal"], "{took:?}");
        assert_eq!(text(&output.stdout), "");
        let left: Vec<_> = std::fs::read_dir(folder.path("tmp")).unwrap().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
        let left = processes_with_variable(&folder.path("tmp"));
        assert!(left.is_empty(), "{left:?}");
        let mut find = Command::new("find");
        find.arg(folder.path("cache")).args(["-name", "*.unfinished-*"]);
        assert_eq!(text(&find.output().unwrap().stdout), "");
    }
}

/// Returns the command lines of the processes that have the path as the value of a variable.
fn processes_with_variable(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let read = |entry: &std::fs::DirEntry, name: &str| {
        let bytes = std::fs::read(entry.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\0', " ")
    };
    let path = path.to_str().unwrap();
    entries
        .filter(|entry| read(entry, "environ").contains(path))
        .map(|entry| read(&entry, "cmdline"))
        .collect()
}

/// Returns the absolute path of a program in `PATH`.
fn absolute(program: &Path) -> std::path::PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|folder| folder.join(program));
    found.find(|path| path.is_file()).unwrap_or_else(|| program.to_owned())
}
