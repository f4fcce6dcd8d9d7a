//! Tests of BPF programs that the build script of a crate compiles. The tests run the build script
//! with Cargo.

#[path = "support/build_script.rs"]
mod build_script;

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use build_script::{Package, assert_lines};

const BUILD_SCRIPT: &str = r#"
use std::io::Write as _;

use bpfmap_codegen::{BuildError, Builder, Emit};

fn main() -> Result<(), BuildError> {
    let mut runs = std::fs::OpenOptions::new().create(true).append(true).open("runs").unwrap();
    writeln!(runs, "{}", std::env::var("OUT_DIR").unwrap()).unwrap();
    println!("cargo::rerun-if-env-changed=PROGRAM");
    let program = std::env::var("PROGRAM").unwrap_or("src/probe.bpf.c".to_owned());
    Builder::new().schema("maps.toml").emit([Emit::C]).program(program).clang_args(["-Wall"]).generate()
}
"#;

const LIBRARY: &str = "\
//! Has the program.
/// The program.
pub static PROBE: &[u8] = include_bytes!(concat!(env!(\"OUT_DIR\"), \"/probe.bpf.o\"));
";

const SCHEMA: &str =
    "[maps.counters]\ntype = \"hash\"\nkey = \"u32\"\nvalue = \"u64\"\nmax_entries = 64\n";

const PROGRAM: &str = "\
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include \"maps.h\"
#include \"parts/limits.h\"

int LIMIT = 1;
void *used = &counters;
";

/// The help for a clang that can't be used.
const OTHER: &str = "help: set `CLANG` to another clang, or unset `CLANG` to use the newest clang on `PATH`; to install \
    clang, run `apt install clang` (Debian, Ubuntu), `dnf install clang` (Fedora) or `pacman -S clang` (Arch)";

#[test]
fn only_edited_files_are_built_again() {
    let package = package("edited");
    let built = |why: &str, runs: usize, name: &str| {
        for _ in 0..2 {
            let output = package.build(&[]);
            assert!(output.is_ok(), "{why}: {output:?}");
            let all = fs::read_to_string(package.path("runs")).unwrap();
            assert_eq!(all.lines().count(), runs, "{why}");
            let out_dir = Path::new(all.lines().last().unwrap());
            let object = fs::read(out_dir.join("probe.bpf.o")).unwrap();
            let has_name = object.windows(name.len()).any(|bytes| bytes == name.as_bytes());
            assert!(has_name, "{why}: the object has no `{name}`");
        }
    };
    built("at first", 1, "counters");
    package.write("notes.txt", "Read by nothing.\n");
    built("with a file that is not read", 1, "counters");
    package.write("src/probe.bpf.c", &format!("{PROGRAM}int one_more = 1;\n"));
    built("with another program", 2, "one_more");
    package.write("src/parts/limits.h", "#define LIMIT renamed_limit\n");
    built("with another header, in a folder without a program", 3, "renamed_limit");
    package.write("maps.toml", &SCHEMA.replace("counters]", "counters]\ndoc = \"Counts.\""));
    built("with another schema", 4, "counters");
    // clang finds this header before a header of the system with the same name.
    package.write("src/parts/limits.h", "#define LIMIT limit\n#include \"more.h\"\n");
    package.write("src/parts/more.h", "int of_header = 1;\n");
    built("with a header that a header includes", 5, "of_header");
    package.write("src/parts/more.h", "int of_other_header = 1;\n");
    built("with another one", 6, "of_other_header");
}

#[test]
fn an_unusable_compiler_is_reported_with_a_help() {
    let package = package("compilers");
    let clang = bpfmap_codegen::clang::find().unwrap();
    let clang = clang.to_str().unwrap();
    let fails = |environment: &[(&str, &OsStr)]| package.build(environment).unwrap_err();
    let with_clang = |clang: &str| fails(&[("CLANG", clang.as_ref())]);

    let message = with_clang("/bin/false");
    assert_lines(
        &message,
        &[
            "`/bin/false` (from `CLANG`) is not clang: `/bin/false -v` shows no version of clang",
            OTHER,
        ],
    );
    let message = with_clang("/nowhere/clang");
    assert_lines(
        &message,
        &[
            "can't run `/nowhere/clang` (from `CLANG`): No such file or directory (os error 2)",
            OTHER,
        ],
    );
    let old = package.script("clang-old", "echo 'Debian clang version 13.0.1-6' >&2");
    assert_lines(
        &with_clang(&old),
        &[
            &format!(
                "`{old}` (from `CLANG`) is too old: expected clang 14 or newer, found clang 13"
            ),
            OTHER,
        ],
    );
    let other = package.script(
        "clang-other",
        &format!(
            "case \"$*\" in\n--print-targets) printf '  Registered Targets:\\n    x86 - X86\\n' ;;\n\
             *' -c '*) echo 'error: unable to create target' >&2; exit 1 ;;\n*) exec {clang} \"$@\" ;;\nesac"
        ),
    );
    assert_lines(
        &with_clang(&other),
        &[
            &format!(
                "`{other}` (from `CLANG`) can't compile BPF programs: `{other} --print-targets` lists no target `bpf`"
            ),
            OTHER,
        ],
    );

    let nothing = package.path("nothing");
    fs::create_dir_all(&nothing).unwrap();
    let rustc = Path::new(env!("CARGO")).with_file_name("rustc");
    assert_lines(
        &fails(&[("PATH", nothing.as_os_str()), ("RUSTC", rustc.as_os_str())]),
        &[
            "no clang found on `PATH`",
            "help: install clang with `apt install clang` (Debian, Ubuntu), `dnf install clang` (Fedora) or `pacman -S \
             clang` (Arch), or set `CLANG` to the path of a clang",
        ],
    );
}

#[test]
fn a_mistake_in_a_program_is_reported_with_its_position() {
    let package = package("mistakes");
    let clang = bpfmap_codegen::clang::find().unwrap();
    let clang = clang.to_str().unwrap();
    let fails = |environment: &[(&str, &OsStr)]| package.build(environment).unwrap_err();

    assert_lines(
        &fails(&[("PROGRAM", "src/prob.bpf.c".as_ref())]),
        &[
            "can't read the program `src/prob.bpf.c`: No such file or directory (os error 2)",
            "help: the package has `src/probe.bpf.c`",
        ],
    );

    package.write("src/probe.bpf.c", "int good;\nint bad = ;\n");
    let message = fails(&[]);
    assert_lines(
        &message,
        &[
            &format!("`{clang}` can't compile `src/probe.bpf.c` (exit status: 1)"),
            "src/probe.bpf.c:2:11: error: expected expression",
        ],
    );
    assert!(!message.contains("help:"), "{message}");

    // The program compiles after the mistake is corrected.
    package.write("src/probe.bpf.c", "static int idle(void)\n{\n\treturn 0;\n}\nint *good;\n");
    let message = package.build(&[]).unwrap();
    assert!(
        message
            .contains("src/probe.bpf.c:1:12: warning: unused function 'idle' [-Wunused-function]"),
        "{message}"
    );
    package.write("src/maps.h", "");
    package.write("src/probe.bpf.c", "#include \"maps.h\"\n");
    let message = package.build(&[]).unwrap();
    let expected = "`src/probe.bpf.c` includes `src/maps.h` instead of the generated `maps.h`: delete \
                    `src/maps.h`";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn a_missing_header_is_reported_with_its_package() {
    let package = package("headers");
    let clang = bpfmap_codegen::clang::find().unwrap();
    // This clang behaves as on a system that has only these headers.
    package.write("system/linux/types.h", "#include <asm/types.h>\n");
    let bare = package.script(
        "clang-bare",
        &format!(
            "case \"$*\" in\n-v*) printf 'clang version 19.1.7\\n#include <...> search starts here:\\n {}\\nEnd of \
             search list.\\n' >&2 ;;\n*) exec {} -nostdlibinc \"$@\" ;;\nesac",
            package.path("system").display(),
            clang.to_str().unwrap()
        ),
    );
    for (header, expected) in [
        (
            "<bpf/bpf_helpers.h>",
            "help: install the headers of libbpf: `apt install libbpf-dev` (Debian, Ubuntu), `dnf install \
             libbpf-devel` (Fedora) or `pacman -S libbpf` (Arch)",
        ),
        (
            "<linux/types.h>",
            "help: install the headers of the kernel: `apt install linux-libc-dev` (Debian, Ubuntu), `dnf install \
             kernel-headers` (Fedora) or `pacman -S linux-api-headers` (Arch)",
        ),
        (
            "\"vmlinux.h\"",
            "help: create `vmlinux.h` in the folder of the program with `bpftool btf dump file /sys/kernel/btf/vmlinux format c > \
             vmlinux.h`",
        ),
        (
            "\"map.h\"",
            "help: add the folder of `map.h` with `Builder::clang_args([\"-IFOLDER\"])`; the headers that this build \
             generates are `maps.h`",
        ),
    ] {
        package.write("src/probe.bpf.c", &format!("#include {header}\n"));
        let message = package.build(&[("CLANG", bare.as_ref())]).unwrap_err();
        assert_lines(&message, &[expected]);
        assert!(message.contains("file not found\n"), "{message}");
    }
    package.write("src/probe.bpf.c", "#include \"maps.h\"\n");
}

/// Creates a crate with a program.
fn package(name: &str) -> Package {
    let files = [
        ("build.rs", BUILD_SCRIPT),
        ("src/lib.rs", LIBRARY),
        ("maps.toml", SCHEMA),
        ("src/probe.bpf.c", PROGRAM),
        ("src/parts/limits.h", "#define LIMIT limit\n"),
    ];
    Package::new(name, &files)
}
