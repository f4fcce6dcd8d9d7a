//! Tests that programs without `unsafe` do not compile if they would cause undefined behaviour.
//! These programs try to deceive a derive or a macro. The tests need Cargo, so they run only on the
//! host.
//!
//! The expected messages are in `.stderr` files. To update them, run `TRYBUILD=overwrite cargo test
//! -p bpfmap-derive --test soundness`.

#[test]
fn unsound_programs_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/soundness/*.rs");
}

/// A program that may use `unsafe` code would prove nothing.
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
