//! Types that zerocopy or bytemuck have proven to be plain data.
//!
//! Their proofs can't be taken over by a blanket `impl`: a type could then be plain in two ways. So a type of your own
//! says by a macro which proof holds, and a type of someone else comes in a wrapper.

use crate::plain::Plain;

/// A [`Plain`] type by zerocopy's proof: for one that isn't yours; else see
/// [`plain_from_zerocopy!`](crate::plain_from_zerocopy!).
#[cfg(feature = "zerocopy")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Zerocopy<T>(pub T);

#[cfg(feature = "zerocopy")]
// SAFETY: `FromBytes` takes every bit pattern, `IntoBytes` has no padding; the wrapper adds nothing.
unsafe impl<T> Plain for Zerocopy<T> where
    T: zerocopy::FromBytes + zerocopy::IntoBytes + zerocopy::Immutable + Copy + 'static
{
}

/// A [`Plain`] type by bytemuck's proof: for one that isn't yours; else see
/// [`plain_from_bytemuck!`](crate::plain_from_bytemuck!).
#[cfg(feature = "bytemuck")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Pod<T>(pub T);

#[cfg(feature = "bytemuck")]
// SAFETY: bytemuck's `Pod` takes every bit pattern and has no padding; the wrapper adds nothing.
unsafe impl<T: bytemuck::Pod> Plain for Pod<T> {}

/// Implements [`Plain`](crate::Plain) for types of yours on which zerocopy's `FromBytes`, `IntoBytes` and `Immutable`
/// are derived.
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
        // SAFETY: the constant asks for zerocopy's proof of the type itself, whatever the macro was given as its name.
        unsafe impl $crate::Plain for $ty {
            const PROVER: $crate::__private::Prover =
                $crate::__private::proven_by_zerocopy::<Self>();
        }
    )+ };
}

/// Implements [`Plain`](crate::Plain) for types of yours that have bytemuck's `Pod`.
///
/// ```
/// #[derive(Clone, Copy)]
/// #[repr(C)]
/// struct Flow {
///     address: bpfmap::Be32,
///     packets: u32,
/// }
/// // Or `#[derive(bytemuck::Pod, bytemuck::Zeroable)]`, which checks what is claimed here.
/// unsafe impl bytemuck::Zeroable for Flow {}
/// unsafe impl bytemuck::Pod for Flow {}
/// bpfmap::plain_from_bytemuck!(Flow);
/// ```
#[cfg(feature = "bytemuck")]
#[macro_export]
macro_rules! plain_from_bytemuck {
    ($($ty:ty),+ $(,)?) => { $(
        // SAFETY: the constant asks for bytemuck's proof of the type itself, whatever the macro was given as its name.
        unsafe impl $crate::Plain for $ty {
            const PROVER: $crate::__private::Prover =
                $crate::__private::proven_by_bytemuck::<Self>();
        }
    )+ };
}
