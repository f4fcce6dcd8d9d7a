//! Map types whose entries are programs, cgroups and maps.

use super::kind;
use crate::kind::{
    DeleteBatch, DeleteElement, InsertElement, Iterate, Kind, UpdateBatch, sealed::Sealed,
};
use crate::plain::Plain;

kind!(/// `BPF_MAP_TYPE_PROG_ARRAY` (Linux 4.2): programs to call by index (`bpf_tail_call`).
    ///
    /// [`set`](crate::Map::set) takes a [`ProgramFd`](crate::ProgramFd), [`get`](crate::Map::get) gives the
    /// [`ProgramId`](crate::ProgramId) (Linux 4.13; `ENOTSUPP` before), [`delete`](crate::Map::delete) empties a slot:
    /// a tail call falls through an empty slot and an index that is out of range.
    ///
    /// The kernel empties the map when the last descriptor or pin of it is gone, even while programs use it: keep
    /// the [`Map`](crate::Map), or pin it. At most 33 tail calls follow each other.
    ///
    /// Errors: `EBADF` (a closed descriptor), `EINVAL` (no program's descriptor, or a program of another type than those that
    /// the map was first used with), `E2BIG` (the index is out of range).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/prog_array.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/arraymap.c`, `prog_array_map_ops`.
    ProgArray, PROG_ARRAY, V => V);
impl DeleteElement for ProgArray {}
impl Iterate for ProgArray {}

kind!(/// `BPF_MAP_TYPE_CGROUP_ARRAY` (Linux 4.8): cgroups for a program to ask about (`bpf_skb_under_cgroup`,
    /// `bpf_current_task_under_cgroup`).
    ///
    /// [`set`](crate::Map::set) takes a [`CgroupFd`](crate::CgroupFd), [`delete`](crate::Map::delete) empties a slot.
    /// User space can't read the entries (`ENOTSUPP`).
    ///
    /// Errors: `EBADF` (no directory of a cgroup2 file system), `E2BIG` (the index is out of range).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/cgroup_array.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/arraymap.c`, `cgroup_array_map_ops`.
    CgroupArray, CGROUP_ARRAY, V => V);
impl DeleteElement for CgroupArray {}
impl Iterate for CgroupArray {}

kind!(/// `BPF_MAP_TYPE_ARRAY_OF_MAPS` (Linux 4.12): maps by index, all of one spec
    /// ([`OuterMapSpec::Inner`](crate::OuterMapSpec::Inner)).
    ///
    /// [`set`](crate::Map::set) takes a [`Map`](crate::Map) of that spec, which programs see at once,
    /// [`get`](crate::Map::get) gives its [`MapId`](crate::MapId) (Linux 4.13), [`inner`](crate::Map::inner) opens it,
    /// [`swap`](crate::Map::swap) replaces it.
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

kind!(/// `BPF_MAP_TYPE_HASH_OF_MAPS` (Linux 4.12): maps by key, all of one spec
    /// ([`OuterMapSpec::Inner`](crate::OuterMapSpec::Inner)).
    ///
    /// As [`ArrayOfMaps`], and [`set_new`](crate::Map::set_new) tells a new key from one that is there. Programs can't
    /// write it.
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
