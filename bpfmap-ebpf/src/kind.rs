//! The operations that programs can perform on each map type.
//!
//! The markers are the types in [`bpfmap::kind`], which the application also uses. A marker
//! implements a capability of this module if the kernel lets programs call the helper function with
//! maps of the type.

use core::ffi::c_void;

use aya_ebpf_bindings::helpers;
use bpfmap::MapSpec;
use bpfmap::kind::{
    Array, ArrayOfMaps, BloomFilter, CgrpStorage, Cpumap, Devmap, DevmapHash, Hash, HashOfMaps,
    InodeStorage, Kind, LpmTrie, LruHash, LruPercpuHash, PercpuArray, PercpuHash, PerfEventArray,
    ProgArray, Queue, Rhash, Ringbuf, SkStorage, Stack, TaskStorage, UserRingbuf, Xskmap,
};
use bpfmap_core::map_type::{Helper, MAP_TYPES, MapType, ValueRule};
use bpfmap_core::{Text, rule};

/// Defines a trait for each capability, and implements the trait for the listed markers. Checks
/// that the list contains exactly the map types whose row offers the capability.
macro_rules! capabilities {
    ($(
        $(#[$doc:meta])*
        $name:ident, $offered:path, $message:literal, $note:literal: $($kind:ident)*;
    )*) => {
        $(
            $(#[$doc])*
            #[diagnostic::on_unimplemented(
                message = $message,
                label = "programs lack the operation on this map type",
                note = $note
            )]
            pub trait $name: Kind {}

            $(impl $name for $kind {})*

            agrees!($name, $offered: $($kind)*);
        )*
    };
}

/// Checks that the list contains exactly the map types whose row offers a capability.
macro_rules! agrees {
    ($name:ident, $offered:path: $($kind:ident)*) => {
        const _: () = agrees(stringify!($name), &[$($kind::FACTS),*], &{
            // One entry for each row.
            let (mut offered, mut index) = ([false; MAP_TYPES.len()], 0);
            while index < offered.len() {
                offered[index] = $offered(&MAP_TYPES[index]);
                index += 1;
            }
            offered
        });
    };
}

capabilities! {
    /// The capability to get the value of a key.
    LookupElement, offer::lookup,
    "programs can't look up values by key in a map of type `{Self}`",
    "queues and stacks have `pop` and `peek`, a `ringbuf` has `reserve`":
    Hash Array PercpuHash PercpuArray LruHash LruPercpuHash LpmTrie Rhash;

    /// The capability to write the value of a key.
    UpdateElement, offer::update,
    "programs can't update entries by key in a map of type `{Self}`",
    "queues and stacks have `push`, a `ringbuf` has `reserve` and `output`":
    Hash Array PercpuHash PercpuArray LruHash LruPercpuHash LpmTrie Rhash;

    /// The capability to delete an entry by its key.
    DeleteElement, offer::delete,
    "programs can't delete entries of a map of type `{Self}`",
    "the entries of an array exist as long as the map (the kernel returns EINVAL): store a zeroed value instead":
    Hash PercpuHash LruHash LruPercpuHash LpmTrie Rhash;

    /// The capability to get the value of a key on another CPU (Linux 5.19).
    SelectCpu, offer::select_cpu,
    "a map of type `{Self}` does not keep a value for each CPU",
    "only percpu_hash, percpu_array and lru_percpu_hash do: use `lookup`":
    PercpuHash PercpuArray LruPercpuHash;

    /// The capability to append a value.
    Push, offer::push,
    "programs can't push values to a map of type `{Self}`",
    "only queues and stacks have values without keys: use `update`, or `add` for a `bloom_filter`":
    Queue Stack;

    /// The capability to read the next value, and to remove it.
    Pop, offer::push,
    "a map of type `{Self}` has no next value",
    "only queues and stacks have one: use `lookup`":
    Queue Stack;

    /// The capability to add values whose membership can be tested.
    Filter, offer::filter,
    "a map of type `{Self}` is not a Bloom filter",
    "use `lookup` for maps with keys":
    BloomFilter;

    /// The capability to send records to user space through a ring.
    WriteRecords, offer::ring,
    "a map of type `{Self}` is not a ring buffer that programs fill",
    "only a `ringbuf` is (from Linux 5.8); a `perf_event_array` has `perf_event_output`":
    Ringbuf;

    /// The capability to send records to user space through the ring of this CPU.
    WritePerCpuRecords, offer::perf_events,
    "a map of type `{Self}` has no rings of perf events",
    "only a `perf_event_array` has them; a `ringbuf` has `reserve` and `output`":
    PerfEventArray;

    /// The capability to read records that user space sends through a ring (Linux 6.1).
    ReadRecords, offer::user_ring,
    "a map of type `{Self}` is not a ring buffer that user space fills",
    "only a `user_ringbuf` is; programs fill a `ringbuf`":
    UserRingbuf;

    /// The capability to call a function for each entry (Linux 5.13).
    Iterate, offer::iterate,
    "programs can't iterate over a map of type `{Self}`",
    "`bpf_for_each_map_elem` takes hashes and arrays":
    Hash Array PercpuHash PercpuArray LruHash LruPercpuHash Rhash;

    /// The capability to get an inner map.
    HoldMaps, offer::maps,
    "a map of type `{Self}` holds no maps",
    "use `lookup` for values":
    ArrayOfMaps HashOfMaps;

    /// The capability to jump to another program.
    HoldPrograms, offer::programs,
    "a map of type `{Self}` holds no programs to jump to",
    "only a `prog_array` does":
    ProgArray;

    /// The capability to redirect packets.
    Redirect, offer::redirect,
    "packets can't be redirected with a map of type `{Self}`",
    "`redirect` takes a devmap, devmap_hash, cpumap or xskmap":
    Devmap DevmapHash Cpumap Xskmap;
}

/// A map type whose values are attached to a kernel object: a socket, an inode, a task or a cgroup.
#[diagnostic::on_unimplemented(
    message = "a map of type `{Self}` does not attach values to objects",
    label = "programs lack the operation on this map type",
    note = "use `lookup` and `update` with a key; only sk_storage, inode_storage, task_storage and cgrp_storage attach values to objects"
)]
pub trait AttachValues: Kind {
    /// The helper function that returns the value of an owner.
    #[doc(hidden)]
    const GET: Helper;
    /// The helper function that removes the value of an owner.
    #[doc(hidden)]
    const DELETE: Helper;

    /// Calls the helper function that returns the value of an owner.
    ///
    /// # Safety
    ///
    /// `map` must be a map of this type, `owner` an owner of this type, and `value` NULL or the
    /// address of a value of the map.
    #[doc(hidden)]
    unsafe fn get(
        map: *mut c_void,
        owner: *mut c_void,
        value: *mut c_void,
        flags: u64,
    ) -> *mut c_void;

    /// Calls the helper function that removes the value of an owner.
    ///
    /// # Safety
    ///
    /// `map` must be a map of this type, and `owner` an owner of this type.
    #[doc(hidden)]
    unsafe fn delete(map: *mut c_void, owner: *mut c_void) -> i64;
}

macro_rules! attach_values {
    ($($kind:ident: $get:ident $get_function:ident, $delete:ident $delete_function:ident;)*) => {
        $(impl AttachValues for $kind {
            const GET: Helper = Helper::$get;
            const DELETE: Helper = Helper::$delete;

            #[inline(always)]
            unsafe fn get(
                map: *mut c_void,
                owner: *mut c_void,
                value: *mut c_void,
                flags: u64,
            ) -> *mut c_void {
                // SAFETY: the caller guarantees the conditions.
                unsafe { helpers::$get_function(map, owner.cast(), value, flags) }
            }

            #[inline(always)]
            unsafe fn delete(map: *mut c_void, owner: *mut c_void) -> i64 {
                // SAFETY: the caller guarantees the conditions.
                let result = unsafe { helpers::$delete_function(map, owner.cast()) };
                result.into()
            }
        }

        const _: () = assert!(
            $kind::FACTS.helper_since(Helper::$get).is_some()
                && $kind::FACTS.helper_since(Helper::$delete).is_some()
        );)*

        agrees!(AttachValues, offer::attach: $($kind)*);
    };
}
attach_values! {
    SkStorage: SkStorageGet bpf_sk_storage_get, SkStorageDelete bpf_sk_storage_delete;
    InodeStorage: InodeStorageGet bpf_inode_storage_get, InodeStorageDelete bpf_inode_storage_delete;
    TaskStorage: TaskStorageGet bpf_task_storage_get, TaskStorageDelete bpf_task_storage_delete;
    CgrpStorage: CgrpStorageGet bpf_cgrp_storage_get, CgrpStorageDelete bpf_cgrp_storage_delete;
}

/// Functions that return whether a row offers a capability to programs.
mod offer {
    use super::{Helper, MapType, ValueRule};

    const fn plain(row: &MapType, helper: Helper) -> bool {
        matches!(row.value, ValueRule::Plain { .. }) && row.helper_since(helper).is_some()
    }

    pub(super) const fn lookup(row: &MapType) -> bool {
        plain(row, Helper::MapLookupElem)
    }

    pub(super) const fn update(row: &MapType) -> bool {
        plain(row, Helper::MapUpdateElem)
    }

    pub(super) const fn delete(row: &MapType) -> bool {
        plain(row, Helper::MapDeleteElem)
    }

    pub(super) const fn select_cpu(row: &MapType) -> bool {
        plain(row, Helper::MapLookupPercpuElem)
    }

    pub(super) const fn push(row: &MapType) -> bool {
        plain(row, Helper::MapPopElem)
    }

    pub(super) const fn filter(row: &MapType) -> bool {
        plain(row, Helper::MapPushElem) && row.helper_since(Helper::MapPopElem).is_none()
    }

    pub(super) const fn iterate(row: &MapType) -> bool {
        plain(row, Helper::ForEachMapElem)
    }

    pub(super) const fn maps(row: &MapType) -> bool {
        row.holds_maps() && row.helper_since(Helper::MapLookupElem).is_some()
    }

    pub(super) const fn programs(row: &MapType) -> bool {
        row.helper_since(Helper::TailCall).is_some()
    }

    pub(super) const fn redirect(row: &MapType) -> bool {
        row.helper_since(Helper::RedirectMap).is_some()
    }

    pub(super) const fn ring(row: &MapType) -> bool {
        row.helper_since(Helper::RingbufReserve).is_some()
    }

    pub(super) const fn perf_events(row: &MapType) -> bool {
        row.helper_since(Helper::PerfEventOutput).is_some()
    }

    pub(super) const fn user_ring(row: &MapType) -> bool {
        row.helper_since(Helper::UserRingbufDrain).is_some()
    }

    pub(super) const fn attach(row: &MapType) -> bool {
        let get = [
            Helper::SkStorageGet,
            Helper::InodeStorageGet,
            Helper::TaskStorageGet,
            Helper::CgrpStorageGet,
        ];
        let mut index = 0;
        while index < get.len() {
            if row.helper_since(get[index]).is_some() {
                return true;
            }
            index += 1;
        }
        false
    }
}

/// Checks at compile time that the capability is implemented for exactly those map types whose row
/// offers it.
const fn agrees(capability: &str, implemented: &[&MapType], offered: &[bool]) {
    let mut index = 0;
    while index < MAP_TYPES.len() {
        let row = &MAP_TYPES[index];
        let (mut is_implemented, mut other) = (false, 0);
        while other < implemented.len() {
            is_implemented |= implemented[other].number == row.number;
            other += 1;
        }
        if is_implemented != offered[index] {
            let verb = if is_implemented { " is implemented" } else { " is not implemented" };
            let text = Text::new().and("`").and(capability).and("`").and(verb).and(" for `");
            panic!("{}", text.and(row.name).and("`, whose row says otherwise").as_str());
        }
        index += 1;
    }
}

/// Fails to compile if the `min_kernel` of the schema lacks `helper` for this map.
#[track_caller]
pub(crate) const fn needs<S: MapSpec>(method: &str, helper: Helper) {
    rule::holds(rule::program_method(&S::DEF, method, helper));
}
