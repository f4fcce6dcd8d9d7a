//! Descriptions of maps and types in the object file of a Rust program. Only the derives use this module.
//!
//! The BTF of an object file describes its maps. The compiler generates this BTF from the types in Rust. The BTF of
//! these types contains their Rust names, and describes `Be32` as a struct. So for each type, `#[derive(BpfType)]`
//! declares a second type, in which the type and its members have their C names. No value has this second type. The
//! second type exists only so that the BTF describes it.

use core::ffi::c_void;

use crate::char_array::CharArray;
use crate::insn_offsets::InsnOffsets;
use crate::kernel_fields::{RefCount, ResSpinLock, SpinLock, TaskWork, Timer, WorkQueue};
use crate::scalars::{Be16, Be32, Be64, Bool, KernelPtr};
use crate::types::{BpfEnum, Enum, Padded};
use crate::{MapSpec, Plain};

/// A type that the object file of a Rust program can describe in the same way as a C program.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "an object file in Rust can't describe `{Self}`",
    label = "not a type for programs in Rust",
    note = "`#[derive(bpfmap::BpfType)]` describes structs, unions and enums; programs in Rust can't declare kptrs, lists, trees, user pointers and members with `#[bpf(holds(…))]`, which need BTF that the Rust compiler does not write"
)]
pub trait InBtf {
    /// The same type, with the names from C.
    type InBtf: Copy + 'static;
}

/// A map whose definition can be in the object file of a Rust program. The derive implements it for the target `bpf`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "an object file in Rust can't define the map `{Self}`",
    label = "not a map for programs in Rust",
    note = "`#[derive(bpfmap::BpfMap)]` defines maps when it is compiled for a BPF target, except for struct_ops maps and maps with types that the loader sets"
)]
pub trait Defined: MapSpec {
    /// The struct with the map's attributes, in the form that loaders read (BTF-defined maps).
    type Definition: 'static;
}

/// A map that is a variable in the object file. All maps except templates are variables.
///
/// # Safety
///
/// [`ADDRESS`](Self::ADDRESS) must be the address of a variable of the type [`Defined::Definition`] in the section
/// `.maps`. Loaders replace this address with the address of the map.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the object file has no variable for the map `{Self}`",
    label = "a template",
    note = "a template only describes the inner maps of another map: look them up in that map"
)]
pub unsafe trait InObject: Defined {
    /// The address of the variable.
    const ADDRESS: *mut c_void;
}

/// In a program, takes the place of the handle that the application has for a map, so that the
/// program and the application can compile the same source. `bpfmap_ebpf::Map` is the handle of a
/// program.
#[cfg(target_arch = "bpf")]
pub struct Map<S: MapSpec> {
    never: core::convert::Infallible,
    spec: core::marker::PhantomData<fn() -> S>,
}

#[cfg(target_arch = "bpf")]
impl<S: MapSpec> core::fmt::Debug for Map<S> {
    fn fmt(&self, _: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.never {}
    }
}

macro_rules! in_btf {
    ($($ty:ty => $in_btf:ty,)*) => { $(
        impl InBtf for $ty {
            type InBtf = $in_btf;
        }
    )* };
}
in_btf! {
    u8 => u8, u16 => u16, u32 => u32, u64 => u64, u128 => u128,
    i8 => i8, i16 => i16, i32 => i32, i64 => i64, i128 => i128,
    Be16 => named::__be16, Be32 => named::__be32, Be64 => named::__be64,
    Bool => bool, KernelPtr => *const u8,
    SpinLock => named::bpf_spin_lock, ResSpinLock => named::bpf_res_spin_lock, Timer => named::bpf_timer,
    WorkQueue => named::bpf_wq, TaskWork => named::bpf_task_work, RefCount => named::bpf_refcount,
    InsnOffsets => named::bpf_insn_array_value,
}

impl<T: InBtf, const N: usize> InBtf for [T; N] {
    type InBtf = [T::InBtf; N];
}

impl<const N: usize> InBtf for CharArray<N> {
    type InBtf = [i8; N];
}

impl<E: BpfEnum + InBtf> InBtf for Enum<E> {
    type InBtf = E::InBtf;
}

impl<T: Plain + InBtf, const N: usize> InBtf for Padded<T, N> {
    type InBtf = T::InBtf;
}

/// The types that the kernel knows by their names. In C, the first three are typedefs. Here they are newtypes, which
/// the comparison with a schema accepts as well.
#[allow(
    dead_code,
    missing_debug_implementations,
    non_camel_case_types,
    unreachable_pub,
    reason = "only the description is used"
)]
mod named {
    macro_rules! named {
        ($($name:ident($integer:ty))*) => { $(
            #[derive(Clone, Copy)]
            #[repr(transparent)]
            pub struct $name($integer);
        )* };
    }
    named!(__be16(u16) __be32(u32) __be64(u64));

    macro_rules! opaque {
        ($($(#[$attribute:meta])* $name:ident: $opaque:ty;)*) => { $(
            #[derive(Clone, Copy)]
            $(#[$attribute])*
            pub struct $name {
                __opaque: $opaque,
            }
        )* };
    }
    opaque! {
        #[repr(C)] bpf_spin_lock: u32;
        #[repr(C)] bpf_res_spin_lock: u32;
        #[repr(C, align(8))] bpf_timer: [u64; 2];
        #[repr(C, align(8))] bpf_wq: [u64; 2];
        #[repr(C, align(8))] bpf_task_work: u64;
        #[repr(C)] bpf_refcount: u32;
    }

    #[derive(Clone, Copy)]
    #[repr(C)]
    pub struct bpf_insn_array_value {
        orig_off: u32,
        xlated_off: u32,
        jitted_off: u32,
        __pad0: u32,
    }
}
