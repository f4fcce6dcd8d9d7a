//! Items for generated code and for the expansion of macros. Don't use these items in handwritten
//! code.

pub use crate::definition::{Defined, InBtf, InObject};
pub use crate::limits::{
    contiguous, distinct_members, event, event_fields, fields_apart, flag_and_fields, has_node,
    key_and_value, key_fields, key_size, lpm_key, map_extra, max_entries, number_key, number_range,
    unpinned, value_fields, value_size,
};
pub use crate::proof::{BitField, Bytes, bit_field, bit_range};
pub use crate::prover::{Prover, laid_out};
#[cfg(not(target_arch = "bpf"))]
pub use crate::user_space::handles::{Handle, fits_schema, min_kernel, preflight};
#[cfg(not(target_arch = "bpf"))]
pub use crate::user_space::preflight::Kernel;
use crate::{Plain, bytes_of};
use bpfmap_core::{MemberDesc, TypeDesc};
use core::fmt::{Debug, Formatter, Result};
use core::hash::Hasher;

/// Fails to compile if a different version of the derives generated the calling code.
///
/// # Panics
/// Panics at compile time if the version differs.
pub const fn written_in_form(form: u32) {
    assert!(
        form == bpfmap_core::CODE_FORM,
        "the versions of bpfmap and bpfmap-derive do not match: use the same version of both in Cargo.toml"
    );
}

/// Returns the size of `T` for BTF.
///
/// # Panics
/// Panics at compile time if the size is too large for BTF.
#[must_use]
pub const fn size<T>() -> u32 {
    to_u32(size_of::<T>(), "BTF counts the bits of a type in 32 bits")
}

/// Returns the BTF description of a member.
///
/// # Panics
/// Panics at compile time if the offset is too large for BTF.
#[must_use]
pub const fn at(
    name: &'static str,
    offset: usize,
    layout: &'static TypeDesc<'static>,
) -> MemberDesc<'static> {
    bits_at(name, offset * 8, 0, layout)
}

/// Returns the BTF description of a bit-field with this many `bits`.
///
/// # Panics
/// Panics at compile time if the offset is too large for BTF.
#[must_use]
pub const fn bits_at(
    name: &'static str,
    bit_offset: usize,
    bits: u32,
    layout: &'static TypeDesc<'static>,
) -> MemberDesc<'static> {
    let bit_offset = to_u32(bit_offset, "BTF counts the bits of a type in 32 bits");
    MemberDesc { name, bit_offset, bits, ty: layout }
}

const fn to_u32(number: usize, message: &str) -> u32 {
    assert!(number <= u32::MAX as usize, "{}", message);
    #[allow(clippy::cast_possible_truncation, reason = "compared above")]
    let number = number as u32;
    number
}

/// The integer type that represents a kernel object. The size of the object in bytes determines
/// this type. The trait is therefore implemented for arrays whose length is that size.
pub trait NumberOfSize {
    /// The integer.
    type Number: Plain;
}

impl NumberOfSize for [(); 4] {
    type Number = u32;
}

impl NumberOfSize for [(); 8] {
    type Number = u64;
}

/// Returns the bytes of a value as a mutable slice.
#[inline]
#[must_use]
pub const fn bytes_mut<T: Plain>(value: &mut T) -> &mut [u8] {
    let length = size_of::<T>();
    // SAFETY: `Plain` has no padding, so every byte is initialised, and any bytes can be written. The lifetime is that
    // of the value.
    unsafe { core::slice::from_raw_parts_mut(core::ptr::from_mut(value).cast(), length) }
}

/// A reference to plain data.
///
/// If a function accepts `&T`, each call creates a reborrow, which the borrow checker must track.
/// If a function accepts any type with this trait, a call does not create a reborrow.
pub trait PlainRef: Copy {
    /// Returns the bytes of the referenced value.
    fn bytes(&self) -> &[u8];
}

impl<T: Plain> PlainRef for &T {
    #[inline]
    fn bytes(&self) -> &[u8] {
        bytes_of(*self)
    }
}

/// Returns whether two values have the same bytes.
#[inline]
pub fn equal<R: PlainRef>(left: R, right: R) -> bool {
    left.bytes() == right.bytes()
}

/// Compares the bytes of two values.
#[inline]
pub fn order<R: PlainRef>(left: R, right: R) -> core::cmp::Ordering {
    left.bytes().cmp(right.bytes())
}

/// Hashes the bytes of a value.
#[inline]
pub fn hash<R: PlainRef>(value: R, state: &mut impl Hasher) {
    state.write(value.bytes());
}

/// Implements `Debug` for a struct, and leaves out its padding.
///
/// `names` has the form `Struct; view => view => member, member`. `values` contains a value for
/// each name after the semicolon. Each view is shown instead of the member that follows it.
///
/// # Errors
/// Fails if the formatter fails.
pub fn debug_struct(f: &mut Formatter<'_>, names: &str, values: &[&dyn Debug]) -> Result {
    let (name, members) = names.split_once(';').unwrap_or((names, ""));
    let mut out = f.debug_struct(spoken(name.trim()));
    let mut values = values.iter();
    for member in members.split(',') {
        let mut names = member.split("=>").map(str::trim).peekable();
        let mut has_views = false;
        while let Some(name) = names.next() {
            let Some(value) = values.next() else { break };
            let is_view = names.peek().is_some();
            if is_view || !has_views && !is_padding(name) {
                out.field(spoken(name), value);
            }
            has_views |= is_view;
        }
    }
    out.finish()
}

/// Returns an identifier without the prefix `r#`.
fn spoken(identifier: &str) -> &str {
    identifier.strip_prefix("r#").unwrap_or(identifier)
}

/// Returns whether this is the generated name of a padding member.
fn is_padding(name: &str) -> bool {
    name.strip_prefix("__pad")
        .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Implements `Debug` for an enum whose value may be a number that is not a variant.
///
/// # Errors
/// Fails if the formatter fails.
pub fn debug_enum<N: Debug + PartialEq>(
    f: &mut Formatter<'_>,
    name: &str,
    number: &N,
    variants: &[(N, &'static str)],
) -> Result {
    match variants.iter().find(|(value, _)| value == number) {
        Some((_, variant)) => f.write_str(spoken(variant)),
        None => f.debug_tuple(spoken(name)).field(number).finish(),
    }
}

/// Compiles only if zerocopy has proven that `T` is plain data.
#[cfg(feature = "zerocopy")]
#[must_use]
pub const fn proven_by_zerocopy<T>() -> Prover
where
    T: zerocopy::FromBytes + zerocopy::IntoBytes + zerocopy::Immutable + Copy + 'static,
{
    Prover::new()
}

/// Compiles only if bytemuck has proven that `T` is plain data.
#[cfg(feature = "bytemuck")]
#[must_use]
pub const fn proven_by_bytemuck<T: bytemuck::Pod>() -> Prover {
    Prover::new()
}
