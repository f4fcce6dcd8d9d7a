//! How much memory a map takes, and where kernels put a limit to it.

use crate::KernelVersion;

/// How the memory of a map follows from its entries, as the kernel computes it when the map is made.
///
/// Source: the `map_alloc` of each type in Linux 5.10, which hands the sum to `bpf_map_charge_init`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryRule {
    /// The entries do not count, or are too few to matter.
    Free,
    /// One value after the other, each rounded up to 8 bytes.
    Array,
    /// As [`Self::Array`], and a pointer to the values of all CPUs for each entry.
    PerCpuArray,
    /// As many buckets as entries, rounded up to a power of two; and for each entry an element of 48 bytes, the key and
    /// the value, each rounded up to 8 bytes.
    Hash,
    /// As [`Self::Hash`], and a pointer to the values of all CPUs for each entry.
    PerCpuHash,
    /// As [`Self::Hash`], with an element that holds a socket and the key.
    SocketHash,
    /// A node of 40 bytes, the data of the key and the value for each entry.
    Trie,
    /// A pointer for each entry.
    Pointers,
    /// A pointer for each bucket: as many as entries, rounded up to a power of two.
    Buckets,
    /// A pointer for each bucket, as many as entries, rounded up to a power of two; and for each entry 16 bytes and the
    /// value.
    Stacks,
    /// One value after the other, and room for one more. The kernel finds a value by a product of 32 bits: all together
    /// have less than 4 GiB, see [`Self::is_contiguous`].
    Contiguous,
}

/// From this kernel on the memory of a map has no limit of its own: it counts for the cgroup that made it.
pub const UNLIMITED_MEMORY: KernelVersion = KernelVersion::new(5, 11);

/// What a map may take before [`UNLIMITED_MEMORY`]: creation is E2BIG, of some types EINVAL, from here on.
///
/// Source: `bpf_map_charge_init` in `kernel/bpf/syscall.c` of Linux 5.10.
pub const MEMORY_LIMIT: u64 = u32::MAX as u64 - 4096;

impl MemoryRule {
    /// How many bytes the entries of a map take at least: the kernel adds less than a page for the map itself, and the
    /// values of a per-CPU map count for each CPU that the machine could have, here for one.
    #[must_use]
    pub const fn bytes(self, entries: u64, key: u64, value: u64) -> u64 {
        let buckets = match entries.checked_next_power_of_two() {
            Some(buckets) => buckets,
            None => u64::MAX,
        };
        // What each bucket takes, and what each entry does.
        let (bucket, entry) = match self {
            Self::Free => (0, 0),
            Self::Array => (0, rounded(value)),
            Self::PerCpuArray => (0, rounded(value).saturating_add(8)),
            Self::Hash => (16, rounded(value).saturating_add(48).saturating_add(rounded(key))),
            Self::PerCpuHash => {
                (16, rounded(value).saturating_add(48 + 8).saturating_add(rounded(key)))
            }
            Self::SocketHash => (16, rounded(key).saturating_add(48)),
            Self::Trie => (0, value.saturating_add(key).saturating_add(40 - 4)),
            Self::Pointers => (0, 8),
            Self::Buckets => (8, 0),
            Self::Stacks => (8, value.saturating_add(16)),
            Self::Contiguous => return entries.saturating_add(1).saturating_mul(value),
        };
        buckets.saturating_mul(bucket).saturating_add(entries.saturating_mul(entry))
    }

    /// Whether all values, and one more, have to take less than 4 GiB on each kernel. Some refuse others (E2BIG: 5.10,
    /// and the stable releases 6.12.117 and 7.3.4), the rest takes them and puts values over each other.
    ///
    /// Source: `queue_stack_map_alloc` and `__queue_map_get` in `kernel/bpf/queue_stack_maps.c`.
    #[must_use]
    pub const fn is_contiguous(self) -> bool {
        matches!(self, Self::Contiguous)
    }
}

/// A size in bytes as elements lie: rounded up to 8.
const fn rounded(size: u64) -> u64 {
    size.saturating_add(7) / 8 * 8
}
