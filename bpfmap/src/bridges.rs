//! Types that zerocopy or bytemuck have proven to be plain data.
//!
//! Two blanket implementations of [`Plain`], one for each crate, would overlap, so Rust does not
//! allow them. Instead, macros implement [`Plain`] for types of your own, and wrappers implement it
//! for types of other crates.

use crate::plain::Plain;

/// A wrapper that implements [`Plain`] for a type of another crate, based on zerocopy's proof. For
/// your own types, see [`plain_from_zerocopy!`](crate::plain_from_zerocopy!).
///
/// ```no_run
/// use bpfmap::{Map, UpdateMode, Zerocopy};
/// use zerocopy::byteorder::network_endian::U32;
///
/// # fn f<S: bpfmap::MapSpec<Kind = bpfmap::kind::Hash, Key = Zerocopy<U32>, Value = u32>>(
/// #     routes: &Map<S>) -> bpfmap::Result<()> {
/// // The key is a type of the crate zerocopy.
/// routes.update(&Zerocopy(U32::new(7)), &1, UpdateMode::Any)?;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "zerocopy")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Zerocopy<T>(pub T);

#[cfg(feature = "zerocopy")]
// SAFETY: a `FromBytes` type accepts every bit pattern, an `IntoBytes` type has no padding, and the wrapper adds
// nothing.
unsafe impl<T> Plain for Zerocopy<T> where
    T: zerocopy::FromBytes + zerocopy::IntoBytes + zerocopy::Immutable + Copy + 'static
{
}

/// A wrapper that implements [`Plain`] for a type of another crate, based on bytemuck's proof. For
/// your own types, see [`plain_from_bytemuck!`](crate::plain_from_bytemuck!).
///
/// ```no_run
/// # fn f<S: bpfmap::MapSpec<Kind = bpfmap::kind::Array, Key = u32, Value = bpfmap::Pod<core::num::Wrapping<u64>>>>(
/// #     sums: &bpfmap::Map<S>) -> bpfmap::Result<()> {
/// use bpfmap::{Pod, UpdateMode};
/// use core::num::Wrapping;
///
/// // `Wrapping<u64>` is a type of another crate that implements bytemuck's `Pod`.
/// let Pod(sum) = sums.lookup(&0)?.unwrap_or_default();
/// sums.update(&0, &Pod(sum + Wrapping(1)), UpdateMode::Any)?;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "bytemuck")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Pod<T>(pub T);

#[cfg(feature = "bytemuck")]
// SAFETY: a bytemuck `Pod` type accepts every bit pattern and has no padding, and the wrapper adds
// nothing.
unsafe impl<T: bytemuck::Pod> Plain for Pod<T> {}

/// Implements [`Plain`](crate::Plain) for types of your crate that derive zerocopy's `FromBytes`, `IntoBytes` and
/// `Immutable`.
///
/// ```
/// use bpfmap::Be32;
/// use zerocopy::{FromBytes, Immutable, IntoBytes};
///
/// #[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
/// #[repr(C)]
/// struct Flow {
///     address: Be32,
///     packets: u32,
/// }
/// bpfmap::plain_from_zerocopy!(Flow);
/// ```
#[cfg(feature = "zerocopy")]
#[macro_export]
macro_rules! plain_from_zerocopy {
    ($($ty:ty),+ $(,)?) => { $(
        // SAFETY: the constant requires zerocopy's proof for the actual type, whatever name the macro got for it.
        unsafe impl $crate::Plain for $ty {
            const PROVER: $crate::__private::Prover =
                $crate::__private::proven_by_zerocopy::<Self>();
        }
    )+ };
}

/// Implements [`Plain`](crate::Plain) for types of your crate that implement bytemuck's `Pod`.
///
/// ```
/// #[derive(Clone, Copy)]
/// #[repr(C)]
/// struct Flow {
///     address: bpfmap::Be32,
///     packets: u32,
/// }
/// // Instead of these unsafe implementations, you can use `#[derive(bytemuck::Pod,
/// // bytemuck::Zeroable)]`.
/// unsafe impl bytemuck::Zeroable for Flow {}
/// unsafe impl bytemuck::Pod for Flow {}
/// bpfmap::plain_from_bytemuck!(Flow);
/// ```
#[cfg(feature = "bytemuck")]
#[macro_export]
macro_rules! plain_from_bytemuck {
    ($($ty:ty),+ $(,)?) => { $(
        // SAFETY: the constant requires bytemuck's proof for the actual type, whatever name the macro got for it.
        unsafe impl $crate::Plain for $ty {
            const PROVER: $crate::__private::Prover =
                $crate::__private::proven_by_bytemuck::<Self>();
        }
    )+ };
}
