//! Tests of `generate` with schemas that include other schemas, whose files are also written.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const NET: &str = "[types.port]\nkind = \"alias\"\ntype = \"be16\"\n\
                   [maps.ports]\ntype = \"array\"\nvalue = \"port\"\nmax_entries = 1\n";
const BASE: &str =
    "include = [\"net.toml\"]\n[types.ports]\nkind = \"alias\"\ntype = \"[port; 2]\"\n";

/// Returns a schema that includes `of` and declares a map of ports.
fn schema(of: &str, map: &str) -> String {
    format!(
        "include = [\"{of}\"]\n[maps.{map}]\ntype = \"hash\"\nkey = \"port\"\nvalue = \"u64\"\nmax_entries = 64\n"
    )
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (flows, drops) = (schema("base.toml", "flows"), schema("net.toml", "drops"));
    for (name, text) in
        [("net.toml", NET), ("base.toml", BASE), ("flows.toml", &flows), ("drops.toml", &drops)]
    {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn run(folder: &Path, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bpfmap"));
    command.args(arguments.split_whitespace()).current_dir(folder).output().unwrap()
}

fn succeed(folder: &Path, arguments: &str) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn fail(folder: &Path, arguments: &str) -> String {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn files_of_included_schemas_are_written_once() {
    let folder = folder();
    let folder = folder.path();
    assert_eq!(
        succeed(folder, "generate flows.toml drops.toml --emit c --out both"),
        "wrote both/flows.h\nwrote both/drops.h\nwrote both/net.h\nwrote both/base.h\n"
    );
    // The files of an included schema are written only once, even if the command line also contains
    // the schema with another path.
    assert_eq!(
        succeed(folder, "generate flows.toml ./net.toml --emit c --out named"),
        "wrote named/flows.h\nwrote named/net.h\nwrote named/base.h\n"
    );
    succeed(folder, "generate net.toml --emit c --out alone");
    let net = |of: &str| fs::read_to_string(folder.join(of).join("net.h")).unwrap();
    assert!(net("alone").contains("} ports SEC(\".maps\")"), "{}", net("alone"));
    assert_eq!(net("alone"), net("both"));
    assert_eq!(net("alone"), net("named"));
    // No fixture tests are generated for an included schema, because fixture tests only use the
    // maps of their own schema.
    let names = succeed(folder, "generate drops.toml --emit c,rust,fixtures,docs --out all");
    assert!(names.contains("all/drops.fixture.bpf.c") && names.contains("all/net.md"), "{names}");
    assert!(!names.contains("net.fixture") && !names.contains("net_fixture"), "{names}");
}

#[test]
fn check_compares_the_files_of_included_schemas() {
    let folder = folder();
    let folder = folder.path();
    succeed(folder, "generate flows.toml --emit c --out out");
    succeed(folder, "generate flows.toml --emit c --out out --check");
    fs::write(folder.join("net.toml"), NET.replace("max_entries = 1", "max_entries = 2")).unwrap();
    let message = fail(folder, "generate flows.toml --emit c --out out --check");
    assert!(message.contains("`out/net.h` is stale"), "{message}");
    assert!(!message.contains("flows.h"), "the maps of an include are not in it: {message}");
}

#[test]
fn the_depfile_contains_included_schemas_as_targets() {
    let folder = folder();
    let folder = folder.path();
    succeed(folder, "generate drops.toml --emit c --out out --depfile out/drops.d");
    assert_eq!(
        fs::read_to_string(folder.join("out/drops.d")).unwrap(),
        "out/drops.h out/net.h: \\\n  drops.toml \\\n  net.toml\n\ndrops.toml:\n\nnet.toml:\n"
    );
}

/// An error in an included schema matters only if the files of this schema are written.
#[test]
fn included_schemas_are_checked_separately() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("net.toml"), NET.replace("\"array\"", "\"arry\"")).unwrap();
    succeed(folder, "check drops.toml");
    let message = fail(folder, "generate flows.toml drops.toml --out out");
    assert!(message.contains("--> net.toml:5:8"), "{message}");
    assert!(message.contains("1 error;"), "{message}");
    assert!(!folder.join("out").exists());

    // A generated file has the name of its schema, but this schema has no valid name.
    fs::write(folder.join("net types.toml"), NET).unwrap();
    fs::write(folder.join("drops.toml"), schema("net types.toml", "drops")).unwrap();
    succeed(folder, "check drops.toml");
    let message = fail(folder, "generate drops.toml --out out");
    assert!(message.contains("--> net types.toml:1:1"), "{message}");
    assert!(message.contains("write `name = "), "{message}");
}

/// A warning about a type in an included schema is shown once, although several schemas include it.
#[test]
fn diagnostics_in_included_schemas_are_shown_once() {
    let folder = folder();
    let folder = folder.path();
    let key = "[types.key]\nkind = \"struct\"\nmembers = [{ name = \"a\", type = \"u32\" }]\n";
    fs::write(folder.join("net.toml"), format!("{key}{NET}")).unwrap();
    let output = run(folder, "generate flows.toml drops.toml --out out");
    assert!(output.status.success());
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("1 warning;"), "{message}");
}

#[test]
fn included_schemas_with_the_same_name_must_be_equal() {
    let folder = folder();
    let folder = folder.path();
    fs::create_dir(folder.join("other")).unwrap();
    let with = |net: &str| {
        fs::write(folder.join("other/net.toml"), net).unwrap();
        fs::write(folder.join("other/more.toml"), schema("net.toml", "more")).unwrap();
    };
    with(NET);
    succeed(folder, "generate drops.toml other/more.toml --out out");
    with(&NET.replace("be16", "u16"));
    let message = fail(folder, "generate drops.toml other/more.toml --out out");
    assert!(
        message.contains("two schemas generate `out/net.h` with different content"),
        "{message}"
    );
}
