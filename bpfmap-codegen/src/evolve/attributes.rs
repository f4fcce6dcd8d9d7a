//! The attributes of a map as they are compared.

use bpfmap_core::map_type::MapType;
use bpfmap_schema::ir::MapDecl;

/// Returns how many entries a map is made with, if the schema says it.
pub(super) fn max_entries(map: &MapDecl) -> Option<u32> {
    let said = map.max_entries.as_ref()?.value;
    let row = MapType::by_name(&map.map_type.value);
    Some(row.map_or(said, |row| row.max_entries.as_made(said)))
}

/// The flag whose place is another rule's.
pub(super) const NUMA_NODE: &str = "numa_node";

/// Flags of the descriptor that creation returns, which the map does not keep.
///
/// Source: `bpf_map_flags_retain_permanent` in `kernel/bpf/syscall.c`.
const DESCRIPTORS: [&str; 3] = ["rdonly", "wronly", "token_fd"];

/// The flags of a map, in one order and each once.
pub(super) struct Flags<'a> {
    /// Those that the map keeps.
    pub(super) permanent: Vec<&'a str>,
    /// Those that only say what its maker's descriptor may do.
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
