//! Map types that hold plain keys and values.

use super::kind;
use crate::kind::{
    DeleteBatch, DeleteElement, InsertElement, Iterate, Kind, Lock, LookupElement, MapValues, Peek,
    Pop, Push, SelectCpu, TakeElement, UpdateBatch, UpdateElement, sealed::Sealed,
};
#[cfg(not(target_arch = "bpf"))]
use crate::plain::Plain;
#[cfg(not(target_arch = "bpf"))]
use crate::user_space::percpu::PerCpu;

kind!(/// `BPF_MAP_TYPE_HASH` (Linux 3.19): a value for each key.
    ///
    /// Errors: `E2BIG` (the map is full, and the key is new), `EPERM` (the map is frozen, or the
    /// descriptor is read-only), `ENOTSUPP` ([`take`](crate::Map::take) before Linux 5.14).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/hash.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/hashtab.c`, `htab_map_ops`.
    Hash, HASH, V => V);
impl LookupElement for Hash {}
impl UpdateElement for Hash {}
impl InsertElement for Hash {}
impl DeleteElement for Hash {}
impl TakeElement for Hash {}
impl Iterate for Hash {}
impl UpdateBatch for Hash {}
impl DeleteBatch for Hash {}
impl Lock for Hash {}

kind!(/// `BPF_MAP_TYPE_ARRAY` (Linux 3.19): values by index. All indices are present, and values are initially zero.
    ///
    /// Errors: `E2BIG` (the index is out of range), `EPERM` (the map is frozen, or the descriptor
    /// is read-only). A lookup with an index that is out of range returns `None`.
    ///
    /// ```no_run
    #[doc = include_str!("../examples/array.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/arraymap.c`, `array_map_ops`.
    Array, ARRAY, V => V);
impl LookupElement for Array {}
impl UpdateElement for Array {}
impl Iterate for Array {}
impl UpdateBatch for Array {}
impl MapValues for Array {}
impl Lock for Array {}

kind!(/// `BPF_MAP_TYPE_PERCPU_HASH` (Linux 4.6): for each key, [one value for each CPU](PerCpu).
    ///
    /// Errors: `E2BIG` (the map is full, and the key is new), `EPERM` (the map is frozen, or the
    /// descriptor is read-only), `ENOTSUPP` ([`take`](crate::Map::take) before Linux 5.14).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/percpu_hash.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/hashtab.c`, `htab_percpu_map_ops`.
    PercpuHash, PERCPU_HASH, V => PerCpu<V>);
impl LookupElement for PercpuHash {}
impl UpdateElement for PercpuHash {}
impl SelectCpu for PercpuHash {}
impl InsertElement for PercpuHash {}
impl DeleteElement for PercpuHash {}
impl TakeElement for PercpuHash {}
impl Iterate for PercpuHash {}
impl UpdateBatch for PercpuHash {}
impl DeleteBatch for PercpuHash {}

kind!(/// `BPF_MAP_TYPE_PERCPU_ARRAY` (Linux 4.6): for each index, [one value for each CPU](PerCpu).
    /// All indices are present, and values are initially zero.
    ///
    /// Errors: `E2BIG` (the index is out of range), `EPERM` (the map is frozen, or the descriptor
    /// is read-only), `ENOTSUPP` (batch operations before Linux 5.13). A lookup with an index that
    /// is out of range returns `None`.
    ///
    /// ```no_run
    #[doc = include_str!("../examples/percpu_array.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/arraymap.c`, `percpu_array_map_ops`.
    PercpuArray, PERCPU_ARRAY, V => PerCpu<V>);
impl LookupElement for PercpuArray {}
impl UpdateElement for PercpuArray {}
impl SelectCpu for PercpuArray {}
impl Iterate for PercpuArray {}
impl UpdateBatch for PercpuArray {}

kind!(/// `BPF_MAP_TYPE_LRU_HASH` (Linux 4.10): a value for each key. A full map evicts the least recently used
    /// entries. Lookups from user space do not mark an entry as recently used.
    ///
    /// Errors: `EPERM` (the map is frozen, or the descriptor is read-only), `ENOTSUPP`
    /// ([`take`](crate::Map::take) before Linux 5.14). The map is never full.
    ///
    /// ```no_run
    #[doc = include_str!("../examples/lru_hash.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/hashtab.c`, `htab_lru_map_ops`.
    LruHash, LRU_HASH, V => V);
impl LookupElement for LruHash {}
impl UpdateElement for LruHash {}
impl InsertElement for LruHash {}
impl DeleteElement for LruHash {}
impl TakeElement for LruHash {}
impl Iterate for LruHash {}
impl UpdateBatch for LruHash {}
impl DeleteBatch for LruHash {}

kind!(/// `BPF_MAP_TYPE_LRU_PERCPU_HASH` (Linux 4.10): like an [`LruHash`], but each key has [one
    /// value for each CPU](PerCpu).
    ///
    /// Errors: `EPERM` (the map is frozen, or the descriptor is read-only), `ENOTSUPP`
    /// ([`take`](crate::Map::take) before Linux 5.14). The map is never full.
    ///
    /// ```no_run
    #[doc = include_str!("../examples/lru_percpu_hash.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/hashtab.c`, `htab_lru_percpu_map_ops`.
    LruPercpuHash, LRU_PERCPU_HASH, V => PerCpu<V>);
impl LookupElement for LruPercpuHash {}
impl UpdateElement for LruPercpuHash {}
impl SelectCpu for LruPercpuHash {}
impl InsertElement for LruPercpuHash {}
impl DeleteElement for LruPercpuHash {}
impl TakeElement for LruPercpuHash {}
impl Iterate for LruPercpuHash {}
impl UpdateBatch for LruPercpuHash {}
impl DeleteBatch for LruPercpuHash {}

kind!(/// `BPF_MAP_TYPE_LPM_TRIE` (Linux 4.11): a value for each prefix. A lookup finds the longest prefix that
    /// covers the key.
    ///
    /// Errors: `ENOSPC` (the map is full, and the prefix is new; kernels up to Linux 6.12 that lack
    /// a backported fix also return this errno if the prefix is present), `EINVAL` (the prefix
    /// length is larger than the key's data), `EPERM` (the map is frozen, or the descriptor is
    /// read-only), `ENOSYS` ([`delete`](crate::Map::delete) before Linux 4.15), `ENOTSUPP`
    /// (iteration before Linux 4.16, batch operations before Linux 5.13).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/lpm_trie.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/lpm_trie.c`, `trie_map_ops`.
    LpmTrie, LPM_TRIE, V => V);
impl LookupElement for LpmTrie {}
impl UpdateElement for LpmTrie {}
impl InsertElement for LpmTrie {}
impl DeleteElement for LpmTrie {}
impl Iterate for LpmTrie {}
impl UpdateBatch for LpmTrie {}
impl DeleteBatch for LpmTrie {}

kind!(/// `BPF_MAP_TYPE_QUEUE` (Linux 4.20): values without keys. The next value is the oldest one.
    ///
    /// Errors: `E2BIG` (the map is full), `EINVAL` (the mode is
    /// [`UpdateMode::NoExist`](crate::UpdateMode::NoExist)), `EPERM` (the map is frozen, or the
    /// descriptor is read-only).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/queue.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/queue_stack_maps.c`, `queue_map_ops`.
    Queue, QUEUE, V => V);
impl Push for Queue {}
impl Pop for Queue {}
impl Peek for Queue {}

kind!(/// `BPF_MAP_TYPE_STACK` (Linux 4.20): values without keys. The next value is the newest one.
    ///
    /// Errors: `E2BIG` (the map is full), `EINVAL` (the mode is
    /// [`UpdateMode::NoExist`](crate::UpdateMode::NoExist)), `EPERM` (the map is frozen, or the
    /// descriptor is read-only).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/stack.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/queue_stack_maps.c`, `stack_map_ops`.
    Stack, STACK, V => V);
impl Push for Stack {}
impl Pop for Stack {}
impl Peek for Stack {}

kind!(/// `BPF_MAP_TYPE_RHASH` (Linux 7.2): like a [`Hash`](enum@Hash), but its memory grows and
    /// shrinks with the number of entries. An update overwrites the value in place. A lookup
    /// without the spin lock can therefore return a mix of the old and the new value.
    ///
    /// Errors: `E2BIG` (the map is full, and the key is new), `EPERM` (the map is frozen, or the
    /// descriptor is read-only).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/rhash.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/hashtab.c`, `rhtab_map_ops`.
    Rhash, RHASH, V => V);
impl LookupElement for Rhash {}
impl UpdateElement for Rhash {}
impl InsertElement for Rhash {}
impl DeleteElement for Rhash {}
impl TakeElement for Rhash {}
impl Iterate for Rhash {}
impl UpdateBatch for Rhash {}
impl DeleteBatch for Rhash {}
impl Lock for Rhash {}
