//! `--kernel-btf`: the types of a kernel.

use std::path::{Path, PathBuf};

use bpfmap_btf::Btf;
use bpfmap_schema::input;
use bpfmap_schema::taken::KernelNames;
use clap::{Arg, ArgMatches, value_parser};

use crate::{Failed, complain, standard_input};

/// Returns the argument. `what` says what the types are used for.
pub(crate) fn argument(what: &str) -> Arg {
    Arg::new("kernel-btf")
        .long("kernel-btf")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help(format!("The BTF of a kernel, such as /sys/kernel/btf/vmlinux: {what}"))
}

/// Reads the file that the command line names, if it names one.
pub(crate) fn read(matches: &ArgMatches) -> Result<Option<Vec<u8>>, Failed> {
    path(matches).map(|path| read_file(path)).transpose()
}

/// Returns the names in that file, if the command line names one.
pub(crate) fn names(matches: &ArgMatches) -> Result<Option<KernelNames>, Failed> {
    let Some(path) = path(matches) else { return Ok(None) };
    let data = read_file(path)?;
    Ok(Some(KernelNames::new(&parse(&data)?, format!("`{}`", path.display()))))
}

/// Returns the path. Not every command has the argument.
fn path(matches: &ArgMatches) -> Option<&PathBuf> {
    matches.try_get_one("kernel-btf").ok().flatten()
}

pub(crate) fn parse(data: &[u8]) -> Result<Btf<'_>, Failed> {
    Btf::parse(data).map_err(|error| {
        complain(&format!("error: the kernel's types can't be read: {error}\n"));
        Failed::Found
    })
}

/// Reads a file, or standard input for `-`.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Failed> {
    let fail = |why: String| {
        complain(&format!("error: can't read `{}`: {why}\n", path.display()));
        Failed::Found
    };
    let read = if standard_input::is_meant(path) {
        standard_input::read(input::MAX_OBJECT_SIZE)
    } else {
        input::read(path, input::MAX_OBJECT_SIZE)
    };
    read.map_err(|error| fail(error.to_string()))
}
