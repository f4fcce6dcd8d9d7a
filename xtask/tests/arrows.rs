//! Which module may know which: the arrows of `docs/architecture.md`, compared with the source.
//!
//! Cargo sees to the arrows between crates (`dependencies.rs`); within a crate only the text of the modules tells.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules that must not name another one.
struct Arrow {
    /// Folders and files of the modules.
    from: &'static [&'static str],
    /// Paths that they must not name, as they are in code.
    never: &'static [&'static str],
    /// What the arrow is good for.
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
        reason: "what is generated depends on the checked schema alone, not on the language it came in",
    },
    Arrow {
        from: &["bpfmap-schema/src/check", "bpfmap-schema/src/layout", "bpfmap-schema/src/print"],
        never: &["crate::front::"],
        reason: "a rule holds for every front end",
    },
    Arrow {
        from: &["bpfmap-schema/src/ir"],
        never: &["crate::front", "crate::check", "crate::print", "crate::layout", "crate::rules"],
        reason: "the schema is plain data, which all others read",
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
        reason: "the C is the same whatever else is generated",
    },
];

#[test]
fn no_module_names_one_that_it_must_not_know() {
    for Arrow { from, never, reason } in ARROWS {
        let sources = from.iter().map(|place| sources(&root().join(place)));
        for path in sources.inspect(|found| assert!(!found.is_empty(), "{from:?}")).flatten() {
            let text = fs::read_to_string(&path).unwrap();
            for (index, line) in text.lines().enumerate() {
                // Documentation may point anywhere.
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
fn the_page_of_the_architecture_names_only_what_is_there() {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let mut names = 0;
    // Every other piece is between backticks.
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
        // Tests of a module carry things through others.
        let is_rust = path.extension().is_some_and(|extension| extension == "rs");
        let is_rust = is_rust && !path.ends_with("tests.rs");
        return is_rust.then(|| path.to_owned()).into_iter().collect();
    }
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    entries.flat_map(|entry| sources(&entry.unwrap().path())).collect()
}
