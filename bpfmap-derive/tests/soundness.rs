//! Programs without `unsafe` that would lead to undefined behaviour if a derive or a macro took them: they do not
//! compile. Needs cargo, so it runs on the host only.
//!
//! The messages are pinned: `TRYBUILD=overwrite cargo test -p bpfmap-derive --test soundness`.

#[test]
fn what_would_be_unsound_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/soundness/*.rs");
}

/// A program that may be `unsafe` proves nothing here.
#[test]
fn all_programs_forbid_unsafe_code() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/soundness");
    let mut programs = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.contains("\n#![forbid(unsafe_code)]\n"), "{}", path.display());
            programs += 1;
        }
    }
    assert!(programs > 15, "{programs} programs");
}
