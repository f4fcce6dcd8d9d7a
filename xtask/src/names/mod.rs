//! `cargo xtask names`: the list of names that C has taken, made again; `--check` holds it against kernels that are at
//! hand.

mod clang;
mod headers;
mod kernels;
mod sections;

use std::collections::BTreeMap;
use std::fs;

use bpfmap_schema::taken::{Kind, LIST, Source, Use, encode};

use crate::Error;
use crate::cargo::root;
use crate::packages;
use crate::step::Steps;
use kernels::Names;

/// The list, from the root of the workspace.
const PATH: &str = "bpfmap-codegen/src/taken/names.txt";

/// What a program has for its license: a section of this name.
const LICENSE: &str = "license";

/// Other sections of programs, which libbpf reads or once read beside those of programs.
const SECTIONS: &[&str] = &["maps", "version"];

/// What programs call the variables in such sections.
const SYMBOLS: &[&str] = &["LICENSE", "_license", "_version"];

/// What is known of all names.
type Uses = BTreeMap<String, Vec<Use>>;

/// Measures everything, and writes the list.
///
/// # Errors
///
/// Fails if a kernel or a package can't be had, or clang answers otherwise than a [`Kind`] says.
pub(crate) fn write() -> Result<(), Error> {
    let mut steps = Steps::new(4);
    steps.next("Packages");
    packages::ensure(packages::BUILD_AND_BOOT)?;
    packages::ensure(packages::TESTS)?;

    steps.next("The types of every kernel");
    let (names, origins) = kernels::all()?;
    let mut uses = names.into_uses();

    steps.next("clang and the headers");
    let versions = headers::measure(&mut uses)?;

    steps.next("Sections");
    let mut add = |name: &str, source, kind| {
        uses.entry(name.to_owned()).or_default().push(Use::new(source, kind));
    };
    add(LICENSE, Source::License, Kind::Section);
    for name in sections::all()?.iter().map(String::as_str).chain(SECTIONS.iter().copied()) {
        add(name, Source::Program, Kind::Section);
    }
    for name in SYMBOLS {
        add(name, Source::Program, Kind::Symbol);
    }

    for uses in uses.values_mut() {
        uses.sort_unstable();
        uses.dedup();
    }
    let entries = uses.iter().map(|(name, uses)| (name.as_str(), uses.as_slice()));
    let text = encode(&header(&origins, &versions), entries);
    fs::write(root().join(PATH), &text)?;
    println!("{PATH}: {} names, {} KiB", uses.len(), text.len() / 1024);
    Ok(())
}

fn header(origins: &[String], versions: &str) -> String {
    format!(
        "# Names that C has taken. `cargo xtask names` writes this file; list.rs describes its form.\n\
         # kernels: {}\n# {versions}\n",
        origins.join(", ")
    )
}

/// Holds the list against the oldest and the newest kernel.
///
/// # Errors
///
/// Fails if a kernel has other names than the list says. Of a kernel in another version than the one that was
/// measured, one name of a hundred may differ.
pub(crate) fn check() -> Result<(), Error> {
    let listed = Names::listed(LIST.entries());
    let origins = LIST.text().lines().find_map(|line| line.strip_prefix("# kernels: "));
    let origins: Vec<&str> = origins.unwrap_or_default().split(", ").collect();
    for at in [0, kernels::LAST] {
        let kernel = kernels::kernel(at)?;
        let found = kernels::of(&kernel)?;
        let listed = listed.of(at);
        let missing: Vec<_> = found.difference(&listed).collect();
        let surplus: Vec<_> = listed.difference(&found).collect();
        let differ = missing.len() + surplus.len();
        let is_measured = origins.contains(&kernel.origin.as_str());
        let allowed = if is_measured { 0 } else { found.len() / 100 };
        println!("Linux {}: {} names, {differ} differ", kernel.name, found.len());
        if differ > allowed {
            let some = |names: &[_]| format!("{:?}", &names[..names.len().min(10)]);
            return Err(format!(
                "{PATH} is not what the kernel {} has; it lacks {}, and has {}: run `cargo xtask names`",
                kernel.origin,
                some(&missing),
                some(&surplus),
            )
            .into());
        }
    }
    Ok(())
}
