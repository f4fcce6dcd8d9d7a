//! Tests of BPF programs in Rust that the build script of a crate builds. The tests run the build
//! script with Cargo. `cargo xtask ebpf` installs the tools.

#[path = "support/build_script.rs"]
mod build_script;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::{env, fs};

use build_script::{Package, assert_lines};

const BUILD_SCRIPT: &str = r#"
use std::io::Write as _;

use bpfmap_codegen::{BuildError, Builder};

fn main() -> Result<(), BuildError> {
    let mut runs = std::fs::OpenOptions::new().create(true).append(true).open("runs").unwrap();
    writeln!(runs, "{}", std::env::var("OUT_DIR").unwrap()).unwrap();
    println!("cargo::rerun-if-env-changed=PROGRAM");
    let program = std::env::var("PROGRAM").unwrap_or("drop-ebpf".to_owned());
    Builder::new().ebpf_crate(program).generate()
}
"#;

const LIBRARY: &str = "\
//! Has the program.
/// The program.
pub static DROP: &[u8] = include_bytes!(concat!(env!(\"OUT_DIR\"), \"/drop-ebpf.o\"));
";

const MANIFEST: &str = "\
[package]
name = \"drop-ebpf\"
edition = \"2024\"

[workspace]

[dependencies]
drop-common = { path = '../drop-common' }
";

const PROGRAM: &str = "\
#![no_std]
#![no_main]

#[unsafe(no_mangle)]
#[unsafe(link_section = \"xdp\")]
pub extern \"C\" fn first() -> u32 {
    drop_common::NUMBER
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
";

const COMMON_MANIFEST: &str = "[package]\nname = \"drop-common\"\nedition = \"2024\"\n";
const COMMON: &str = "#![no_std]\npub const NUMBER: u32 = 0x1234_5678;\n";

fn package(name: &str) -> Package {
    let files = [
        ("build.rs", BUILD_SCRIPT),
        ("src/lib.rs", LIBRARY),
        ("drop-ebpf/Cargo.toml", MANIFEST),
        ("drop-ebpf/src/main.rs", PROGRAM),
        ("drop-common/Cargo.toml", COMMON_MANIFEST),
        ("drop-common/src/lib.rs", COMMON),
    ];
    Package::new(name, &files)
}

#[test]
fn a_program_is_built_again_when_one_of_its_files_changes() {
    let package = package("ebpf-edited");
    let built = |why: &str, runs: usize, object: &str, bytes: &[u8]| {
        let output = package.build(&[]);
        assert!(output.is_ok(), "{why}: {}", output.unwrap_err());
        let all = fs::read_to_string(package.path("runs")).unwrap();
        assert_eq!(all.lines().count(), runs, "{why}");
        let out_dir = Path::new(all.lines().last().unwrap());
        let object = fs::read(out_dir.join(object)).unwrap();
        assert!(object.windows(bytes.len()).any(|found| found == bytes), "{why}");
        // Debug information without which maps have no types.
        assert!(object.windows(5).any(|found| found == b".BTF\0"), "{why}");
    };
    let one = 0x1234_5678_u32.to_ne_bytes();
    built("at first", 1, "drop-ebpf.o", &one);
    // The first build has created the lock file of the program after the script was started.
    built("after the first build", 2, "drop-ebpf.o", &one);
    package.write("drop-ebpf/notes.txt", "Read by nothing.\n");
    built("with a file that is not read", 2, "drop-ebpf.o", &one);
    package.write("drop-ebpf/src/main.rs", &PROGRAM.replace("first", "second"));
    built("with another program", 3, "drop-ebpf.o", b"second");
    package.write("drop-common/src/lib.rs", &COMMON.replace("0x1234_5678", "0x0bcd_4321"));
    let other = 0x0bcd_4321_u32.to_ne_bytes();
    built("with another crate on which the program depends", 4, "drop-ebpf.o", &other);
    package.write("drop-ebpf/src/bin/pass-ebpf.rs", &PROGRAM.replace("first", "third"));
    built("with a further binary", 5, "pass-ebpf.o", b"third");
    built("without a change", 5, "drop-ebpf.o", &other);
    package.write("drop-common/Cargo.toml", &COMMON_MANIFEST.replace("2024", "2021"));
    built("with another manifest", 6, "drop-ebpf.o", &other);
}

#[test]
fn the_messages_of_the_compiler_are_shown() {
    let package = package("ebpf-mistakes");
    package.write("drop-ebpf/src/main.rs", &PROGRAM.replace("NUMBER", "NUMBR"));
    let message = package.build(&[]).unwrap_err();
    assert_lines(
        &message,
        &[
            "cargo can't build the BPF program in `drop-ebpf` (exit status: 101)",
            "error[E0425]: cannot find value `NUMBR` in crate `drop_common`",
            "--> src/main.rs:7:18",
        ],
    );

    // The program compiles after the mistake is corrected.
    package.write("drop-ebpf/src/main.rs", &format!("{PROGRAM}fn idle() {{}}\n"));
    let message = package.build(&[]).unwrap();
    assert!(message.contains("warning: function `idle` is never used"), "{message}");

    package.write("drop-ebpf/Cargo.toml", &MANIFEST.replace("drop-common", "drop-shared"));
    let message = package.build(&[]).unwrap_err();
    assert!(message.contains("drop-shared"), "{message}");

    package.write("drop-ebpf/Cargo.toml", MANIFEST);
    fs::rename(package.path("drop-ebpf/src/main.rs"), package.path("drop-ebpf/src/lib.rs"))
        .unwrap();
    package.write("drop-ebpf/src/lib.rs", "#![no_std]\n");
    assert_lines(
        &package.build(&[]).unwrap_err(),
        &[
            "the package in `drop-ebpf` has no binary",
            "help: write the BPF program in `src/main.rs` of this package",
        ],
    );
}

const NO_COMPILER: &str = "no compiler for BPF programs in Rust found: expected a nightly compiler with the source of \
    its library";

#[test]
fn missing_tools_are_reported_with_a_help() {
    let package = package("ebpf-tools");
    let path = env::var_os("PATH").unwrap();
    let with = |folder: &str| {
        let folders = std::iter::once(package.path(folder)).chain(env::split_paths(&path));
        env::join_paths(folders).unwrap()
    };
    let fails = |tools: &str, path: &OsString| {
        let environment = [("BPFMAP_EBPF_TOOLS", OsStr::new(tools)), ("PATH", path.as_os_str())];
        package.build(&environment).unwrap_err()
    };

    package.script(
        "without/rustup",
        "echo \"error: toolchain 'nightly' is not installed\" >&2; exit 1",
    );
    let message = fails("", &with("without"));
    assert_lines(
        &message,
        &[
            NO_COMPILER,
            "note: rustup has no toolchain `nightly`, or `rustup` is not on `PATH`",
            "help: run `rustup toolchain install nightly --component rust-src`",
        ],
    );
    assert!(message.contains("note: the compiler of this build, `rustc "), "{message}");

    package.script(
        "bare/rustup",
        "test \"$*\" = 'run nightly rustc --print sysroot' && echo /nowhere",
    );
    let nothing = package.path("nothing");
    let message = fails(nothing.to_str().unwrap(), &with("bare"));
    assert_lines(
        &message,
        &[
            NO_COMPILER,
            &format!(
                "note: `{}` (from `BPFMAP_EBPF_TOOLS`) contains no `rustc`",
                nothing.display()
            ),
            "note: the compiler of rustup's toolchain `nightly` lacks the source of its library",
            "help: run `rustup component add rust-src --toolchain nightly`",
        ],
    );

    package.script("tools/rustc", "exit 1");
    let tools = package.path("tools");
    let fails_with = |folder: &str| {
        let rustc = Path::new(env!("CARGO")).with_file_name("rustc");
        let path = package.path(folder);
        let environment = [
            ("BPFMAP_EBPF_TOOLS", tools.as_os_str()),
            ("PATH", path.as_os_str()),
            ("RUSTC", rustc.as_os_str()),
        ];
        package.build(&environment).unwrap_err()
    };
    let install = "help: run `cargo install bpf-linker`";
    assert_lines(
        &fails_with("nothing"),
        &["no `bpf-linker` found on `PATH`, which links BPF programs in Rust", install],
    );
    package.script("broken/bpf-linker", "exit 3");
    assert_lines(&fails_with("broken"), &["can't run `bpf-linker`: exit status: 3", install]);

    let message = package.build(&[("PROGRAM", "drop".as_ref())]).unwrap_err();
    assert_lines(
        &message,
        &[
            "can't read the manifest `drop/Cargo.toml`: No such file or directory (os error 2)",
            "help: call `Builder::ebpf_crate` with the folder of the program's package",
        ],
    );
}
