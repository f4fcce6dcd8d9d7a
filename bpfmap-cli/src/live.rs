//! Describes live maps in the form that the importer needs.

use std::collections::HashMap;
use std::path::Path;

use bpfmap::{ErrorKind, LiveMap};
use bpfmap_btf::{Btf, Kind};
use bpfmap_schema::front::btf::{LiveBtf, LiveMapInfo};
use bpfmap_schema::input;

use crate::{Failed, complain};

/// The file with the BTF of the running kernel.
const KERNEL_TYPES: &str = "/sys/kernel/btf/vmlinux";

/// The prefix of the name of the value type of a `struct_ops` map. The rest of this name is the
/// name of the kernel's struct of functions. Source: `VALUE_PREFIX` in
/// `kernel/bpf/bpf_struct_ops.c`.
const VALUE_PREFIX: &str = "bpf_struct_ops_";

/// Live maps, with the BTF of each map that has BTF.
#[derive(Default)]
pub(crate) struct LiveMaps {
    pub(crate) maps: Vec<LiveMapInfo>,
    pub(crate) btfs: HashMap<u32, Option<LiveBtf>>,
    /// The names of the kernel's structs of functions, by the ID of their value types. `None` if
    /// the kernel's BTF has not been read yet.
    ops: Option<HashMap<u32, String>>,
}

impl LiveMaps {
    /// Reads all maps on the machine. Maps that can't be described are listed on standard error.
    pub(crate) fn all() -> Result<Self, Failed> {
        let ids = LiveMap::ids().map_err(|error| match error.kind() {
            ErrorKind::PermissionDenied => {
                fail("listing all maps on the machine needs CAP_SYS_ADMIN: run the command as root")
            }
            _ => fail(&error.to_string()),
        })?;
        let mut all = Self::default();
        let (mut gone, mut variables) = (vec![], vec![]);
        for id in ids {
            match LiveMap::from_id(id) {
                Ok(map) if all.holds_variables(&map)? => variables.push(shown(&map)),
                Ok(map) => all.add(&map)?,
                Err(error) if error.kind() == ErrorKind::NotFound => gone.push(id.to_string()),
                Err(error) => return Err(fail(&error.to_string())),
            }
        }
        note("disappeared before it could be read", "disappeared before they could be read", &gone);
        note(
            "contains the variables of a program, so it was left out",
            "contain the variables of programs, so they were left out",
            &variables,
        );
        Ok(all)
    }

    /// Adds a live map.
    pub(crate) fn add(&mut self, map: &LiveMap) -> Result<(), Failed> {
        let described = self.described(map, true)?;
        self.maps.push(described);
        Ok(())
    }

    /// Returns the BTF objects that could be read.
    pub(crate) fn btfs(&self) -> Vec<LiveBtf> {
        let mut btfs: Vec<LiveBtf> = self.btfs.values().flatten().cloned().collect();
        btfs.sort_unstable_by_key(|btf| btf.id);
        btfs
    }

    fn described(&mut self, map: &LiveMap, is_outer: bool) -> Result<LiveMapInfo, Failed> {
        let info = map.info();
        self.read_btf(map)?;
        let inner = if is_outer { map.first_inner() } else { Ok(None) };
        let inner = match inner {
            Ok(inner) => inner,
            // The contents of the map are unknown, and the importer reports this.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => None,
            Err(error) => return Err(fail(&error.to_string())),
        };
        let inner = inner.map(|inner| self.described(&inner, false)).transpose()?;
        Ok(LiveMapInfo {
            id: info.id,
            // A map without a name gets a name that contains its ID.
            name: if info.name.is_empty() { format!("map_{}", info.id) } else { info.name.clone() },
            map_type: info.map_type,
            key_size: info.key_size,
            value_size: info.value_size,
            max_entries: info.max_entries,
            flags: info.created_flags().bits(),
            map_extra: info.map_extra,
            btf: info.btf_id,
            key_type: info.btf_key_type_id,
            value_type: info.btf_value_type_id,
            inner: inner.map(Box::new),
            ops: self.ops(info.btf_vmlinux_value_type_id),
        })
    }

    fn read_btf(&mut self, map: &LiveMap) -> Result<(), Failed> {
        let id = map.info().btf_id;
        if id == 0 || self.btfs.contains_key(&id) {
            return Ok(());
        }
        let btf = match map.btf() {
            Ok(data) => data.map(|data| LiveBtf { id, data }),
            // The BTF can't be read, and the importer reports this.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => None,
            Err(error) => return Err(fail(&error.to_string())),
        };
        self.btfs.insert(id, btf);
        Ok(())
    }

    /// Returns whether libbpf created the map for `.data`, `.bss`, `.rodata` or `.kconfig`.
    fn holds_variables(&mut self, map: &LiveMap) -> Result<bool, Failed> {
        let info = map.info();
        if info.map_type != ARRAY || info.max_entries != 1 {
            return Ok(false);
        }
        self.read_btf(map)?;
        let btf = self.btfs.get(&info.btf_id).and_then(Option::as_ref);
        let btf = btf.and_then(|btf| Btf::parse(&btf.data).ok());
        let is_section = btf.is_some_and(|btf| {
            let value = btf.get(info.btf_value_type_id);
            value.is_some_and(|ty| matches!(ty.kind, Kind::DataSection { .. }))
        });
        // If the map has no BTF, its name decides: only names that libbpf chooses contain dots,
        // because names in C can't.
        Ok(is_section || info.btf_value_type_id == 0 && info.name.contains('.'))
    }

    fn ops(&mut self, value: u32) -> Option<String> {
        if value == 0 {
            return None;
        }
        self.ops.get_or_insert_with(kernel_ops).get(&value).cloned()
    }
}

/// The number of the map type of arrays.
const ARRAY: u32 = bpfmap_core::map_type::ARRAY.number;

/// Returns the names of the kernel's structs of functions, by the ID of their value types. The
/// result does not include structs that modules define.
fn kernel_ops() -> HashMap<u32, String> {
    let data = input::read(Path::new(KERNEL_TYPES), input::MAX_OBJECT_SIZE).unwrap_or_default();
    let Ok(btf) = Btf::parse(&data) else { return HashMap::new() };
    let values = btf.iter().filter(|(_, ty)| matches!(ty.kind, Kind::Struct(_)));
    let ops =
        values.filter_map(|(id, ty)| Some((id, ty.name.strip_prefix(VALUE_PREFIX)?.to_owned())));
    ops.collect()
}

fn shown(map: &LiveMap) -> String {
    let info = map.info();
    format!("{} `{}`", info.id, info.name)
}

/// Prints a note about the maps with these IDs: `of_one` if there is one map, `of_many` if there
/// are several.
fn note(of_one: &str, of_many: &str, ids: &[String]) {
    match ids {
        [] => {}
        [id] => complain(&format!("note: the map with id {id} {of_one}\n")),
        ids => complain(&format!("note: the maps with ids {} {of_many}\n", ids.join(", "))),
    }
}

fn fail(why: &str) -> Failed {
    complain(&format!("error: {why}\n"));
    Failed::Found
}
