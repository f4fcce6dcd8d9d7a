//! The typed handle to a map.

mod arena;
mod attached;
pub(crate) mod batch;
mod boxed;
mod bulk;
mod create;
mod element;
mod filter;
mod handle;
mod info;
mod iter;
mod locked;
mod memory;
mod missing;
mod nested;
mod object;
mod one_cpu;
mod open;
mod options;
mod origin;
mod queue;
mod stacks;
mod struct_ops;
mod user_ptrs;
mod walk;

pub use arena::{Arena, ArenaPtr};
pub use attached::Owner;
pub use bulk::Drain;
pub use info::Info;
pub use iter::{Iter, Keys, Walk};
pub use memory::{MappedValues, ReadOnlyValues};
pub use object::{IntoObject, Object, Objects, Shown};
pub use open::LayoutCheck;
pub use options::OpenOptions;
pub use stacks::StackFrame;
pub use struct_ops::{Registration, StructOpsState};

pub(crate) use create::{create_declared, create_def, kernel_name};
pub(crate) use info::{btf_blob, by_id};
#[cfg(feature = "libbpf-rs")]
pub(crate) use missing::is_map;
pub(crate) use missing::{is_placeholder, not_created};
pub(crate) use open::open_def;
pub(crate) use options::{c_path, get_pinned};

use crate::kind::Kind;
use crate::spec::MapSpec;
use crate::user_space::oldest_kernel::AnyKernel;
use bpfmap_core::UpdateMode;
use core::fmt;
use core::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// The contents of a map's entry: `S::Value`, or `PerCpu<S::Value>` ([`PerCpu`](crate::PerCpu)) if
/// the map type has one value for each CPU.
///
/// ```
/// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
/// use bpfmap::{BpfMap, CharArray, Map, MapSpec, PerCpu, Value, kind::LookupElement};
///
/// #[derive(BpfMap)]
/// #[bpf_map(hash, max_entries = 8)]
/// struct Names {
///     key: u32,
///     value: CharArray<16>,
/// }
///
/// #[derive(BpfMap)]
/// #[bpf_map(percpu_hash, max_entries = 8)]
/// struct Counters {
///     key: u32,
///     value: u64,
/// }
///
/// /// Returns the entry of a key, or `absent` if the key is absent. An entry is one value, or one
/// /// value for each CPU.
/// fn entry_or<S: MapSpec>(map: &Map<S>, key: &S::Key, absent: Value<S>) -> bpfmap::Result<Value<S>>
/// where
///     S::Kind: LookupElement,
/// {
///     Ok(map.lookup(key)?.unwrap_or(absent))
/// }
///
/// let unknown = CharArray::from_bytes(*b"unknown\0\0\0\0\0\0\0\0\0");
/// let name: CharArray<16> = entry_or(&Map::<Names>::create()?, &1, unknown)?;
/// let counts: PerCpu<u64> = entry_or(&Map::<Counters>::create()?, &1, PerCpu::zeroed()?)?;
/// assert_eq!(name, "unknown");
/// assert_eq!(counts.iter().sum::<u64>(), 0);
/// # Ok(()) }
/// # #[cfg(not(feature = "derive"))] fn main() {}
/// ```
pub type Value<S> = <<S as MapSpec>::Kind as Kind>::Value<<S as MapSpec>::Value>;

/// A typed handle to an open BPF map.
///
/// The handle owns a file descriptor of the map and closes this descriptor when it is dropped. The
/// handle continues to work after the object from which it was opened has been dropped. Any number
/// of threads can use the same handle.
pub struct Map<S: MapSpec> {
    fd: OwnedFd,
    max_entries: u32,
    layout_check: LayoutCheck,
    /// Whether the value could have a user pointer that the spec does not declare. This is true if
    /// the process could not read the map's BTF to check.
    may_hide_user_ptrs: bool,
    /// The batch commands that this kernel is known to lack for this map.
    lacks: batch::Lacks,
    spec: PhantomData<fn() -> S>,
}

impl<S: MapSpec> Map<S> {
    /// Returns a handle to a map that is known to match the spec.
    fn new(fd: OwnedFd, max_entries: u32, layout_check: LayoutCheck) -> Self {
        Self {
            fd,
            max_entries,
            layout_check,
            may_hide_user_ptrs: false,
            lacks: batch::Lacks::default(),
            spec: PhantomData,
        }
    }
}

impl<S: MapSpec> From<Map<S>> for Map<AnyKernel<S>> {
    /// Converts the handle to a handle whose methods don't depend on the `min_kernel` of the
    /// schema.
    fn from(map: Map<S>) -> Self {
        let Map { fd, max_entries, layout_check, may_hide_user_ptrs, lacks, spec: PhantomData } =
            map;
        Self { fd, max_entries, layout_check, may_hide_user_ptrs, lacks, spec: PhantomData }
    }
}

impl<S: MapSpec> From<Map<S>> for OwnedFd {
    fn from(map: Map<S>) -> Self {
        map.fd
    }
}

impl<S: MapSpec> AsFd for Map<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl<S: MapSpec> AsRawFd for Map<S> {
    fn as_raw_fd(&self) -> i32 {
        self.fd.as_raw_fd()
    }
}

impl<S: MapSpec> fmt::Debug for Map<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map")
            .field("name", &S::DEF.name)
            .field("kind", &S::Kind::NAME)
            .field("fd", &self.fd.as_raw_fd())
            .finish_non_exhaustive()
    }
}
