//! Operations of user space on an open map, with keys and values as bytes.
//!
//! Each trait in this module contains some of the operations. Each step of a test takes a handle
//! that implements the traits that the step needs. Two types of handles implement the traits.
//! [`Map`] belongs to a spec, and uses the types and methods of generated code.
//! [`Untyped`](crate::untyped::Untyped) belongs to a definition that was created at run time. The
//! same steps work with both types.
//!
//! Each method panics if the kernel refuses the operation.

use std::os::fd::{AsFd, BorrowedFd};

use bpfmap::kind::{
    DeleteElement, Filter, HoldObjects, HoldStacks, Kind, LookupElement, MapArena, Pop, Push,
    ShowObjects, UpdateElement,
};
use bpfmap::{
    CgroupFd, CpuQueueSize, InterfaceIndex, KernelPtr, Map, MapDef, MapId, MapSpec, Object,
    OuterMapSpec, PerCpu, Plain, ProgramFd, ProgramId, SharedCell, SocketFd, StackFrame,
    UpdateMode, Value, bytes_of, from_bytes,
};
use bpfmap_core::map_type::MapType;

use crate::arena::Words;

/// A handle to an open map. The handle also contains the definition of the map.
pub trait Handle: AsFd {
    /// Returns the definition of the map.
    fn def(&self) -> &'static MapDef<'static>;

    /// Returns the `max_entries` of the map.
    fn max_entries(&self) -> u32;

    /// Returns the map's name.
    fn name(&self) -> &'static str {
        self.def().name
    }

    /// Returns the row of the map's type in the facts table.
    fn row(&self) -> &'static MapType {
        MapType::by_number(self.def().map_type).expect("the facts table has each map type")
    }
}

/// A map whose entries can be looked up.
pub trait LookUp: Handle {
    /// Returns the value of a key. For a per-CPU map, this is the value of CPU `cpu`.
    fn lookup(&self, key: &[u8], cpu: usize) -> Option<Vec<u8>>;
}

/// A map whose entries can be updated.
pub trait Update: Handle {
    /// Writes an entry. A per-CPU map gets the same value for each CPU.
    fn update(&self, key: &[u8], value: &[u8]);
}

/// A map whose entries can be deleted.
pub trait Delete: Handle {
    /// Deletes an entry. Returns `false` if the entry did not exist.
    fn delete(&self, key: &[u8]) -> bool;
}

/// A queue or stack from which user space can pop values.
pub trait GiveUp: Handle {
    /// Pops a value. Returns `None` if the map is empty.
    fn pop(&self) -> Option<Vec<u8>>;
}

/// A queue or stack to which user space can push values.
pub trait TakeIn: Handle {
    /// Pushes a value.
    fn push(&self, value: &[u8]);
}

/// A Bloom filter.
pub trait FilterValues: Handle {
    /// Returns whether a value may have been added.
    fn may_contain(&self, value: &[u8]) -> bool;

    /// Adds a value to the filter.
    fn add(&self, value: &[u8]);
}

/// A map whose entries are kernel objects and are read as IDs.
pub trait ShowIds: Handle {
    /// Returns the ID of the object under a key.
    fn id(&self, key: &[u8]) -> Option<u32>;
}

/// A map of stack traces.
pub trait ReadStacks: Delete {
    /// Returns the addresses of the stack with this ID.
    fn addresses(&self, id: &[u8]) -> Option<Vec<u64>>;

    /// Returns the frames of the stack with this ID. Each frame contains a build ID.
    fn frames(&self, id: &[u8]) -> Option<Vec<StackFrame>>;
}

/// A map of maps.
pub trait HoldMaps: Delete {
    /// A handle to an inner map.
    type Inner: Handle;

    /// Creates a map that can be an inner map of this map.
    fn create_inner(&self) -> Self::Inner;

    /// Inserts an inner map.
    fn set_map(&self, key: &[u8], map: &Self::Inner);
}

/// A map that is an arena.
pub trait OpenArena: Handle {
    /// Returns the arena of the map in a loaded object.
    fn open_arena<'o>(&self, object: &'o libbpf_rs::Object) -> Box<dyn Memory + 'o>;
}

/// The memory of an arena.
pub trait Memory {
    /// Returns the start address of the arena.
    fn address(&self) -> u64;

    /// Returns the size of the arena in bytes.
    fn len(&self) -> usize;

    /// Returns the words at an address that a program returned. Returns `None` if the words are not
    /// in the arena.
    fn follow(&self, pointer: u64) -> Option<Words>;

    /// Writes words at this offset, and returns the pointer that programs use for the same words.
    fn store(&self, offset: usize, words: Words) -> u64;
}

impl<S: MapSpec> Handle for Map<S> {
    fn def(&self) -> &'static MapDef<'static> {
        const { &S::DEF }
    }

    fn max_entries(&self) -> u32 {
        Self::max_entries(self)
    }
}

impl<S> LookUp for Map<S>
where
    S: MapSpec,
    S::Kind: LookupElement,
    Value<S>: OnEachCpu<S::Value>,
{
    fn lookup(&self, key: &[u8], cpu: usize) -> Option<Vec<u8>> {
        let found = Self::lookup(self, &key_of::<S>(key)).unwrap_or_else(|error| panic!("{error}"));
        found.map(|value| bytes_of(&value.on(cpu)).to_vec())
    }
}

impl<S> Update for Map<S>
where
    S: MapSpec,
    S::Kind: UpdateElement,
    Value<S>: OnEachCpu<S::Value>,
{
    fn update(&self, key: &[u8], value: &[u8]) {
        let value = Value::<S>::everywhere(value_of::<S>(value));
        Self::update(self, &key_of::<S>(key), &value, UpdateMode::Any)
            .unwrap_or_else(|error| panic!("{error}"));
    }
}

impl<S: MapSpec<Kind: DeleteElement>> Delete for Map<S> {
    fn delete(&self, key: &[u8]) -> bool {
        Self::delete(self, &key_of::<S>(key)).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl<S> GiveUp for Map<S>
where
    S: MapSpec<Key = (), Kind: Pop + Kind<Value<S::Value> = S::Value>>,
{
    fn pop(&self) -> Option<Vec<u8>> {
        let popped = Self::pop(self).unwrap_or_else(|error| panic!("{error}"));
        popped.map(|value| bytes_of(&value).to_vec())
    }
}

impl<S> TakeIn for Map<S>
where
    S: MapSpec<Key = (), Kind: Push + Kind<Value<S::Value> = S::Value>>,
{
    fn push(&self, value: &[u8]) {
        Self::push(self, &value_of::<S>(value), UpdateMode::Any)
            .unwrap_or_else(|error| panic!("{error}"));
    }
}

impl<S> FilterValues for Map<S>
where
    S: MapSpec<Key = (), Kind: Filter + Kind<Value<S::Value> = S::Value>>,
{
    fn may_contain(&self, value: &[u8]) -> bool {
        Self::may_contain(self, &value_of::<S>(value)).unwrap_or_else(|error| panic!("{error}"))
    }

    fn add(&self, value: &[u8]) {
        Self::add(self, &value_of::<S>(value)).unwrap_or_else(|error| panic!("{error}"));
    }
}

impl<S, I> ShowIds for Map<S>
where
    S: MapSpec<Kind: ShowObjects<S, Shown = I>>,
    I: Id,
{
    fn id(&self, key: &[u8]) -> Option<u32> {
        let held = self.get(&key_of::<S>(key)).unwrap_or_else(|error| panic!("{error}"));
        held.map(Id::number)
    }
}

impl<S> ReadStacks for Map<S>
where
    S: MapSpec,
    S::Kind: HoldStacks + LookupElement + DeleteElement + Kind<Value<S::Value> = S::Value>,
{
    fn addresses(&self, id: &[u8]) -> Option<Vec<u64>> {
        Self::addresses(self, &key_of::<S>(id)).unwrap_or_else(|error| panic!("{error}"))
    }

    fn frames(&self, id: &[u8]) -> Option<Vec<StackFrame>> {
        Self::frames(self, &key_of::<S>(id)).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl<S> HoldMaps for Map<S>
where
    S: OuterMapSpec,
    S::Kind: HoldsInner<S> + DeleteElement,
{
    type Inner = Map<S::Inner>;

    fn create_inner(&self) -> Map<S::Inner> {
        Map::create().unwrap_or_else(|error| panic!("{error}"))
    }

    fn set_map(&self, key: &[u8], map: &Map<S::Inner>) {
        S::Kind::hold(self, &key_of::<S>(key), map);
    }
}

/// A map type whose entries are inner maps.
pub trait HoldsInner<S: OuterMapSpec>: Kind {
    /// Inserts an inner map.
    fn hold(map: &Map<S>, key: &S::Key, inner: &Map<S::Inner>);
}

impl<S, K> HoldsInner<S> for K
where
    S: OuterMapSpec<Kind = K>,
    K: for<'a> HoldObjects<S, Object<'a> = &'a Map<S::Inner>>,
{
    fn hold(map: &Map<S>, key: &S::Key, inner: &Map<S::Inner>) {
        map.set(key, inner).unwrap_or_else(|error| panic!("{error}"));
    }
}

macro_rules! hold_descriptors {
    ($($(#[$doc:meta])* $trait:ident $method:ident $object:ident |$fd:ident| $make:expr;)*) => { $(
        $(#[$doc])*
        pub trait $trait: Delete {
            /// Inserts the object with the given descriptor into the map.
            fn $method(&self, key: &[u8], object: BorrowedFd<'_>);
        }

        impl<S> $trait for Map<S>
        where
            S: MapSpec,
            S::Kind: for<'a> HoldObjects<S, Object<'a> = $object<'a>> + DeleteElement,
        {
            fn $method(&self, key: &[u8], $fd: BorrowedFd<'_>) {
                self.set(&key_of::<S>(key), $make).unwrap_or_else(|error| panic!("{error}"));
            }
        }
    )* };
}

hold_descriptors! {
    /// A map of programs.
    HoldPrograms set_program ProgramFd |program| ProgramFd::new(program);
    /// A map of cgroups.
    HoldCgroups set_cgroup CgroupFd |cgroup| CgroupFd::new(cgroup);
    /// A map of sockets.
    HoldSockets set_socket SocketFd |socket| SocketFd::from(&socket);
}

macro_rules! hold_numbers {
    ($($(#[$doc:meta])* $trait:ident $method:ident $object:ident;)*) => { $(
        $(#[$doc])*
        pub trait $trait: Delete {
            /// Inserts the object with the given number into the map.
            fn $method(&self, key: &[u8], object: $object);
        }

        impl<S> $trait for Map<S>
        where
            S: MapSpec,
            S::Kind: HoldObjects<S> + DeleteElement,
            for<'a> $object: Into<Object<'a, S>>,
        {
            fn $method(&self, key: &[u8], object: $object) {
                self.set(&key_of::<S>(key), object).unwrap_or_else(|error| panic!("{error}"));
            }
        }
    )* };
}

hold_numbers! {
    /// A map of interfaces.
    HoldInterfaces set_interface InterfaceIndex;
    /// A map of the queues of CPUs.
    HoldCpus set_cpu CpuQueueSize;
}

impl<S: MapSpec<Kind: MapArena>> OpenArena for Map<S> {
    fn open_arena<'o>(&self, object: &'o libbpf_rs::Object) -> Box<dyn Memory + 'o> {
        Box::new(self.arena_in(object).unwrap_or_else(|error| panic!("{error}")))
    }
}

impl<S: MapSpec> Memory for bpfmap::Arena<'_, S> {
    fn address(&self) -> u64 {
        Self::address(self)
    }

    fn len(&self) -> usize {
        Self::len(self)
    }

    fn follow(&self, pointer: u64) -> Option<Words> {
        let words: &SharedCell<Words> = Self::follow(self, KernelPtr::new(pointer))?;
        Some(words.load())
    }

    fn store(&self, offset: usize, words: Words) -> u64 {
        self.at::<Words>(offset).expect("the words are in the arena").store(words);
        self.pointer::<Words>(offset).expect("as above").address()
    }
}

/// The ID of a kernel object.
pub trait Id {
    /// Returns the ID as a number.
    fn number(self) -> u32;
}

impl Id for MapId {
    fn number(self) -> u32 {
        self.get()
    }
}

impl Id for ProgramId {
    fn number(self) -> u32 {
        self.get()
    }
}

/// The value of an entry. In a per-CPU map, this is one value for each CPU.
pub trait OnEachCpu<V> {
    /// Returns the value of an entry in which each CPU has the value `value`.
    fn everywhere(value: V) -> Self;
    /// Returns the value of the CPU `cpu`.
    fn on(&self, cpu: usize) -> V;
}

impl<V: Plain> OnEachCpu<V> for V {
    fn everywhere(value: V) -> V {
        value
    }

    fn on(&self, _cpu: usize) -> V {
        *self
    }
}

impl<V: Plain> OnEachCpu<V> for PerCpu<V> {
    fn everywhere(value: V) -> Self {
        Self::splat(value).unwrap_or_else(|error| panic!("{error}"))
    }

    fn on(&self, cpu: usize) -> V {
        self[cpu]
    }
}

fn key_of<S: MapSpec>(bytes: &[u8]) -> S::Key {
    from_bytes(bytes).expect("a key has the size that its description states")
}

fn value_of<S: MapSpec>(bytes: &[u8]) -> S::Value {
    from_bytes(bytes).expect("a value has the size that its description states")
}
