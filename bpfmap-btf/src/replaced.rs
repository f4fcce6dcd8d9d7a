//! Recognises the substitutes that libbpf loads for types that the running kernel lacks.
//!
//! Source: `bpf_object__sanitize_btf` in libbpf's `src/libbpf.c`.

use crate::{Btf, Composite, Kind, Type};

/// The name of an integer type. If libbpf loads a union in place of an enum, each member of the union has this type.
const ENUM64_PLACEHOLDER: &str = "enum64_placeholder";

impl Btf<'_> {
    /// Returns whether `ty` is a union that libbpf has loaded in place of a 64-bit enum (`BTF_KIND_ENUM64`). libbpf
    /// does this on kernels older than Linux 6.0. The union has the same name and size as the enum, and a member for
    /// each variant. The values of the variants are lost.
    #[must_use]
    pub fn is_replaced_enum(&self, ty: &Type<'_>) -> bool {
        let Kind::Union(Composite { size: 8, members }) = &ty.kind else { return false };
        let is_placeholder = |id| {
            let ty = self.get(id);
            ty.is_some_and(|ty| {
                ty.name == ENUM64_PLACEHOLDER && matches!(&ty.kind, Kind::Int(int) if int.size == 1)
            })
        };
        !members.is_empty() && members.iter().all(|member| is_placeholder(member.ty))
    }
}

impl Type<'_> {
    /// Returns whether the type is a struct that libbpf has loaded in place of a floating-point number
    /// (`BTF_KIND_FLOAT`). libbpf does this on kernels older than Linux 5.13. The struct has neither a name nor
    /// members.
    #[must_use]
    pub fn is_replaced_float(&self) -> bool {
        matches!(&self.kind, Kind::Struct(Composite { size: 2 | 4 | 8 | 12 | 16, members }) if members.is_empty())
            && self.name.is_empty()
    }
}
