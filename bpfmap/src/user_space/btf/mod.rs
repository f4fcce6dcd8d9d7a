//! BTF, the kernel's description of types (`include/uapi/linux/btf.h`,
//! `Documentation/bpf/btf.rst`). This module encodes a [`TypeDesc`](crate::TypeDesc) as BTF, and
//! compares a [`TypeDesc`](crate::TypeDesc) with the BTF that `bpfmap_btf` reads from a map.

mod compare;
mod encode;
mod user_ptrs;

pub(crate) use compare::{Accept, compare};
pub(crate) use encode::{Encoder, Tags};
pub(crate) use user_ptrs::{user_ptrs, user_ptrs_of};

/// `BTF_MAGIC`
const MAGIC: u16 = 0xeb9f;
/// `BTF_VERSION`
const VERSION: u8 = 1;
/// The size of `struct btf_header` in bytes.
const HEADER_LEN: u32 = 24;

/// Kinds of types (`BTF_KIND_*`).
mod kind {
    pub(super) const INT: u32 = 1;
    pub(super) const PTR: u32 = 2;
    pub(super) const ARRAY: u32 = 3;
    pub(super) const STRUCT: u32 = 4;
    pub(super) const UNION: u32 = 5;
    pub(super) const ENUM: u32 = 6;
    pub(super) const TYPEDEF: u32 = 8;
    pub(super) const DECL_TAG: u32 = 17;
    pub(super) const TYPE_TAG: u32 = 18;
}

/// The encoding of an integer (`BTF_INT_*`).
mod encoding {
    pub(super) const SIGNED: u32 = 1;
    pub(super) const CHAR: u32 = 2;
    pub(super) const BOOL: u32 = 4;
}

#[cfg(test)]
mod tests;
