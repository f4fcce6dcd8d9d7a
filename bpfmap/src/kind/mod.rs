//! Map types as Rust types, and the operations that each map type supports.
//!
//! Each map type is represented by a marker, such as [`Hash`](enum@Hash). The marker implements one
//! capability trait for each operation that the kernel offers to user space for that map type. The
//! methods of [`Map`](crate::Map) require these traits. An operation that a map type lacks
//! therefore does not compile, and the compiler's message explains why.
//!
//! # Generic code
//!
//! A generic function that accepts several map types must require the capabilities of the methods
//! that it calls. The following functions work with entries that have keys:
//!
//! ```no_run
//! use bpfmap::kind::{
//!     DeleteBatch, DeleteElement, InsertElement, Iterate, LookupElement, TakeElement, UpdateBatch,
//!     UpdateElement,
//! };
//! use bpfmap::{Map, MapSpec, Value};
//!
//! /// Returns the entry of a key. If the key is absent, inserts `new` and returns it.
//! fn get_or_insert<S>(map: &Map<S>, key: &S::Key, new: Value<S>) -> bpfmap::Result<Value<S>>
//! where
//!     S: MapSpec<Kind: LookupElement + InsertElement + UpdateElement>,
//! {
//!     loop {
//!         if let Some(value) = map.lookup(key)? {
//!             return Ok(value);
//!         }
//!         if map.insert(key, &new)? {
//!             return Ok(new);
//!         }
//!         // Another process has inserted the entry since the lookup.
//!     }
//! }
//!
//! /// Deletes old entries, and returns their last values.
//! fn expire<S>(map: &Map<S>, is_old: impl Fn(&Value<S>) -> bool) -> bpfmap::Result<Vec<Value<S>>>
//! where
//!     S: MapSpec<Kind: Iterate + LookupElement + TakeElement>,
//! {
//!     let mut expired = vec![];
//!     for entry in map.iter() {
//!         let (key, value) = entry?;
//!         if is_old(&value) {
//!             expired.extend(map.take(&key)?);
//!         }
//!     }
//!     Ok(expired)
//! }
//!
//! /// Deletes all keys in a range.
//! fn delete_range<S>(map: &Map<S>, range: std::ops::Range<S::Key>) -> bpfmap::Result<()>
//! where
//!     S: MapSpec<Kind: Iterate + DeleteElement, Key: PartialOrd>,
//! {
//!     for key in map.keys() {
//!         let key = key?;
//!         if range.contains(&key) {
//!             map.delete(&key)?;
//!         }
//!     }
//!     Ok(())
//! }
//!
//! /// Moves entries to another map of the same type, in batches.
//! fn move_entries<From, To>(from: &Map<From>, to: &Map<To>, keys: &[From::Key]) -> bpfmap::Result<()>
//! where
//!     From: MapSpec<Kind: LookupElement + UpdateElement + UpdateBatch + DeleteBatch>,
//!     To: MapSpec<Kind = From::Kind, Key = From::Key, Value = From::Value>,
//! {
//!     let (mut present, mut values) = (vec![], vec![]);
//!     for key in keys {
//!         if let Some(value) = from.lookup(key)? {
//!             present.push(*key);
//!             values.push(value);
//!         }
//!     }
//!     to.update_batch(&present, &values)?;
//!     from.delete_batch(&present)?;
//!     Ok(())
//! }
//! ```
//!
//! The following functions work with values without keys, values of one CPU, values with a spin
//! lock, and values in memory:
//!
//! ```no_run
//! use bpfmap::kind::{Filter, Lock, MapArena, MapValues, Peek, Pop, Push, SelectCpu, UpdateElement};
//! use bpfmap::{HasSpinLock, Map, MapSpec, UpdateMode, Value};
//!
//! /// Appends a value. If the queue is full, first removes the oldest value and returns it.
//! fn push_over<S: MapSpec<Kind: Push + Pop>>(
//!     map: &Map<S>,
//!     value: &Value<S>,
//! ) -> bpfmap::Result<Option<Value<S>>> {
//!     let mut replaced = None;
//!     while !map.try_push(value)? {
//!         replaced = map.pop()?;
//!     }
//!     Ok(replaced)
//! }
//!
//! /// Returns whether the time in the next value has passed.
//! fn is_due<S: MapSpec<Kind: Peek, Value = u64>>(map: &Map<S>, now: u64) -> bpfmap::Result<bool>
//! where
//!     S::Kind: bpfmap::kind::Kind<Value<u64> = u64>,
//! {
//!     Ok(map.peek()?.is_some_and(|time| time <= now))
//! }
//!
//! fn add_all<S: MapSpec<Kind: Filter>>(map: &Map<S>, values: &[Value<S>]) -> bpfmap::Result<()> {
//!     values.iter().try_for_each(|value| map.add(value))
//! }
//!
//! fn reset_cpu<S: MapSpec<Kind: SelectCpu>>(
//!     map: &Map<S>,
//!     key: &S::Key,
//!     cpu: usize,
//! ) -> bpfmap::Result<()> {
//!     map.update_on(key, cpu, &bpfmap::zeroed())
//! }
//!
//! fn set<S>(map: &Map<S>, key: &S::Key, value: &Value<S>) -> bpfmap::Result<()>
//! where
//!     S: MapSpec<Kind: Lock + UpdateElement, Value: HasSpinLock>,
//! {
//!     map.update_locked(key, value, UpdateMode::Any)
//! }
//!
//! fn sum<S: MapSpec<Kind: MapValues, Value = u64>>(map: &Map<S>) -> bpfmap::Result<u64> {
//!     Ok(map.map_values_read_only()?.iter().map(|cell| cell.load()).sum())
//! }
//!
//! fn clear_start<S: MapSpec<Kind: MapArena>>(map: &Map<S>) -> bpfmap::Result<()> {
//!     map.map_arena()?.at::<[u64; 8]>(0).expect("an arena has a page").store([0; 8]);
//!     Ok(())
//! }
//! ```
//!
//! The following functions work with kernel objects, values that are attached to kernel objects,
//! stacks, records, and `struct_ops` programs:
//!
//! ```no_run
//! use bpfmap::kind::{
//!     AttachValues, HoldObjects, HoldStacks, Iterate, Kind, LookupElement, ReadPerCpuRecords,
//!     ReadRecords, RegisterOps, ShowObjects, WriteRecords,
//! };
//! use bpfmap::{EventSpec, Map, MapSpec, PerfBuffer, RingBuf, UserRingBuf, Value};
//!
//! /// Stores an object under each key, and returns the kernel's information about one of the
//! /// objects.
//! fn store_everywhere<S>(
//!     map: &Map<S>,
//!     keys: &[S::Key],
//!     object: impl Fn() -> <S::Kind as HoldObjects<S>>::Object<'static>,
//! ) -> bpfmap::Result<Option<<S::Kind as ShowObjects<S>>::Shown>>
//! where
//!     S: MapSpec<Kind: HoldObjects<S> + ShowObjects<S> + Iterate>,
//! {
//!     for key in keys {
//!         map.set(key, object())?;
//!     }
//!     map.objects().next().map(|entry| entry.map(|(_, shown)| shown)).transpose()
//! }
//!
//! /// Returns the values of those owners that have a value.
//! fn values_of<'a, S: MapSpec<Kind: AttachValues>>(
//!     map: &Map<S>,
//!     owners: Vec<<S::Kind as AttachValues>::Owner<'a>>,
//! ) -> bpfmap::Result<Vec<Value<S>>> {
//!     owners.into_iter().filter_map(|owner| map.attached(owner).transpose()).collect()
//! }
//!
//! fn innermost<S>(map: &Map<S>, stack: &S::Key) -> bpfmap::Result<Option<u64>>
//! where
//!     S: MapSpec<Kind: HoldStacks + LookupElement + Kind<Value<S::Value> = S::Value>>,
//! {
//!     Ok(map.addresses(stack)?.and_then(|addresses| addresses.first().copied()))
//! }
//!
//! fn skip<S: EventSpec<Kind: ReadRecords>>(map: &Map<S>) -> bpfmap::Result<usize> {
//!     RingBuf::open(map)?.consume(|_| {})
//! }
//!
//! fn count<S: EventSpec<Kind: ReadPerCpuRecords, Key = u32>>(map: &Map<S>) -> bpfmap::Result<usize> {
//!     PerfBuffer::options(map).open()?.consume(|_| {})
//! }
//!
//! fn send<S: EventSpec<Kind: WriteRecords>>(map: &Map<S>, event: &S::Event) -> bpfmap::Result<bool> {
//!     UserRingBuf::open(map)?.send(event)
//! }
//!
//! fn stop<S: MapSpec<Kind: RegisterOps>>(map: &Map<S>) -> bpfmap::Result<bool> {
//!     map.unregister()
//! }
//! ```

#[cfg(not(target_arch = "bpf"))]
mod agreement;
mod markers;

pub use bpfmap_core::map_type::MapType;
pub use markers::*;

#[cfg(not(target_arch = "bpf"))]
use crate::plain::Plain;
use crate::spec::MapSpec;
#[cfg(not(target_arch = "bpf"))]
use crate::user_space::error::Result;
#[cfg(not(target_arch = "bpf"))]
use crate::user_space::held::Held;
#[cfg(not(target_arch = "bpf"))]
use bpfmap_core::MapFlags;
#[cfg(not(target_arch = "bpf"))]
use bpfmap_core::map_type::MaxEntriesRule;

/// A map type.
///
/// Only the markers of this module implement this trait, because the trait determines how many
/// bytes the kernel copies.
///
/// ```
/// use bpfmap::kind::{self, Kind, MapType};
/// use bpfmap::{MapDef, TypeDesc};
///
/// const KEY: &TypeDesc<'_> = TypeDesc::U32;
/// const VALUE: &TypeDesc<'_> = TypeDesc::U64;
/// // These are definitions of all map types, to which a tool can add `max_entries` and flags.
/// let definitions: [MapDef<'_>; 35] = [
///     kind::Arena::def("map", KEY, VALUE),
///     kind::Array::def("map", KEY, VALUE),
///     kind::ArrayOfMaps::def("map", KEY, VALUE),
///     kind::BloomFilter::def("map", KEY, VALUE),
///     kind::CgroupArray::def("map", KEY, VALUE),
///     kind::CgroupStorage::def("map", KEY, VALUE),
///     kind::CgrpStorage::def("map", KEY, VALUE),
///     kind::Cpumap::def("map", KEY, VALUE),
///     kind::Devmap::def("map", KEY, VALUE),
///     kind::DevmapHash::def("map", KEY, VALUE),
///     kind::Hash::def("map", KEY, VALUE),
///     kind::HashOfMaps::def("map", KEY, VALUE),
///     kind::InodeStorage::def("map", KEY, VALUE),
///     kind::InsnArray::def("map", KEY, VALUE),
///     kind::LpmTrie::def("map", KEY, VALUE),
///     kind::LruHash::def("map", KEY, VALUE),
///     kind::LruPercpuHash::def("map", KEY, VALUE),
///     kind::PercpuArray::def("map", KEY, VALUE),
///     kind::PercpuCgroupStorage::def("map", KEY, VALUE),
///     kind::PercpuHash::def("map", KEY, VALUE),
///     kind::PerfEventArray::def("map", KEY, VALUE),
///     kind::ProgArray::def("map", KEY, VALUE),
///     kind::Queue::def("map", KEY, VALUE),
///     kind::ReuseportSockarray::def("map", KEY, VALUE),
///     kind::Rhash::def("map", KEY, VALUE),
///     kind::Ringbuf::def("map", KEY, VALUE),
///     kind::SkStorage::def("map", KEY, VALUE),
///     kind::Sockhash::def("map", KEY, VALUE),
///     kind::Sockmap::def("map", KEY, VALUE),
///     kind::Stack::def("map", KEY, VALUE),
///     kind::StackTrace::def("map", KEY, VALUE),
///     kind::StructOps::def("map", KEY, VALUE),
///     kind::TaskStorage::def("map", KEY, VALUE),
///     kind::UserRingbuf::def("map", KEY, VALUE),
///     kind::Xskmap::def("map", KEY, VALUE),
/// ];
/// if let Some(kernel) = bpfmap::running_kernel() {
///     for definition in &definitions {
///         let facts = MapType::by_number(definition.map_type).expect("each marker has a row");
///         let is_here = if facts.since <= kernel { "" } else { "not " };
///         println!("{:<24}{is_here}in Linux {kernel}", facts.name);
///     }
/// }
///
/// // All maps of a type share these properties.
/// assert_eq!((kind::Hash::NAME, kind::Hash::TYPE), ("hash", 1));
/// assert!(kind::PercpuHash::FACTS.per_cpu);
///
/// /// The entries of a map with counters. Each entry is one number, or one number for each CPU.
/// struct Snapshot<K: Kind>(Vec<K::Value<u64>>);
/// let counters = Snapshot::<kind::Hash>(vec![1, 2]);
/// assert_eq!(counters.0.iter().sum::<u64>(), 3);
/// ```
pub trait Kind: sealed::Sealed + Sized + 'static {
    /// The kernel's rules for the map type.
    const FACTS: &'static MapType;
    /// The number of the map type in `enum bpf_map_type`.
    const TYPE: u32 = Self::FACTS.number;
    /// The name of the map type in schemas and in `bpftool`.
    const NAME: &'static str = Self::FACTS.name;
    /// The type of an entry's content: `V`, or [`PerCpu<V>`](crate::PerCpu) for a per-CPU map type.
    #[cfg(not(target_arch = "bpf"))]
    type Value<V: Plain>: Held<One = V>;
}

#[cfg(not(target_arch = "bpf"))]
/// Returns the `max_entries` with which a loader creates a map. `said` is the `max_entries` in the
/// schema.
///
/// Source: libbpf's `map_set_def_max_entries` and `adjust_ringbuf_sz`.
pub(crate) fn entries(facts: &MapType, said: Option<u32>) -> Result<Option<u32>> {
    Ok(match (facts.max_entries, said) {
        // Such a map has an entry for each owner, and its `max_entries` must be 0. The kernel
        // refuses any other number (`EINVAL`).
        (MaxEntriesRule::Zero, None) => Some(0),
        (MaxEntriesRule::PerCpu, None | Some(0)) => {
            u32::try_from(crate::user_space::possible_cpus()?).ok()
        }
        // The pages of this machine may be larger than those of the machine on which the schema was
        // written.
        (rule, Some(said)) => {
            let page = u32::try_from(crate::user_space::mapping::page_size()).unwrap_or(u32::MAX);
            Some(rule.as_made_of_pages(said, page))
        }
        (_, None) => None,
    })
}

#[cfg(not(target_arch = "bpf"))]
/// Returns the flags that the kernel adds by itself to a map of this type.
pub(crate) fn added_flags(facts: &MapType) -> MapFlags {
    MapFlags::from_bits_retain(facts.added_flag_bits())
}

#[cfg(not(target_arch = "bpf"))]
/// Returns the name of a map type in schemas and in `bpftool`, or its number if the facts table has no row for it.
pub(crate) fn type_name(number: u32) -> String {
    MapType::by_number(number)
        .map_or_else(|| format!("type {number}"), |facts| facts.name.to_owned())
}

mod sealed {
    pub trait Sealed {}
}

/// Seals the capabilities that have a type parameter. Otherwise, another crate could use its own
/// spec as the parameter, and implement these capabilities for the markers.
pub(crate) mod objects {
    /// Only this crate decides which map types hold kernel objects.
    pub trait Held<S: crate::spec::MapSpec> {}

    /// Only this crate decides which map types return information about kernel objects.
    pub trait Shown<S: crate::spec::MapSpec> {}
}

/// A map type whose values are kernel objects, such as programs, maps, devices and sockets.
///
/// User space passes a value of an object type, such as [`ProgramFd`](crate::ProgramFd), and never
/// a plain number: see [`Map::set`](crate::Map::set). The trait is sealed, because its
/// implementation determines how many bytes the kernel copies.
#[diagnostic::on_unimplemented(
    message = "a map of type `{Self}` does not hold kernel objects",
    label = "this map type holds plain values",
    note = "use `update`, or `push` for a queue or stack"
)]
pub trait HoldObjects<S: MapSpec>: Kind + objects::Held<S> {
    /// The type of the objects. Methods only borrow an object, because the map keeps its own
    /// reference to the object. The type can depend on the spec `S`: a map of maps accepts only
    /// maps of its inner spec.
    type Object<'a>;

    /// Returns the bytes that represent the object in the system call. The kernel reads the first 4
    /// or 8 of these bytes, depending on the size of the map's value.
    #[doc(hidden)]
    fn to_kernel(object: &Self::Object<'_>) -> [u8; 8];

    /// Returns the meaning of the errno with which the kernel refuses an object, or `None` if the
    /// meaning is obvious.
    #[doc(hidden)]
    #[must_use]
    fn refusal(_errno: i32) -> Option<&'static str> {
        None
    }
}

/// A map type whose lookups return information about the object in an entry, such as an id or a
/// cookie. The trait is sealed, because its implementation determines how many bytes the kernel
/// copies.
#[diagnostic::on_unimplemented(
    message = "`get` and `objects` don't support maps of type `{Self}`",
    label = "this map type lacks the operation",
    note = "to read an entry of a map with plain values, such as a hash or an array, call `lookup(&key)`",
    note = "`get` and `objects` read the ids of programs and inner maps, the cookies of sockets, and the entries of devmaps and cpumaps",
    note = "the kernel returns no information about the objects in a cgroup_array, a perf_event_array or an xskmap: keep track of the stored objects in the application"
)]
pub trait ShowObjects<S: MapSpec>: Kind + objects::Shown<S> {
    /// The type of the information that a lookup returns. The type can depend on the spec `S`: a
    /// devmap returns only the information that fits into its value.
    type Shown;

    /// Decodes the bytes that the kernel wrote. `value` contains the bytes of the map's value,
    /// followed by zeros.
    #[doc(hidden)]
    fn from_kernel(value: [u8; 8]) -> Self::Shown;
}

#[cfg(not(target_arch = "bpf"))]
/// A map type whose values are attached to a kernel object: a socket, a file, a task or a cgroup.
///
/// User space passes the owner of the value, such as a socket, and never a plain number: see
/// [`Map::attach`](crate::Map::attach).
#[diagnostic::on_unimplemented(
    message = "a map of type `{Self}` does not attach values to objects",
    label = "this map type has ordinary keys",
    note = "use `lookup` and `update` with a key; only sk_storage, inode_storage, task_storage and cgrp_storage attach values to objects"
)]
pub trait AttachValues: Kind {
    /// The type of the owners to which values are attached.
    type Owner<'a>: std::os::fd::AsFd;
}

macro_rules! capabilities {
    ($(
        $(#[$doc:meta])*
        $name:ident, $message:literal, $note:literal;
    )*) => { $(
        $(#[$doc])*
        #[diagnostic::on_unimplemented(message = $message, label = "this map type lacks the operation", note = $note)]
        pub trait $name: Kind {}
    )* };
}

capabilities! {
    /// The capability to read an entry by its key.
    LookupElement,
    "entries of a map of type `{Self}` can't be looked up by key",
    "queues and stacks have no keys: use `peek` or `pop`; for entries that are kernel objects use `get`; for values of a socket, a file, a task or a cgroup use `attached`; for a `bloom_filter` use `may_contain`";

    /// The capability to write an entry by its key.
    UpdateElement,
    "entries of a map of type `{Self}` can't be updated by key",
    "queues and stacks have no keys: use `push`; for entries that are kernel objects use `set` with the object; `RingBuf` reads a `ringbuf`, which programs fill; `UserRingBuf` fills a `user_ringbuf`; for values of a socket, a file, a task or a cgroup use `attach`; for a `bloom_filter` use `add`; only programs write to a `stack_trace`";

    /// The capability to update an entry only if its key is absent, or only if its key is present.
    InsertElement,
    "keys of a map of type `{Self}` are always present, so nothing can be inserted",
    "an array has all of its indices as soon as it is created (BPF_NOEXIST fails with EEXIST): use `update`, or `set` for kernel objects";

    /// The capability to read and write the value of one CPU, and to write one value for all CPUs
    /// (Linux 7.0).
    SelectCpu,
    "a map of type `{Self}` does not keep a value for each CPU",
    "only percpu_hash, percpu_array, lru_percpu_hash and percpu_cgroup_storage keep a value for each CPU: use `lookup` and `update`";

    /// The capability to delete an entry by its key.
    DeleteElement,
    "entries of a map of type `{Self}` can't be deleted",
    "the entries of an array exist as long as the map (the kernel returns EINVAL): store a zeroed value instead; for a queue or stack use `pop`; values can't be removed from a `bloom_filter`: replace the filter with a new one";

    /// The capability to read and delete an entry in one step.
    TakeElement,
    "entries of a map of type `{Self}` can't be looked up and deleted in one step",
    "only hash types (from Linux 5.14) and `stack_trace` (from 6.18) support this operation, and other types fail with ENOTSUPP: use `lookup` and then `delete`, or `pop` for a queue or stack";

    /// The capability to iterate over the keys.
    Iterate,
    "the keys of a map of type `{Self}` can't be iterated",
    "the kernel refuses BPF_MAP_GET_NEXT_KEY for this map type: use `pop` to empty a queue or stack";

    /// The capability to write many entries in one system call.
    UpdateBatch,
    "a map of type `{Self}` can't be updated in batches",
    "the kernel has no BPF_MAP_UPDATE_BATCH for this type (ENOTSUPP): call `update` for each entry, or `push` for a queue or stack";

    /// The capability to delete many entries in one system call.
    DeleteBatch,
    "entries of a map of type `{Self}` can't be deleted in batches",
    "the kernel has no BPF_MAP_DELETE_BATCH for this type (ENOTSUPP): call `delete` for each key if the map type supports deletion";

    /// The capability to append a value.
    Push,
    "values can't be pushed to a map of type `{Self}`",
    "only queues and stacks have values without keys: use `update`";

    /// The capability to remove the next value and return it.
    Pop,
    "values can't be popped from a map of type `{Self}`",
    "only queues and stacks have a next value: use `take` (hash types) or `lookup` with a key";

    /// The capability to read the next value without removing it.
    Peek,
    "a map of type `{Self}` has no next value to peek at",
    "only queues and stacks have a next value: use `lookup` with a key";

    /// The capability to add values whose membership can be tested but which can't be read back.
    Filter,
    "a map of type `{Self}` is not a Bloom filter",
    "only a `bloom_filter` can tell whether a value may have been added: use `contains_key` for a map with keys";

    /// The capability to read stacks that programs have recorded.
    HoldStacks,
    "a map of type `{Self}` contains no stacks",
    "only a `stack_trace` contains stacks: use `lookup`";

    /// The capability to read the records that programs write to a ring.
    ReadRecords,
    "a map of type `{Self}` is not a ring buffer that programs fill",
    "`RingBuf` reads a `ringbuf`; use `PerfBuffer` for a `perf_event_array`, `UserRingBuf` to write to a `user_ringbuf`, and `lookup`, `iter` or `pop` for the entries of other maps";

    /// The capability to read the records that programs write to the rings of a `perf_event_array`,
    /// which has one ring for each CPU.
    ReadPerCpuRecords,
    "a map of type `{Self}` has no rings of perf events",
    "`PerfBuffer` reads a `perf_event_array`; use `RingBuf` for a `ringbuf`, and `lookup`, `iter` or `pop` for the entries of other maps";

    /// The capability to write records to a ring that programs read.
    WriteRecords,
    "user space can't write records to a map of type `{Self}`",
    "`UserRingBuf` writes to a `user_ringbuf`; programs fill a `ringbuf`, and `RingBuf` reads it";

    /// The capability to replace functions of the kernel.
    RegisterOps,
    "a map of type `{Self}` does not replace functions of the kernel",
    "only a `struct_ops` map replaces functions of the kernel (from Linux 5.6)";

    /// The capability to share the whole map as memory between this process and BPF programs.
    MapArena,
    "a map of type `{Self}` is not an arena",
    "only an arena is memory that programs and user space share at one address (from Linux 6.9); an array with the flag `mmapable` has `map_values`";

    /// The capability to map the values into the memory of the process.
    MapValues,
    "the values of a map of type `{Self}` can't be mapped into memory",
    "only the values of an array with the flag `mmapable` can be mapped (from Linux 5.5; ENOTSUPP for other types): use `lookup` or `iter`";

    /// The capability to read and write a value under the spin lock in it.
    Lock,
    "a value in a map of type `{Self}` can't be locked",
    "the kernel allows a `bpf_spin_lock` in the values of hash, array and storage maps, but not in per-CPU, LRU or LPM maps";
}
