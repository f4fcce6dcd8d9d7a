//! Reads the section `maps`, which libbpf supported before version 1.0. The definitions in this section are structs of
//! numbers.
//!
//! Sources: libbpf 0.8, `struct bpf_map_def` in `src/bpf_helpers.h`; iproute2, `struct bpf_elf_map` in
//! `include/bpf_elf.h` and `bpf_maps_attach_all` in `lib/bpf_legacy.c`; aya, `bpf_map_def` in
//! `aya-ebpf-bindings`; Linux up to 5.10, `struct bpf_load_map_def` in `samples/bpf/bpf_load.h`; gobpf,
//! `struct bpf_map_def` in `elf/include/bpf_map.h`.

use std::collections::HashMap;

use bpfmap_core::map_type;

use super::definition::MapDefinition;
use super::elf::{Symbol, read_u32};

/// The number of fields in libbpf's struct: map type, key size, value size, `max_entries` and
/// flags.
const LIBBPFS: u64 = 5;

/// The numbers of fields in longer structs. iproute2 and aya add an ID and the kind of pinning.
/// iproute2 also adds the ID of the inner map and the index of the map in its outer map. The struct
/// in the kernel's samples has as many fields as aya's struct, but its last two fields have a
/// different meaning: they are the index of the inner map within the section, and the NUMA node,
/// which is valid only if the flag `numa_node` is set.
const EXTENDED: [u64; 2] = [7, 9];

/// The number of 4-byte fields in gobpf's struct. The struct adds the kind of pinning and 256 bytes with the name of a
/// directory.
const GOBPFS: u64 = 70;

/// The flag `BPF_F_NUMA_NODE`.
const NUMA_NODE: u32 = 1 << 2;

/// The numbers of the map types whose values are maps.
const OF_MAPS: [u32; 2] = [map_type::ARRAY_OF_MAPS.number, map_type::HASH_OF_MAPS.number];

/// The maximum total number of inner maps in all outer maps. An inner map counts once for each
/// outer map. Real programs have far fewer inner maps. The limit protects against a malicious file
/// in which each map refers to all other maps.
const MOST_HELD: usize = 1 << 14;

/// The index of a map that is not in an outer map.
const NOT_HELD: u32 = u32::MAX;

/// The fields of a definition that are about maps of maps.
pub(super) struct Extra {
    id: u32,
    inner_id: u32,
    inner_index: u32,
    /// The index of the inner map within the section.
    inner_number: Option<usize>,
}

/// Reads a map definition.
pub(super) fn definition(
    data: &[u8],
    symbol: &Symbol<'_>,
    little: bool,
) -> Result<(MapDefinition, Extra), String> {
    let field = |number: u64| {
        let at = symbol.offset.checked_add(number * 4)?;
        read_u32(data, usize::try_from(at).ok()?, little)
    };
    let required = |number| {
        field(number).ok_or_else(|| "the section `maps` is too short for the definition".to_owned())
    };
    let numbers = symbol.size / 4;
    if numbers < LIBBPFS {
        return Err(format!(
            "expected a `struct bpf_map_def` of at least 20 bytes, found {}",
            symbol.size
        ));
    }
    let known = match numbers {
        GOBPFS => GOBPFS,
        numbers if EXTENDED.contains(&numbers) => numbers,
        _ => LIBBPFS,
    };
    if (known..numbers).any(|number| field(number) != Some(0)) {
        return Err("its `struct bpf_map_def` has fields of another loader".to_owned());
    }
    let extra = |number| if number < known { required(number) } else { Ok(0) };
    let (map_type, flags) = (required(0)?, required(4)?);
    let has_node = known == EXTENDED[0] && flags & NUMA_NODE != 0;
    let holds_number = known == EXTENDED[0] && OF_MAPS.contains(&map_type);
    let pinning = match known {
        GOBPFS => extra(5)?,
        _ if has_node || holds_number => 0,
        _ => extra(6)?,
    };
    let map = MapDefinition {
        name: symbol.name.to_owned(),
        map_type: Some(map_type),
        key_size: Some(required(1)?),
        value_size: Some(required(2)?),
        max_entries: Some(required(3)?),
        flags: Some(flags),
        numa_node: if has_node { Some(extra(6)?) } else { None },
        // Each of these numbers means that the map is pinned by name. The numbers 1 and 2 in iproute2 and 1 to 3 in
        // gobpf only select the directory.
        pinning: Some(BY_NAME).filter(|_| pinning != 0),
        is_weak: symbol.is_weak,
        ..MapDefinition::default()
    };
    let inner_number = if holds_number { usize::try_from(extra(5)?).ok() } else { None };
    let extra = match known {
        GOBPFS => Extra { id: 0, inner_id: 0, inner_index: 0, inner_number },
        _ => Extra { id: extra(5)?, inner_id: extra(7)?, inner_index: extra(8)?, inner_number },
    };
    Ok((map, extra))
}

/// The number `LIBBPF_PIN_BY_NAME`.
const BY_NAME: u32 = 1;

/// Adds the inner maps to the maps of maps. The outer map contains the ID or the index of its inner map. An inner map
/// must not itself be a map of maps.
pub(super) fn link(maps: &mut [MapDefinition], extras: &[Extra]) {
    let mut held: HashMap<u32, Vec<usize>> = HashMap::new();
    for (index, extra) in extras.iter().enumerate() {
        if extra.id != 0 && extra.inner_id == 0 && extra.inner_number.is_none() {
            held.entry(extra.id).or_default().push(index);
        }
    }
    for (index, extra) in extras.iter().enumerate() {
        let Some(number) = extra.inner_number else { continue };
        // An inner map must not itself be a map of maps.
        if extras.get(number).is_some_and(|held| held.inner_number.is_none()) {
            let pattern = MapDefinition { name: String::new(), ..maps[number].clone() };
            maps[index].inner = Some(Box::new(pattern));
        }
    }
    let mut room = MOST_HELD;
    for (index, extra) in extras.iter().enumerate().filter(|(_, extra)| extra.inner_id != 0) {
        let Some(inner) = held.get(&extra.inner_id) else { continue };
        let Some(first) = inner.first() else { continue };
        let pattern = MapDefinition { name: String::new(), pinning: None, ..maps[*first].clone() };
        let mut values: Vec<_> = inner
            .iter()
            .map(|inner| (extras[*inner].inner_index, maps[*inner].name.clone()))
            .filter(|(at, _)| *at != NOT_HELD)
            .take(room)
            .collect();
        room -= values.len();
        values.sort();
        maps[index].inner = Some(Box::new(pattern));
        maps[index].values = values;
    }
}
