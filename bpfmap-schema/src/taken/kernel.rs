//! The names that the `vmlinux.h` of a kernel declares.

use std::collections::HashMap;

use bpfmap_btf::{Btf, Kind, TypeId};

use super::NameKind;

/// The declaration tag of kernel functions that programs can call. Newer releases of bpftool
/// declare these functions in `vmlinux.h`.
const KFUNC: &str = "bpf_kfunc";

/// A name that the `vmlinux.h` of a kernel declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KernelName<'a> {
    /// The name.
    pub name: &'a str,
    /// The kind of item with this name.
    pub kind: NameKind,
    /// The size of a type in bytes, or `None` for other items.
    pub size: Option<u32>,
}

impl<'a> KernelName<'a> {
    /// Returns an iterator over all names in `btf` that `vmlinux.h` declares, in no particular order. A name can occur
    /// more than once.
    pub fn all(btf: &'a Btf<'a>) -> impl Iterator<Item = Self> {
        btf.iter().flat_map(|(id, ty)| {
            let kind = match &ty.kind {
                Kind::Struct(_) => Some(NameKind::Struct),
                Kind::Union(_) => Some(NameKind::Union),
                Kind::Enum(_) => Some(NameKind::Enum),
                Kind::Typedef(_) => Some(NameKind::Typedef),
                Kind::DeclTag { target, component: None } if ty.name == KFUNC => {
                    return Self::function(btf, *target).into_iter().collect();
                }
                _ => None,
            };
            let constants = match &ty.kind {
                Kind::Enum(body) => body.variants.as_slice(),
                _ => &[],
            };
            let constants = constants.iter().map(|variant| Self {
                name: variant.name,
                kind: NameKind::Constant,
                size: None,
            });
            let size = btf.size(id).ok().and_then(|size| u32::try_from(size).ok());
            let named = kind.filter(|_| !ty.name.is_empty());
            let named = named.map(|kind| Self { name: ty.name, kind, size });
            named.into_iter().chain(constants).collect::<Vec<_>>()
        })
    }

    fn function(btf: &'a Btf<'a>, id: TypeId) -> Option<Self> {
        let ty = btf.get(id)?;
        let is_function = matches!(ty.kind, Kind::Function { .. }) && !ty.name.is_empty();
        is_function.then_some(Self { name: ty.name, kind: NameKind::Function, size: None })
    }
}

/// The names that the `vmlinux.h` of a kernel declares, for lookups.
#[derive(Debug, Clone)]
pub struct KernelNames {
    names: HashMap<String, Vec<NameKind>>,
    label: String,
}

impl KernelNames {
    /// Collects the names in `btf`. `label` is the name of the kernel for messages.
    #[must_use]
    pub fn new(btf: &Btf<'_>, label: impl Into<String>) -> Self {
        let mut names: HashMap<String, Vec<NameKind>> = HashMap::new();
        for KernelName { name, kind, .. } in KernelName::all(btf) {
            let kinds = names.entry(name.to_owned()).or_default();
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        Self { names, label: label.into() }
    }

    /// Returns the kinds of items that have the name `name` in the kernel.
    pub fn kinds(&self, name: &str) -> impl Iterator<Item = NameKind> {
        self.names.get(name).into_iter().flatten().copied()
    }

    /// Returns the name of the kernel for messages.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }
}
