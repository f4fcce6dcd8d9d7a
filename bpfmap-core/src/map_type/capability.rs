//! The capabilities of a typed map handle, which follow from the row of the map type.

use super::{
    Answer, BtfRule, Condition, EventRule, KernelObject, KeyRule, MAP_TYPES, MapExtraRule, MapFlag,
    MapType, MaxEntriesRule, Operation, Since, ValueRule,
};
use crate::{Errno, SpecialField};

/// The kind of position that a batched iteration keeps between two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchCursor {
    /// An internal position of the kernel, such as the bucket of a hash table. Entries can be added and deleted between
    /// the calls.
    Position,
    /// The last key that was returned. If this key has been deleted, the kernel starts again at the first key.
    Key,
    /// No position. Either the kernel can't iterate over maps of this type in batches, or the iteration fails at empty
    /// slots (`EINTR` before Linux 6.14).
    None,
}

macro_rules! capabilities {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A group of operations that user space can perform on maps of a type. Each capability is a trait in
        /// `bpfmap::kind`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Capability {
            $($(#[$doc])* $name,)*
        }

        impl Capability {
            /// All capabilities.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the name of the capability's trait in `bpfmap::kind`.
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
    /// User space can store kernel objects in the map.
    HoldObjects,
    /// A lookup returns information about the kernel object in an entry, such as the ID of the object.
    ShowObjects,
    /// User space can attach values to a socket, an inode, a task or a cgroup.
    AttachValues,
    /// User space can read an entry by key.
    LookupElement,
    /// User space can write an entry by key.
    UpdateElement,
    /// An update can require that the key is already in the map, or that it is not yet in the map.
    InsertElement,
    /// User space can read and write the value of a single CPU, and write one value for all CPUs.
    SelectCpu,
    /// User space can delete an entry by key.
    DeleteElement,
    /// User space can read and delete an entry in one system call.
    TakeElement,
    /// User space can iterate over the keys.
    Iterate,
    /// User space can write many entries in one system call.
    UpdateBatch,
    /// User space can delete many entries in one system call.
    DeleteBatch,
    /// User space can push a value onto a queue or a stack.
    Push,
    /// User space can pop the next value from a queue or a stack.
    Pop,
    /// User space can read the next value of a queue or a stack without removing the value.
    Peek,
    /// User space can add values and test whether a value was added, but can't read the values.
    Filter,
    /// Programs record stack traces, which user space can read.
    HoldStacks,
    /// Programs write records to one ring buffer, which user space can read.
    ReadRecords,
    /// Programs write records to one ring buffer for each CPU, which user space can read.
    ReadPerCpuRecords,
    /// User space can write records to a ring buffer for programs.
    WriteRecords,
    /// User space can register the map, which then replaces functions of the kernel.
    RegisterOps,
    /// User space can map the whole map into its memory and share this memory with programs.
    MapArena,
    /// User space can map the values into its memory.
    MapValues,
    /// User space can read and write a value while the kernel holds the spin lock in the value.
    Lock,
}

impl MapType {
    /// Returns the row of the map type that has this number in `enum bpf_map_type`. Returns `None`
    /// if the table has no such row.
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

    /// Returns whether a map of this type can be created with BTF for key and value. If this method
    /// returns `false`, the BTF IDs of key and value must be 0.
    #[must_use]
    pub const fn takes_btf(&self) -> bool {
        matches!(self.btf, BtfRule::Optional | BtfRule::Required)
    }

    /// Returns whether the value is a struct of the kernel, whose size is not known from the schema.
    #[must_use]
    pub const fn has_kernel_value(&self) -> bool {
        matches!(self.value, ValueRule::StructOps)
    }

    /// Returns whether the values are other maps.
    #[must_use]
    pub const fn holds_maps(&self) -> bool {
        matches!(self.value, ValueRule::Object(KernelObject::Map))
    }

    /// Returns whether the map is an array of plain data. Its keys are indices from 0 to `max_entries` - 1, and every
    /// entry exists.
    #[must_use]
    pub const fn is_array(&self) -> bool {
        matches!((self.key, self.value), (KeyRule::Index, ValueRule::Plain { .. }))
    }

    /// Returns whether user space can copy all entries of a map to another map. This requires that the keys and the
    /// values are plain data.
    #[must_use]
    pub const fn can_be_copied(&self) -> bool {
        self.offers(Capability::LookupElement)
            && self.offers(Capability::UpdateElement)
            && self.offers(Capability::Iterate)
            && matches!(self.value, ValueRule::Plain { .. })
    }

    /// Returns whether at least one kernel supports `field` in the values of this map type.
    #[must_use]
    pub const fn takes_special_field(&self, field: SpecialField) -> bool {
        self.special_field_since(field).is_some()
    }

    /// Returns the flags that the kernel adds when it creates a map of this type, as bits of `map_flags`.
    ///
    /// # Panics
    /// Never panics, because a test checks that the table of flags contains each of these flags.
    #[must_use]
    pub const fn added_flag_bits(&self) -> u32 {
        let (mut bits, mut index) = (0, 0);
        while index < self.added_flags.len() {
            bits |= match MapFlag::by_name(self.added_flags[index]) {
                Some(flag) => flag.value(),
                None => panic!("a row adds a flag that is not in the table of flags"),
            };
            index += 1;
        }
        bits
    }

    /// Returns the errno with which deleting an absent key fails. Returns `None` if the deletion
    /// succeeds, or if the map type does not support deletion by key.
    #[must_use]
    pub const fn delete_missing(&self) -> Option<Errno> {
        match self.newest_answer(Operation::Delete, Condition::Missing) {
            Some(Answer::Err(errno)) => Some(errno),
            Some(Answer::Ok) | None => None,
        }
    }

    /// Returns whether at least one kernel supports `operation` on maps of this type.
    #[must_use]
    pub const fn has_operation(&self, operation: Operation) -> bool {
        matches!(self.newest_answer(operation, Condition::Plain), Some(Answer::Ok))
    }

    /// Returns the answer of the newest kernel to `operation` under `condition`. If there are several possible answers,
    /// returns the first one.
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
        // The value under a key is plain data, not an object or data that is attached to an object.
        let plain = !keyless && !object && !attached && !kernels;
        let filter = matches!(self.map_extra, MapExtraRule::HashFunctions { .. });
        match capability {
            Capability::HoldObjects => object,
            Capability::ShowObjects => object && self.has_operation(Operation::Lookup),
            Capability::AttachValues => attached,
            Capability::LookupElement => plain && self.has_operation(Operation::Lookup),
            Capability::UpdateElement => plain && self.has_operation(Operation::Update),
            // A key that can't be deleted always exists. The slots of most maps of objects always exist too.
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
    fn only_map_types_with_batches_have_a_batch_cursor() {
        for row in MAP_TYPES {
            let walks = row.has_operation(Operation::LookupBatch);
            assert!(walks || row.batch_cursor == BatchCursor::None, "{}", row.name);
        }
    }

    #[test]
    fn the_newest_kernel_supports_each_operation_of_older_kernels() {
        for row in MAP_TYPES {
            for operation in Operation::ALL {
                let since = row.operation_since(*operation).is_some();
                assert_eq!(row.has_operation(*operation), since, "{} {operation:?}", row.name);
            }
        }
    }

    #[test]
    fn rows_are_found_by_number_and_by_flag() {
        for row in MAP_TYPES {
            assert_eq!(MapType::by_number(row.number).map(|found| found.name), Some(row.name));
            assert_eq!(row.added_flag_bits().count_ones() as usize, row.added_flags.len());
            assert!(row.successor.is_none() || row.successor().is_some(), "{}", row.name);
        }
        assert!(MapType::by_number(0).is_none());
    }

    #[test]
    fn deleting_a_missing_key_returns_the_errno_of_the_row() {
        assert_eq!(map_type::HASH.delete_missing(), Some(Errno::ENOENT));
        assert_eq!(map_type::SOCKMAP.delete_missing(), Some(Errno::EINVAL));
        assert_eq!(map_type::DEVMAP.delete_missing(), None);
    }
}
