//! Typed BPF maps for programs in Rust.
//!
//! The program and the application share one crate, which declares the types and the maps with the
//! derives of `bpfmap`:
//!
//! ```ignore
//! // The crate `packets-common`: bpfmap without default features, and with the feature `derive`.
//! #![no_std]
//!
//! use bpfmap::{Be16, BpfMap, BpfType};
//!
//! #[derive(Clone, Copy, BpfType)]
//! #[repr(C)]
//! pub struct Traffic {
//!     pub packets: u64,
//!     pub bytes: u64,
//! }
//!
//! /// Traffic by the protocol in the Ethernet header.
//! #[derive(BpfMap)]
//! #[bpf_map(percpu_hash, max_entries = 1024)]
//! pub struct Protocols {
//!     key: Be16,
//!     value: Traffic,
//! }
//! ```
//!
//! If the crate is compiled for a BPF target, the derive also defines the map in the section
//! `.maps` of the object file, with the same names as in C. libbpf and aya can load this object
//! file. A program uses the map through [`Map`]:
//!
//! ```ignore
//! // The program.
//! const PROTOCOLS: Map<Protocols> = Map::new();
//!
//! if let Some(traffic) = PROTOCOLS.lookup(&protocol) {
//!     // The value of this CPU.
//!     field!(traffic.packets).modify(|packets| *packets += 1);
//! }
//! ```
//!
//! `S::Kind` is a marker of [`bpfmap::kind`], and each method requires a capability of [`kind`]. An
//! operation therefore does not compile if programs can't perform it on this map type, or if it
//! needs a newer kernel than the schema's `min_kernel`.
//!
//! # Safety
//!
//! Other programs, other CPUs and user space access the entries of a map at any time.
//! [`lookup`](Map::lookup) therefore returns a [`SharedCell`], which copies values in and out and
//! never returns a reference to the value itself. A value can be torn if it is larger than 8 bytes,
//! but it always has the right type.
//!
//! A reference to an entry is valid until the program returns: the kernel keeps the memory of the
//! entry until then, even if the entry is deleted. After the deletion, the kernel may use the
//! memory for another entry of the same map.

#![no_std]
// The instruction for atomic additions needs this feature. Programs need a nightly compiler or
// RUSTC_BOOTSTRAP anyway.
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]
#![allow(
    clippy::inline_always,
    reason = "the verifier follows pointers within a function, and each call of a function costs a stack frame"
)]

pub mod kind;

mod attached;
mod cell;
mod drain;
mod lock;
mod map;
mod objects;
mod perf;
mod ring;
mod walk;

pub use bpfmap::{Be16, Be32, Be64, Bool, CharArray, Enum, KernelPtr, Padded, Plain, zeroed};
pub use bpfmap_core::{Errno, UpdateMode};
pub use cell::SharedCell;
pub use lock::Locked;
pub use map::Map;
pub use ring::{Record, Reservation};

/// Items that the expansions of macros use. Do not use these items directly.
#[doc(hidden)]
pub mod __private {
    pub use crate::cell::project;
}
