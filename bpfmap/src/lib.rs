//! Typed handles to BPF maps. Each handle is checked against the kernel's description of its map.
//!
//! BPF programs in the kernel and a program in user space share a BPF map, so both sides must agree
//! on its layout. The command `bpfmap` (crate `bpfmap-cli`) and the build-script library
//! `bpfmap-codegen` generate code for both sides from one schema. The generated Rust code uses this
//! crate, which does not read schema files itself.
//!
//! Only [`preflight`] depends on the release number of the kernel. All other functions detect a
//! missing feature by the error that the kernel returns.
//!
//! # A map
//!
//! A type that implements [`MapSpec`] describes a map. Generated code contains one such type for
//! each map of the schema. If you write such a type by hand, it looks like this:
//!
//! ```no_run
//! use bpfmap::{MapDef, MemberDesc, TypeDesc};
//! use bpfmap::{Be32, Map, MapSpec, UpdateMode, kind};
//!
//! /// The source of a packet.
//! #[repr(C)]
//! pub struct Source {
//!     pub address: Be32,
//!     pub port: bpfmap::Be16,
//!     pub __pad0: [u8; 2],
//! }
//! // Proves that all padding has a name and that every bit pattern is valid. Also implements
//! // `Debug`, `Default`, `PartialEq`, `Hash` and other traits.
//! bpfmap::plain_struct!(Source { address: Be32, port: bpfmap::Be16, __pad0: [u8; 2] });
//!
//! /// The number of packets from each source.
//! pub enum Packets {}
//!
//! impl MapSpec for Packets {
//!     type Kind = kind::Hash;
//!     type Key = Source;
//!     type Value = u64;
//!     const DEF: MapDef<'static> = kind::Hash::def("packets", &TypeDesc::Struct {
//!         name: "source",
//!         size: 8,
//!         members: &[
//!             MemberDesc { name: "address", bit_offset: 0, bits: 0, ty: TypeDesc::BE32 },
//!             MemberDesc { name: "port", bit_offset: 32, bits: 0, ty: TypeDesc::BE16 },
//!         ],
//!         }, TypeDesc::U64)
//!         .max_entries(10_000);
//! }
//!
//! fn main() -> bpfmap::Result<()> {
//!     // Creates the map. `from_object`, `from_map`, `from_pinned`, `from_id` and `from_fd` open
//!     // an existing map.
//!     let packets = Map::<Packets>::create()?;
//!
//!     let source = Source { address: Be32::from(std::net::Ipv4Addr::LOCALHOST), ..Source::default() };
//!     packets.update(&source, &1, UpdateMode::Any)?;
//!     if let Some(count) = packets.lookup(&source)? {
//!         println!("{count} packets from {:?}", source.address);
//!     }
//!     for entry in &packets {
//!         let (source, count) = entry?;
//!         // Deleting the entry that was just returned never restarts the iteration.
//!         if count == 0 {
//!             packets.delete(&source)?;
//!         }
//!     }
//!     let total: u64 = packets.drain().map(|entry| entry.map(|(_, count)| count)).sum::<Result<_, _>>()?;
//!     println!("{total} in all");
//!     Ok(())
//! }
//! ```
//!
//! # Maps declared in Rust
//!
//! With the feature `derive`, you don't have to implement [`MapSpec`] by hand:
//! [`BpfMap`](derive@BpfMap) generates the spec, and [`BpfType`](derive@BpfType) proves that the
//! types are plain data. `bpfmap generate src/maps.rs` or a build script generates the C header for
//! the BPF programs from the same Rust file.
//!
//! ```
//! # #[cfg(feature = "derive")] mod maps {
//! use bpfmap::{Be16, Be32, BpfMap, BpfType};
//!
//! /// The source of a packet.
//! #[derive(Clone, Copy, Debug, BpfType)]
//! #[repr(C)]
//! pub struct Source {
//!     pub address: Be32,
//!     pub port: Be16,
//!     pub _pad: [u8; 2],
//! }
//!
//! /// The number of packets from each source.
//! #[derive(BpfMap)]
//! #[bpf_map(hash, max_entries = 10_000)]
//! pub struct Packets {
//!     key: Source,
//!     value: u64,
//! }
//! # }
//! ```
//!
//! # What a map type can do
//!
//! Each map type has a marker type in the module [`kind`], and `S::Kind` is the marker of a spec
//! `S`. Each method of [`Map`] requires that this marker has a certain capability. An operation
//! that the map type lacks therefore does not compile. The compiler's message explains why, for
//! example `E0277: entries of a map of type Array can't be deleted`. The following table shows the
//! operations of each map type:
//!
//! | | `hash`, `lru_hash` | `percpu_hash`, `lru_percpu_hash` | `array` | `percpu_array` | `lpm_trie` | `queue`, `stack` |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | content of an entry | `V` | [`PerCpu<V>`] | `V` | [`PerCpu<V>`] | `V` | `V` |
//! | [`lookup`](Map::lookup), [`lookup_into`](Map::lookup_into), [`contains_key`](Map::contains_key) | ✓ | ✓ | ✓ | ✓ | ✓ | |
//! | [`update`](Map::update), [`extend`](Map::extend) | ✓ | ✓ | ✓ | ✓ | ✓ | |
//! | [`insert`](Map::insert), [`replace`](Map::replace) | ✓ | ✓ | | | ✓ | |
//! | [`delete`](Map::delete) | ✓ | ✓ | | | ✓ | |
//! | [`take`](Map::take) | 5.14 | 5.14 | | | | |
//! | [`iter`](Map::iter), [`walk`](Map::walk), [`keys`](Map::keys), [`next_key`](Map::next_key) | ✓ | ✓ | ✓ | ✓ | ✓ | |
//! | [`drain`](Map::drain), [`clear`](Map::clear) | ✓ | ✓ | | | ✓ | |
//! | [`update_batch`](Map::update_batch) | 5.6 | 5.6 | 5.6 | 5.13 | 5.13 | |
//! | [`delete_batch`](Map::delete_batch) | 5.6 | 5.6 | | | 5.13 | |
//! | [`lookup_boxed`](Map::lookup_boxed) | ✓ | | ✓ | | ✓ | |
//! | [`lookup_on`](Map::lookup_on), [`update_on`](Map::update_on), [`update_all_cpus`](Map::update_all_cpus) | | 7.0 | | 7.0 | | |
//! | [`lookup_locked`](Map::lookup_locked), [`update_locked`](Map::update_locked) | hash, 5.1 | | 5.1 | | | |
//! | [`push`](Map::push), [`pop`](Map::pop), [`peek`](Map::peek) | | | | | | ✓ |
//!
//! A number in the table is the first Linux release that has the operation. On older kernels, the
//! operation fails with [`ErrorKind::Unsupported`]. If the schema's `min_kernel` is older than that
//! release, the method does not compile. To use such a method, raise `min_kernel`, or open the map
//! as [`AnyKernel`] and handle the error. The methods `extend`, `iter`, `drain` and `clear` use
//! batches if the kernel supports them. Otherwise, they use one system call for each entry.
//!
//! A map of type `rhash` (Linux 7.2) has the same operations as a `hash`.
//! [`map_values`](Map::map_values) maps the values of an array with [`MapFlags::MMAPABLE`] into
//! memory. The following table shows the other map types. Most of their entries are not plain keys
//! and values:
//!
//! | map type | content | methods and types |
//! | --- | --- | --- |
//! | `prog_array` | programs: stored as [`ProgramFd`], read as [`ProgramId`] | [`set`](Map::set), [`get`](Map::get), [`delete`](Map::delete) |
//! | `array_of_maps`, `hash_of_maps` | maps: stored as [`Map`] of the inner spec, read as [`MapId`] | [`set`](Map::set), [`get`](Map::get), [`delete`](Map::delete), [`inner`](Map::inner), [`swap`](Map::swap) |
//! | `cgroup_array`, `perf_event_array` | cgroups ([`CgroupFd`]) or perf events ([`PerfEventFd`]), which user space can't read | [`set`](Map::set), [`delete`](Map::delete) |
//! | `devmap`, `devmap_hash` | interfaces: stored as [`InterfaceIndex`] or [`Device`]; a [`Device`] is read as [`ShownDevice`] | [`set`](Map::set), [`get`](Map::get), [`delete`](Map::delete) |
//! | `cpumap` | packet queues: stored as [`CpuQueueSize`] or [`CpuQueue`]; a [`CpuQueue`] is read as [`ShownCpuQueue`] | [`set`](Map::set), [`get`](Map::get), [`delete`](Map::delete) |
//! | `xskmap`, `sockmap`, `sockhash`, `reuseport_sockarray` | sockets: stored as [`SocketFd`], read as [`SocketCookie`] | [`set`](Map::set), [`get`](Map::get) (except for `xskmap`), [`delete`](Map::delete) |
//! | `sk_storage`, `inode_storage`, `task_storage`, `cgrp_storage` | values that are attached to sockets ([`SocketFd`]), files ([`FileFd`]), tasks ([`PidFd`]) or cgroups ([`CgroupFd`]) | [`attach`](Map::attach), [`attached`](Map::attached), [`detach`](Map::detach) |
//! | `cgroup_storage`, `percpu_cgroup_storage` | values of the cgroups to which a program is attached | [`lookup`](Map::lookup), [`update`](Map::update) |
//! | `ringbuf`, `perf_event_array` | records of type [`EventSpec::Event`], which programs send | [`RingBuf`], [`PerfBuffer`] |
//! | `user_ringbuf` | records of type [`EventSpec::Event`], which programs receive | [`UserRingBuf`] |
//! | `bloom_filter` | values that can be tested for membership but not read back | [`add`](Map::add), [`may_contain`](Map::may_contain) |
//! | `stack_trace` | stacks that programs record | [`addresses`](Map::addresses), [`frames`](Map::frames), [`lookup`](Map::lookup), [`iter`](Map::iter), [`delete`](Map::delete), [`take`](Map::take) (6.18) |
//! | `arena` | memory that programs and user space share at the same address | [`map_arena`](Map::map_arena), [`arena_in`](Map::arena_in): [`Arena`] |
//! | `insn_array` | [`InsnOffsets`] | the methods of `array`, except batches |
//! | `struct_ops` | programs that replace kernel functions | [`registration`](Map::registration), [`unregister`](Map::unregister) |
//!
//! # Opening the maps of an object
//!
//! ```no_run
//! # #[cfg(feature = "derive")] mod example {
//! use bpfmap::{BpfMap, BpfMaps, Map};
//!
//! #[derive(BpfMap)]
//! #[bpf_map(hash, max_entries = 10_000)]
//! pub struct Packets {
//!     key: u32,
//!     value: u64,
//! }
//!
//! /// The application creates this map only if it was started with `--debug`.
//! #[derive(BpfMap)]
//! #[bpf_map(ringbuf, max_entries = 65536, optional)]
//! pub struct Debug;
//!
//! #[derive(BpfMaps)]
//! pub struct Maps {
//!     pub packets: Map<Packets>,
//!     pub debug: Option<Map<Debug>>,
//! }
//!
//! fn start(load: impl FnOnce() -> bpfmap::Result<libbpf_rs::Object>) -> bpfmap::Result<Maps> {
//!     // Names what the kernel lacks, for example: "map `flows` needs the map type `rhash` (Linux
//!     // 7.2)". Without this call, loading the object would fail with `EINVAL`.
//!     Maps::preflight()?;
//!     // If the map `debug` was not created, its handle is `None`.
//!     Maps::from_object(&load()?)
//! }
//! # }
//! ```
//!
//! If opening a map fails, the error message states the cause and suggests what to do. Possible
//! suggestions are:
//!
//! - Compile the program again, because a member has a different offset.
//! - Let the schema leave `max_entries` to the loader.
//! - Migrate a pinned map that has an older layout.
//! - Create the map.
//! - Use one of the map names in the object.
//!
//! # When a schema changes
//!
//! A pinned map continues to exist after the program that pinned it has ended. The module
//! [`migrate`] moves a pinned map with all its entries to a new layout. The module [`verify`] lists
//! all differences between a map and its declaration. Both modules use a [`MapDef`], which
//! describes a map as data, so they need no generated code. [`LiveMap`] is a handle to a map
//! without a spec.
//!
//! # Cost
//!
//! Each operation on one entry makes one system call. The arguments of the call and the value are
//! on the stack. The operation does not allocate memory and does not call other libraries. Use
//! [`lookup_boxed`](Map::lookup_boxed) and similar methods for values that are too large for the
//! stack. A map is checked only once, when it is opened. Each event is copied once, without a
//! system call. The folder `benches/` contains the benchmarks.
//!
//! # Features
//!
//! - `libbpf-rs` (default): implements [`MapSource`] and [`ArenaSource`] for `libbpf_rs::Object` of
//!   libbpf-rs 0.27. Without this feature, the crate needs only libc. No other item of bpfmap uses
//!   a type of libbpf-rs. To load objects, add libbpf-rs to your own `Cargo.toml`.
//! - `aya`: implements [`MapSource`] for `aya::Ebpf` of aya 0.14. This feature needs Rust 1.87. The
//!   maps must be BTF-defined, like the maps that `bpfmap generate` writes by default.
//! - `derive`: adds the derive macros [`BpfType`](derive@BpfType), [`BpfMap`](derive@BpfMap) and
//!   [`BpfMaps`](derive@BpfMaps).
//! - `zerocopy`, `bytemuck`: accept keys and values of types that these crates have proven to be
//!   plain data. For your own types, use `plain_from_zerocopy!` or `plain_from_bytemuck!`. For
//!   types of other crates, use the wrapper `Zerocopy<T>` or `Pod<T>`. Each feature also implements
//!   the traits of its crate for [`Be32`] and the other scalar types, and for [`CharArray`].

//! - `serde`: implements `serde::Serialize` for the types that tools print: [`Be32`] and the other
//!   scalar types, [`CharArray`], [`Enum`], [`PerCpu`], [`Info`], [`MapDef`], [`TypeDesc`],
//!   [`MapFlags`], and the results of [`migrate`] and [`verify`].

#![cfg_attr(target_arch = "bpf", no_std)]
#![warn(missing_debug_implementations)]

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
#[cfg(any(feature = "zerocopy", feature = "bytemuck"))]
mod bridges;
mod char_array;
mod definition;
/// Functions that `fuzz/` calls.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzz {
    /// Runs a reader and a writer on the memory of a ring that `input` describes.
    pub fn ring(input: &[u8]) {
        crate::user_space::drive_ring(input);
    }
}
mod insn_offsets;
mod kernel_fields;
pub mod kind;
mod limits;
mod plain;
mod plain_macros;
mod proof;
mod prover;
mod scalars;
mod schema;
mod spec;
pub mod storage;
mod types;
#[cfg(not(target_arch = "bpf"))]
mod user_space;

pub use bpfmap_core::{
    IntEncoding, KernelVersion, MapDef, MapFlags, MemberDesc, MigrationPlan, MigrationStep,
    Pinning, TypeDesc, UpdateMode,
};
#[cfg(feature = "derive")]
pub use bpfmap_derive::{BpfMap, BpfMaps, BpfType};
#[cfg(feature = "bytemuck")]
pub use bridges::Pod;
#[cfg(feature = "zerocopy")]
pub use bridges::Zerocopy;
pub use char_array::{CharArray, CharArrayError};
#[cfg(target_arch = "bpf")]
pub use definition::Map;
pub use insn_offsets::InsnOffsets;
pub use kernel_fields::{
    HasSpinLock, Kptr, ListHead, ListNode, RbNode, RbRoot, RefCount, ResSpinLock, SpinLock,
    TaskWork, Timer, UserPtr, WorkQueue,
};
#[cfg(not(target_arch = "bpf"))]
pub use plain::zeroed_box;
pub use plain::{Plain, bytes_of, from_bytes, zeroed};
pub use scalars::{Be16, Be32, Be64, Bool, KernelPtr};
pub use spec::{EventSpec, MapSpec, OuterMapSpec};
pub use types::{BpfEnum, BpfType, Enum, Padded};
#[cfg(not(target_arch = "bpf"))]
pub use user_space::*;

/// Compiles the examples of the README as documentation tests.
#[cfg(all(doctest, feature = "derive"))]
#[doc = include_str!("../README.md")]
struct Readme;
