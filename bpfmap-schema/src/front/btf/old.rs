//! The section `maps` of before libbpf 1.0: definitions that are structs of numbers.
//!
//! Sources: libbpf 0.8, `struct bpf_map_def` in `src/bpf_helpers.h`; iproute2, `struct bpf_elf_map` in
//! `include/bpf_elf.h` and `bpf_maps_attach_all` in `lib/bpf_legacy.c`; aya, `bpf_map_def` in
//! `aya-ebpf-bindings`; Linux up to 5.10, `struct bpf_load_map_def` in `samples/bpf/bpf_load.h`; gobpf,
//! `struct bpf_map_def` in `elf/include/bpf_map.h`.

use std::collections::HashMap;

use bpfmap_core::map_type;

use super::definition::MapDefinition;
use super::elf::{Symbol, read_u32};

/// Numbers of libbpf's struct: type, size of a key, of a value, entries, flags.
const LIBBPFS: u64 = 5;

/// iproute2 and aya go on with an id and how the map is pinned, and iproute2 with the id of what the map
/// holds and the index at which it is held. The kernel's samples have as many numbers as aya: which map
/// of the section a map of maps holds, and the NUMA node of a map whose flags say that it has one.
const EXTENDED: [u64; 2] = [7, 9];

/// gobpf goes on with how the map is pinned, and 256 bytes that name a folder for it.
const GOBPFS: u64 = 70;

/// `BPF_F_NUMA_NODE`
const NUMA_NODE: u32 = 1 << 2;

/// The numbers of the map types that hold maps.
const OF_MAPS: [u32; 2] = [map_type::ARRAY_OF_MAPS.number, map_type::HASH_OF_MAPS.number];

/// How many maps are held in all, counted wherever they are: no program comes near it, and a file that
/// is made for it would name each of its maps in each.
const MOST_HELD: usize = 1 << 14;

/// What stands for no index.
const NOT_HELD: u32 = u32::MAX;

/// What a definition says of maps that hold others.
pub(super) struct Extra {
    id: u32,
    inner_id: u32,
    inner_index: u32,
    /// Which map of the section it holds, counted from 0.
    inner_number: Option<usize>,
}

/// Reads one definition.
pub(super) fn definition(
    data: &[u8],
    symbol: &Symbol<'_>,
    little: bool,
) -> Result<(MapDefinition, Extra), String> {
    let field = |number: u64| {
        let at = symbol.offset.checked_add(number * 4)?;
        read_u32(data, usize::try_from(at).ok()?, little)
    };
    let required =
        |number| field(number).ok_or_else(|| "the section `maps` ends before it does".to_owned());
    let numbers = symbol.size / 4;
    if numbers < LIBBPFS {
        return Err(format!("its `struct bpf_map_def` has {} bytes of 20", symbol.size));
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
        // By name; iproute2's 1 and 2, and gobpf's 1 to 3, are for the folders in which it does so.
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

/// `LIBBPF_PIN_BY_NAME`
const BY_NAME: u32 = 1;

/// Gives maps of maps what they hold: the maps with the id that they name, which hold none themselves; or the map
/// whose number they tell.
pub(super) fn link(maps: &mut [MapDefinition], extras: &[Extra]) {
    let mut held: HashMap<u32, Vec<usize>> = HashMap::new();
    for (index, extra) in extras.iter().enumerate() {
        if extra.id != 0 && extra.inner_id == 0 && extra.inner_number.is_none() {
            held.entry(extra.id).or_default().push(index);
        }
    }
    for (index, extra) in extras.iter().enumerate() {
        let Some(number) = extra.inner_number else { continue };
        // A map of maps holds none that does so itself.
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
