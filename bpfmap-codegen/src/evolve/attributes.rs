//! Converts the attributes of a map to a form that can be compared.

use bpfmap_core::map_type::MapType;
use bpfmap_schema::ir::MapDecl;

/// Returns the `max_entries` with which the map is created, or `None` if the schema does not set
/// this number.
pub(super) fn max_entries(map: &MapDecl) -> Option<u32> {
    let said = map.max_entries.as_ref()?.value;
    let row = MapType::by_name(&map.map_type.value);
    Some(row.map_or(said, |row| row.max_entries.as_made(said)))
}

/// The flag for the NUMA node, which a separate rule compares.
pub(super) const NUMA_NODE: &str = "numa_node";

/// Flags that apply only to the file descriptor that the kernel returns when it creates a map. The
/// kernel does not store these flags in the map.
///
/// Source: `bpf_map_flags_retain_permanent` in `kernel/bpf/syscall.c`.
const DESCRIPTORS: [&str; 3] = ["rdonly", "wronly", "token_fd"];

/// The flags of a map. Both lists are sorted and contain no duplicates.
pub(super) struct Flags<'a> {
    /// The flags that the kernel stores in the map.
    pub(super) permanent: Vec<&'a str>,
    /// The flags that only restrict the file descriptor of the process that creates the map.
    pub(super) descriptors: Vec<&'a str>,
}

impl<'a> Flags<'a> {
    pub(super) fn of(map: &'a MapDecl) -> Self {
        let flags = map.flags.iter().map(|flag| flag.value.as_str());
        let mut flags: Vec<&str> = flags.filter(|flag| *flag != NUMA_NODE).collect();
        flags.sort_unstable();
        flags.dedup();
        let (descriptors, permanent) =
            flags.into_iter().partition(|flag| DESCRIPTORS.contains(flag));
        Self { permanent, descriptors }
    }
}
