//! What the back ends make of the schemas in `tests/goldens`, held against the files in
//! `tests/goldens/generated`, and compiled. `goldens_rust.rs` compiles the Rust.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use bpfmap_codegen::backend::GeneratedFile;
use bpfmap_codegen::check::{Checked, check};
use bpfmap_codegen::front::toml::read_file;
use bpfmap_codegen::generate::{Emit, Options, generate};
use bpfmap_codegen::output;
use support::{CLANGS, clang, compile_bpf, run_clang};

#[test]
fn generated_files_are_the_golden_ones() {
    let bless = env::var_os("BPFMAP_BLESS").is_some();
    let mut diffs = String::new();
    for schema in schemas("tests/goldens") {
        let checked = checked(&schema);
        let emit = Emit::ALL
            .iter()
            .map(|(_, emit)| *emit)
            .filter(|emit| *emit != Emit::Fixtures)
            .collect();
        let golden = generate(&checked, &Options { emit, legacy: false });
        let legacy = generate(&checked, &Options { emit: vec![Emit::C], legacy: true });
        for (folder, files) in [("generated", golden), ("generated/legacy", legacy)] {
            let folder = root().join("tests/goldens").join(folder);
            let planned = output::plan(&folder, files).unwrap();
            if bless {
                output::write(&planned, false).unwrap();
            } else {
                diffs.extend(planned.iter().filter(|file| file.is_stale()).map(diff));
            }
        }
    }
    assert!(
        diffs.is_empty(),
        "{diffs}\nIf this is as it should be: \
         BPFMAP_BLESS=1 cargo test -p bpfmap-codegen --test goldens"
    );
}

fn diff(file: &output::Planned) -> String {
    let present = String::from_utf8_lossy(file.present.as_deref().unwrap_or_default());
    let path = file.path.display().to_string();
    similar::TextDiff::from_lines(present.as_ref(), file.contents.as_str())
        .unified_diff()
        .header(&path, &path)
        .to_string()
}

#[test]
fn headers_compile_after_the_kernels_uapi_headers() {
    headers_compile("#include <linux/bpf.h>\n#include <linux/types.h>\n", None);
}

#[test]
fn headers_compile_after_vmlinux_h() {
    let folder = tempfile::tempdir().unwrap();
    let vmlinux = Command::new("bpftool")
        .args(["btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "c"])
        .output()
        .expect("bpftool is not installed: `apt-get install bpftool`");
    assert!(
        vmlinux.status.success(),
        "bpftool could not read the BTF of the running kernel: {}",
        String::from_utf8_lossy(&vmlinux.stderr)
    );
    fs::write(folder.path().join("vmlinux.h"), vmlinux.stdout).unwrap();
    headers_compile("#include \"vmlinux.h\"\n", Some(folder.path()));
}

#[test]
fn a_header_says_what_to_include_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let header =
        &generate(&checked(&root().join("tests/goldens/maps.toml")), &Options::default())[0];
    fs::write(folder.path().join(&header.name), &header.contents).unwrap();
    let source = folder.path().join("maps.bpf.c");
    fs::write(&source, "#include <linux/bpf.h>\n#include \"maps.h\"\n").unwrap();
    let error = compile_bpf(&clang(CLANGS[1].1), &source, &folder.path().join("maps.o"));
    let error = error.expect_err("the macros of bpf_helpers.h are missing");
    assert!(error.contains("then <bpf/bpf_helpers.h>, then maps.h"), "{error}");
}

/// Compiles every header, with both kinds of maps, after `includes`.
fn headers_compile(includes: &str, include_folder: Option<&Path>) {
    let own_folder = tempfile::tempdir().unwrap();
    let folder = include_folder.unwrap_or(own_folder.path());
    let prelude = folder.join("prelude.h");
    fs::write(&prelude, format!("{includes}#include <bpf/bpf_helpers.h>\n")).unwrap();
    for (compiler, commands) in CLANGS {
        let clang = clang(commands);
        // Reading vmlinux.h takes most of the time: once a compiler will do.
        let compiled = folder.join("prelude.pch");
        let arguments = ["-x".as_ref(), "c-header".as_ref(), prelude.as_os_str()];
        run_clang(&clang, &arguments, &compiled).unwrap();
        for schema in schemas("tests/goldens").into_iter().chain(schemas("../schemas")) {
            let checked = checked(&schema);
            for legacy in [false, true] {
                let options = Options { emit: vec![Emit::C], legacy };
                let [GeneratedFile { name, contents }] = &generate(&checked, &options)[..] else {
                    panic!("one header")
                };
                // A header is the main file's to warn about.
                let source = folder.join(Path::new(name).with_extension("bpf.c"));
                fs::write(&source, contents).unwrap();
                let arguments = [
                    "-include-pch".as_ref(),
                    compiled.as_os_str(),
                    "-c".as_ref(),
                    source.as_os_str(),
                ];
                let result = run_clang(&clang, &arguments, &folder.join("object.o"));
                let too_old = contents.contains("btf_type_tag") && *compiler == CLANGS[0].0;
                match result {
                    Err(error) if too_old => {
                        assert!(error.contains("use clang 15 or newer"), "{error}");
                    }
                    Err(error) => panic!("{} (legacy: {legacy}): {error}", schema.display()),
                    Ok(()) => assert!(!too_old, "clang 14 loses the type tags of {name}"),
                }
            }
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn schemas(folder: &str) -> Vec<PathBuf> {
    let folder = root().join(folder);
    let mut schemas: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    schemas.sort();
    assert!(!schemas.is_empty(), "{} has no schemas", folder.display());
    schemas
}

fn checked(schema: &Path) -> Checked {
    check(read_file(schema))
        .unwrap_or_else(|rejected| panic!("{}: {:#?}", schema.display(), rejected.findings))
}
