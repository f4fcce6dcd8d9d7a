//! Finds the first kernel version that supports each part of a map.

use std::fmt;

use super::Resolved;
use crate::ir::{KeyValue, MapDecl};
use crate::source::Span;
use bpfmap_core::KernelVersion;
use bpfmap_core::SpecialField;
use bpfmap_core::map_type::{
    Condition, Feature, LOCK_IN_INNER_MAP, MapFlag, MapTraits, MapType, Operation, OperationFacts,
    ProgramOperation, Since,
};

/// A part of a map, and the first kernel that supports this part in this map.
#[derive(Debug, Clone, Copy)]
pub struct Requirement<'a> {
    /// The part of the map.
    pub feature: Feature,
    /// For a special field, the name of the member in the value. `None` for other parts.
    pub member: Option<&'a str>,
    /// The first kernel that supports the part.
    pub since: KernelVersion,
    /// The position of the part in the schema.
    pub span: Span,
}

impl fmt::Display for Requirement<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.member {
            None => self.feature.fmt(formatter),
            Some(member) => write!(formatter, "{} (member `{member}`)", self.feature),
        }
    }
}

impl<'a> Resolved<'a> {
    /// Returns the first kernel version that supports each part of `map`. The first element belongs
    /// to the map type. The result is empty if the map type is unknown.
    ///
    /// These are the requirements for creating the map. An operation can require a newer kernel: see
    /// [`MapType::operation_since`].
    #[must_use]
    pub fn requirements(self, map: &'a MapDecl) -> Vec<Requirement<'a>> {
        let mut requirements = self.own_requirements(map);
        // A map of maps is created with a template.
        if let Some(inner) = self.schema.inner_of(map) {
            requirements.extend(self.own_requirements(inner));
        }
        requirements
    }

    /// Returns the requirements of `map` without the requirements of its inner map.
    pub(super) fn own_requirements(self, map: &'a MapDecl) -> Vec<Requirement<'a>> {
        let Some(row) = MapType::by_name(&map.map_type.value) else { return Vec::new() };
        let mut requirements = vec![];
        let mut require = |feature, member, since: Option<KernelVersion>, span| {
            requirements.extend(since.map(|since| Requirement { feature, member, since, span }));
        };
        require(Feature::MapType(row.name), None, Some(row.since), map.map_type.span);
        for flag in &map.flags {
            if let Some(known) = MapFlag::by_name(&flag.value) {
                require(Feature::Flag(known.name), None, row.flag_since(known.name), flag.span);
            }
        }
        if let Some(value) = &map.value {
            for member in self.special_fields(value) {
                let feature = if member.is_direct() {
                    Feature::SpecialField(member.field)
                } else {
                    Feature::NestedField(member.field)
                };
                require(feature, Some(member.name), member.since(row), member.span);
            }
        }
        if let Some(key) = &map.key {
            let size = self.layout(key).size;
            require(Feature::KeySize(size), None, row.key_size_since(size), key.span());
        }
        if let Some(value) = &map.value {
            let size = self.layout(value).size;
            require(row.value_feature(size), None, row.value_size_since(size), value.span());
        }
        if let Some(entries) = &map.max_entries {
            let bytes = self.memory(map, row, entries.value);
            require(Feature::Memory(bytes), None, row.memory_since(bytes), entries.span);
        }
        let inner_value = self.schema.inner_of(map).and_then(|inner| inner.value.as_ref());
        if let (Some(written), Some(value)) = (&map.inner, inner_value) {
            let fields = self.special_fields(value);
            if let Some(lock) = fields.iter().find(|member| member.field == SpecialField::SpinLock)
            {
                let (feature, since) = (Feature::LockInInnerMap, Some(LOCK_IN_INNER_MAP));
                require(feature, Some(lock.name), since, written.span);
            }
        }
        requirements
    }

    /// Returns the first kernel that supports all parts of `map`, or `None` if the map type is unknown.
    #[must_use]
    pub fn creation_since(self, map: &'a MapDecl) -> Option<KernelVersion> {
        self.requirements(map).iter().map(|requirement| requirement.since).max()
    }

    /// Returns the results of each operation on `map` under its [standing condition](Self::standing). The results begin
    /// with the first kernel that supports the map. The list is empty if the map type is unknown.
    #[must_use]
    pub fn operations(self, map: &'a MapDecl) -> Vec<(Operation, Vec<Since>)> {
        let Some(row) = MapType::by_name(&map.map_type.value) else { return Vec::new() };
        let created = self.creation_since(map).unwrap_or(row.since);
        let operations = Operation::ALL.iter().map(|operation| {
            let condition = self.standing(map, *operation);
            let mut answers = self.answers(map, *operation, condition);
            // The list begins with the result on the first kernel that supports the map.
            let first = answers.iter().rposition(|since| since.kernel <= created).unwrap_or(0);
            answers.drain(..first);
            if let Some(first) = answers.first_mut() {
                first.kernel = first.kernel.max(created);
            }
            (*operation, answers)
        });
        operations.collect()
    }

    /// Returns the results of reading and writing the value of one CPU with `BPF_F_CPU`. Returns `None` if `map` is not
    /// a per-CPU map.
    #[must_use]
    pub fn one_cpu(self, map: &'a MapDecl) -> Option<Vec<Since>> {
        let row = MapType::by_name(&map.map_type.value)?;
        let condition = Condition::OneCpu;
        let is_known = row.operation(Operation::Update).answers_known(condition);
        is_known.then(|| self.answers(map, Operation::Update, condition))
    }

    /// Returns the condition that applies to every call of `operation` on `map`. The condition depends on the flags of
    /// the map and on the special fields in its value. For example, `mmap` needs the flag `mmapable`, and newer kernels
    /// refuse to freeze a map whose value has a lock.
    #[must_use]
    pub fn standing(self, map: &'a MapDecl, operation: Operation) -> Condition {
        self.traits(map).map_or(Condition::Plain, |traits| traits.standing(operation))
    }

    /// If a flag of `map` makes every call of `operation` fail, returns the facts about this failure. The other
    /// properties of the map then make no difference.
    #[must_use]
    pub fn refusal_by_flag(
        self,
        map: &'a MapDecl,
        operation: Operation,
    ) -> Option<&'static OperationFacts> {
        self.traits(map)?.refusal_by_flag(operation)
    }

    /// Returns the operations of programs that the map type of `map` supports, but that a flag of
    /// `map` forbids. The verifier returns EACCES for a program that contains such an operation.
    #[must_use]
    pub fn refused_to_programs(self, map: &'a MapDecl) -> Vec<ProgramOperation> {
        self.traits(map).map_or_else(Vec::new, |traits| traits.refused_to_programs().collect())
    }

    /// Returns the results of `operation` on `map` under `condition`, for each range of kernels. If
    /// a flag of the map determines the results, they are the results for this flag. Otherwise,
    /// they are the results for the map type. A result that depends on a special field applies from
    /// the first kernel that supports the field.
    #[must_use]
    pub fn answers(
        self,
        map: &'a MapDecl,
        operation: Operation,
        condition: Condition,
    ) -> Vec<Since> {
        let Some(traits) = self.traits(map) else { return Vec::new() };
        let mut kernels: Vec<KernelVersion> = traits.kernels(operation, condition).collect();
        kernels.sort_unstable();
        kernels.dedup();
        let on = |kernel| {
            let answers = traits.answers_on(operation, condition, kernel)?;
            Some(Since { kernel, answers })
        };
        let mut answers: Vec<Since> = kernels.into_iter().filter_map(on).collect();
        answers.dedup_by(|later, earlier| later.answers == earlier.answers);
        answers
    }

    /// Returns the properties of `map` that determine the results of operations, or `None` if the map type is unknown.
    #[must_use]
    pub fn traits(self, map: &'a MapDecl) -> Option<MapTraits> {
        let row = MapType::by_name(&map.map_type.value)?;
        let flags = map.flags.iter().filter_map(|flag| MapFlag::by_name(&flag.value));
        Some(MapTraits {
            row,
            flags: flags.fold(0, |bits, flag| bits | flag.value()),
            has_spin_lock: self.has_special_field(map, SpecialField::SpinLock),
            special_since: self.special_field_known(map, row),
            value_size: self.value_size(map),
        })
    }

    /// Returns the first kernel that supports a special field other than a spin lock in the value
    /// of `map`. Returns `None` if there is no such field.
    fn special_field_known(self, map: &'a MapDecl, row: &MapType) -> Option<KernelVersion> {
        let fields = map.value.as_ref().map(|value| self.special_fields(value)).unwrap_or_default();
        let others = fields.iter().filter(|member| member.field != SpecialField::SpinLock);
        others.filter_map(|member| member.known_since(row)).min()
    }

    /// Returns the minimum memory for `entries` entries of `map`, in bytes.
    fn memory(self, map: &'a MapDecl, row: &MapType, entries: u32) -> u64 {
        let size = |part: &Option<KeyValue>| part.as_ref().map_or(0, |it| self.layout(it).size);
        row.memory.bytes(entries.into(), size(&map.key), size(&map.value))
    }

    /// Returns the size of the value of `map` in bytes, or `None` if `map` has no value.
    #[must_use]
    pub fn value_size(self, map: &'a MapDecl) -> Option<u64> {
        map.value.as_ref().map(|value| self.layout(value).size)
    }

    /// Returns whether the value of `map` contains a special field of the kind `wanted`.
    #[must_use]
    pub fn has_special_field(self, map: &'a MapDecl, wanted: SpecialField) -> bool {
        let fields = map.value.as_ref().map(|value| self.special_fields(value)).unwrap_or_default();
        fields.iter().any(|member| member.field == wanted)
    }
}
