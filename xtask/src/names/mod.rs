//! `cargo xtask names`: creates the list of names that C code can't declare again. `--check`
//! compares it with the available kernels.

mod clang;
mod headers;
mod kernels;
mod sections;

use std::collections::BTreeMap;
use std::fs;

use bpfmap_schema::taken::{LIST, NameKind, Origin, Use, encode};

use crate::Error;
use crate::cargo::root;
use crate::packages;
use crate::step::Steps;
use kernels::Names;

/// The path of the list, relative to the root of the workspace.
const PATH: &str = "bpfmap-schema/src/taken/names.txt";

/// The section that contains a program's license.
const LICENSE: &str = "license";

/// Sections that do not contain programs, but that libbpf reads or once read.
const SECTIONS: &[&str] = &["maps", "version"];

/// The usual names of the variables in such sections.
const SYMBOLS: &[&str] = &["LICENSE", "_license", "_version"];

/// The known uses of all names.
type Uses = BTreeMap<String, Vec<Use>>;

/// Collects all names, and writes the list.
///
/// # Errors
///
/// Fails if a kernel or a package is not available, or if clang disagrees with a [`NameKind`].
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
    let mut add = |name: &str, origin, kind| {
        uses.entry(name.to_owned()).or_default().push(Use::new(origin, kind));
    };
    add(LICENSE, Origin::License, NameKind::Section);
    for name in sections::all()?.iter().map(String::as_str).chain(SECTIONS.iter().copied()) {
        add(name, Origin::Program, NameKind::Section);
    }
    for name in SYMBOLS {
        add(name, Origin::Program, NameKind::Symbol);
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

/// Compares the list with the oldest and the newest kernel.
///
/// # Errors
///
/// Fails if the names of a kernel differ from the list. If a kernel has a different version than
/// the kernel for which the list was created, up to one percent of its names may differ.
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
                "{PATH} does not match the kernel {}; it lacks {}, and has in addition {}: run `cargo xtask names`",
                kernel.origin,
                some(&missing),
                some(&surplus),
            )
            .into());
        }
    }
    Ok(())
}
