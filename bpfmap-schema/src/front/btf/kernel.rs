//! Recognises types that the kernel defines.

use std::collections::HashMap;

use bpfmap_btf::{Btf, Composite, Kind, TypeId};

/// The types of a kernel, by their names.
pub(super) struct KernelTypes<'a> {
    btf: &'a Btf<'a>,
    by_name: HashMap<&'a str, Vec<TypeId>>,
}

impl<'a> KernelTypes<'a> {
    pub(super) fn new(btf: &'a Btf<'a>) -> Self {
        let mut by_name: HashMap<&str, Vec<TypeId>> = HashMap::with_capacity(btf.len());
        for (id, ty) in btf.iter() {
            let is_named = matches!(
                ty.kind,
                Kind::Struct(_) | Kind::Union(_) | Kind::Enum(_) | Kind::Typedef(_)
            );
            if is_named && !ty.name.is_empty() {
                by_name.entry(ty.name).or_default().push(id);
            }
        }
        Self { btf, by_name }
    }

    /// Returns whether the kernel has a type
    /// `name` with the same members at the same offsets as the type `id` of `btf`.
    pub(super) fn has(&self, btf: &Btf<'_>, id: TypeId, name: &str) -> bool {
        let Some(ours) = btf.get(id) else { return false };
        let ids = self.by_name.get(name).into_iter().flatten();
        ids.filter_map(|id| self.btf.get(*id).map(|ty| (*id, ty))).any(|(theirs_id, theirs)| {
            match (&ours.kind, &theirs.kind) {
                (Kind::Struct(ours), Kind::Struct(theirs))
                | (Kind::Union(ours), Kind::Union(theirs)) => is_same(ours, theirs),
                (Kind::Enum(ours), Kind::Enum(theirs)) => {
                    ours.size == theirs.size && ours.variants == theirs.variants
                }
                (Kind::Typedef(_), Kind::Typedef(_)) => btf.size(id) == self.btf.size(theirs_id),
                // An anonymous struct can get its name from a typedef.
                (Kind::Struct(ours), Kind::Typedef(target)) => match self.behind(*target) {
                    Some(Kind::Struct(theirs)) => is_same(ours, theirs),
                    _ => false,
                },
                (Kind::Union(ours), Kind::Typedef(target)) => match self.behind(*target) {
                    Some(Kind::Union(theirs)) => is_same(ours, theirs),
                    _ => false,
                },
                _ => false,
            }
        })
    }

    fn behind(&self, id: TypeId) -> Option<&Kind<'a>> {
        self.btf.resolve(id).ok().flatten().map(|ty| &ty.kind)
    }
}

fn is_same(ours: &Composite<'_>, theirs: &Composite<'_>) -> bool {
    let same = |(our, their): (&bpfmap_btf::Member<'_>, &bpfmap_btf::Member<'_>)| {
        (our.name, our.bit_offset, our.bits) == (their.name, their.bit_offset, their.bits)
    };
    ours.size == theirs.size
        && ours.members.len() == theirs.members.len()
        && ours.members.iter().zip(&theirs.members).all(same)
}
