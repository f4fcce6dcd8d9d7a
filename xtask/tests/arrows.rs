//! Compares the allowed dependencies between modules (the arrows in `docs/architecture.md`) with
//! the source.
//!
//! Cargo enforces the dependencies between crates (`dependencies.rs`). Within a crate, this test
//! reads the text of the modules.

use std::fs;
use std::path::{Path, PathBuf};

/// A rule that some modules must not refer to others.
struct Arrow {
    /// The directories and files of the modules.
    from: &'static [&'static str],
    /// The paths that must not occur in the code of these modules.
    never: &'static [&'static str],
    /// The reason for the rule.
    reason: &'static str,
}

const ARROWS: &[Arrow] = &[
    Arrow {
        from: &[
            "benches",
            "bpfmap/tests",
            "bpfmap-cli",
            "bpfmap-codegen/tests",
            "bpfmap-schema/tests",
            "examples",
            "fixtures",
            "legacy",
            "roundtrip",
        ],
        never: &["\"clang\")", "\"clang\"."],
        reason: "Debian installs clang-19 without the command `clang`: `bpfmap_codegen::clang::find` knows",
    },
    Arrow {
        from: &[
            "bpfmap-codegen/src/backend",
            "bpfmap-codegen/src/evolve",
            "bpfmap-codegen/src/generate.rs",
        ],
        never: &["bpfmap_schema::front"],
        reason: "generated code depends only on the checked schema, not on the language of the schema",
    },
    Arrow {
        from: &["bpfmap-schema/src/check", "bpfmap-schema/src/layout", "bpfmap-schema/src/print"],
        never: &["crate::front::"],
        reason: "a rule applies to every front end",
    },
    Arrow {
        from: &["bpfmap-schema/src/ir"],
        never: &["crate::front", "crate::check", "crate::print", "crate::layout", "crate::rules"],
        reason: "the schema is plain data, which all other modules read",
    },
    Arrow {
        from: &["bpfmap-schema/src/rules"],
        never: &["crate::check", "crate::front"],
        reason: "the catalogue of rules is data, which `explain` prints",
    },
    Arrow {
        from: &["bpfmap-schema/src/front/toml"],
        never: &["front::rust", "front::btf"],
        reason: "no front end knows another",
    },
    Arrow {
        from: &["bpfmap-schema/src/front/rust"],
        never: &["front::toml", "front::btf"],
        reason: "no front end knows another",
    },
    Arrow {
        from: &["bpfmap-schema/src/front/btf"],
        never: &["front::toml", "front::rust"],
        reason: "no front end knows another",
    },
    Arrow {
        from: &["bpfmap-codegen/src/backend/c"],
        never: &["backend::fixture", "backend::rust", "backend::docs"],
        reason: "the generated C does not depend on other generated files",
    },
];

#[test]
fn no_module_refers_to_a_forbidden_module() {
    for Arrow { from, never, reason } in ARROWS {
        let sources = from.iter().map(|place| sources(&root().join(place)));
        for path in sources.inspect(|found| assert!(!found.is_empty(), "{from:?}")).flatten() {
            let text = fs::read_to_string(&path).unwrap();
            for (index, line) in text.lines().enumerate() {
                // Documentation may refer to any module.
                let code = line.split("//").next().unwrap();
                let found = never.iter().find(|path| code.contains(*path));
                assert!(
                    found.is_none(),
                    "{}:{}: names `{}`: {reason}",
                    path.display(),
                    index + 1,
                    found.unwrap()
                );
            }
        }
    }
}

#[test]
fn the_architecture_page_refers_only_to_existing_files() {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let mut names = 0;
    // Every second piece is between backticks.
    for word in page.split('`').skip(1).step_by(2) {
        let is_path = word.contains('/') && !word.contains([' ', '<', '*', '#']);
        if is_path {
            assert!(root().join(word).exists(), "docs/architecture.md names `{word}`");
            names += 1;
        }
    }
    assert!(names > 30, "{names} paths");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns the sources at or below a path.
fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        // The tests of a module may use other modules.
        let is_rust = path.extension().is_some_and(|extension| extension == "rs");
        let is_rust = is_rust && !path.ends_with("tests.rs");
        return is_rust.then(|| path.to_owned()).into_iter().collect();
    }
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    entries.flat_map(|entry| sources(&entry.unwrap().path())).collect()
}
