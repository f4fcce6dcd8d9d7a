//! The names that are built into clang, and the names in the headers that BPF programs include.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use bpfmap_schema::taken::{BUILTIN_PREFIX, NameKind, Namespace, Origin, Releases, Use};
use bpfmap_vmtest::kernel::{Mirror, debian_package};

use super::Uses;
use super::clang::{Clang, strings};
use crate::Error;

/// The oldest compiler that the generated headers support, and a newer compiler.
const CLANGS: [&str; 2] = ["clang-14", "clang-19"];

/// The compiler that finds the names in the headers.
const NEWER: &str = CLANGS[1];

/// The packages with the headers of the oldest and of the newest kernel of the matrix.
const PACKAGES: [[(&str, &str); 2]; 2] = [
    [("bullseye-security", "linux-libc-dev"), ("bullseye", "libbpf-dev")],
    [("trixie-backports", "linux-libc-dev"), ("trixie", "libbpf-dev")],
];

/// Headers, each with the headers that are included before it.
const HEADERS: [(Origin, Origin, &str); 6] = [
    (Origin::Standard, Origin::Clang, "#include <stdbool.h>\n#include <stddef.h>\n"),
    (Origin::Uapi, Origin::Clang, "#include <linux/bpf.h>\n"),
    (Origin::Helpers, Origin::Uapi, "#include <bpf/bpf_helpers.h>\n"),
    (Origin::CoreRead, Origin::Helpers, "#include <bpf/bpf_core_read.h>\n"),
    (Origin::Tracing, Origin::Helpers, "#include <bpf/bpf_tracing.h>\n"),
    (Origin::Endian, Origin::Helpers, "#include <bpf/bpf_endian.h>\n"),
];

/// Adds the names to `uses`. Returns the versions of the compilers, and the packages of the
/// headers.
pub(super) fn measure(uses: &mut Uses) -> Result<String, Error> {
    let mut found: BTreeMap<(String, Origin, NameKind), Vec<usize>> = BTreeMap::new();
    let mut versions = vec![];
    for (at, program) in CLANGS.into_iter().enumerate() {
        let clang = Clang::new(program, &[], "");
        let words = strings(program)?;
        println!("{program}: {} strings", words.len());
        for (name, kind) in new_in(&clang, None, words)? {
            found.entry((name, Origin::Clang, kind)).or_default().push(at);
        }
        versions.push(format!("clang {}", clang.version()?));
    }
    for (at, packages) in PACKAGES.into_iter().enumerate() {
        let folders = folders(packages)?;
        for (origin, parent, _) in HEADERS {
            let before = Clang::new(NEWER, &folders, &prelude(parent));
            let clang = Clang::new(NEWER, &folders, &prelude(origin));
            let names = new_in(&clang, Some(&before), BTreeSet::new())?;
            println!("{origin:?} {at}: {} names", names.len());
            for (name, kind) in names {
                found.entry((name, origin, kind)).or_default().push(at);
            }
        }
    }
    for ((name, origin, kind), releases) in found {
        let releases = match releases.as_slice() {
            // A word that only one of the compilers uses is reserved nevertheless.
            _ if origin == Origin::Clang => Releases::All,
            [0] => Releases::Older,
            [1] => Releases::Newer,
            _ => Releases::All,
        };
        let taken = Use { releases, ..Use::new(origin, kind) };
        uses.entry(name).or_default().push(taken);
    }
    let packages: Vec<String> =
        PACKAGES.into_iter().flatten().map(|(suite, name)| format!("{name} of {suite}")).collect();
    versions.extend(packages);
    Ok(versions.join(", "))
}

/// Returns the directories with the headers of packages.
fn folders(packages: [(&'static str, &'static str); 2]) -> Result<Vec<PathBuf>, Error> {
    let mirror = Mirror::configured(None, None);
    let mut folders = vec![];
    for (suite, name) in packages {
        let include = debian_package(suite, name, &mirror)?.join("usr/include");
        folders.extend([include.join("x86_64-linux-gnu"), include]);
    }
    Ok(folders)
}

/// Returns the includes of a program whose last header is `origin`.
fn prelude(origin: Origin) -> String {
    let found = HEADERS.iter().find(|(header, ..)| *header == origin);
    found.map_or(String::new(), |(_, parent, text)| prelude(*parent) + text)
}

/// Returns the names that are reserved after the headers of `clang`, but are not reserved after the
/// headers of `before`. The candidates are the words in the headers of `clang`, and `more`.
fn new_in(
    clang: &Clang,
    before: Option<&Clang>,
    more: BTreeSet<String>,
) -> Result<BTreeSet<(String, NameKind)>, Error> {
    let mut words = clang.words()?;
    words.extend(more);
    words.retain(|word| !word.starts_with(BUILTIN_PREFIX));
    let mut found = BTreeSet::new();
    let old_macros = before.map(Clang::macros).transpose()?.unwrap_or_default();
    let macros = clang.macros()?;
    for (name, what) in macros.iter().filter(|(_, what)| !what.is_itself) {
        if !old_macros.contains_key(name) {
            let kind = if what.has_parameters { NameKind::FunctionMacro } else { NameKind::Macro };
            found.insert((name.clone(), kind));
        }
        // The expansion of a macro says nothing about its name.
        words.remove(name);
    }
    let mut refused = BTreeMap::new();
    for space in Namespace::ALL {
        let mut names = clang.refused(space, &words)?;
        if let Some(before) = before {
            let old = before.refused(space, &names)?;
            names.retain(|name| !old.contains(name));
        }
        refused.insert(space, names);
    }
    let none = BTreeSet::new();
    let of = |space| refused.get(&space).unwrap_or(&none);
    let keywords = of(Namespace::Member);
    found.extend(keywords.iter().map(|name| (name.clone(), NameKind::Keyword)));
    let tags = of(Namespace::Tag).difference(keywords).cloned().collect();
    let words = ["struct", "union", "enum"];
    for (word, kind) in words.into_iter().zip([NameKind::Struct, NameKind::Union, NameKind::Enum]) {
        let others = clang
            .failing(&tags, |at, name| format!("extern {word} {name} *bpfmap_pointer_{at};"))?;
        found.extend(tags.difference(&others).map(|name| (name.clone(), kind)));
    }
    let ordinary = of(Namespace::Variable).difference(keywords).cloned().collect();
    let no_type = clang.failing(&ordinary, |at, name| format!("extern {name} *bpfmap_it_{at};"))?;
    let no_constant = clang.failing(&ordinary, |at, name| {
        format!("enum bpfmap_enum_{at} {{ bpfmap_constant_{at} = {name} }};")
    })?;
    for name in ordinary {
        let kind = match (no_type.contains(&name), no_constant.contains(&name)) {
            (false, _) => NameKind::Typedef,
            (true, false) => NameKind::Constant,
            (true, true) if before.is_none() => NameKind::Builtin,
            (true, true) => NameKind::Function,
        };
        found.insert((name, kind));
    }
    agree(&found, &refused)?;
    Ok(found)
}

/// Checks that clang rejects exactly the names that [`NameKind::takes`] says are taken.
fn agree(
    found: &BTreeSet<(String, NameKind)>,
    refused: &BTreeMap<Namespace, BTreeSet<String>>,
) -> Result<(), Error> {
    let mut wrong = vec![];
    for (space, names) in refused {
        let takes = found.iter().filter(|(_, kind)| {
            !matches!(kind, NameKind::Macro | NameKind::FunctionMacro) && kind.takes(*space)
        });
        let said: BTreeSet<&String> = takes.map(|(name, _)| name).collect();
        let names: BTreeSet<&String> = names.iter().collect();
        let differ = said.symmetric_difference(&names);
        // C allows only one type for `main`.
        let differ = differ.filter(|name| name.as_str() != "main");
        wrong.extend(differ.map(|name| format!("{name} ({space:?})")));
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("clang and `NameKind::takes` disagree about: {}", wrong.join(", ")).into())
    }
}
