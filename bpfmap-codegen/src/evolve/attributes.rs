//! The attributes of a map in the form in which they are compared.

use bpfmap_core::map_type::MapType;
use bpfmap_schema::ir::MapDecl;

/// Returns the number of entries with which a map is created, if the schema sets it.
pub(super) fn max_entries(map: &MapDecl) -> Option<u32> {
    let said = map.max_entries.as_ref()?.value;
    let row = MapType::by_name(&map.map_type.value);
    Some(row.map_or(said, |row| row.max_entries.as_made(said)))
}

/// The flag that is compared by a different rule.
pub(super) const NUMA_NODE: &str = "numa_node";

/// Flags that apply only to the file descriptor that map creation returns. The map does not keep
/// them.
///
/// Source: `bpf_map_flags_retain_permanent` in `kernel/bpf/syscall.c`.
const DESCRIPTORS: [&str; 3] = ["rdonly", "wronly", "token_fd"];

/// The flags of a map, sorted and without duplicates.
pub(super) struct Flags<'a> {
    /// The flags that the map keeps.
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
