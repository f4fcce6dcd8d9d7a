//! Tests of `bpfmap verify --object`, which compare schemas with objects that clang compiles in the
//! test.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::{Folder, INCLUDES, text};

const SCHEMA: &str = r#"
[types.counts]
kind = "struct"
members = [
  { name = "rx_packets", type = "u64" },
  { name = "rx_bytes", type = "u64" },
]

[types.flow]
kind = "struct"
members = [
  { name = "stats", type = "[counts; 2]" },
  { name = "verdict", type = "verdict" },
  { kind = "union", members = [{ name = "port", type = "be16" }, { name = "icmp", type = "u16" }] },
  { name = "proto", type = "u8", bits = 4 },
]

[types.verdict]
kind = "enum"
repr = "u32"
variants = { pass = 0, drop = 1 }

[maps.flows]
type = "hash"
key = "u32"
value = "flow"
max_entries = 100
flags = ["no_prealloc"]
"#;

/// The same maps, written by hand. Tests replace parts of this program.
const PROGRAM: &str = r#"
struct counts { __u64 rx_packets; __u64 rx_bytes; };
enum verdict { VERDICT_PASS = 0, VERDICT_DROP = 1 };
struct flow {
	struct counts stats[2];
	enum verdict verdict;
	union { __be16 port; __u16 icmp; };
	__u8 proto : 4;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 100);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct flow);
} flows SEC(".maps");
"#;

impl Folder {
    /// Compiles a program to `NAME.o`.
    fn compile(&self, name: &str, program: &str) {
        self.compile_with("clang-19", name, program);
    }

    fn compile_with(&self, clang: &str, name: &str, program: &str) {
        let source = self.path(&format!("{name}.bpf.c"));
        fs::write(&source, format!("{INCLUDES}{program}")).unwrap();
        support::compile(clang, &source, &self.path(&format!("{name}.o")));
    }

    /// Returns the differences between the program and `SCHEMA`.
    #[track_caller]
    fn differences(&self, program: &str) -> Vec<String> {
        fs::write(self.path("flows.toml"), SCHEMA).unwrap();
        self.compile("flows", program);
        let output = self.bpfmap(&["verify", "flows.toml", "--object", "flows.o"]);
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let lines: Vec<String> = stdout.lines().map(str::to_owned).collect();
        let status = i32::from(!lines.is_empty());
        assert_eq!(output.status.code(), Some(status), "{stdout}{stderr}");
        lines
    }
}

#[test]
fn an_object_with_the_same_maps_matches_the_schema() {
    assert_eq!(Folder::new().differences(PROGRAM), [""; 0]);
}

#[test]
fn each_difference_has_its_path() {
    let grown = PROGRAM
        .replace(
            "__u64 rx_packets; __u64 rx_bytes;",
            "__u64 dropped; __u64 rx_packets; __u64 rx_bytes;",
        )
        .replace("VERDICT_DROP = 1", "VERDICT_DROP = 2")
        .replace("proto : 4", "proto : 3")
        .replace("__be16 port", "__u16 port");
    assert_eq!(
        Folder::new().differences(&grown),
        [
            "flows.value_size: 56, schema says 40",
            "flows.value: 56 bytes, schema says 40",
            "flows.value.stats[]: 24 bytes, schema says 16",
            "flows.value.stats[].rx_packets: offset 8, schema says 0",
            "flows.value.stats[].rx_bytes: offset 16, schema says 8",
            "flows.value.stats[].dropped: schema has no such member",
            "flows.value.verdict: offset 48, schema says 32",
            "flows.value.verdict: VERDICT_DROP is 2, schema says 1",
            "flows.value.(anonymous at 36): offset 52, schema says 36",
            "flows.value.(anonymous at 36).port: host byte order, schema says network byte order",
            "flows.value.proto: offset 54, schema says 38",
            "flows.value.proto: 3 bits, schema says 4 bits",
        ]
    );
}

#[test]
fn differences_of_attributes_are_found() {
    let other = PROGRAM
        .replace("BPF_MAP_TYPE_HASH", "BPF_MAP_TYPE_LRU_HASH")
        .replace("(max_entries, 100)", "(max_entries, 101)")
        .replace("\t__uint(map_flags, BPF_F_NO_PREALLOC);\n", "")
        .replace("__type(key, __u32)", "__type(key, __u64)");
    assert_eq!(
        Folder::new().differences(&other),
        [
            "flows.type: lru_hash, schema says hash",
            "flows.key_size: 8, schema says 4",
            "flows.max_entries: 101, schema says 100",
            "flows.flags: none, schema says NO_PREALLOC",
            "flows.key: an unsigned integer (8 bytes), schema says unsigned int (4 bytes)",
        ]
    );
    let renamed = PROGRAM.replace("} flows SEC", "} streams SEC");
    assert_eq!(Folder::new().differences(&renamed), ["flows: missing, schema has it"]);
}

/// The names in an object come from its author, so they can contain control characters.
#[test]
fn names_in_objects_cannot_control_the_terminal() {
    let folder = Folder::new();
    fs::write(folder.path("flows.toml"), SCHEMA).unwrap();
    folder.compile("flows", PROGRAM);
    let mut object = fs::read(folder.path("flows.o")).unwrap();
    for (name, other) in
        [(&b"\0flows\0"[..], &b"\0f\x1b[1m\0"[..]), (b"\0rx_bytes\0", b"\0r\xc2\x9b1m\n\0")]
    {
        let at: Vec<usize> = object
            .windows(name.len())
            .enumerate()
            .filter_map(|(at, window)| (window == name).then_some(at))
            .collect();
        assert!(!at.is_empty());
        for at in at {
            object[at..at + other.len()].copy_from_slice(other);
        }
    }
    fs::write(folder.path("other.o"), object).unwrap();
    for arguments in [&["import", "other.o"][..], &["verify", "flows.toml", "--object", "other.o"]]
    {
        let output = folder.bpfmap(arguments);
        let said = text(&output.stdout).to_owned() + text(&output.stderr);
        assert!(!said.is_empty());
        let order = said.chars().find(|letter| letter.is_control() && *letter != '\n');
        assert_eq!(order, None, "{arguments:?}: {said:?}");
    }
}

#[test]
fn a_file_that_is_not_an_object_is_an_error() {
    let folder = Folder::new();
    fs::write(folder.path("flows.toml"), SCHEMA).unwrap();
    fs::write(folder.path("flows.o"), "no object").unwrap();
    assert!(Command::new("mkfifo").arg(folder.path("fifo.o")).status().unwrap().success());
    for (name, why) in [
        ("flows.o", "can't read `flows.o`"),
        ("none.o", "No such file"),
        ("fifo.o", "expected a regular file, found a FIFO"),
        ("/dev/zero", "expected a regular file, found a device"),
    ] {
        let output = folder.bpfmap(&["verify", "flows.toml", "--object", name]);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""));
        assert!(text(&output.stderr).contains(why), "{}", text(&output.stderr));
    }
}

const SLOW_START: &str = r#"
struct tcp_congestion_ops { char name[16]; };
struct tcp_congestion_ops slow_start SEC(".struct_ops") = { .name = "slow_start" };
"#;

/// A `struct_ops` map is a variable. The test compares the struct and the section of this variable.
#[test]
fn struct_ops_maps_are_compared() {
    let schema = "[maps.slow_start]\ntype = \"struct_ops\"\nops = \"tcp_congestion_ops\"\n";
    let folder = Folder::new();
    fs::write(folder.path("ops.toml"), schema).unwrap();
    let verify = |program: &str| {
        folder.compile("ops", program);
        let output = folder.bpfmap(&["verify", "ops.toml", "--object", "ops.o"]);
        text(&output.stdout).to_owned()
    };
    assert_eq!(verify(SLOW_START), "");
    assert_eq!(
        verify(
            &SLOW_START.replace("tcp_congestion_ops", "other_ops").replace("ops\"", "ops.link\"")
        ),
        "slow_start.ops: other_ops, schema says tcp_congestion_ops\n\
         slow_start.flags: LINK, schema says none\n"
    );
    assert_eq!(verify("int other;"), "slow_start: missing, schema has it\n");
    assert_eq!(
        verify(&SLOW_START.replace("congestion_ops", "congestion_ops___old")),
        "slow_start: can't be compared: its type is `tcp_congestion_ops___old`, but a schema supports only the \
         kernel struct `tcp_congestion_ops`\n"
    );
}

/// The compiled header of each schema matches the schema.
#[test]
fn generated_headers_match_their_schemas() {
    let folder = Folder::new();
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    let mut tried = 0;
    for file in fs::read_dir(&schemas).unwrap() {
        let schema = file.unwrap().path();
        if schema.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let (name, path) =
            (schema.file_stem().unwrap().to_str().unwrap(), schema.to_str().unwrap());
        let generated = folder.bpfmap(&["generate", path, "--out", "out", "--emit", "c"]);
        assert!(generated.status.success(), "{}", text(&generated.stderr));
        // A header only declares a `struct_ops` map. The program defines it.
        let defined = if name == "struct_ops" { SLOW_START } else { "" };
        folder.compile(name, &format!("#include \"out/{name}.h\"\n{defined}"));
        let output = folder.bpfmap(&["verify", path, "--object", &format!("{name}.o")]);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), ""), "{name}");
        tried += 1;
    }
    assert!(tried > 40, "{tried}");
}

/// In the BTF of clang 14, enum values have 32 bits, and enums are always unsigned.
#[test]
fn enums_of_each_integer_type_match_with_every_clang() {
    let folder = Folder::new();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/enums.toml");
    fs::copy(&schema, folder.path("enums.toml")).unwrap();
    let generated = folder.bpfmap(&["generate", "enums.toml", "--out", ".", "--emit", "c"]);
    assert!(generated.status.success(), "{}", text(&generated.stderr));
    let header = fs::read_to_string(folder.path("enums.h")).unwrap();
    let verify = |clang: &str, program: &str| {
        folder.compile_with(clang, "enums", program);
        let output = folder.bpfmap(&["verify", "enums.toml", "--object", "enums.o"]);
        text(&output.stdout).to_owned()
    };
    let wrong = header
        .replace("OF_U64_GREATEST = 18446744073709551615ULL", "OF_U64_GREATEST = 3")
        .replace("OF_I8_UNKNOWN = -1", "OF_I8_UNKNOWN = -2")
        .replace("OF_U32_ONE = 1", "OF_U32_ONE = 0x80000001");
    for clang in ["clang-14", "clang-19"] {
        assert_eq!(verify(clang, &header), "", "{clang}");
        // The integer types are typedefs, for which every clang generates wrong BTF.
        assert_eq!(verify(clang, &header.replace(": long long {", ": __s64 {")), "", "{clang}");
        assert_eq!(
            verify(clang, &wrong),
            "states.value.u32: OF_U32_ONE is 2147483649, schema says 1\n\
             states.value.u64: OF_U64_GREATEST is 3, schema says 18446744073709551615\n\
             states.value.i8: OF_I8_UNKNOWN is -2, schema says -1\n",
            "{clang}"
        );
    }
}

const EXECS: &str = r#"
name = "execs"

[types.exec]
kind = "struct"
members = [
  { name = "pid", type = "u32" },
  { name = "parent", type = "u32" },
  { name = "command", type = "[char; 16]" },
]

[maps.execs]
type = "ringbuf"
event = "exec"
max_entries = 4096

[maps.numbers]
type = "perf_event_array"
event = "[i32; 3]"
"#;

/// The kernel does not know the types of records. The object contains these types, whether or not
/// the program uses them.
#[test]
fn the_types_of_records_are_compared() {
    let folder = Folder::new();
    let swapped = EXECS
        .replace("\"pid\"", "\"swapped\"")
        .replace("\"parent\"", "\"pid\"")
        .replace("\"swapped\"", "\"parent\"")
        .replace("[i32; 3]", "[u32; 3]");
    for (name, schema) in [("execs", EXECS), ("older", &swapped)] {
        fs::write(folder.path(&format!("{name}.toml")), schema).unwrap();
        let file = format!("{name}.toml");
        let generated = folder.bpfmap(&["generate", &file, "--out", name, "--emit", "c"]);
        assert!(generated.status.success(), "{}", text(&generated.stderr));
    }
    let verify = |clang: &str, program: &str| {
        folder.compile_with(clang, "execs", program);
        let output = folder.bpfmap(&["verify", "execs.toml", "--object", "execs.o"]);
        (text(&output.stdout).to_owned(), text(&output.stderr).to_owned())
    };
    let program = "SEC(\"raw_tp/sched_process_exec\") int exec(void *ctx) {
            struct exec *event = execs_reserve();
            if (event) { event->pid = 1; execs_submit(event, 0); }
            return 0;
        }";
    for clang in ["clang-14", "clang-19"] {
        for program in ["", program] {
            let older = format!("#include \"older/execs.h\"\n{program}");
            let (differences, _) = verify(clang, &older);
            assert_eq!(
                differences,
                "execs.event.pid: offset 4, schema says 0\n\
                 execs.event.parent: offset 0, schema says 4\n\
                 numbers.event[]: an unsigned integer (4 bytes), schema says int (4 bytes)\n",
                "{clang}"
            );
            let same = format!("#include \"execs/execs.h\"\n{program}");
            assert_eq!(verify(clang, &same), (String::new(), String::new()), "{clang}");
        }
    }
    let (differences, notes) = verify(
        "clang-19",
        "struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } execs SEC(\".maps\");
         struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); }
             numbers SEC(\".maps\");",
    );
    assert_eq!(differences, "");
    assert!(notes.contains("the object has no type for the records of `execs`"), "{notes}");
}

/// libbpf's linker does not remove the types of records.
#[test]
fn linked_objects_contain_the_types_of_records() {
    let folder = Folder::new();
    fs::write(folder.path("execs.toml"), EXECS).unwrap();
    let generated = folder.bpfmap(&["generate", "execs.toml", "--out", ".", "--emit", "c"]);
    assert!(generated.status.success(), "{}", text(&generated.stderr));
    folder.compile("maps", "#include \"execs.h\"");
    folder.compile("other", "struct exec { __u64 other; } __attribute__((used)) other;");
    let linked = Command::new("bpftool")
        .args(["gen", "object", "linked.o", "other.o", "maps.o"])
        .current_dir(folder.path(""))
        .output()
        .expect("bpftool is not installed: `apt-get install bpftool`");
    assert!(linked.status.success(), "{}", text(&linked.stderr));
    let output = folder.bpfmap(&["verify", "execs.toml", "--object", "linked.o"]);
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("", ""));
}

/// The schema that the importer creates from its own test program matches the program.
#[test]
fn an_imported_schema_matches_its_object() {
    let folder = Folder::new();
    let program = "../bpfmap-codegen/tests/import/program.bpf.c";
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(program);
    folder.compile("program", &fs::read_to_string(program).unwrap());
    let imported = folder.bpfmap(&["import", "program.o", "-o", "program.toml"]);
    assert_eq!(text(&imported.stdout), "wrote program.toml\n", "{}", text(&imported.stderr));
    let output = folder.bpfmap(&["verify", "program.toml", "--object", "program.o"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), ""));
}
