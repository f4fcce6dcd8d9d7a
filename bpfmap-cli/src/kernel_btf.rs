//! `--kernel-btf`: the types of a kernel.

use std::path::Path;

use bpfmap_btf::Btf;
use bpfmap_schema::input;
use bpfmap_schema::taken::KernelNames;

use crate::{Failed, complain, standard_input};

/// Returns the names that a kernel uses. The file contains the BTF of this kernel.
pub(crate) fn names(path: &Path) -> Result<KernelNames, Failed> {
    let data = read_file(path)?;
    Ok(KernelNames::new(&parse(&data)?, format!("`{}`", path.display())))
}

pub(crate) fn parse(data: &[u8]) -> Result<Btf<'_>, Failed> {
    Btf::parse(data).map_err(|error| {
        complain(&format!("error: can't read the kernel's BTF: {error}\n"));
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
