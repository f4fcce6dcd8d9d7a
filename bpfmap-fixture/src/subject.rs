//! The map with which a case is tried.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use crate::arena_lock::ArenaLock;
use crate::declaration::Declaration;
use crate::handle::Handle as _;
use crate::keys::Keys;
use crate::owners::Owners;
use crate::raw::Command;
use crate::raw::page_size;
use crate::raw::{self, BPF_ANY, Buffer};
use crate::values::{self, MakeValues, Refused, Values};
use crate::{Answer, MapFixture};
use crate::{special, stacks};
use bpfmap::kind::{self, Kind as _};
use bpfmap::{MapFlags, possible_cpus};
use bpfmap_core::map_type::{KeyRule, Operation};

/// A small map with the type, key, value and flags of a definition, created for one case.
pub(crate) struct Subject {
    /// The descriptor that map creation returned. The case is tried through this descriptor.
    map: OwnedFd,
    /// A descriptor that is not limited by the flags of the map. It is used to prepare the case and
    /// to check its effects.
    whole: OwnedFd,
    keys: Keys,
    kind_of_values: Values,
    /// Whether user space can add entries.
    insertable: bool,
    key_size: usize,
    /// The objects to which values are attached, for maps with such values.
    owners: Option<Owners>,
    /// The address at which the map is mapped, or 0 if the kernel chooses the address.
    address: u64,
    /// The size of a value, including the copies of all CPUs.
    value_size: usize,
    layout: values::Layout,
    values: Box<dyn MakeValues>,
    max_entries: u32,
    /// The lock of an arena. It is held until the arena is unmapped.
    _arena: Option<ArenaLock>,
}

/// The result of a batch command, and the number of entries that the command processed.
pub(crate) struct Batch {
    pub(crate) answer: Answer,
    pub(crate) count: u32,
}

impl Subject {
    /// Creates a map that is large enough for a few entries.
    ///
    /// # Panics
    ///
    /// Panics if the kernel refuses the map.
    #[must_use]
    pub(crate) fn new(declaration: &impl Declaration, fixture: &MapFixture<'_>) -> Self {
        let cpus = possible_cpus().expect("a map with values");
        let map = Self::map(declaration, fixture);
        let max_entries = map.max_entries();
        let created = map.as_fd().try_clone_to_owned().expect("a descriptor is free");
        let map = declaration.unlimited(map).unwrap_or_else(|error| panic!("{error}"));
        let def = declaration.def();
        let size = |bytes: u64| usize::try_from(bytes).expect("an entry fits into memory");
        let one = size(def.value_size());
        let row = fixture.row();
        let (stride, copies) = if row.per_cpu { (one.next_multiple_of(8), cpus) } else { (one, 1) };
        let layout = values::Layout { one, stride, copies, special: special::bytes(fixture) };
        let (keys, kind_of_values) = (Keys::of(fixture), Values::of(fixture));
        Self {
            map: created,
            whole: map.into(),
            keys,
            kind_of_values,
            // If the kernel creates the entries when a program is attached, user space can't create
            // entries.
            insertable: row.operation_since(Operation::Update).is_some()
                && row.key != KeyRule::CgroupStorage,
            key_size: size(def.key_size()),
            owners: keys.are_descriptors().then(|| Owners::new(keys)),
            // For an arena, `map_extra` is an address. For other maps, it is a small number.
            address: if def.map_extra % page_size() as u64 == 0 { def.map_extra } else { 0 },
            value_size: stride * copies,
            values: kind_of_values.make(layout.clone(), def.inner),
            layout,
            max_entries,
            _arena: (def.map_type == kind::Arena::TYPE).then(ArenaLock::take),
        }
    }

    /// Returns the result of creating the map.
    pub(crate) fn creation(declaration: &impl Declaration, fixture: &MapFixture<'_>) -> Answer {
        match Self::try_map(declaration, fixture) {
            Ok(_) => Answer::OK,
            Err(error) => Answer(
                error
                    .errno()
                    .unwrap_or_else(|| panic!("the kernel did not return this error: {error}")),
            ),
        }
    }

    /// Creates the map with which a case is tried.
    pub(crate) fn map<D: Declaration>(declaration: &D, fixture: &MapFixture<'_>) -> D::Map {
        Self::try_map(declaration, fixture).unwrap_or_else(|error| panic!("{error}"))
    }

    fn try_map<D: Declaration>(
        declaration: &D,
        fixture: &MapFixture<'_>,
    ) -> bpfmap::Result<D::Map> {
        raise_memlock_limit();
        let cpus = u32::try_from(possible_cpus()?).expect("few CPUs");
        // If each CPU has a separate LRU list, each list needs space.
        let own_lists = declaration.def().flags.contains(MapFlags::NO_COMMON_LRU);
        let few = if own_lists { ENTRIES * cpus } else { ENTRIES };
        let entries = fixture.max_entries.or(Values::of(fixture).entries(cpus));
        declaration.create(entries.unwrap_or(few))
    }

    /// Returns the `max_entries` of the map.
    #[must_use]
    pub(crate) fn max_entries(&self) -> u32 {
        self.max_entries
    }

    pub(crate) fn key_size(&self) -> usize {
        self.key_size
    }

    /// Returns the key with this number, or `None` if the map has no keys.
    pub(crate) fn key(&self, number: u32) -> Option<Vec<u8>> {
        match self.keys {
            Keys::Keyless => None,
            keys @ Keys::Recorded => {
                let (answer, first) = self.step(self.whole.as_fd(), None);
                let first = <[u8; 4]>::try_from(first).expect("an id has 4 bytes");
                let first = if answer == Answer::OK { u32::from_ne_bytes(first) } else { 0 };
                Some(keys.key(first ^ number, self.key_size))
            }
            keys => Some(match &self.owners {
                Some(owners) => owners.descriptor(number).to_ne_bytes().to_vec(),
                None => keys.key(number, self.key_size),
            }),
        }
    }

    /// Returns the value with this number in the form in which user space writes it.
    pub(crate) fn value(&self, number: u32) -> Vec<u8> {
        self.values.written(number)
    }

    /// Returns a value that the map refuses.
    pub(crate) fn refused_value(&self, refused: Refused) -> Vec<u8> {
        self.values.refused(refused)
    }

    /// Returns the value with this number in the form in which a lookup returns it. Returns `None`
    /// if user space can't read the value.
    pub(crate) fn stored(&self, number: u32) -> Option<Vec<u8>> {
        self.values.shown(number)
    }

    /// Returns a value that consists of a descriptor.
    pub(crate) fn descriptor(&self, fd: RawFd) -> Vec<u8> {
        let mut value = vec![0; self.value_size];
        value[..4].copy_from_slice(&fd.to_ne_bytes());
        value
    }

    pub(crate) fn lookup(&self, number: u32) -> (Answer, Vec<u8>) {
        self.lookup_through(self.map.as_fd(), number)
    }

    /// Looks up the entry with this number, regardless of the flags of the map.
    pub(crate) fn look(&self, number: u32) -> (Answer, Vec<u8>) {
        self.lookup_through(self.whole.as_fd(), number)
    }

    fn lookup_through(&self, map: BorrowedFd<'_>, number: u32) -> (Answer, Vec<u8>) {
        let (key, asked) = (self.key(number), self.asked(number));
        self.read(Command::LookupElem, map, key.as_deref(), asked, 0)
    }

    pub(crate) fn lookup_with(&self, key: Option<&[u8]>, flags: u64) -> (Answer, Vec<u8>) {
        self.read(Command::LookupElem, self.map.as_fd(), key, self.asked(0), flags)
    }

    pub(crate) fn take(&self, number: u32) -> (Answer, Vec<u8>) {
        self.take_with(self.key(number).as_deref(), 0)
    }

    pub(crate) fn take_with(&self, key: Option<&[u8]>, flags: u64) -> (Answer, Vec<u8>) {
        self.read(Command::LookupAndDeleteElem, self.map.as_fd(), key, self.asked(0), flags)
    }

    pub(crate) fn update(&self, number: u32, flags: u64) -> Answer {
        self.update_with(self.key(number).as_deref(), &self.value(number), flags)
    }

    /// Writes the entry with this number, regardless of the flags of the map.
    pub(crate) fn put(&self, number: u32) -> Answer {
        let (key, value) = (self.key(number), self.value(number));
        let value = Buffer::In(&value);
        raw::element(Command::UpdateElem, self.whole.as_fd(), key.as_deref(), value, BPF_ANY)
    }

    pub(crate) fn update_with(&self, key: Option<&[u8]>, value: &[u8], flags: u64) -> Answer {
        raw::element(Command::UpdateElem, self.map.as_fd(), key, Buffer::In(value), flags)
    }

    pub(crate) fn delete(&self, number: u32) -> Answer {
        self.delete_with(self.key(number).as_deref())
    }

    pub(crate) fn delete_with(&self, key: Option<&[u8]>) -> Answer {
        raw::element(Command::DeleteElem, self.map.as_fd(), key, Buffer::None, 0)
    }

    pub(crate) fn next_key(&self, key: Option<&[u8]>) -> (Answer, Vec<u8>) {
        self.step(self.map.as_fd(), key)
    }

    fn step(&self, map: BorrowedFd<'_>, key: Option<&[u8]>) -> (Answer, Vec<u8>) {
        let mut next = vec![0; self.key_size];
        let out = Buffer::Out(&mut next);
        (raw::element(Command::GetNextKey, map, key, out, 0), next)
    }

    /// Returns the last CPU that the machine could have.
    pub(crate) fn last_cpu(&self) -> usize {
        self.layout.copies - 1
    }

    /// Returns the value of the CPU `cpu` in `values`, which contains the values of all CPUs.
    pub(crate) fn share<'a>(&self, values: &'a [u8], cpu: usize) -> &'a [u8] {
        &values[cpu * self.layout.stride..][..self.layout.one]
    }

    /// Returns a buffer that starts with a single value. The buffer is large enough for the values
    /// of all CPUs, because older kernels read one value for each CPU.
    pub(crate) fn one_of(&self, share: &[u8]) -> Vec<u8> {
        let mut value = vec![0; self.value_size];
        value[..share.len()].copy_from_slice(share);
        value
    }

    /// Asserts that the entry with this number contains, for each CPU, the value that `expected`
    /// returns for this CPU.
    pub(crate) fn assert_shares<'a>(&self, number: u32, expected: impl Fn(usize) -> &'a [u8]) {
        let (answer, values) = self.look(number);
        assert_eq!(answer, Answer::OK, "entry {number} does not exist");
        for cpu in 0..self.layout.copies {
            assert_eq!(self.share(&values, cpu), expected(cpu), "the value of CPU {cpu}");
        }
    }

    /// Reads up to `count` entries from the start.
    pub(crate) fn read_batch(&self, command: Command, count: u32) -> Batch {
        self.read_batch_with(command, count, 0)
    }

    pub(crate) fn read_batch_with(&self, command: Command, count: u32, elem_flags: u64) -> Batch {
        let room = count as usize;
        let mut position = vec![0; self.key_size.max(HASH_POSITION)];
        let mut keys = vec![0; self.key_size * room];
        let mut values = vec![0; self.value_size * room];
        let (answer, count) = raw::batch(
            command,
            self.map.as_fd(),
            Some(&mut position),
            Buffer::Out(&mut keys),
            Buffer::Out(&mut values),
            count,
            elem_flags,
        );
        Batch { answer, count }
    }

    pub(crate) fn write_batch(&self, numbers: &[u32], elem_flags: u64) -> Batch {
        let values: Vec<u8> = numbers.iter().flat_map(|number| self.value(*number)).collect();
        self.batch(Command::UpdateBatch, numbers, Buffer::In(&values), elem_flags)
    }

    /// Writes a batch. Each pair consists of the number of an entry and the number of a value. The
    /// value is written for the CPU `cpu`. If the flags select a single value for each entry, the
    /// values follow each other without a gap.
    pub(crate) fn write_shares(&self, pairs: &[(u32, u32)], cpu: usize, flags: u64) -> Answer {
        let mut values = vec![];
        for (_, value) in pairs {
            values.extend_from_slice(self.share(&self.value(*value), cpu));
        }
        values.resize(self.value_size * pairs.len(), 0);
        let numbers: Vec<u32> = pairs.iter().map(|(number, _)| *number).collect();
        self.batch(Command::UpdateBatch, &numbers, Buffer::In(&values), flags).answer
    }

    pub(crate) fn delete_batch(&self, numbers: &[u32]) -> Batch {
        self.batch(Command::DeleteBatch, numbers, Buffer::None, 0)
    }

    pub(crate) fn freeze(&self) -> Answer {
        raw::freeze(self.map.as_fd())
    }

    /// Maps a page of the map for reading. The first page has the number 0.
    pub(crate) fn mmap(&self, page: u8) -> Answer {
        raw::mmap(self.map.as_fd(), self.address, page, libc::PROT_READ)
    }

    /// Maps a page of the map for reading and writing.
    pub(crate) fn mmap_to_write(&self, page: u8) -> Answer {
        raw::mmap(self.map.as_fd(), self.address, page, libc::PROT_READ | libc::PROT_WRITE)
    }

    /// Returns whether user space can add entries.
    pub(crate) fn is_insertable(&self) -> bool {
        self.insertable
    }

    /// Inserts an entry, which must succeed. Does nothing if user space can't insert entries.
    pub(crate) fn insert(&self, number: u32) {
        if self.kind_of_values == Values::Stacks {
            return stacks::record_one_more(self.whole.as_fd(), || self.entries());
        }
        if !self.is_insertable() {
            return;
        }
        let answer = self.put(number);
        assert_eq!(answer, Answer::OK, "entry {number} can't be inserted");
    }

    /// Inserts entries until the map is full.
    pub(crate) fn fill(&self) {
        let slots = self.kind_of_values.slots(self.max_entries);
        (0..slots).for_each(|number| self.insert(number));
    }

    /// Counts the entries by iterating over the keys. Returns 0 if the map does not support
    /// iteration.
    pub(crate) fn entries(&self) -> u32 {
        let mut count = 0;
        let whole = self.whole.as_fd();
        let (mut answer, mut key) = self.step(whole, None);
        while answer == Answer::OK && count <= self.max_entries {
            count += 1;
            (answer, key) = self.step(whole, Some(&key));
        }
        count
    }

    /// Asserts that the map contains the entry with this number. For a queue or stack, asserts that
    /// this entry is the next element. Does nothing if user space can't read the entry.
    pub(crate) fn assert_stored(&self, number: u32) {
        let Some(stored) = self.stored(number) else { return };
        let (answer, value) = self.look(number);
        assert_eq!(answer, Answer::OK, "entry {number} does not exist");
        assert_eq!(value, stored, "entry {number} contains another value");
    }

    /// Returns the initial contents of the buffer for a lookup. For some maps, the buffer contains
    /// the value to look for.
    fn asked(&self, number: u32) -> Vec<u8> {
        match self.kind_of_values {
            Values::Asked => self.value(number),
            _ => vec![0; self.value_size],
        }
    }

    fn read(
        &self,
        command: Command,
        map: BorrowedFd<'_>,
        key: Option<&[u8]>,
        mut value: Vec<u8>,
        flags: u64,
    ) -> (Answer, Vec<u8>) {
        let out = Buffer::Out(&mut value);
        let answer = raw::element(command, map, key, out, flags);
        self.layout.clear(&mut value, values::is_anything);
        self.layout.clear_gaps(&mut value);
        (answer, value)
    }

    fn batch(
        &self,
        command: Command,
        numbers: &[u32],
        values: Buffer<'_>,
        elem_flags: u64,
    ) -> Batch {
        let count = u32::try_from(numbers.len()).expect("a few entries");
        let keys: Vec<u8> =
            numbers.iter().filter_map(|number| self.key(*number)).flatten().collect();
        let keys = Buffer::In(&keys);
        let (answer, count) =
            raw::batch(command, self.map.as_fd(), None, keys, values, count, elem_flags);
        Batch { answer, count }
    }
}

/// The `max_entries` of most maps. The number is small, so that a map is quickly full.
const ENTRIES: u32 = 4;

/// The size in bytes of a batch position in a hash table. The position is the number of a bucket.
const HASH_POSITION: usize = 4;

/// Raises `RLIMIT_MEMLOCK`. Up to Linux 5.10, the memory of maps counts against this limit, even
/// for root.
pub(crate) fn raise_memlock_limit() {
    let limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the pointer refers to a complete `rlimit`. If the process may not raise the limit,
    // the old limit stays, and the error of creating the map shows the reason.
    unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) };
}
