//! What is known of a map type by its number, for maps that no spec describes.

use super::{
    Arena, Array, ArrayOfMaps, BatchCursor, BloomFilter, CgroupArray, CgroupStorage, CgrpStorage,
    Cpumap, Devmap, DevmapHash, Hash, HashOfMaps, InodeStorage, InsnArray, Kind, LpmTrie, LruHash,
    LruPercpuHash, PercpuArray, PercpuCgroupStorage, PercpuHash, PerfEventArray, ProgArray, Queue,
    ReuseportSockarray, Rhash, Ringbuf, SkStorage, Sockhash, Sockmap, Stack, StackTrace, StructOps,
    TaskStorage, UserRingbuf, Xskmap,
};
use crate::error::Result;
use crate::spec::MapFlags;

/// The constants of a [`Kind`].
pub(crate) struct KindFacts {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    pub(crate) btf: bool,
    pub(crate) kernel_value: bool,
    pub(crate) per_cpu: bool,
    pub(crate) batch_cursor: BatchCursor,
    pub(crate) added_flags: MapFlags,
    pub(crate) entries: fn(Option<u32>) -> Result<Option<u32>>,
}

impl KindFacts {
    const fn of<K: Kind>() -> Self {
        Self {
            number: K::TYPE,
            name: K::NAME,
            btf: K::BTF,
            kernel_value: K::KERNEL_VALUE,
            per_cpu: K::PER_CPU,
            batch_cursor: K::BATCH_CURSOR,
            added_flags: K::ADDED_FLAGS,
            entries: K::entries,
        }
    }

    /// Of the map type with this number (`enum bpf_map_type`); `None`: nobody here knows it.
    pub(crate) fn by_number(number: u32) -> Option<&'static Self> {
        ALL.iter().find(|facts| facts.number == number)
    }
}

macro_rules! all {
    ($($kind:ident)*) => {
        static ALL: &[KindFacts] = &[$(KindFacts::of::<$kind>()),*];
    };
}
all! {
    Hash Array ProgArray PerfEventArray PercpuHash PercpuArray StackTrace CgroupArray LruHash LruPercpuHash LpmTrie
    ArrayOfMaps HashOfMaps Devmap Sockmap Cpumap Xskmap Sockhash CgroupStorage ReuseportSockarray PercpuCgroupStorage
    Queue Stack SkStorage DevmapHash StructOps Ringbuf InodeStorage TaskStorage BloomFilter UserRingbuf CgrpStorage
    Arena InsnArray Rhash
}

/// The name of a map type, as schemas and `bpftool` write it; its number where nobody here knows it.
pub(crate) fn type_name(number: u32) -> String {
    KindFacts::by_number(number)
        .map_or_else(|| format!("type {number}"), |facts| facts.name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn each_number_stands_once_and_none_is_left_out() {
        let numbers: Vec<u32> = ALL.iter().map(|facts| facts.number).collect();
        assert!(numbers.is_sorted_by(|one, other| one + 1 == *other), "{numbers:?}");
        assert_eq!(numbers.first(), Some(&1));
    }
}
