//! Computes the kernel version that each part of a map requires.

use super::{
    Architecture, KernelObject, KeyRule, MAP_FLAGS, MEMORY_LIMIT, MapType, UNLIMITED_MEMORY,
    ValueRule,
};
use crate::{Errno, KernelVersion, MapDef, SpecialField, TypeDesc, is_same};
use core::fmt;

/// The maximum key size of a hash table up to Linux 5.10, in bytes.
///
/// Source: `MAX_BPF_STACK` in `kernel/bpf/hashtab.c`, `htab_map_alloc_check`.
const SMALL_KEY: u64 = 512;

/// The maximum value size of the deprecated cgroup storage types up to Linux 5.14, in bytes.
///
/// Source: `PAGE_SIZE` in `kernel/bpf/local_storage.c`, `cgroup_storage_map_alloc`; measured on 5.10
/// (E2BIG) and 6.1.
const SMALL_STORAGE: u64 = 4096;

/// The first kernel that accepts a `bpf_spin_lock` in the value of an inner map. On older kernels,
/// creating the outer map fails with ENOTSUPP.
///
/// Source: `bpf_map_meta_alloc` in `kernel/bpf/map_in_map.c`; measured on 5.10 and 6.1, not on 6.12.
pub const LOCK_IN_INNER_MAP: KernelVersion = KernelVersion::new(6, 2);

/// The first kernel that recognises special fields in arrays and in nested structs within the value.
///
/// Source: `btf_find_nested_struct` in `kernel/bpf/btf.c`.
const NESTED_FIELDS: KernelVersion = KernelVersion::new(6, 11);

/// A part of a map that some kernels do not support.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// The map type with this name in a schema.
    MapType(&'static str),
    /// The creation flag with this name in a schema.
    Flag(&'static str),
    /// A special field that is a direct member of the value.
    SpecialField(SpecialField),
    /// A special field in an array or in a struct within the value.
    NestedField(SpecialField),
    /// A key of this many bytes.
    KeySize(u64),
    /// A value of this many bytes, in a map type for which the size determines the contents of the value.
    ValueSize(u64),
    /// A value of this many bytes that is too large for older kernels.
    LargeValue(u64),
    /// Entries that need this many bytes of memory.
    Memory(u64),
    /// An inner map whose value has a `bpf_spin_lock`.
    LockInInnerMap,
}

impl fmt::Display for Feature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MapType(name) => write!(formatter, "the map type `{name}`"),
            Self::Flag(name) => write!(formatter, "the flag `{name}`"),
            Self::SpecialField(field) => write!(formatter, "`{}` in the value", field.name()),
            Self::NestedField(field) => {
                write!(formatter, "`{}` in an array or a struct within the value", field.name())
            }
            Self::KeySize(size) => write!(formatter, "a key of {size} bytes"),
            Self::ValueSize(size) | Self::LargeValue(size) => {
                write!(formatter, "a value of {size} bytes")
            }
            Self::Memory(bytes) => write!(formatter, "a map that needs {bytes} bytes of memory"),
            Self::LockInInnerMap => formatter.write_str("`bpf_spin_lock` in an inner map"),
        }
    }
}

impl Feature {
    /// Returns the errno of creating the map on a kernel that does not support the feature. Returns
    /// `None` if such a kernel creates the map and treats the field as plain data, or if the result
    /// depends on the memory of the machine.
    #[must_use]
    pub const fn refusal(self) -> Option<Errno> {
        match self {
            Self::SpecialField(_) | Self::NestedField(_) | Self::Memory(_) => None,
            Self::KeySize(_) | Self::LargeValue(_) => Some(Errno::E2BIG),
            Self::LockInInnerMap => Some(Errno::ENOTSUPP),
            Self::MapType(_) | Self::Flag(_) | Self::ValueSize(_) => Some(Errno::EINVAL),
        }
    }
}

/// A part of a map, and the first kernel that supports this part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The part of the map.
    pub feature: Feature,
    /// The first mainline release that supports the part.
    pub since: KernelVersion,
}

/// The requirements of all parts of a map.
#[derive(Clone, Copy, Debug)]
pub struct Requirements {
    list: [Requirement; Self::CAPACITY],
    len: usize,
}

impl Requirements {
    /// The maximum number of requirements. A map and its inner map can each have a map type, all flags, all special
    /// fields and all sizes.
    const CAPACITY: usize = 2 * (1 + MAP_FLAGS.len() + 2 * SpecialField::ALL.len() + 4);

    const fn new(row: &MapType) -> Self {
        let first = Requirement { feature: Feature::MapType(row.name), since: row.since };
        Self { list: [first; Self::CAPACITY], len: 1 }
    }

    const fn push(&mut self, feature: Feature, since: Option<KernelVersion>) {
        if let Some(since) = since {
            self.list[self.len] = Requirement { feature, since };
            self.len += 1;
        }
    }

    /// Returns the requirements. The first element is the requirement of the map type.
    #[must_use]
    pub const fn as_slice(&self) -> &[Requirement] {
        self.list.split_at(self.len).0
    }

    /// Returns the requirements on kernels for an architecture, which can be newer than those for x86-64.
    ///
    /// ```
    /// use bpfmap_core::map_type::{ARENA, Architecture};
    /// use bpfmap_core::{KernelVersion, MapDef, TypeDesc};
    ///
    /// const POOL: MapDef = MapDef::new("pool", ARENA.number, TypeDesc::VOID, TypeDesc::VOID);
    /// let requirements = POOL.requirements().unwrap();
    /// assert_eq!(requirements.newest(), KernelVersion::new(6, 9));
    /// assert_eq!(requirements.on(Architecture::Arm64).newest(), KernelVersion::new(6, 10));
    /// ```
    #[must_use]
    pub const fn on(mut self, architecture: Architecture) -> Self {
        let mut index = 0;
        while index < self.len {
            let Requirement { feature, since } = self.list[index];
            self.list[index].since = feature.since_on(since, architecture);
            index += 1;
        }
        self
    }

    /// Returns the first kernel that fulfils all requirements.
    #[must_use]
    pub const fn newest(&self) -> KernelVersion {
        let (mut newest, mut index) = (self.list[0].since, 1);
        while index < self.len {
            newest = newest.newest(self.list[index].since);
            index += 1;
        }
        newest
    }
}

impl MapDef<'_> {
    /// Returns the kernel version that each part of the map, and each part of its inner map,
    /// requires. Returns `None` if the facts table does not contain the map type.
    ///
    /// An operation on the map can require a newer kernel: see [`MapType::operation_since`].
    ///
    /// ```
    /// use bpfmap_core::map_type::{Feature, RHASH};
    /// use bpfmap_core::{KernelVersion, MapDef, TypeDesc};
    ///
    /// const COUNTERS: MapDef = MapDef::new("counters", RHASH.number, TypeDesc::U32, TypeDesc::U64);
    /// let requirements = COUNTERS.requirements().unwrap();
    /// assert_eq!(requirements.newest(), KernelVersion::new(7, 2));
    /// assert_eq!(requirements.as_slice()[0].feature, Feature::MapType("rhash"));
    /// ```
    #[must_use]
    pub const fn requirements(&self) -> Option<Requirements> {
        let Some(row) = MapType::by_number(self.map_type) else { return None };
        let mut requirements = Requirements::new(row);
        self.push_requirements(row, &mut requirements);
        if let Some(inner) = self.inner {
            if let Some(row) = MapType::by_number(inner.map_type) {
                requirements.push(Feature::MapType(row.name), Some(row.since));
                inner.push_requirements(row, &mut requirements);
                let mut fields = Fields::new();
                fields.find(inner, row);
                if fields.direct & SpecialField::SpinLock.bit() != 0 {
                    requirements.push(Feature::LockInInnerMap, Some(LOCK_IN_INNER_MAP));
                }
            }
        }
        Some(requirements)
    }

    /// Adds the requirements of the map itself, except for its type.
    const fn push_requirements(&self, row: &MapType, requirements: &mut Requirements) {
        let mut index = 0;
        while index < MAP_FLAGS.len() {
            let flag = &MAP_FLAGS[index];
            if self.flags.bits() & flag.value() != 0 {
                requirements.push(Feature::Flag(flag.name), row.flag_since(flag.name));
            }
            index += 1;
        }
        let mut fields = Fields::new();
        fields.find(self, row);
        let mut index = 0;
        while index < SpecialField::ALL.len() {
            let field = SpecialField::ALL[index];
            if fields.direct & field.bit() != 0 {
                requirements.push(Feature::SpecialField(field), row.field_since(field, true));
            }
            if fields.nested & field.bit() != 0 {
                requirements.push(Feature::NestedField(field), row.field_since(field, false));
            }
            index += 1;
        }
        let (key, value) = (self.key_size(), self.value_size());
        requirements.push(Feature::KeySize(key), row.key_size_since(key));
        requirements.push(row.value_feature(value), row.value_size_since(value));
        if let Some(entries) = self.max_entries {
            let bytes = row.memory.bytes(entries as u64, key, value);
            requirements.push(Feature::Memory(bytes), row.memory_since(bytes));
        }
    }
}

impl MapType {
    /// Returns the first kernel that recognises `field` as a special field in a value of this map type, or `None` if no
    /// kernel does. `is_direct` is true if the field is a direct member of the value's struct, and false if the field
    /// is in an array or a nested struct.
    #[must_use]
    pub const fn field_known_since(
        &self,
        field: SpecialField,
        is_direct: bool,
    ) -> Option<KernelVersion> {
        match self.special_field_since(field) {
            Some(known) if !is_direct => Some(known.newest(NESTED_FIELDS)),
            known => known,
        }
    }

    /// Returns the first kernel in which `field` has the same meaning and size as in the schema. An older kernel might
    /// support the field with a different meaning or size. Returns `None` if no kernel supports the field in this map
    /// type.
    #[must_use]
    pub const fn field_since(&self, field: SpecialField, is_direct: bool) -> Option<KernelVersion> {
        let Some(known) = self.field_known_since(field, is_direct) else { return None };
        Some(match field {
            // Up to Linux 6.3, the tag `kptr` had the meaning that `kptr_untrusted` has now.
            SpecialField::Kptr => known.newest(KernelVersion::new(6, 4)),
            // Up to Linux 6.5, the nodes have a different size.
            SpecialField::ListHead | SpecialField::RbRoot => known.newest(KernelVersion::new(6, 6)),
            _ => known,
        })
    }

    /// Returns the first kernel that accepts a key of `size` bytes. Returns `None` if every kernel that supports the
    /// map type accepts this size.
    #[must_use]
    pub const fn key_size_since(&self, size: u64) -> Option<KernelVersion> {
        if matches!(self.key, KeyRule::Any { .. }) && size > SMALL_KEY {
            return Some(KernelVersion::new(5, 11));
        }
        None
    }

    /// Returns the feature that represents a value of `size` bytes. The feature has a meaning only
    /// if [`value_size_since`](Self::value_size_since) returns a kernel.
    #[must_use]
    pub const fn value_feature(&self, size: u64) -> Feature {
        match self.value {
            ValueRule::Object(_) => Feature::ValueSize(size),
            _ => Feature::LargeValue(size),
        }
    }

    /// Returns the first kernel that accepts a value of `size` bytes. Returns `None` if every kernel that supports the
    /// map type accepts this size.
    #[must_use]
    pub const fn value_size_since(&self, size: u64) -> Option<KernelVersion> {
        if let ValueRule::Object(object) = self.value {
            let since = KernelObject::size_since(object, size);
            return if since.is_newer(self.since) { Some(since) } else { None };
        }
        if matches!(self.key, KeyRule::CgroupStorage) && size > SMALL_STORAGE {
            return Some(KernelVersion::new(5, 15));
        }
        None
    }

    /// Returns the first kernel that accepts a map whose entries need this many bytes of memory.
    /// Returns `None` if every kernel accepts the map.
    #[must_use]
    pub const fn memory_since(&self, bytes: u64) -> Option<KernelVersion> {
        if bytes >= MEMORY_LIMIT { Some(UNLIMITED_MEMORY) } else { None }
    }
}

/// The special fields of a value, as [bits](SpecialField::bit).
struct Fields {
    /// The fields that are direct members of the value's struct.
    direct: u32,
    /// The fields in arrays and in nested structs.
    nested: u32,
}

impl Fields {
    const fn new() -> Self {
        Self { direct: 0, nested: 0 }
    }

    /// Finds the special fields in the value of a map. A map without BTF has no special fields.
    const fn find(&mut self, def: &MapDef<'_>, row: &MapType) {
        let has_key = !matches!(def.key, TypeDesc::Opaque { .. });
        if def.btf && has_key && row.takes_btf() {
            if let TypeDesc::Struct { members, .. } = without_typedefs(def.value) {
                self.find_in(members, true);
            }
        }
    }

    const fn find_in(&mut self, members: &[crate::MemberDesc<'_>], is_direct: bool) {
        let mut index = 0;
        while index < members.len() {
            let ty = members[index].ty.current();
            match (special(ty), ty) {
                (Some(field), TypeDesc::Array { .. }) => self.nested |= field.bit(),
                (Some(field), _) if is_direct => self.direct |= field.bit(),
                (Some(field), _) => self.nested |= field.bit(),
                (None, TypeDesc::Struct { members, .. }) => self.find_in(members, false),
                (None, _) => {}
            }
            index += 1;
        }
    }
}

const fn without_typedefs<'a>(ty: &'a TypeDesc<'a>) -> &'a TypeDesc<'a> {
    match ty {
        TypeDesc::Typedef { target, .. } => without_typedefs(target),
        _ => ty,
    }
}

/// If `ty` is a special field or an array of special fields, returns the field.
const fn special(ty: &TypeDesc<'_>) -> Option<SpecialField> {
    match ty {
        TypeDesc::Array { element, .. } => special(element),
        TypeDesc::Struct { name, .. } => SpecialField::by_struct(name),
        TypeDesc::Root { root, .. } => special(root),
        TypeDesc::Pointer { target: TypeDesc::Tagged { tag, .. } } => by_tag(tag),
        _ => None,
    }
}

const fn by_tag(tag: &str) -> Option<SpecialField> {
    let mut index = 0;
    while index < SpecialField::ALL.len() {
        let field = SpecialField::ALL[index];
        if field.is_pointer() && is_same(field.name(), tag) {
            return Some(field);
        }
        index += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map_type::{ARRAY, ARRAY_OF_MAPS, DEVMAP, HASH, LPM_TRIE};
    use crate::{MapFlags, MemberDesc};
    use std::vec::Vec;

    const fn member(ty: &'static TypeDesc<'static>) -> MemberDesc<'static> {
        MemberDesc { name: "member", bit_offset: 0, bits: 0, ty }
    }

    const fn structure(members: &'static [MemberDesc<'static>]) -> TypeDesc<'static> {
        TypeDesc::Struct { name: "value", size: 16, members }
    }

    fn found(def: &MapDef<'_>) -> Vec<(Feature, (u16, u16))> {
        let requirements = def.requirements().unwrap();
        let pairs = requirements.as_slice().iter().map(|requirement| {
            (requirement.feature, (requirement.since.major, requirement.since.minor))
        });
        pairs.collect()
    }

    #[test]
    fn each_part_is_found_with_its_kernel() {
        const TIMER: TypeDesc<'static> = structure(&[member(TypeDesc::TIMER)]);
        const DEF: MapDef<'static> = MapDef::new("m", HASH.number, TypeDesc::U32, &TIMER)
            .max_entries(8)
            .flags(MapFlags::NO_PREALLOC.union(MapFlags::ZERO_SEED));
        // The result is available at compile time.
        const NEWEST: KernelVersion = DEF.requirements().unwrap().newest();
        assert_eq!(NEWEST, KernelVersion::new(5, 15));
        let expected = [
            (Feature::MapType("hash"), (3, 19)),
            (Feature::Flag("no_prealloc"), (4, 6)),
            (Feature::Flag("zero_seed"), (5, 0)),
            (Feature::SpecialField(SpecialField::Timer), (5, 15)),
        ];
        assert_eq!(found(&DEF), expected);
        // The kernel treats a value without BTF as plain data.
        assert_eq!(found(&DEF.btf(false)).len(), 3);
    }

    #[test]
    fn a_field_in_an_array_or_a_nested_struct_needs_a_newer_kernel() {
        const TIMERS: TypeDesc<'static> =
            structure(&[member(&TypeDesc::Array { element: TypeDesc::TIMER, len: 2 })]);
        const WITHIN: TypeDesc<'static> =
            structure(&[member(&structure(&[member(TypeDesc::SPIN_LOCK)]))]);
        let array = |value| found(&MapDef::new("m", ARRAY.number, TypeDesc::U32, value))[1];
        assert_eq!(array(&TIMERS), (Feature::NestedField(SpecialField::Timer), (6, 11)));
        assert_eq!(array(&WITHIN), (Feature::NestedField(SpecialField::SpinLock), (6, 11)));
    }

    #[test]
    fn pointers_are_found_by_their_tags() {
        const KPTR: TypeDesc<'static> = structure(&[member(&TypeDesc::Pointer {
            target: &TypeDesc::Tagged {
                tag: "kptr",
                target: &TypeDesc::Struct { name: "task_struct", size: 0, members: &[] },
            },
        })]);
        let def = MapDef::new("m", HASH.number, TypeDesc::U32, &KPTR);
        assert_eq!(found(&def)[1], (Feature::SpecialField(SpecialField::Kptr), (6, 4)));
    }

    #[test]
    fn large_keys_and_values_are_requirements() {
        let key = &TypeDesc::Opaque { size: 513 };
        let def = MapDef::new("m", HASH.number, key, TypeDesc::U64);
        assert_eq!(found(&def)[1], (Feature::KeySize(513), (5, 11)));
        let def = MapDef::new("m", DEVMAP.number, TypeDesc::U32, TypeDesc::U64);
        assert_eq!(found(&def)[1], (Feature::ValueSize(8), (5, 8)));
        let def = MapDef::new("m", ARRAY.number, TypeDesc::U32, TypeDesc::U64);
        let def = def.max_entries(1 << 30);
        assert_eq!(found(&def)[1], (Feature::Memory(8 << 30), (5, 11)));
    }

    #[test]
    fn the_parts_of_an_inner_map_are_requirements() {
        const LOCKED: TypeDesc<'static> = structure(&[member(TypeDesc::SPIN_LOCK)]);
        const INNER: MapDef<'static> = MapDef::new("i", HASH.number, TypeDesc::U32, &LOCKED);
        let outer = MapDef::new("m", ARRAY_OF_MAPS.number, TypeDesc::U32, TypeDesc::U32);
        let found = found(&outer.inner(&INNER));
        assert_eq!(found[0], (Feature::MapType("array_of_maps"), (4, 12)));
        assert_eq!(found.last(), Some(&(Feature::LockInInnerMap, (6, 2))));
    }

    #[test]
    fn the_requirements_of_an_unknown_map_type_are_not_known() {
        assert!(MapDef::new("m", 9999, TypeDesc::U32, TypeDesc::U32).requirements().is_none());
        assert_eq!(LPM_TRIE.field_since(SpecialField::Timer, true), None);
    }
}
