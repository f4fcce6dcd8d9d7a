//! The names that kernels define.

use std::collections::{BTreeMap, BTreeSet};

use bpfmap_btf::Btf;
use bpfmap_schema::taken::{KERNELS, KernelName, NameKind, Origin, Use};
use bpfmap_vmtest::Kernel;
use bpfmap_vmtest::kernel::{Packages, lines};

use super::Uses;
use crate::Error;

/// The index of the newest kernel in [`KERNELS`].
pub(super) const LAST: usize = KERNELS.len() - 1;

/// Returns a kernel of the matrix.
pub(super) fn kernel(at: usize) -> Result<Kernel, Error> {
    let name = KERNELS.get(at).ok_or("there is no such kernel")?;
    Ok(Kernel::debian(name, &Packages::configured())?)
}

/// Returns the names of a kernel.
pub(super) fn of(kernel: &Kernel) -> Result<BTreeSet<(String, NameKind)>, Error> {
    let btf = kernel.btf()?;
    let btf = Btf::parse(&btf)?;
    Ok(KernelName::all(&btf).map(|name| (name.name.to_owned(), name.kind)).collect())
}

/// Returns the names of all kernels, and the list of these kernels.
pub(super) fn all() -> Result<(Names, Vec<String>), Error> {
    if lines() != KERNELS {
        return Err("the kernels of the harness differ from the kernels of the list of names: see `KERNELS`".into());
    }
    let mut names = Names::default();
    let mut origins = vec![];
    for at in 0..=LAST {
        let kernel = kernel(at)?;
        let btf = kernel.btf()?;
        let btf = Btf::parse(&btf)?;
        KernelName::all(&btf).for_each(|name| names.add(at, name));
        println!("Linux {}: {} types", kernel.name, btf.len());
        origins.push(kernel.origin);
    }
    Ok((names, origins))
}

/// Names, with the kernels that define them.
#[derive(Default)]
pub(super) struct Names(BTreeMap<(String, NameKind), In>);

/// The kernels that define a name.
struct In {
    first: u8,
    last: u8,
    count: usize,
    /// The size in bytes, if it is the same everywhere.
    size: Option<u32>,
}

impl Names {
    fn add(&mut self, at: usize, name: KernelName<'_>) {
        let Ok(kernel) = u8::try_from(at) else { return };
        let new = In { first: kernel, last: kernel, count: 0, size: name.size };
        let known = self.0.entry((name.name.to_owned(), name.kind)).or_insert(new);
        if known.count == 0 || known.last != kernel {
            known.count += 1;
        }
        known.last = kernel;
        if known.size != name.size {
            known.size = None;
        }
    }

    /// Returns the names in a list.
    pub(super) fn listed(entries: impl Iterator<Item = (String, Vec<Use>)>) -> Self {
        let mut names = Self::default();
        for (name, uses) in entries {
            for taken in uses {
                let Some((first, last)) = taken.kernels else { continue };
                let known = In { first, last, count: 0, size: None };
                names.0.insert((name.clone(), taken.kind), known);
            }
        }
        names
    }

    /// Returns the names of the first or the last kernel. Kernels in between may lack a name.
    pub(super) fn of(&self, at: usize) -> BTreeSet<(String, NameKind)> {
        let has = |known: &In| (usize::from(known.first)..=usize::from(known.last)).contains(&at);
        self.0.iter().filter(|(_, known)| has(known)).map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn into_uses(self) -> Uses {
        let mut uses = Uses::new();
        for ((name, kind), known) in self.0 {
            let size = known.size.filter(|_| known.count == KERNELS.len() && kind.is_type());
            let kernels = Some((known.first, known.last));
            let taken = Use { kernels, size, ..Use::new(Origin::Kernel, kind) };
            uses.entry(name).or_default().push(taken);
        }
        uses
    }
}
