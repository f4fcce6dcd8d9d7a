//! The expected answers to operations on a map. The answers depend on the type and the flags of the map, and on the
//! special fields and the size of its value.

use super::{
    Answer, Condition, KeyRule, MAP_FLAGS, MapFlag, MapType, Operation, OperationFacts,
    ProgramOperation, Since,
};
use crate::KernelVersion;

/// The properties of a map that determine the answers to operations.
#[derive(Debug, Clone, Copy)]
pub struct MapTraits {
    /// The row of the map type.
    pub row: &'static MapType,
    /// The flags of the map, as bits of `map_flags`.
    pub flags: u32,
    /// Whether the value has a `bpf_spin_lock`.
    pub has_spin_lock: bool,
    /// The first kernel that supports a special field of the value other than `bpf_spin_lock`, or `None` if the value
    /// has no such field.
    pub special_since: Option<KernelVersion>,
    /// The size of a value in bytes, or `None` for a map without values.
    pub value_size: Option<u64>,
}

impl MapTraits {
    /// Returns the flags of the map. If two flags affect the same operation, the flag that the kernel checks first
    /// comes first. This is the flag that affects only the file descriptor.
    pub fn map_flags(self) -> impl Iterator<Item = &'static MapFlag> {
        MAP_FLAGS.iter().filter(move |flag| self.flags & flag.value() != 0)
    }

    /// If a flag of the map makes the kernel refuse `operation` in every case, returns the facts of this flag. The
    /// other properties of the map then don't matter.
    #[must_use]
    pub fn refusal_by_flag(self, operation: Operation) -> Option<&'static OperationFacts> {
        let changed = self.map_flags().find_map(|flag| flag.operation(operation));
        changed.filter(|facts| facts.since().is_none())
    }

    /// Returns the operations of programs that the map type supports, but that a flag of the map forbids. If a
    /// program contains such an operation, the verifier refuses the program with EACCES.
    pub fn refused_to_programs(self) -> impl Iterator<Item = ProgramOperation> {
        self.map_flags().flat_map(move |flag| flag.refused_to_programs(self.row))
    }

    /// Returns the condition that applies to every call of `operation` on this map. The condition
    /// depends on the flags of the map, and on the special fields and the size of its value. For
    /// example, `mmap` needs the flag `mmapable`, and newer kernels can't freeze a map whose value
    /// has a lock.
    #[must_use]
    pub fn standing(self, operation: Operation) -> Condition {
        if self.refusal_by_flag(operation).is_some() {
            return Condition::Plain;
        }
        let facts = self.row.operation(operation);
        let lacks = |flag| !self.map_flags().any(|own| own.name == flag);
        let lasting = [
            (Condition::WithSpecialField, self.special_since.is_some()),
            (Condition::WithSpinLock, self.has_spin_lock),
            (Condition::WithoutFlag, operation.flag().is_some_and(lacks)),
            (Condition::SmallValue, self.value_size == Some(4)),
        ];
        let known =
            |(condition, holds): &(Condition, bool)| *holds && facts.answers_known(*condition);
        lasting.into_iter().find(known).map_or(Condition::Plain, |(condition, _)| condition)
    }

    /// Returns the facts that contain the answers to `operation` under `condition`. If a flag of the map affects the
    /// operation, these are the facts of the flag. Otherwise, they are the facts of the map type.
    fn facts(self, operation: Operation, condition: Condition) -> &'static OperationFacts {
        if let Some(facts) = self.refusal_by_flag(operation) {
            return facts;
        }
        let facts = self.row.operation(operation);
        let is_there = facts.since().is_some();
        let changed = self.map_flags().find_map(|flag| {
            let own = flag.own_operation(operation).filter(|_| is_there);
            flag.operation(operation).or(own).filter(|facts| facts.answers_known(condition))
        });
        changed.unwrap_or(facts)
    }

    /// Returns the possible answers of `kernel` to `operation` under `condition`. Returns `None` if
    /// the table has no case for this condition. A special field affects the answers only on
    /// kernels that support the field.
    #[must_use]
    pub fn answers_on(
        self,
        operation: Operation,
        condition: Condition,
        kernel: KernelVersion,
    ) -> Option<&'static [Answer]> {
        let facts = self.facts(operation, condition);
        let is_of_type = core::ptr::eq(facts, self.row.operation(operation));
        let case = facts.cases.iter().find(|case| case.condition == condition)?;
        match (self.special_since, case.answers.split_last()) {
            (Some(known), Some((last, before)))
                if condition == Condition::WithSpecialField && is_of_type =>
            {
                if kernel >= known {
                    return Some(last.answers);
                }
                // An older kernel does not recognise the special field, so the answer depends on the other fields of
                // the value.
                if self.has_spin_lock {
                    return facts.answers_on(Condition::WithSpinLock, kernel);
                }
                let on = |answers: &'static [Since]| {
                    let since = answers.iter().rev().find(|since| since.kernel <= kernel);
                    since.map(|since| since.answers)
                };
                on(before).or_else(|| on(facts.cases[0].answers))
            }
            _ => facts.answers_on(condition, kernel),
        }
    }

    /// Returns the kernel versions in which the answers to `operation` under `condition` can change. The versions are
    /// in no particular order, and none of them is older than the map type.
    pub fn kernels(
        self,
        operation: Operation,
        condition: Condition,
    ) -> impl Iterator<Item = KernelVersion> {
        let facts = self.facts(operation, condition);
        let special = condition == Condition::WithSpecialField;
        let counts = move |of: Condition| {
            of == Condition::Plain
                || of == condition
                || special && self.has_spin_lock && of == Condition::WithSpinLock
        };
        let cases = facts.cases.iter().filter(move |case| counts(case.condition));
        let known = self.special_since.filter(|_| special);
        let changes = cases.flat_map(|case| case.answers.iter().map(|since| since.kernel));
        changes.chain(known).map(move |kernel| kernel.max(self.row.since))
    }

    /// Returns the conditions that can apply to `operation` on a map with a few entries. These
    /// entries are written through another descriptor, so the flags of the map do not prevent
    /// writing them.
    pub fn conditions(self, operation: Operation) -> impl Iterator<Item = Condition> {
        let refusal = self.refusal_by_flag(operation);
        let facts = refusal.unwrap_or(self.row.operation(operation));
        facts.cases.iter().map(|case| case.condition).filter(move |condition| {
            (refusal.is_some() || self.arises(operation, *condition))
                && self.kernels(operation, *condition).next().is_some()
        })
    }

    fn arises(self, operation: Operation, condition: Condition) -> bool {
        let standing = self.standing(operation);
        match condition {
            Condition::LockWithoutSpinLock => !self.has_spin_lock,
            // A condition that applies to every call excludes the other conditions.
            Condition::WithSpinLock
            | Condition::WithSpecialField
            | Condition::WithoutFlag
            | Condition::SmallValue => condition == standing,
            // These conditions require an entry, but user space can't create one.
            Condition::Plain
            | Condition::LastKey
            | Condition::NoExistOnPresent
            | Condition::OneCpu
            | Condition::AllCpus
                if self.row.key == KeyRule::CgroupStorage && asks_for_entry(operation) =>
            {
                false
            }
            // A value of 4 bytes has no space for a program.
            Condition::ProgramOfOtherKind => self.value_size == Some(8),
            _ => standing == Condition::Plain,
        }
    }
}

const fn asks_for_entry(operation: Operation) -> bool {
    matches!(operation, Operation::Lookup | Operation::Update | Operation::GetNextKey)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Errno;

    /// Linux 5.15 refuses to freeze an array whose value has a timer. It does not support any other special field.
    #[test]
    fn a_special_field_has_an_effect_from_the_first_kernel_that_supports_it() {
        let array = MapTraits {
            row: MapType::by_name("array").expect("the table has arrays"),
            flags: 0,
            has_spin_lock: false,
            special_since: Some(KernelVersion::new(6, 11)),
            value_size: Some(8),
        };
        let condition = array.standing(Operation::Freeze);
        assert_eq!(condition, Condition::WithSpecialField);
        let on = |major, minor| {
            array.answers_on(Operation::Freeze, condition, KernelVersion::new(major, minor))
        };
        assert_eq!(on(5, 10), Some(&[Answer::Ok][..]));
        assert_eq!(on(6, 1), Some(&[Answer::Ok][..]));
        assert_eq!(on(6, 12), Some(&[Answer::Err(Errno::ENOTSUPP)][..]));
    }
}
