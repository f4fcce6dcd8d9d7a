//! Reads BTF, the BPF type format, from an object file, a kernel or a live map.
//!
//! ```no_run
//! let data = std::fs::read("/sys/kernel/btf/vmlinux")?;
//! let btf = bpfmap_btf::Btf::parse(&data)?;
//! for (id, ty) in btf.iter() {
//!     println!("{id} {} {:?}", ty.name, ty.kind);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The data can come from an untrusted source. Invalid data results in an error and never in a panic. The time and
//! memory for reading are proportional to the length of the data. Names are borrowed from the data.
//!
//! Source: `include/uapi/linux/btf.h` and `Documentation/bpf/btf.rst`, up to Linux 7.x.

#![forbid(unsafe_code)]

mod error;
mod events;
mod maps;
mod object;
mod parse;
mod reader;
mod replaced;
mod types;

pub use error::BtfError;
pub use maps::MapDefinition;
pub use object::section_of_object;
pub use types::{
    Array, Composite, Enum, Int, Kind, Linkage, Member, Parameter, SectionVariable, Type, TypeId,
    Variant,
};

/// The BTF of an object file, a map or a kernel: a list of types.
#[derive(Debug, Clone, Default)]
pub struct Btf<'a> {
    /// The types, starting with type 1.
    types: Vec<Type<'a>>,
}

/// The maximum length of a chain of typedefs, qualifiers and arrays.
///
/// The kernel's limit is 32 (`MAX_RESOLVE_DEPTH` in `kernel/bpf/btf.c`).
const MAX_CHAIN: usize = 64;

impl<'a> Btf<'a> {
    /// Parses BTF. `data` is the section `.BTF` of an object file, the file `/sys/kernel/btf/vmlinux`, or a BTF object
    /// that the kernel returned.
    ///
    /// # Errors
    ///
    /// Returns an error if `data` is not valid BTF. Both byte orders are valid.
    pub fn parse(data: &'a [u8]) -> Result<Self, BtfError> {
        parse::types(data).map(|types| Self { types })
    }

    /// Returns the type with the number `id`. Returns `None` if there is no such type, and for 0, which is `void`.
    #[must_use]
    pub fn get(&self, id: TypeId) -> Option<&Type<'a>> {
        self.types.get((id as usize).checked_sub(1)?)
    }

    /// Returns an iterator over all types with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (TypeId, &Type<'a>)> {
        (1..).zip(&self.types)
    }

    /// Returns the number of types, without `void`.
    #[must_use]
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// Returns whether there are no types.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// Follows typedefs, qualifiers and type tags from the type `id`, and returns the first type of another kind.
    /// Returns `None` if this type is `void`.
    ///
    /// # Errors
    ///
    /// Returns [`BtfError::Missing`] if a type does not exist, and [`BtfError::Endless`] if the chain is endless or too
    /// long.
    pub fn resolve(&self, id: TypeId) -> Result<Option<&Type<'a>>, BtfError> {
        self.behind(id, |kind| match kind {
            Kind::Typedef(target) => Some(*target),
            kind => kind.qualified(),
        })
        .map(|(_, ty)| ty)
    }

    /// Follows `const`, `volatile` and `restrict` from the type `id`, and returns the first type of another kind and
    /// the number of this type.
    ///
    /// # Errors
    ///
    /// Returns [`BtfError::Missing`] if a type does not exist, and [`BtfError::Endless`] if the chain is endless or too
    /// long.
    pub fn unqualified(&self, id: TypeId) -> Result<(TypeId, Option<&Type<'a>>), BtfError> {
        self.behind(id, |kind| match kind {
            Kind::TypeTag { .. } => None,
            kind => kind.qualified(),
        })
    }

    fn behind(
        &self,
        id: TypeId,
        next: impl Fn(&Kind<'a>) -> Option<TypeId>,
    ) -> Result<(TypeId, Option<&Type<'a>>), BtfError> {
        let mut at = id;
        for _ in 0..MAX_CHAIN {
            if at == 0 {
                return Ok((0, None));
            }
            let ty = self.get(at).ok_or(BtfError::Missing(at))?;
            match next(&ty.kind) {
                Some(target) => at = target,
                None => return Ok((at, Some(ty))),
            }
        }
        Err(BtfError::Endless(id))
    }

    /// Returns the size of a type in bytes. The size is 0 for `void`, for functions, and for types that are declared
    /// but not defined.
    ///
    /// # Errors
    ///
    /// Returns [`BtfError::Missing`] if a type does not exist, and [`BtfError::Endless`] if the chain is endless or too
    /// long.
    pub fn size(&self, id: TypeId) -> Result<u64, BtfError> {
        let mut at = id;
        let mut factor = 1_u64;
        for _ in 0..MAX_CHAIN {
            let Some(ty) = self.resolve(at)? else { return Ok(0) };
            let size = match &ty.kind {
                Kind::Array(array) => {
                    factor = factor.saturating_mul(u64::from(array.len));
                    at = array.element;
                    continue;
                }
                Kind::Variable { ty, .. } => {
                    at = *ty;
                    continue;
                }
                Kind::Pointer(_) => 8,
                Kind::Int(int) => int.size,
                Kind::Struct(body) | Kind::Union(body) => body.size,
                Kind::Enum(body) => body.size,
                Kind::Float { size } | Kind::DataSection { size, .. } => *size,
                _ => 0,
            };
            return Ok(factor.saturating_mul(u64::from(size)));
        }
        Err(BtfError::Endless(id))
    }
}

/// Returns whether a member with this name is padding. BTF does not mark padding, so this function recognises it by
/// these names: `_pad…` with any number of leading underscores, `pad` with or without a number, and `padding`.
#[must_use]
pub fn is_padding_name(name: &str) -> bool {
    name.starts_with('_') && name.trim_start_matches('_').starts_with("pad")
        || name
            .strip_prefix("pad")
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
        || name == "padding"
}

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests;
