//! Map types whose entries are programs, cgroups and maps.

use super::kind;
use crate::kind::{
    DeleteBatch, DeleteElement, InsertElement, Iterate, Kind, UpdateBatch, sealed::Sealed,
};
#[cfg(not(target_arch = "bpf"))]
use crate::plain::Plain;

kind!(/// `BPF_MAP_TYPE_PROG_ARRAY` (Linux 4.2): programs to call by index (`bpf_tail_call`).
    ///
    /// [`set`](crate::Map::set) accepts a [`ProgramFd`](crate::ProgramFd), [`get`](crate::Map::get) returns the
    /// [`ProgramId`](crate::ProgramId) (Linux 4.13; `ENOTSUPP` before), and [`delete`](crate::Map::delete) empties a
    /// slot. A tail call to an empty slot or an index out of range does nothing, and the program continues.
    ///
    /// The kernel empties the map when its last descriptor and pin are gone, even while programs use it: keep the
    /// [`Map`](crate::Map), or pin it. At most 33 tail calls can follow each other.
    ///
    /// Errors: `EBADF` (a closed descriptor), `EINVAL` (not a program's descriptor, or the type of
    /// the program differs from that of the first one that used the map), `E2BIG` (the index is out
    /// of range).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/prog_array.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/arraymap.c`, `prog_array_map_ops`.
    ProgArray, PROG_ARRAY, V => V);
impl DeleteElement for ProgArray {}
impl Iterate for ProgArray {}

kind!(/// `BPF_MAP_TYPE_CGROUP_ARRAY` (Linux 4.8): cgroups that a program can test for (`bpf_skb_under_cgroup`,
    /// `bpf_current_task_under_cgroup`).
    ///
    /// [`set`](crate::Map::set) accepts a [`CgroupFd`](crate::CgroupFd), and [`delete`](crate::Map::delete) empties a
    /// slot. User space can't read the entries (`ENOTSUPP`).
    ///
    /// Errors: `EBADF` (not a directory of a cgroup2 file system), `E2BIG` (the index is out of range).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/cgroup_array.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/arraymap.c`, `cgroup_array_map_ops`.
    CgroupArray, CGROUP_ARRAY, V => V);
impl DeleteElement for CgroupArray {}
impl Iterate for CgroupArray {}

kind!(/// `BPF_MAP_TYPE_ARRAY_OF_MAPS` (Linux 4.12): maps by index, all with one spec
    /// ([`OuterMapSpec::Inner`](crate::OuterMapSpec::Inner)).
    ///
    /// [`set`](crate::Map::set) accepts a [`Map`](crate::Map) of that spec. Programs see it immediately.
    /// [`get`](crate::Map::get) returns its [`MapId`](crate::MapId) (Linux 4.13), [`inner`](crate::Map::inner) opens
    /// it, and [`swap`](crate::Map::swap) replaces it.
    ///
    /// Errors: `EBADF` (a closed descriptor), `EINVAL` (the map differs from the template), `E2BIG` (the index is out of
    /// range).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/array_of_maps.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/arraymap.c`, `array_of_maps_map_ops`; `kernel/bpf/map_in_map.c`.
    ArrayOfMaps, ARRAY_OF_MAPS, V => V);
impl DeleteElement for ArrayOfMaps {}
impl Iterate for ArrayOfMaps {}
impl UpdateBatch for ArrayOfMaps {}

kind!(/// `BPF_MAP_TYPE_HASH_OF_MAPS` (Linux 4.12): maps by key, all with one spec
    /// ([`OuterMapSpec::Inner`](crate::OuterMapSpec::Inner)).
    ///
    /// Like [`ArrayOfMaps`], and [`set_new`](crate::Map::set_new) fails for a key that is present. Programs can't write
    /// to the map.
    ///
    /// Errors: `EBADF` (a closed descriptor), `EINVAL` (the map differs from the template), `E2BIG` (the map is full).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/hash_of_maps.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/hashtab.c`, `htab_of_maps_map_ops`; `kernel/bpf/map_in_map.c`.
    HashOfMaps, HASH_OF_MAPS, V => V);
impl InsertElement for HashOfMaps {}
impl DeleteElement for HashOfMaps {}
impl Iterate for HashOfMaps {}
impl UpdateBatch for HashOfMaps {}
impl DeleteBatch for HashOfMaps {}
