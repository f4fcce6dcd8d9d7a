//! The memory that a map needs, and the limits that kernels have for this memory.

use crate::KernelVersion;

/// The formula with which the kernel computes the memory of a map when the map is created.
///
/// Source: the `map_alloc` of each type in Linux 5.10, which passes the sum to
/// `bpf_map_charge_init`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryRule {
    /// The memory does not depend on the number of entries, or the number is always too small to matter.
    Free,
    /// The memory consists of the values, each rounded up to a multiple of 8 bytes.
    Array,
    /// The memory is the same as for [`Self::Array`], plus one pointer for each entry. The pointer
    /// refers to the values of all CPUs.
    PerCpuArray,
    /// The memory consists of buckets and elements. The number of buckets is `max_entries`, rounded up to a power of
    /// two. Each element consists of a header of 48 bytes, the key and the value. The key and the value are each
    /// rounded up to a multiple of 8 bytes.
    Hash,
    /// The memory is the same as for [`Self::Hash`], plus one pointer for each entry. The pointer
    /// refers to the values of all CPUs.
    PerCpuHash,
    /// The memory is the same as for [`Self::Hash`], but each element consists of a socket and the key.
    SocketHash,
    /// Each entry takes a node of 40 bytes, the data of the key, and the value.
    Trie,
    /// Each entry takes a pointer.
    Pointers,
    /// Each bucket takes a pointer. The number of buckets is `max_entries`, rounded up to a power of two.
    Buckets,
    /// Each bucket takes a pointer, and each entry takes 16 bytes plus the value. The number of buckets is
    /// `max_entries`, rounded up to a power of two.
    Stacks,
    /// The memory consists of the values and space for one more value. The kernel computes the offset of a value in 32
    /// bits, so the total must be less than 4 GiB. See [`Self::is_contiguous`].
    Contiguous,
}

/// The first kernel without a separate limit for the memory of a map. From this version on, the memory is charged to
/// the cgroup of the process that creates the map.
pub const UNLIMITED_MEMORY: KernelVersion = KernelVersion::new(5, 11);

/// The limit for the memory of a map on kernels older than [`UNLIMITED_MEMORY`], in bytes. Creating a map that needs
/// this much memory or more fails with E2BIG or, for some map types, with EINVAL.
///
/// Source: `bpf_map_charge_init` in `kernel/bpf/syscall.c` of Linux 5.10.
pub const MEMORY_LIMIT: u64 = u32::MAX as u64 - 4096;

impl MemoryRule {
    /// Returns the minimum memory of a map in bytes. The kernel adds less than a page for the map itself. In a per-CPU
    /// map, the kernel counts one value for each possible CPU, but this function counts only one value.
    #[must_use]
    pub const fn bytes(self, entries: u64, key: u64, value: u64) -> u64 {
        let buckets = match entries.checked_next_power_of_two() {
            Some(buckets) => buckets,
            None => u64::MAX,
        };
        // The size of a bucket, and the size of an entry.
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

    /// Returns whether all values together, plus space for one more value, must take less than 4
    /// GiB. Linux 5.10 and the stable releases 6.12.117 and 7.3.4 refuse larger maps with E2BIG.
    /// Other kernels create a larger map, and its values then overlap.
    ///
    /// Source: `queue_stack_map_alloc` and `__queue_map_get` in `kernel/bpf/queue_stack_maps.c`.
    #[must_use]
    pub const fn is_contiguous(self) -> bool {
        matches!(self, Self::Contiguous)
    }
}

/// Returns the distance between elements of this size in bytes, which is the size rounded up to a multiple of 8.
const fn rounded(size: u64) -> u64 {
    size.saturating_add(7) / 8 * 8
}
