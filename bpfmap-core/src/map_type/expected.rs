//! What operations answer on a map, by all that decides it: the type of the map, its flags, and what its value holds.

use super::{
    Answer, Condition, KeyRule, MAP_FLAGS, MapFlag, MapType, Operation, OperationFacts,
    ProgramOperation, Since,
};
use crate::KernelVersion;

/// What of a map decides what operations on it answer.
#[derive(Debug, Clone, Copy)]
pub struct MapTraits {
    /// The row of its type.
    pub row: &'static MapType,
    /// Its flags, as bits of `map_flags`.
    pub flags: u32,
    /// Whether its value has a `bpf_spin_lock`.
    pub has_spin_lock: bool,
    /// The first kernel that knows one of the other special fields of its value, if there are any.
    pub special_since: Option<KernelVersion>,
    /// The size of a value in bytes, if it has one.
    pub value_size: Option<u64>,
}

impl MapTraits {
    /// Returns the flags of the map, in the order in which the kernel asks for them where two say something of one
    /// operation: those of the descriptor come first.
    pub fn map_flags(self) -> impl Iterator<Item = &'static MapFlag> {
        MAP_FLAGS.iter().filter(move |flag| self.flags & flag.value() != 0)
    }

    /// Returns what a flag says of `operation`, where it leaves nothing of it: what else holds of the map makes no
    /// difference then.
    #[must_use]
    pub fn refusal_by_flag(self, operation: Operation) -> Option<&'static OperationFacts> {
        let changed = self.map_flags().find_map(|flag| flag.operation(operation));
        changed.filter(|facts| facts.since().is_none())
    }

    /// Returns what programs could do with a map of this type, and can't since a flag keeps them from that: the verifier
    /// refuses a program that does it with EACCES.
    pub fn refused_to_programs(self) -> impl Iterator<Item = ProgramOperation> {
        self.map_flags().flat_map(move |flag| flag.refused_to_programs(self.row))
    }

    /// Returns the condition under which `operation` always meets the map: its flags and the special fields of its value
    /// decide. `mmap` needs the flag `mmapable`, say, and a map with a lock can't be frozen on newer kernels.
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

    /// Returns the facts that tell what `operation` answers under `condition`: those of a flag of the map or, where none
    /// says anything, those of its type.
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

    /// Returns what `kernel` may answer to `operation` under `condition`; `None` where the table does not know. What
    /// hangs on a special field counts from the kernel that knows the field.
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
                // To an older kernel the field is nothing, and what else is in the value counts.
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

    /// Returns the kernels at which the answers to `operation` under `condition` may change, in no order. None is older than
    /// the map type.
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

    /// Returns the conditions under which `operation` can meet a map of a few entries that was prepared through a
    /// descriptor that no flag limits.
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
            // What always holds leaves no room for another condition.
            Condition::WithSpinLock
            | Condition::WithSpecialField
            | Condition::WithoutFlag
            | Condition::SmallValue => condition == standing,
            // What asks for an entry, where user space can make none.
            Condition::Plain
            | Condition::LastKey
            | Condition::NoExistOnPresent
            | Condition::OneCpu
            | Condition::AllCpus
                if self.row.key == KeyRule::CgroupStorage && asks_for_entry(operation) =>
            {
                false
            }
            // A value of 4 bytes has no room for a program.
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

    /// Linux 5.15 refuses to freeze an array whose value has a timer, and knows no other special field.
    #[test]
    fn what_hangs_on_a_special_field_counts_from_the_kernel_that_knows_it() {
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
