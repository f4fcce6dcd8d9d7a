//! The Rust front end, which reads types and maps with `#[derive(BpfType)]` and
//! `#[derive(BpfMap)]`.
//!
//! ```text
//! /// A source address.
//! #[derive(Clone, Copy, BpfType)]
//! #[repr(C)]
//! struct IpKey {
//!     address: Be32,
//!     #[bpf(name = "type")]
//!     kind: u8,
//!     #[bpf(renamed_from = "proto")]   // the name in older maps, as in TOML
//!     protocol: u8,
//!     #[bpf(default = 1)]
//!     version: u8,
//!     _pad: [u8; 1],                   // padding needs a name in Rust, but does not become a member in C
//! }
//!
//! /// Packets seen per source address.
//! #[derive(BpfMap)]
//! #[bpf_map(hash, max_entries = 1024, flags(no_prealloc), pinning = by_name)]
//! struct Counters {
//!     key: IpKey,
//!     value: u64,
//! }
//! ```
//!
//! If the loader sets the type of a key or value, this type is a type parameter:
//!
//! ```text
//! #[derive(BpfMap)]
//! #[bpf_map(stack_trace, set_by_loader(max_entries))]
//! struct Stacks<V> {
//!     value: V,
//! }
//! ```
//!
//! If the loader is allowed to leave out a map, the map is `optional`, and its handle in `Maps` is an `Option`:
//!
//! ```text
//! #[derive(BpfMap)]
//! #[bpf_map(ringbuf, max_entries = 65536, optional)]
//! struct Debug;
//!
//! #[derive(BpfMaps)]
//! struct Maps {
//!     debug: Option<Map<Debug>>,
//! }
//! ```
//!
//! Each item is read separately, with a [`Context`] that represents the surrounding code. For a derive macro, this
//! context knows only the item. When a whole file is read, the context resolves names and constants.

mod attributes;
#[cfg(feature = "rust")]
mod cfg;
mod composite;
mod context;
mod enumeration;
mod expression;
mod fields;
#[cfg(feature = "rust")]
mod file;
mod item;
mod map;
mod types;

#[cfg(all(test, feature = "toml"))]
mod tests;

#[cfg(feature = "rust")]
use attributes::{has_word, string_word};
#[cfg(feature = "rust")]
pub use cfg::{Cfg, CfgError};
pub use composite::{FieldRole, Repr, Storage};
pub use context::{Constant, Context, Meaning, by_its_literals, by_last_segment};
pub use fields::check_fields;
#[cfg(feature = "rust")]
pub use file::{read_file, read_file_with, read_str, read_str_with};
#[cfg(feature = "rust")]
use item::read_alias;
pub use item::{Held, Later, MapItem, Pointee, TypeItem, read_map, read_type};
