//! What the macros expand to; not for use by hand.

use crate::Plain;
use core::fmt::{Debug, DebugStruct, Formatter, Result};

/// The size of a member, which must be plain.
#[must_use]
pub const fn plain_size<T: Plain>() -> usize {
    size_of::<T>()
}

/// Fails to compile when the members of `T` are smaller than `T` itself.
///
/// # Panics
/// As said, at compile time.
pub const fn no_padding<T: Plain>(members: usize) {
    assert!(
        members == size_of::<T>(),
        "there is padding between or after the members: name it as a member"
    );
}

/// A member as `Debug` shows it.
pub struct DebugMember<'a> {
    /// Its name.
    pub name: &'static str,
    /// Itself.
    pub value: &'a dyn Debug,
    /// What is shown in its place, if anything: names and values.
    pub views: &'a [(&'static str, &'a dyn Debug)],
}

/// `Debug` of a struct without its padding.
///
/// # Errors
/// The formatter's.
pub fn debug_struct(f: &mut Formatter<'_>, name: &str, members: &[DebugMember<'_>]) -> Result {
    let mut out: DebugStruct<'_, '_> = f.debug_struct(name);
    for member in members {
        for (name, view) in member.views {
            out.field(name, view);
        }
        if member.views.is_empty() && !member.name.starts_with("__pad") {
            out.field(member.name, member.value);
        }
    }
    out.finish()
}

/// `Debug` of an enum that may hold a number without a name.
///
/// # Errors
/// The formatter's.
pub fn debug_enum<N: Debug + PartialEq>(
    f: &mut Formatter<'_>,
    name: &str,
    number: &N,
    variants: &[(N, &'static str)],
) -> Result {
    match variants.iter().find(|(value, _)| value == number) {
        Some((_, variant)) => f.write_str(variant),
        None => f.debug_tuple(name).field(number).finish(),
    }
}

/// Compiles for a type that zerocopy has proven plain.
#[cfg(feature = "zerocopy")]
pub const fn proven_by_zerocopy<T>()
where
    T: zerocopy::FromBytes + zerocopy::IntoBytes + zerocopy::Immutable + Copy + 'static,
{
}

/// Compiles for a type that bytemuck has proven plain.
#[cfg(feature = "bytemuck")]
pub const fn proven_by_bytemuck<T: bytemuck::Pod>() {}
