//! The macros that prove that a type is [`Plain`](crate::Plain).

/// Proves that a struct is plain data, and implements [`Plain`](crate::Plain) for this struct.
///
/// List all members with their types, including padding members. The compiler then checks that no
/// member is missing, that the types are right, and that each type is plain data. The compiler also
/// checks that the sizes of the members add up to the size of the struct, which means that all
/// padding has a name. The macro works for `repr(C)` structs, including aligned and packed ones.
/// The struct must be `Copy`.
///
/// ```
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// #[repr(C)]
/// struct Flow {
///     address: bpfmap::Be32,
///     port: bpfmap::Be16,
///     _pad: [u8; 2],
/// }
/// bpfmap::plain!(Flow { address: bpfmap::Be32, port: bpfmap::Be16, _pad: [u8; 2] });
/// ```
///
/// A struct with unnamed padding does not compile:
///
/// ```compile_fail
/// #[derive(Clone, Copy)]
/// #[repr(C)]
/// struct Gap {
///     tag: u8,
///     count: u32,
/// }
/// bpfmap::plain!(Gap { tag: u8, count: u32 });
/// ```
///
/// If a member is missing from the list or has a different type there, the macro does not compile
/// either:
///
/// ```compile_fail
/// #[derive(Clone, Copy)]
/// #[repr(C)]
/// struct Hidden {
///     tag: u32,
///     sure: bool,
///     _pad: [u8; 3],
/// }
/// bpfmap::plain!(Hidden { tag: u32, sure: u8, _pad: [u8; 3] });
/// ```
#[macro_export]
macro_rules! plain {
    ($name:ident { $($member:tt : $ty:ty),* $(,)? }) => {
        // SAFETY: with the constant below, the compiler checks each promise.
        unsafe impl $crate::Plain for $name {}
        const _: () = {
            let mut prover = <() as $crate::Plain>::PROVER;
            let prover = &mut prover;
            // Checks that these are all members, with these types.
            let value = $name { $($member: prover.field::<$ty>(),)* };
            // Checks that it is a struct: unions do not support the syntax `..value`.
            let _ = $name { ..value };
            prover.no_padding::<$name>();
        };
    };
}

/// Proves that a struct is plain data like [`plain!`](crate::plain!), and implements
/// [`Plain`](crate::Plain) and the usual traits of keys and values:
///
/// - `Clone` and `Copy`,
/// - `PartialEq`, `Eq` and `Hash`, which use the bytes of the struct because it has no padding,
/// - `PartialOrd` and `Ord`, which compare the members in their order,
/// - `Default`, whose bytes are all zero,
/// - `Debug`.
///
/// The types of the members must implement `Debug` and `Ord`. `benches/compile-cost` compares the
/// compile times of this macro and of bytemuck's derives.
///
/// `Debug` shows the members in their order, and leaves out members whose names consist of `__pad`
/// and a number. If a member only stores other data, such as bit-fields or the bytes of a union,
/// you can write `=> { accessor, … }` after this member. `Debug` then shows, and `Ord` then
/// compares, the results of these accessors instead of the member. The struct must not derive any
/// of the traits in the list above.
///
/// ```
/// /// The source of a packet.
/// #[repr(C)]
/// pub struct Source {
///     pub address: bpfmap::Be32,
///     bits0: [u8; 1],
///     pub __pad0: [u8; 3],
/// }
/// impl Source {
///     pub fn vlan(&self) -> u8 { self.bits0[0] & 0xf }
/// }
/// bpfmap::plain_struct!(Source { address: bpfmap::Be32, bits0: [u8; 1] => { vlan }, __pad0: [u8; 3] });
///
/// let source = Source { address: bpfmap::Be32::new(0x7f00_0001), ..Source::default() };
/// assert_eq!(format!("{source:?}"), "Source { address: 2130706433, vlan: 0 }");
/// ```
///
/// After the members, you can write the expected layout of a `repr(C)` struct: its size, its
/// alignment, and the offset of each member.
///
/// ```
/// #[repr(C)]
/// pub struct Port {
///     number: bpfmap::Be16,
///     protocol: u8,
///     __pad0: u8,
/// }
/// bpfmap::plain_struct!(Port { number: bpfmap::Be16, protocol: u8, __pad0: u8 } size 4, align 2, offsets [0, 2, 3]);
/// ```
///
/// ```compile_fail
/// #[repr(C)]
/// pub struct Port {
///     number: bpfmap::Be16,
///     protocol: bpfmap::Be16,
/// }
/// bpfmap::plain_struct!(Port { number: bpfmap::Be16, protocol: bpfmap::Be16 } size 4, align 2, offsets [0, 3]);
/// ```
#[macro_export]
macro_rules! plain_struct {
    (
        $name:ident { $($member:ident : $ty:ty $(=> { $($view:ident),* $(,)? })?),* $(,)? }
        $(size $size:literal, align $align:literal, offsets [$($offset:literal),* $(,)?])?
    ) => {
        // SAFETY: with the constant below, the compiler checks each promise.
        unsafe impl $crate::Plain for $name {}
        const _: () = {
            let mut prover = <() as $crate::Plain>::PROVER;
            let prover = &mut prover;
            // Checks that these are all members, with these types. A union would fail at `Debug`,
            // because reading its members is unsafe.
            let _ = $name { $($member: prover.field::<$ty>(),)* };
            prover.no_padding::<$name>();
            $crate::__private::laid_out::<$name>(
                &[$(::core::mem::offset_of!($name, $member)),*],
                &[$($size, $align, $($offset),*)?],
            );
        };
        $crate::__std_traits! {
            $name,
            // One string contains all names, because creating strings in a macro is slow.
            ::core::stringify!($name; $($($($view =>)*)? $member),*),
            this => $($($(this.$view(),)*)? { this.$member },)*
        }
        impl ::core::marker::Copy for $name {}
        #[allow(
            clippy::expl_impl_clone_on_copy,
            reason = "a derive cannot be added to a struct that is written elsewhere"
        )]
        impl ::core::clone::Clone for $name {
            #[inline]
            fn clone(&self) -> Self {
                *self
            }
        }
    };
}

/// Implements `Debug`, `Default`, `PartialEq`, `Eq`, `PartialOrd`, `Ord` and `Hash` for a plain type.
///
/// `$names` contains the names that `debug_struct` shows. Each `$value` is an expression for the
/// value of a name, in which `$this` is the value of the type.
#[doc(hidden)]
#[macro_export]
macro_rules! __std_traits {
    ($name:ident, $names:expr, $this:ident => $($value:expr,)*) => {
        impl ::core::default::Default for $name {
            #[inline]
            fn default() -> Self {
                $crate::zeroed()
            }
        }
        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let $this = self;
                let _ = $this;
                $crate::__private::debug_struct(f, $names, &[$(&$value),*])
            }
        }
        impl ::core::cmp::PartialEq for $name {
            #[inline]
            fn eq(&self, other: &Self) -> bool {
                $crate::__private::equal(self, other)
            }
        }
        impl ::core::cmp::Eq for $name {}
        impl ::core::cmp::PartialOrd for $name {
            #[inline]
            fn partial_cmp(&self, other: &Self) -> ::core::option::Option<::core::cmp::Ordering> {
                ::core::option::Option::Some(::core::cmp::Ord::cmp(self, other))
            }
        }
        impl ::core::cmp::Ord for $name {
            fn cmp(&self, other: &Self) -> ::core::cmp::Ordering {
                $(
                    let order = {
                        let $this = self;
                        let left = $value;
                        let $this = other;
                        ::core::cmp::Ord::cmp(&left, &$value)
                    };
                    if order.is_ne() {
                        return order;
                    }
                )*
                // Equal values have the same bytes. Members can be equal although their bytes
                // differ.
                $crate::__private::order(self, other)
            }
        }
        impl ::core::hash::Hash for $name {
            #[inline]
            fn hash<H: ::core::hash::Hasher>(&self, state: &mut H) {
                $crate::__private::hash(self, state);
            }
        }
    };
}

/// Proves that a transparent newtype of an integer is [`Plain`](crate::Plain), and implements
/// `Debug` and `Default` (zero). Such a newtype can represent a C `enum`, because any number is a
/// valid value, even if the number is not a variant.
///
/// List the constants of the type that are its variants. `Debug` shows the name of the first listed
/// constant with the same value, or the number if there is no such constant. The type itself must
/// derive all other traits. If the type derives `PartialEq` and `Eq`, you can use its constants as
/// patterns.
///
/// ```
/// #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
/// #[repr(transparent)]
/// pub struct Verdict(pub u8);
/// impl Verdict {
///     pub const PASS: Self = Self(0);
///     pub const DROP: Self = Self(1);
/// }
/// bpfmap::plain_enum!(Verdict(u8) { PASS, DROP });
///
/// assert_eq!(format!("{:?} {:?}", Verdict::DROP, Verdict(7)), "DROP Verdict(7)");
///
/// let passes = match Verdict(0) {
///     Verdict::PASS => true,
///     Verdict::DROP | Verdict(2..) => false,
/// };
/// assert!(passes);
/// ```
#[macro_export]
macro_rules! plain_enum {
    ($name:ident ($ty:ty) { $($variant:ident),* $(,)? }) => {
        // SAFETY: with the constant below, the compiler checks each promise.
        unsafe impl $crate::Plain for $name {}
        const _: () = {
            let mut prover = <() as $crate::Plain>::PROVER;
            let prover = &mut prover;
            let _ = $name { 0: prover.field::<$ty>() };
            prover.no_padding::<$name>();
        };
        $crate::__enum_traits! { $name($ty) { $($variant),* } }
    };
}

/// Implements `Debug` and `Default` for a transparent newtype of an integer with constants.
#[doc(hidden)]
#[macro_export]
macro_rules! __enum_traits {
    ($name:ident ($ty:ty) { $($variant:ident),* }) => {
        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let $name(number): $name = *self;
                let number: $ty = number;
                $crate::__private::debug_enum(f, ::core::stringify!($name), &number, &[
                    $(($name::$variant.0, ::core::stringify!($variant)),)*
                ])
            }
        }
        impl ::core::default::Default for $name {
            #[inline]
            fn default() -> Self {
                $crate::zeroed()
            }
        }
    };
}
