//! Map types that hold plain keys and values.

use super::kind;
use crate::kind::{
    BatchCursor, DeleteBatch, DeleteElement, InsertElement, Iterate, Kind, Lock, LookupElement,
    MapValues, Peek, Pop, Push, TakeElement, UpdateBatch, UpdateElement, sealed::Sealed,
};
use crate::percpu::PerCpu;
use crate::plain::Plain;

kind!(/// `BPF_MAP_TYPE_HASH` (Linux 3.19)
    Hash, 1, "hash", btf: true, cursor: Position, value: V => V);
impl LookupElement for Hash {}
impl UpdateElement for Hash {}
impl InsertElement for Hash {}
impl DeleteElement for Hash {}
impl TakeElement for Hash {}
impl Iterate for Hash {}
impl UpdateBatch for Hash {}
impl DeleteBatch for Hash {}
impl Lock for Hash {}

kind!(/// `BPF_MAP_TYPE_ARRAY` (Linux 3.19)
    Array, 2, "array", btf: true, cursor: Key, value: V => V);
impl LookupElement for Array {}
impl UpdateElement for Array {}
impl Iterate for Array {}
impl UpdateBatch for Array {}
impl MapValues for Array {}
impl Lock for Array {}

kind!(/// `BPF_MAP_TYPE_PERCPU_HASH` (Linux 4.6)
    PercpuHash, 5, "percpu_hash", btf: true, cursor: Position, value: V => PerCpu<V>);
impl LookupElement for PercpuHash {}
impl UpdateElement for PercpuHash {}
impl InsertElement for PercpuHash {}
impl DeleteElement for PercpuHash {}
impl TakeElement for PercpuHash {}
impl Iterate for PercpuHash {}
impl UpdateBatch for PercpuHash {}
impl DeleteBatch for PercpuHash {}

kind!(/// `BPF_MAP_TYPE_PERCPU_ARRAY` (Linux 4.6)
    PercpuArray, 6, "percpu_array", btf: true, cursor: Key, value: V => PerCpu<V>);
impl LookupElement for PercpuArray {}
impl UpdateElement for PercpuArray {}
impl Iterate for PercpuArray {}
impl UpdateBatch for PercpuArray {}

kind!(/// `BPF_MAP_TYPE_LRU_HASH` (Linux 4.10)
    LruHash, 9, "lru_hash", btf: true, cursor: Position, value: V => V);
impl LookupElement for LruHash {}
impl UpdateElement for LruHash {}
impl InsertElement for LruHash {}
impl DeleteElement for LruHash {}
impl TakeElement for LruHash {}
impl Iterate for LruHash {}
impl UpdateBatch for LruHash {}
impl DeleteBatch for LruHash {}

kind!(/// `BPF_MAP_TYPE_LRU_PERCPU_HASH` (Linux 4.10)
    LruPercpuHash, 10, "lru_percpu_hash", btf: true, cursor: Position, value: V => PerCpu<V>);
impl LookupElement for LruPercpuHash {}
impl UpdateElement for LruPercpuHash {}
impl InsertElement for LruPercpuHash {}
impl DeleteElement for LruPercpuHash {}
impl TakeElement for LruPercpuHash {}
impl Iterate for LruPercpuHash {}
impl UpdateBatch for LruPercpuHash {}
impl DeleteBatch for LruPercpuHash {}

kind!(/// `BPF_MAP_TYPE_LPM_TRIE` (Linux 4.11)
    LpmTrie, 11, "lpm_trie", btf: true, cursor: Key, value: V => V);
impl LookupElement for LpmTrie {}
impl UpdateElement for LpmTrie {}
impl InsertElement for LpmTrie {}
impl DeleteElement for LpmTrie {}
impl Iterate for LpmTrie {}
impl UpdateBatch for LpmTrie {}
impl DeleteBatch for LpmTrie {}

kind!(/// `BPF_MAP_TYPE_QUEUE` (Linux 4.20)
    Queue, 22, "queue", btf: false, cursor: Position, value: V => V);
impl Push for Queue {}
impl Pop for Queue {}
impl Peek for Queue {}

kind!(/// `BPF_MAP_TYPE_STACK` (Linux 4.20)
    Stack, 23, "stack", btf: false, cursor: Position, value: V => V);
impl Push for Stack {}
impl Pop for Stack {}
impl Peek for Stack {}

kind!(/// `BPF_MAP_TYPE_RHASH` (Linux 7.2)
    Rhash, 35, "rhash", btf: true, cursor: Position, value: V => V);
impl LookupElement for Rhash {}
impl UpdateElement for Rhash {}
impl InsertElement for Rhash {}
impl DeleteElement for Rhash {}
impl TakeElement for Rhash {}
impl Iterate for Rhash {}
impl UpdateBatch for Rhash {}
impl DeleteBatch for Rhash {}
impl Lock for Rhash {}
