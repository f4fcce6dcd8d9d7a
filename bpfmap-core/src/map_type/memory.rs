//! The memory that a map needs, and the kernels' limits for it.

use crate::KernelVersion;

/// The kernel's formula for the memory of a map, which it evaluates when the map is created.
///
/// Source: the `map_alloc` of each type in Linux 5.10, which passes the sum to
/// `bpf_map_charge_init`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryRule {
    /// The memory does not depend on the entries, or the entries are too few to matter.
    Free,
    /// The values, each rounded up to 8 bytes.
    Array,
    /// The same as [`Self::Array`], plus a pointer to the values of all CPUs for each entry.
    PerCpuArray,
    /// As many buckets as entries, rounded up to a power of two. Each entry adds an element header
    /// of 48 bytes, the key and the value. Key and value are each rounded up to 8 bytes.
    Hash,
    /// The same as [`Self::Hash`], plus a pointer to the values of all CPUs for each entry.
    PerCpuHash,
    /// The same as [`Self::Hash`], with elements that consist of a socket and the key.
    SocketHash,
    /// A node of 40 bytes, the data of the key and the value for each entry.
    Trie,
    /// A pointer for each entry.
    Pointers,
    /// A pointer for each bucket. There are as many buckets as entries, rounded up to a power of
    /// two.
    Buckets,
    /// A pointer for each bucket, and 16 bytes plus the value for each entry. There are as many
    /// buckets as entries, rounded up to a power of two.
    Stacks,
    /// The values and space for one more. The kernel computes the offset of a value with 32 bits,
    /// so the total must be less than 4 GiB: see [`Self::is_contiguous`].
    Contiguous,
}

/// The first kernel without a separate limit for the memory of a map. The memory is charged to the
/// cgroup that creates the map.
pub const UNLIMITED_MEMORY: KernelVersion = KernelVersion::new(5, 11);

/// The limit for the memory of a map before [`UNLIMITED_MEMORY`]. Creating a map of this size or
/// larger fails with E2BIG or, for some types, with EINVAL.
///
/// Source: `bpf_map_charge_init` in `kernel/bpf/syscall.c` of Linux 5.10.
pub const MEMORY_LIMIT: u64 = u32::MAX as u64 - 4096;

impl MemoryRule {
    /// Returns the minimum memory of a map in bytes. The kernel adds less than a page for the map
    /// itself. In a per-CPU map, the kernel counts a value for each possible CPU, and this function
    /// only one.
    #[must_use]
    pub const fn bytes(self, entries: u64, key: u64, value: u64) -> u64 {
        let buckets = match entries.checked_next_power_of_two() {
            Some(buckets) => buckets,
            None => u64::MAX,
        };
        // The sizes of a bucket and of an entry.
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

    /// Returns whether all values and one more must together be smaller than 4 GiB. Some kernels
    /// refuse larger maps (E2BIG: 5.10, and the stable releases 6.12.117 and 7.3.4). The other
    /// kernels create them, and values then overlap.
    ///
    /// Source: `queue_stack_map_alloc` and `__queue_map_get` in `kernel/bpf/queue_stack_maps.c`.
    #[must_use]
    pub const fn is_contiguous(self) -> bool {
        matches!(self, Self::Contiguous)
    }
}

/// Returns the distance between elements of this size in bytes: the size rounded up to 8.
const fn rounded(size: u64) -> u64 {
    size.saturating_add(7) / 8 * 8
}
