//! Types that C and Rust share.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};

use crate::kernel_fields::{
    Kptr, ListHead, ListNode, RbNode, RbRoot, RefCount, ResSpinLock, SpinLock, TaskWork, Timer,
    UserPtr, WorkQueue,
};
use crate::plain::{Plain, zeroed};
use crate::scalars::{Be16, Be32, Be64, Bool, KernelPtr};
use crate::storage::BitField;
use bpfmap_core::TypeDesc;

/// A type that C and Rust share: a key, a value, an event, or a member of one of these.
///
/// This crate implements the trait for integers, for arrays, and for its own scalar types.
/// `#[derive(BpfType)]` (feature `derive`) implements it for structs, unions and newtypes.
///
/// ```
/// use bpfmap::{Be32, BpfType, CharArray, TypeDesc};
///
/// /// Returns the size that a shared type has in C.
/// fn size_in_c<T: BpfType>() -> u64 {
///     T::DESC.size()
/// }
///
/// assert_eq!((size_in_c::<Be32>(), size_in_c::<[CharArray<16>; 4]>()), (4, 64));
/// assert!(matches!(<CharArray<16> as BpfType>::DESC, TypeDesc::Array { len: 16, .. }));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a type of the schema",
    label = "not a `bpfmap::BpfType`",
    note = "put `#[derive(Clone, Copy, bpfmap::BpfType)]` and `#[repr(C)]` on a struct or union; use `bpfmap::Enum<E>` for an enum, `bpfmap::Bool` for a `bool`, `bpfmap::CharArray<N>` for text and `bpfmap::KernelPtr` for a kernel address"
)]
pub trait BpfType: Plain {
    /// The BTF description of the type.
    const DESC: &'static TypeDesc<'static>;
    /// The description of this type for lists, trees and pointers that refer to it. This
    /// description omits special fields that refer to other types. Otherwise, the constants of two
    /// types that refer to each other would also refer to each other, which Rust does not allow.
    #[doc(hidden)]
    const POINTEE: &'static TypeDesc<'static> = &without_members(Self::DESC);
    /// Fails to compile if the layouts of the type in Rust and C differ.
    #[doc(hidden)]
    const PROOF: () = ();
    /// The special fields in a struct. Each kind of special field has one bit, which is the same as
    /// in the derive macros.
    #[doc(hidden)]
    const FIELDS: u32 = 0;
    /// The size of the type in C.
    #[doc(hidden)]
    const C_SIZE: usize = size_of::<Self>();
    /// The alignment of the type in C.
    #[doc(hidden)]
    const C_ALIGN: usize = align_of::<Self>();
}

/// Returns the description of a struct without its members, for types that refer to the struct.
const fn without_members(layout: &TypeDesc<'static>) -> TypeDesc<'static> {
    match layout {
        TypeDesc::Struct { name, size, .. } => TypeDesc::Struct { name, size: *size, members: &[] },
        _ => *layout,
    }
}

macro_rules! layouts {
    ($($ty:ty: $layout:ident)*) => { $(
        impl BpfType for $ty {
            const DESC: &'static TypeDesc<'static> = TypeDesc::$layout;
        }
    )* };
}
layouts! {
    u8: U8 u16: U16 u32: U32 u64: U64 u128: U128
    i8: I8 i16: I16 i32: I32 i64: I64 i128: I128
    Be16: BE16 Be32: BE32 Be64: BE64
    Bool: BOOL KernelPtr: VOID_POINTER
    SpinLock: SPIN_LOCK ResSpinLock: RES_SPIN_LOCK Timer: TIMER WorkQueue: WORK_QUEUE TaskWork: TASK_WORK
    RefCount: REF_COUNT Kptr: VOID_POINTER
    ListHead: LIST_HEAD ListNode: LIST_NODE RbRoot: RB_ROOT RbNode: RB_NODE
}

impl<T: BpfType, const N: usize> BpfType for [T; N] {
    const DESC: &'static TypeDesc<'static> = &TypeDesc::Array { element: T::DESC, len: len(N) };
    const FIELDS: u32 = T::FIELDS;
    const C_SIZE: usize = T::C_SIZE * N;
    const C_ALIGN: usize = T::C_ALIGN;
}

pub(crate) const fn len(len: usize) -> u32 {
    assert!(len <= u32::MAX as usize, "an array has at most 4294967295 elements");
    #[allow(clippy::cast_possible_truncation, reason = "compared above")]
    let len = len as u32;
    len
}

impl<T: BpfType> BpfType for UserPtr<T> {
    const DESC: &'static TypeDesc<'static> =
        &TypeDesc::Pointer { target: &TypeDesc::Tagged { tag: "uptr", target: T::DESC } };
}

/// An enum that C and Rust share. The variants of the enum are names for integers.
///
/// `#[derive(BpfType)]` (feature `derive`) implements the trait for enums that have an integer
/// `repr` and no fields. In a map or a struct, use [`Enum<E>`] instead of the enum itself, because
/// the kernel may store a number that is not a variant.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an enum of the schema",
    label = "not a `bpfmap::BpfEnum`",
    note = "put `#[derive(Clone, Copy, bpfmap::BpfType)]` and `#[repr(u32)]`, or another integer, on an enum whose variants have no fields; use structs, unions and integers without `Enum`"
)]
pub trait BpfEnum: Copy + 'static {
    /// The integer type in which the enum is stored.
    type Repr: BpfType + BitField + Default + Ord + Hash + fmt::Debug;
    /// All variants of the enum.
    const VARIANTS: &'static [Self];
    /// The BTF description of the type.
    const DESC: &'static TypeDesc<'static>;

    /// Returns the number of a variant.
    fn number(self) -> Self::Repr;
}

/// An enum in a map. The map stores a number. This number should be the number of a variant of `E`,
/// but can be any number.
///
/// ```
/// # use bpfmap::{MapDef, BpfEnum, Enum, TypeDesc};
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// #[repr(u8)]
/// enum Verdict {
///     Pass = 0,
///     Drop = 1,
/// }
/// # // This is what `#[derive(BpfType)]` generates.
/// # impl BpfEnum for Verdict {
/// #     type Repr = u8;
/// #     const VARIANTS: &'static [Self] = &[Self::Pass, Self::Drop];
/// #     const DESC: &'static TypeDesc<'static> = TypeDesc::U8;
/// #     fn number(self) -> u8 { self as u8 }
/// # }
///
/// let verdict = Enum::new(Verdict::Drop);
/// assert_eq!(verdict.get(), Ok(Verdict::Drop));
/// assert_eq!(verdict.number(), 1);
/// assert_eq!(Enum::<Verdict>::from_number(7).get(), Err(7));
/// ```
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Enum<E: BpfEnum>(E::Repr);

impl<E: BpfEnum> Enum<E> {
    /// Creates an `Enum` with the number of a variant.
    #[inline]
    #[must_use]
    pub fn new(variant: E) -> Self {
        Self(variant.number())
    }

    /// Creates an `Enum` with any number.
    #[inline]
    #[must_use]
    pub const fn from_number(number: E::Repr) -> Self {
        Self(number)
    }

    /// Returns the number.
    #[inline]
    #[must_use]
    pub const fn number(self) -> E::Repr {
        self.0
    }

    /// Returns the variant that has the stored number.
    ///
    /// # Errors
    /// If no variant has the stored number, returns this number as the error.
    pub fn get(self) -> Result<E, E::Repr> {
        E::VARIANTS.iter().copied().find(|variant| variant.number() == self.0).ok_or(self.0)
    }
}

// SAFETY: the type is transparent over `E::Repr`, which is plain. Variants are compared with the
// number, and the number is never read as a variant.
unsafe impl<E: BpfEnum> Plain for Enum<E> {}

impl<E: BpfEnum> BpfType for Enum<E> {
    const DESC: &'static TypeDesc<'static> = E::DESC;
}

impl<E: BpfEnum> BitField for Enum<E> {
    #[inline]
    fn from_bits(bits: u128, width: u32) -> Self {
        Self(E::Repr::from_bits(bits, width))
    }

    #[inline]
    fn into_bits(self) -> u128 {
        self.0.into_bits()
    }
}

impl<E: BpfEnum> From<E> for Enum<E> {
    #[inline]
    fn from(variant: E) -> Self {
        Self::new(variant)
    }
}

/// Returns an `Enum` with the number zero, even if no variant has this number. The kernel
/// initialises new array elements with zero.
impl<E: BpfEnum> Default for Enum<E> {
    #[inline]
    fn default() -> Self {
        zeroed()
    }
}

impl<E: BpfEnum> PartialEq for Enum<E> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<E: BpfEnum> PartialEq<E> for Enum<E> {
    #[inline]
    fn eq(&self, variant: &E) -> bool {
        self.0 == variant.number()
    }
}

impl<E: BpfEnum> Eq for Enum<E> {}

impl<E: BpfEnum> PartialOrd for Enum<E> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Compares the stored numbers.
impl<E: BpfEnum> Ord for Enum<E> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl<E: BpfEnum> Hash for Enum<E> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// Shows the variant, or the number if no variant has this number.
impl<E: BpfEnum + fmt::Debug> fmt::Debug for Enum<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get() {
            Ok(variant) => variant.fmt(f),
            Err(number) => number.fmt(f),
        }
    }
}

/// A union member that is shorter than its union, followed by `N` zero bytes.
///
/// Every byte of a value is sent to the kernel, so all bytes of a union must be initialised.
///
/// ```
/// use bpfmap::Padded;
///
/// let address: Padded<u32, 12> = Padded::new(7);
/// assert_eq!(address.get(), 7);
/// assert_eq!(size_of_val(&address), 16);
/// ```
#[derive(Clone, Copy)]
// Because it is packed, it has no padding for any `T` and `N`.
#[repr(C, packed)]
pub struct Padded<T: Plain, const N: usize> {
    value: T,
    zero: [u8; N],
}

impl<T: Plain, const N: usize> Padded<T, N> {
    /// Wraps a value and adds the zero bytes.
    #[inline]
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self { value, zero: [0; N] }
    }

    /// Returns the value without the zero bytes.
    #[inline]
    #[must_use]
    pub const fn get(self) -> T {
        self.value
    }
}

// SAFETY: the type consists of a plain value and bytes. It is packed, so there is no padding
// between or after them.
unsafe impl<T: Plain, const N: usize> Plain for Padded<T, N> {}

impl<T: BpfType, const N: usize> BpfType for Padded<T, N> {
    const DESC: &'static TypeDesc<'static> = T::DESC;
    const C_SIZE: usize = T::C_SIZE;
    const C_ALIGN: usize = T::C_ALIGN;
}

impl<T: Plain, const N: usize> From<T> for Padded<T, N> {
    #[inline]
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Plain + PartialEq, const N: usize> PartialEq for Padded<T, N> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Plain + Eq, const N: usize> Eq for Padded<T, N> {}

impl<T: Plain + PartialOrd, const N: usize> PartialOrd for Padded<T, N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.get().partial_cmp(&other.get())
    }
}

impl<T: Plain + Ord, const N: usize> Ord for Padded<T, N> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.get().cmp(&other.get())
    }
}

impl<T: Plain + Hash, const N: usize> Hash for Padded<T, N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.get().hash(state);
    }
}

impl<T: Plain + fmt::Debug, const N: usize> fmt::Debug for Padded<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
