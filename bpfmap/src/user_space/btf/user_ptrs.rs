//! Finds the pointers to user-space memory in a type: `struct T __uptr *`, a pointer with the type tag `uptr`.

use bpfmap_btf::{Btf, BtfError, Kind};
use bpfmap_core::TypeDesc;

/// The tag by which the kernel recognises these pointers (`btf_get_field_type` in
/// `kernel/bpf/btf.c`).
const TAG: &str = "uptr";

/// The nesting depth at which the search gives up. No real type is nested so deeply.
const DEEPEST: u32 = 64;

/// Returns the offsets, in bits, of the user pointers in the type `type_id`. For an array, these
/// are the offsets in its first element.
pub(crate) fn user_ptrs(btf: &Btf<'_>, type_id: u32) -> Result<Vec<u64>, BtfError> {
    let mut search = Search { btf, found: Vec::new(), left: MOST };
    search.within(type_id, 0, DEEPEST)?;
    Ok(search.found)
}

/// The maximum number of members that are inspected. The kernel accepts at most eleven special
/// fields in a value.
const MOST: u32 = 1 << 20;

struct Search<'a> {
    btf: &'a Btf<'a>,
    found: Vec<u64>,
    left: u32,
}

impl Search<'_> {
    fn within(&mut self, type_id: u32, at: u64, depth: u32) -> Result<(), BtfError> {
        let (Some(left), Some(deeper)) = (self.left.checked_sub(1), depth.checked_sub(1)) else {
            return Err(BtfError::Endless(type_id));
        };
        self.left = left;
        match self.btf.resolve(type_id)?.map(|ty| &ty.kind) {
            Some(Kind::Struct(body) | Kind::Union(body)) => {
                for member in &body.members {
                    self.within(member.ty, at + u64::from(member.bit_offset), deeper)?;
                }
            }
            Some(Kind::Array(array)) => self.within(array.element, at, deeper)?,
            Some(&Kind::Pointer(target)) if is_tagged(self.btf, target) => self.found.push(at),
            _ => {}
        }
        Ok(())
    }
}

/// Returns whether the target of a pointer has the tag.
fn is_tagged(btf: &Btf<'_>, target: u32) -> bool {
    let mut at = target;
    for _ in 0..DEEPEST {
        let Some(ty) = btf.get(at) else { return false };
        at = match ty.kind {
            Kind::TypeTag(_) if ty.name == TAG => return true,
            Kind::TypeTag(next)
            | Kind::Const(next)
            | Kind::Volatile(next)
            | Kind::Restrict(next)
            | Kind::Typedef(next) => next,
            _ => return false,
        };
    }
    false
}

/// Adds the offsets, in bits, of the user pointers in a layout that begins at bit `at`.
pub(crate) fn user_ptrs_of(layout: &TypeDesc<'_>, at: u64, found: &mut Vec<u64>) {
    match *layout {
        TypeDesc::Struct { members, .. } | TypeDesc::Union { members, .. } => {
            for member in members {
                user_ptrs_of(member.ty, at + u64::from(member.bit_offset), found);
            }
        }
        TypeDesc::Array { element: layout, .. }
        | TypeDesc::Typedef { target: layout, .. }
        | TypeDesc::Evolved { ty: layout, .. } => user_ptrs_of(layout, at, found),
        TypeDesc::Pointer { target } if target.is_user_memory() => found.push(at),
        _ => {}
    }
}
