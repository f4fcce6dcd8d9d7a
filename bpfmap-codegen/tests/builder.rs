//! Tests of `Builder`, as a build script uses it.

use std::fs;

use bpfmap_codegen::{Builder, Emit};

const GOOD: &str =
    "[maps.counters]\ntype = \"hash\"\nkey = \"u32\"\nvalue = \"u64\"\nmax_entries = 64\n";

#[test]
fn generates_c_and_rust() {
    let folder = tempfile::tempdir().unwrap();
    let schema = folder.path().join("maps.toml");
    let out = folder.path().join("out");
    fs::write(&schema, GOOD).unwrap();
    let builder = Builder::new().schema(&schema).out_dir(&out);
    builder.generate().unwrap();
    assert!(fs::read_to_string(out.join("maps.h")).unwrap().contains("SEC(\".maps\")"));
    let written = fs::metadata(out.join("maps.rs")).unwrap().modified().unwrap();

    builder.generate().unwrap();
    assert_eq!(fs::metadata(out.join("maps.rs")).unwrap().modified().unwrap(), written);
}

#[test]
fn generates_functions_that_migrate() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("maps_v1.toml"), folder.path().join("maps.toml"));
    fs::write(&old, GOOD).unwrap();
    fs::write(&new, GOOD.replace("\"u64\"", "\"u128\"")).unwrap();
    let out = folder.path().join("out");
    let builder = Builder::new().schema(&new).migrates_from(&old).out_dir(&out);
    builder.generate().unwrap();
    let made = fs::read_to_string(out.join("maps_migrate.rs")).unwrap();
    assert!(made.contains("pub fn migrate_counters("), "{made}");
    assert!(out.join("maps.rs").exists());

    // An error in the older schema is also an error of the build.
    fs::write(&old, GOOD.replace("u32", "u33")).unwrap();
    assert_eq!(builder.generate().unwrap_err().rejected().len(), 1);
}

#[test]
fn generates_the_selected_kinds_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let schema = folder.path().join("maps.toml");
    fs::write(&schema, GOOD).unwrap();
    Builder::new()
        .schema(&schema)
        .out_dir(folder.path())
        .emit([Emit::C])
        .legacy(true)
        .generate()
        .unwrap();
    assert!(fs::read_to_string(folder.path().join("maps.h")).unwrap().contains("bpf_map_def"));
    assert!(!folder.path().join("maps.rs").exists());
}

#[test]
fn generates_the_files_of_included_schemas() {
    let folder = tempfile::tempdir().unwrap();
    let [net, one, other, out] =
        ["net.toml", "one.toml", "other.toml", "out"].map(|name| folder.path().join(name));
    fs::write(&net, "[types.port]\nkind = \"alias\"\ntype = \"be16\"\n").unwrap();
    for (schema, map) in [(&one, "counters"), (&other, "limits")] {
        let text = GOOD.replace("counters", map).replace("\"u32\"", "\"port\"");
        fs::write(schema, format!("include = [\"net.toml\"]\n{text}")).unwrap();
    }
    let builder = Builder::new().schema(&one).schema(&other).out_dir(&out);
    builder.clone().generate().unwrap();
    let files = || {
        let mut names: Vec<_> =
            fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(
        files(),
        ["bpfmap_modules.rs", "net.h", "net.rs", "one.h", "one.rs", "other.h", "other.rs"]
    );
    let header = fs::read(out.join("net.h")).unwrap();

    builder.schema(&net).generate().unwrap();
    assert_eq!(files().len(), 7);
    assert_eq!(fs::read(out.join("net.h")).unwrap(), header);

    // An error in an included schema is also an error of the build, even if it is not in a type.
    fs::write(&net, fs::read_to_string(&net).unwrap() + "[maps.m]\ntype = \"arry\"\n").unwrap();
    let error = Builder::new().schema(&one).out_dir(&out).generate().unwrap_err();
    assert!(error.to_string().contains("net.toml:5:8"), "{error}");
}

/// Cargo shows the error with `Debug`.
#[test]
fn errors_point_into_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let schema = folder.path().join("maps.toml");
    let out = folder.path().join("out");
    fs::write(&schema, GOOD.replace("u32", "u33")).unwrap();
    let error = Builder::new().schema(&schema).out_dir(&out).generate().unwrap_err();
    let shown = format!("{error:?}").replace(&format!("{}/", folder.path().display()), "");
    insta::assert_snapshot!(shown.trim(), @r##"
    error[unknown-type]: unknown type `u33`
     --> maps.toml:3:8
      |
    3 | key = "u33"
      |        ^^^ not declared
      |
      = help: did you mean `u32`?
    "##);
    assert_eq!(error.rejected().len(), 1);
    assert!(!out.exists());
}

#[test]
fn says_what_is_missing() {
    let error = Builder::new().generate().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the builder has neither a schema nor a program: call `Builder::schema`, `Builder::rust_source`, \
         `Builder::program` or `Builder::ebpf_crate` first"
    );
}

#[test]
fn programs_with_the_same_name_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let builder = Builder::new().out_dir(folder.path());
    let builder = builder.program("in/probe.bpf.c").program("eg/probe.bpf.c");
    assert_eq!(
        builder.generate().unwrap_err().to_string(),
        "two outputs of this build have the name `probe.bpf.o`: one comes from `in/probe.bpf.c`, the other from `eg/probe.bpf.c`\n\
         help: give the programs different names"
    );
}

#[test]
fn generates_c_from_a_schema_in_rust() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("maps.rs");
    let out = folder.path().join("out");
    fs::write(
        &source,
        "#[derive(bpfmap::BpfMap)]\n#[bpf_map(hash, max_entries = 64)]\n\
         struct Counters {\n    key: u32,\n    value: u64,\n}\n",
    )
    .unwrap();
    Builder::new().rust_source(&source).out_dir(&out).generate().unwrap();
    let header = fs::read_to_string(out.join("maps.h")).unwrap();
    assert!(header.contains("} counters SEC(\".maps\");"), "{header}");
    assert!(!out.join("maps.rs").exists());
}

/// Names of the kernel that the builder sets are errors. Without such a kernel, names of all
/// kernels are warnings.
#[test]
fn names_are_compared_with_the_kernel_of_the_builder() {
    let folder = tempfile::tempdir().unwrap();
    let [schema, btf, out] =
        ["maps.toml", "kernel.btf", "out"].map(|name| folder.path().join(name));
    let key = "[types.key]\nkind = \"struct\"\nmembers = [{ name = \"a\", type = \"u32\" }]\n";
    fs::write(&schema, format!("{key}{}", GOOD.replace("\"u32\"", "\"key\""))).unwrap();
    let builder = Builder::new().schema(&schema).out_dir(&out);
    builder.generate().unwrap();

    // The BTF contains one struct of four bytes.
    let kernel = |name: &str| {
        let length = u32::try_from(name.len() + 2).unwrap();
        let mut data = vec![0x9f, 0xeb, 1, 0];
        let words = [24, 0, 12, 12, length, 1, 0x0400_0000, 4_u32];
        data.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        data.extend(format!("\0{name}\0").bytes());
        data
    };
    let builder = builder.kernel_btf(&btf);
    fs::write(&btf, kernel("key")).unwrap();
    let error = builder.generate().unwrap_err().to_string();
    let expected = format!("the name `key` is reserved: it is a struct in `{}`", btf.display());
    assert!(error.contains(&expected), "{error}");
    fs::write(&btf, kernel("other")).unwrap();
    builder.generate().unwrap();
    fs::write(&btf, "").unwrap();
    let error = builder.generate().unwrap_err().to_string();
    assert!(error.starts_with("can't read the kernel's BTF from"), "{error}");
}
