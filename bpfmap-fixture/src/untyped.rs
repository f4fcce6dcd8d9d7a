//! Handles to maps whose definitions were created at run time.

use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd, RawFd};
use std::ptr::NonNull;

use bpfmap::{
    ArenaSource as _, CpuQueueSize, InterfaceIndex, LiveMap, MapDef, StackFrame, possible_cpus,
};

use crate::Answer;
use crate::arena::Words;
use crate::handle::{
    Delete, FilterValues, GiveUp, Handle, HoldCgroups, HoldCpus, HoldInterfaces, HoldMaps,
    HoldPrograms, HoldSockets, LookUp, Memory, OpenArena, ReadStacks, ShowIds, TakeIn, Update,
};
use crate::raw::{self, BPF_ANY, Buffer, Command, fd_bits, page_size};

/// An open map that matches a definition.
pub(crate) struct Untyped {
    map: LiveMap,
    def: &'static MapDef<'static>,
}

impl Untyped {
    /// Returns a handle to a map. The caller must have created the map from the definition, or must
    /// have checked that the map matches the definition.
    pub(crate) fn new(map: LiveMap, def: &'static MapDef<'static>) -> Self {
        Self { map, def }
    }

    fn value_size(&self) -> usize {
        usize::try_from(self.def.value_size()).expect("a value fits into memory")
    }

    /// Returns the distance between the values of two CPUs, and the number of values.
    fn copies(&self) -> (usize, usize) {
        if self.row().per_cpu {
            let cpus = possible_cpus().unwrap_or_else(|error| panic!("{error}"));
            (self.value_size().next_multiple_of(8), cpus)
        } else {
            (self.value_size(), 1)
        }
    }

    /// Reads a value with the command `command`. Returns `None` if the entry does not exist.
    fn read(&self, command: Command, key: Option<&[u8]>, mut value: Vec<u8>) -> Option<Vec<u8>> {
        let out = Buffer::Out(&mut value);
        match raw::element(command, self.as_fd(), key, out, 0) {
            Answer::OK => Some(value),
            Answer(libc::ENOENT) => None,
            answer => panic!("{}: {command:?}: {answer}", self.name()),
        }
    }

    fn write(&self, key: Option<&[u8]>, value: &[u8]) {
        let value = Buffer::In(value);
        let answer = raw::element(Command::UpdateElem, self.as_fd(), key, value, BPF_ANY);
        assert_eq!(answer, Answer::OK, "{}: {:?}", self.name(), Command::UpdateElem);
    }

    /// Stores a number at the beginning of a value.
    fn write_number(&self, key: &[u8], number: u32) {
        let mut value = vec![0; self.value_size()];
        value[..4].copy_from_slice(&number.to_ne_bytes());
        self.write(Some(key), &value);
    }

    fn write_descriptor(&self, key: &[u8], fd: RawFd) {
        self.write_number(key, fd_bits(fd));
    }
}

impl AsFd for Untyped {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }
}

impl From<Untyped> for OwnedFd {
    fn from(map: Untyped) -> Self {
        map.map.into()
    }
}

impl Handle for Untyped {
    fn def(&self) -> &'static MapDef<'static> {
        self.def
    }

    fn max_entries(&self) -> u32 {
        self.map.info().max_entries
    }
}

impl LookUp for Untyped {
    fn lookup(&self, key: &[u8], cpu: usize) -> Option<Vec<u8>> {
        let (stride, copies) = self.copies();
        let all = self.read(Command::LookupElem, Some(key), vec![0; stride * copies])?;
        let cpu = if copies > 1 { cpu } else { 0 };
        Some(all[cpu * stride..][..self.value_size()].to_vec())
    }
}

impl Update for Untyped {
    fn update(&self, key: &[u8], value: &[u8]) {
        let (stride, copies) = self.copies();
        let mut one = value.to_vec();
        one.resize(stride, 0);
        self.write(Some(key), &one.repeat(copies));
    }
}

impl Delete for Untyped {
    fn delete(&self, key: &[u8]) -> bool {
        let missing = self.row().delete_missing().map_or(libc::ENOENT, |errno| errno.0);
        match raw::element(Command::DeleteElem, self.as_fd(), Some(key), Buffer::None, 0) {
            Answer::OK => true,
            Answer(errno) if errno == missing => false,
            answer => panic!("{}: {:?}: {answer}", self.name(), Command::DeleteElem),
        }
    }
}

impl GiveUp for Untyped {
    fn pop(&self) -> Option<Vec<u8>> {
        self.read(Command::LookupAndDeleteElem, None, vec![0; self.value_size()])
    }
}

impl TakeIn for Untyped {
    fn push(&self, value: &[u8]) {
        self.write(None, value);
    }
}

impl FilterValues for Untyped {
    fn may_contain(&self, value: &[u8]) -> bool {
        self.read(Command::LookupElem, None, value.to_vec()).is_some()
    }

    fn add(&self, value: &[u8]) {
        self.write(None, value);
    }
}

impl ShowIds for Untyped {
    fn id(&self, key: &[u8]) -> Option<u32> {
        let id = self.read(Command::LookupElem, Some(key), vec![0; 4])?;
        Some(u32::from_ne_bytes(id.try_into().expect("an id has 4 bytes")))
    }
}

impl ReadStacks for Untyped {
    fn addresses(&self, id: &[u8]) -> Option<Vec<u64>> {
        self.lookup(id, 0).map(|stack| StackFrame::addresses_in(&stack))
    }

    fn frames(&self, id: &[u8]) -> Option<Vec<StackFrame>> {
        self.lookup(id, 0).map(|stack| StackFrame::frames_in(&stack))
    }
}

impl HoldMaps for Untyped {
    type Inner = Self;

    fn create_inner(&self) -> Self {
        let def = self.def.inner.expect("the definition of a map of maps contains a template");
        let map = LiveMap::create(def).unwrap_or_else(|error| panic!("{error}"));
        Self { map, def }
    }

    fn set_map(&self, key: &[u8], map: &Self) {
        self.write_descriptor(key, map.as_fd().as_raw_fd());
    }
}

impl HoldPrograms for Untyped {
    fn set_program(&self, key: &[u8], object: BorrowedFd<'_>) {
        self.write_descriptor(key, object.as_raw_fd());
    }
}

impl HoldCgroups for Untyped {
    fn set_cgroup(&self, key: &[u8], object: BorrowedFd<'_>) {
        self.write_descriptor(key, object.as_raw_fd());
    }
}

impl HoldSockets for Untyped {
    fn set_socket(&self, key: &[u8], object: BorrowedFd<'_>) {
        self.write_descriptor(key, object.as_raw_fd());
    }
}

impl HoldInterfaces for Untyped {
    fn set_interface(&self, key: &[u8], object: InterfaceIndex) {
        self.write_number(key, object.get());
    }
}

impl HoldCpus for Untyped {
    fn set_cpu(&self, key: &[u8], object: CpuQueueSize) {
        self.write_number(key, object.get());
    }
}

impl OpenArena for Untyped {
    fn open_arena<'o>(&self, object: &'o libbpf_rs::Object) -> Box<dyn Memory + 'o> {
        let start = object.arena_start(self.name()).expect("libbpf maps the arenas of an object");
        let pages = usize::try_from(self.max_entries()).expect("some pages");
        Box::new(Pages { start, len: pages * page_size(), _object: object })
    }
}

/// The pages of an arena, which libbpf has mapped.
struct Pages<'o> {
    start: NonNull<u8>,
    len: usize,
    /// The object, which keeps the pages mapped.
    _object: &'o libbpf_rs::Object,
}

impl Pages<'_> {
    /// Returns the address of the words at an offset. Returns `None` if some of the words are
    /// outside of the arena.
    fn words(&self, offset: usize) -> Option<NonNull<u64>> {
        let end = offset.checked_add(size_of::<Words>())?;
        if end > self.len || offset % align_of::<u64>() != 0 {
            return None;
        }
        // SAFETY: all of the words are within the pages.
        Some(unsafe { self.start.add(offset) }.cast())
    }
}

impl Memory for Pages<'_> {
    fn address(&self) -> u64 {
        self.start.addr().get() as u64
    }

    fn len(&self) -> usize {
        self.len
    }

    fn follow(&self, pointer: u64) -> Option<Words> {
        // An arena does not cross a 4 GiB boundary, so the lower 32 bits determine an address in
        // the arena.
        let lower_half = |address: u64| address & 0xffff_ffff;
        let offset = lower_half(pointer).checked_sub(lower_half(self.address()))?;
        let start = self.words(usize::try_from(offset).ok()?)?;
        // SAFETY: `words` returns the address of this many words within mapped pages. Programs can
        // write to these words at any time.
        Some(core::array::from_fn(|word| unsafe { start.add(word).read_volatile() }))
    }

    fn store(&self, offset: usize, words: Words) -> u64 {
        let start = self.words(offset).expect("the words are in the arena");
        for (index, word) in words.into_iter().enumerate() {
            // SAFETY: `words` returns the address of this many words within mapped pages, and no
            // references to these words exist.
            unsafe { start.add(index).write_volatile(word) };
        }
        self.address() + offset as u64
    }
}
