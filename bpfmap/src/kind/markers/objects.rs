//! Map types whose entries are programs, cgroups and maps.

use super::kind;
use crate::kind::{
    DeleteBatch, DeleteElement, InsertElement, Iterate, Kind, UpdateBatch, sealed::Sealed,
};
#[cfg(not(target_arch = "bpf"))]
use crate::plain::Plain;

kind!(/// `BPF_MAP_TYPE_PROG_ARRAY` (Linux 4.2): programs by index, which other programs call with
    /// `bpf_tail_call`.
    ///
    /// [`set`](crate::Map::set) accepts a [`ProgramFd`](crate::ProgramFd), [`get`](crate::Map::get)
    /// returns the [`ProgramId`](crate::ProgramId) (from Linux 4.13; `ENOTSUPP` on older kernels),
    /// and [`delete`](crate::Map::delete) empties a slot. A tail call to an empty slot or to an
    /// index that is out of range does nothing, and the calling program continues.
    ///
    /// The kernel empties the map when its last descriptor is closed and its last pin is removed,
    /// even while programs use the map. To prevent this, keep the [`Map`](crate::Map) open, or pin
    /// the map. A program can make at most 33 tail calls in sequence.
    ///
    /// Errors: `EBADF` (the descriptor is closed), `EINVAL` (the descriptor is not a program, or
    /// the program's type differs from the type of the first program that used the map), `E2BIG`
    /// (the index is out of range).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/prog_array.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/arraymap.c`, `prog_array_map_ops`.
    ProgArray, PROG_ARRAY, V => V);
impl DeleteElement for ProgArray {}
impl Iterate for ProgArray {}

kind!(/// `BPF_MAP_TYPE_CGROUP_ARRAY` (Linux 4.8): cgroups by index. A program can test whether a
    /// packet or the current task belongs to one of these cgroups (`bpf_skb_under_cgroup`,
    /// `bpf_current_task_under_cgroup`).
    ///
    /// [`set`](crate::Map::set) accepts a [`CgroupFd`](crate::CgroupFd), and [`delete`](crate::Map::delete) empties a
    /// slot. User space can't read the entries (`ENOTSUPP`).
    ///
    /// Errors: `EBADF` (the descriptor is not a directory of a cgroup2 file system), `E2BIG` (the
    /// index is out of range).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/cgroup_array.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/arraymap.c`, `cgroup_array_map_ops`.
    CgroupArray, CGROUP_ARRAY, V => V);
impl DeleteElement for CgroupArray {}
impl Iterate for CgroupArray {}

kind!(/// `BPF_MAP_TYPE_ARRAY_OF_MAPS` (Linux 4.12): maps by index, which all have the same spec
    /// ([`OuterMapSpec::Inner`](crate::OuterMapSpec::Inner)).
    ///
    /// [`set`](crate::Map::set) stores a [`Map`](crate::Map) of that spec, which programs see
    /// immediately. [`get`](crate::Map::get) returns the [`MapId`](crate::MapId) of a stored map
    /// (Linux 4.13), [`inner`](crate::Map::inner) opens a stored map, and
    /// [`swap`](crate::Map::swap) replaces a stored map.
    ///
    /// Errors: `EBADF` (the descriptor is closed), `EINVAL` (the map differs from the template),
    /// `E2BIG` (the index is out of range).
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

kind!(/// `BPF_MAP_TYPE_HASH_OF_MAPS` (Linux 4.12): maps by key, which all have the same spec
    /// ([`OuterMapSpec::Inner`](crate::OuterMapSpec::Inner)).
    ///
    /// The map has the methods of an [`ArrayOfMaps`], and also [`set_new`](crate::Map::set_new),
    /// which stores a map only if the key is absent. Programs can't write to the map.
    ///
    /// Errors: `EBADF` (the descriptor is closed), `EINVAL` (the map differs from the template),
    /// `E2BIG` (the map is full).
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
