//! The capabilities of a typed handle to a map, derived from the row of its type.

use super::{
    Answer, BtfRule, Condition, EventRule, KernelObject, KeyRule, MAP_TYPES, MapExtraRule, MapFlag,
    MapType, MaxEntriesRule, Operation, Since, ValueRule,
};
use crate::{Errno, SpecialField};

/// The position of a batched iteration between two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchCursor {
    /// A position of the kernel's own, such as the bucket of a hash table. Entries may be added and
    /// deleted meanwhile.
    Position,
    /// The last key. If it has been deleted, the kernel starts again at the first key.
    Key,
    /// No position: the kernel can't iterate over maps of this type in batches, or fails at empty
    /// slots (`EINTR` before Linux 6.14).
    None,
}

macro_rules! capabilities {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A thing that user space can do with maps of a type. Each is a trait of `bpfmap::kind`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Capability {
            $($(#[$doc])* $name,)*
        }

        impl Capability {
            /// Each capability.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the name of the corresponding trait of `bpfmap::kind`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

capabilities! {
    /// Kernel objects can be inserted.
    HoldObjects,
    /// A lookup returns information about the object that an entry holds, such as its id.
    ShowObjects,
    /// Values are attached to a socket, an inode, a task or a cgroup.
    AttachValues,
    /// An entry is read by its key.
    LookupElement,
    /// An entry is written by its key.
    UpdateElement,
    /// An update can require that the key is present or that it is absent.
    InsertElement,
    /// The value of one CPU is read and written, and one value is written for all of them.
    SelectCpu,
    /// An entry is deleted by its key.
    DeleteElement,
    /// An entry is read and deleted in one step.
    TakeElement,
    /// The keys can be iterated over.
    Iterate,
    /// Many entries can be written in one system call.
    UpdateBatch,
    /// Many entries can be deleted in one system call.
    DeleteBatch,
    /// A value is appended.
    Push,
    /// The next value is removed and returned.
    Pop,
    /// The next value is read and not removed.
    Peek,
    /// Values can be added and tested for membership, but not read back.
    Filter,
    /// Programs record stacks.
    HoldStacks,
    /// Programs write records to one ring.
    ReadRecords,
    /// Programs write records to a ring for each CPU.
    ReadPerCpuRecords,
    /// User space writes records to a ring.
    WriteRecords,
    /// The map replaces functions of the kernel.
    RegisterOps,
    /// The whole map is memory that programs and user space share.
    MapArena,
    /// The values can be mapped into memory.
    MapValues,
    /// A value is read and written under the spin lock in it.
    Lock,
}

impl MapType {
    /// Returns the row of the map type with this number in `enum bpf_map_type`, or `None` if the
    /// table has no such row.
    #[must_use]
    pub const fn by_number(number: u32) -> Option<&'static Self> {
        let mut index = 0;
        while index < MAP_TYPES.len() {
            if MAP_TYPES[index].number == number {
                return Some(&MAP_TYPES[index]);
            }
            index += 1;
        }
        None
    }

    /// Returns whether a map can be created with BTF for key and value. If not, the ids must be 0.
    #[must_use]
    pub const fn takes_btf(&self) -> bool {
        matches!(self.btf, BtfRule::Optional | BtfRule::Required)
    }

    /// Returns whether the value is a struct of the kernel. Its size is not known from the schema.
    #[must_use]
    pub const fn has_kernel_value(&self) -> bool {
        matches!(self.value, ValueRule::StructOps)
    }

    /// Returns whether the values are maps.
    #[must_use]
    pub const fn holds_maps(&self) -> bool {
        matches!(self.value, ValueRule::Object(KernelObject::Map))
    }

    /// Returns whether the keys are indices from 0 to `max_entries` - 1 and the values are plain
    /// data. Every entry then exists.
    #[must_use]
    pub const fn is_array(&self) -> bool {
        matches!((self.key, self.value), (KeyRule::Index, ValueRule::Plain { .. }))
    }

    /// Returns whether user space can read all entries of a map and write them to a different map.
    /// The maps need keys and values of plain data.
    #[must_use]
    pub const fn can_be_copied(&self) -> bool {
        self.offers(Capability::LookupElement)
            && self.offers(Capability::UpdateElement)
            && self.offers(Capability::Iterate)
            && matches!(self.value, ValueRule::Plain { .. })
    }

    /// Returns whether a value may have `field` on some kernel.
    #[must_use]
    pub const fn takes_special_field(&self, field: SpecialField) -> bool {
        self.special_field_since(field).is_some()
    }

    /// Returns the flags that the kernel adds by itself at creation, as bits of `map_flags`.
    ///
    /// # Panics
    /// Never panics: a test checks that each of these flags is known.
    #[must_use]
    pub const fn added_flag_bits(&self) -> u32 {
        let (mut bits, mut index) = (0, 0);
        while index < self.added_flags.len() {
            bits |= match MapFlag::by_name(self.added_flags[index]) {
                Some(flag) => flag.value(),
                None => panic!("a row adds a flag that the table of flags lacks"),
            };
            index += 1;
        }
        bits
    }

    /// Returns the errno of deleting a key that is not in the map. Returns `None` if the deletion
    /// succeeds or the map type does not support deletion by key.
    #[must_use]
    pub const fn delete_missing(&self) -> Option<Errno> {
        match self.newest_answer(Operation::Delete, Condition::Missing) {
            Some(Answer::Err(errno)) => Some(errno),
            Some(Answer::Ok) | None => None,
        }
    }

    /// Returns whether any kernel supports `operation` on this type.
    #[must_use]
    pub const fn has_operation(&self, operation: Operation) -> bool {
        matches!(self.newest_answer(operation, Condition::Plain), Some(Answer::Ok))
    }

    /// Returns the answer of the newest kernel to `operation` under `condition`. If several answers
    /// are possible, returns the first one.
    const fn newest_answer(&self, operation: Operation, condition: Condition) -> Option<Answer> {
        let mut index = 0;
        while index < self.operations.len() {
            let facts = &self.operations[index];
            index += 1;
            if facts.operation as u8 != operation as u8 {
                continue;
            }
            let mut case = 0;
            while case < facts.cases.len() {
                if facts.cases[case].condition as u8 == condition as u8 {
                    return match facts.cases[case].answers {
                        [.., Since { answers: [first, ..], .. }] => Some(*first),
                        _ => None,
                    };
                }
                case += 1;
            }
        }
        None
    }

    /// Returns whether a typed handle to a map of this type offers `capability`.
    #[must_use]
    pub const fn offers(&self, capability: Capability) -> bool {
        let keyless = matches!(self.key, KeyRule::Keyless);
        let object = matches!(self.value, ValueRule::Object(_));
        let attached = matches!(self.key, KeyRule::Descriptor(_));
        let kernels = self.has_kernel_value();
        // The value of a key is plain data: neither an object nor data that is attached to an
        // object.
        let plain = !keyless && !object && !attached && !kernels;
        let filter = matches!(self.map_extra, MapExtraRule::HashFunctions { .. });
        match capability {
            Capability::HoldObjects => object,
            Capability::ShowObjects => object && self.has_operation(Operation::Lookup),
            Capability::AttachValues => attached,
            Capability::LookupElement => plain && self.has_operation(Operation::Lookup),
            Capability::UpdateElement => plain && self.has_operation(Operation::Update),
            // A key that can't be deleted always exists, and so do the slots of most maps of
            // objects.
            Capability::InsertElement => {
                !keyless
                    && !attached
                    && !kernels
                    && self.has_operation(Operation::Update)
                    && self.has_operation(Operation::Delete)
                    && (!object
                        || !matches!(self.key, KeyRule::Index)
                        || matches!(
                            self.newest_answer(Operation::Update, Condition::NoExistOnMissing),
                            Some(Answer::Ok)
                        ))
            }
            Capability::SelectCpu => {
                matches!(self.newest_answer(Operation::Update, Condition::OneCpu), Some(Answer::Ok))
                    && matches!(
                        self.newest_answer(Operation::Lookup, Condition::OneCpu),
                        Some(Answer::Ok)
                    )
            }
            Capability::DeleteElement => {
                !keyless && !attached && !kernels && self.has_operation(Operation::Delete)
            }
            Capability::TakeElement => !keyless && self.has_operation(Operation::LookupAndDelete),
            // After the last key of a cgroup storage, some kernels return a meaningless key.
            Capability::Iterate => {
                !kernels
                    && !matches!(self.key, KeyRule::CgroupStorage)
                    && self.has_operation(Operation::GetNextKey)
            }
            Capability::UpdateBatch => self.has_operation(Operation::UpdateBatch),
            Capability::DeleteBatch => self.has_operation(Operation::DeleteBatch),
            Capability::Push => keyless && !filter && self.has_operation(Operation::Update),
            Capability::Pop => keyless && self.has_operation(Operation::LookupAndDelete),
            Capability::Peek => keyless && !filter && self.has_operation(Operation::Lookup),
            Capability::Filter => filter,
            Capability::HoldStacks => matches!(self.value, ValueRule::Stack),
            Capability::ReadRecords => keyless && matches!(self.events, EventRule::ToUserSpace),
            Capability::ReadPerCpuRecords => {
                object && matches!(self.events, EventRule::ToUserSpace)
            }
            Capability::WriteRecords => matches!(self.events, EventRule::ToPrograms),
            Capability::RegisterOps => kernels,
            Capability::MapArena => {
                matches!(self.max_entries, MaxEntriesRule::Pages { .. })
                    && self.has_operation(Operation::Mmap)
            }
            Capability::MapValues => plain && self.has_operation(Operation::Mmap),
            Capability::Lock => !attached && self.takes_special_field(SpecialField::SpinLock),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map_type;

    #[test]
    fn a_walk_in_batches_has_a_cursor_only_where_there_are_batches() {
        for row in MAP_TYPES {
            let walks = row.has_operation(Operation::LookupBatch);
            assert!(walks || row.batch_cursor == BatchCursor::None, "{}", row.name);
        }
    }

    #[test]
    fn each_operation_that_some_kernel_has_is_one_of_the_newest() {
        for row in MAP_TYPES {
            for operation in Operation::ALL {
                let since = row.operation_since(*operation).is_some();
                assert_eq!(row.has_operation(*operation), since, "{} {operation:?}", row.name);
            }
        }
    }

    #[test]
    fn numbers_and_flags_lead_to_rows() {
        for row in MAP_TYPES {
            assert_eq!(MapType::by_number(row.number).map(|found| found.name), Some(row.name));
            assert_eq!(row.added_flag_bits().count_ones() as usize, row.added_flags.len());
            assert!(row.successor.is_none() || row.successor().is_some(), "{}", row.name);
        }
        assert!(MapType::by_number(0).is_none());
    }

    #[test]
    fn deleting_what_is_missing_is_einval_where_slots_are_not_told_apart() {
        assert_eq!(map_type::HASH.delete_missing(), Some(Errno::ENOENT));
        assert_eq!(map_type::SOCKMAP.delete_missing(), Some(Errno::EINVAL));
        assert_eq!(map_type::DEVMAP.delete_missing(), None);
    }
}
