//! Operations on maps whose entries are kernel objects.

use super::iter::State;
use super::walk::Fetch;
use super::{Map, UpdateMode};
use crate::kind::{HoldObjects, InsertElement, Iterate, Kind, ShowObjects, UpdateBatch};
use crate::spec::MapSpec;
use crate::user_space::error::{Action, Error, Result};
use crate::user_space::sys::{self, Command, Errno};
use core::fmt;
use core::iter::FusedIterator;

/// The type of the objects that a map contains, such as a program, a map or a socket.
///
/// ```
/// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
/// use bpfmap::kind::{HoldObjects, InsertElement, ShowObjects};
/// use bpfmap::{BpfMap, IntoObject, Map, MapSpec, Object, Shown};
///
/// #[derive(BpfMap)]
/// #[bpf_map(array, max_entries = 4)]
/// struct Counters {
///     value: u64,
/// }
///
/// #[derive(BpfMap)]
/// #[bpf_map(hash_of_maps, max_entries = 8)]
/// struct Tenants {
///     key: u32,
///     inner: Counters,
/// }
///
/// /// Stores an object, such as a program or a map, unless the key is present. Returns information about the stored object.
/// fn keep<'a, S: MapSpec>(
///     map: &Map<S>,
///     key: &S::Key,
///     object: impl IntoObject<Object<'a, S>>,
/// ) -> bpfmap::Result<Option<Shown<S>>>
/// where
///     S::Kind: HoldObjects<S> + ShowObjects<S> + InsertElement,
/// {
///     let object: Object<'a, S> = object.into_object();
///     map.set_new(key, object)?;
///     map.get(key)
/// }
///
/// let counters = Map::<Counters>::create()?;
/// let kept = keep(&Map::<Tenants>::create()?, &1, &counters)?.expect("the map was just stored");
/// assert_eq!(kept.get(), counters.info()?.id);
/// # Ok(()) }
/// # #[cfg(not(feature = "derive"))] fn main() {}
/// ```
pub type Object<'a, S> = <<S as MapSpec>::Kind as HoldObjects<S>>::Object<'a>;

/// A type that a map of objects `O` accepts: `O` itself, and every type that converts to `O` with
/// [`Into`].
#[diagnostic::on_unimplemented(
    message = "this map does not accept `{Self}`",
    label = "this map accepts `{O}`",
    note = "pass the object itself instead of its number: a `&Map` of the inner spec, an interface as `InterfaceIndex`, or a socket by reference; wrap a descriptor in the type that the map accepts, for example with `ProgramFd::new`"
)]
pub trait IntoObject<O> {
    /// Converts the value to an object that the map accepts.
    fn into_object(self) -> O;
}

// This trait makes the compiler's messages mention objects instead of conversions.
#[diagnostic::do_not_recommend]
impl<T: Into<O>, O> IntoObject<O> for T {
    fn into_object(self) -> O {
        self.into()
    }
}

/// The information about an object in a map that the kernel returns from a lookup.
pub type Shown<S> = <<S as MapSpec>::Kind as ShowObjects<S>>::Shown;

impl<S: MapSpec> Map<S> {
    /// Stores an object under a key. If the key already has an object, the new object replaces it.
    /// The map keeps a reference to the new object.
    ///
    /// ```no_run
    /// use bpfmap::{Map, MapSpec, ProgramFd, kind};
    /// use std::os::fd::BorrowedFd;
    ///
    /// fn install<Jumps>(jumps: &Map<Jumps>, program: BorrowedFd<'_>) -> bpfmap::Result<()>
    /// where
    ///     Jumps: MapSpec<Kind = kind::ProgArray, Key = u32>,
    /// {
    ///     // With libbpf-rs, pass the program itself: `jumps.set(&1, &program)`.
    ///     jumps.set(&1, ProgramFd::new(program))?;
    ///     println!("program {} takes over", jumps.get(&1)?.expect("it was just inserted"));
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// `E2BIG`: the index is out of range, or the map is full. `EBADF`, `EINVAL` and others: the
    /// map type does not accept the object; see the marker of the map type in
    /// [`kind`](crate::kind). `EPERM`: the map is frozen, or the descriptor is read-only.
    pub fn set<'a>(&self, key: &S::Key, object: impl IntoObject<Object<'a, S>>) -> Result<()>
    where
        S::Kind: HoldObjects<S>,
    {
        self.put(key, &object.into_object(), UpdateMode::Any).map_err(Self::not_taken)
    }

    /// Stores an object under a key that is absent. Returns `false` and changes nothing if the key
    /// is present.
    ///
    /// # Errors
    /// Fails in the same cases as [`set`](Self::set).
    pub fn set_new<'a>(&self, key: &S::Key, object: impl IntoObject<Object<'a, S>>) -> Result<bool>
    where
        S::Kind: HoldObjects<S> + InsertElement,
    {
        match self.put(key, &object.into_object(), UpdateMode::NoExist) {
            Ok(()) => Ok(true),
            Err(Errno(libc::EEXIST)) => Ok(false),
            Err(errno) => Err(Self::not_taken(errno)),
        }
    }

    /// Stores many objects under their keys in one system call. Like [`set`](Self::set), this
    /// method replaces existing objects.
    ///
    /// ```no_run
    /// use bpfmap::{Map, MapSpec, OuterMapSpec, kind};
    ///
    /// /// Stores a new map for each tenant, and returns the maps.
    /// fn admit<Tenants, Counters>(
    ///     tenants: &Map<Tenants>,
    ///     ids: &[u32],
    /// ) -> bpfmap::Result<Vec<Map<Counters>>>
    /// where
    ///     Tenants: OuterMapSpec<Inner = Counters, Kind = kind::HashOfMaps, Key = u32>,
    ///     Counters: MapSpec<Kind = kind::Array, Key = u32, Value = u64>,
    /// {
    ///     let maps = ids.iter().map(|_| Map::create()).collect::<Result<Vec<_>, _>>()?;
    ///     tenants.set_batch(ids, &maps.iter().collect::<Vec<_>>())?;
    ///     Ok(maps)
    /// }
    /// ```
    ///
    /// # Errors
    /// `EINVAL`: the numbers of keys and objects differ, so nothing was changed. `ENOTSUPP`: this
    /// kernel has no batch operations for the map type (maps of maps have them from Linux 5.19 on).
    /// Otherwise, the method stops at the first object that can't be stored, and returns the error
    /// that [`set`](Self::set) would return. The message says how many objects were stored before
    /// the error.
    pub fn set_batch(&self, keys: &[S::Key], objects: &[Object<'_, S>]) -> Result<()>
    where
        S::Kind: HoldObjects<S> + UpdateBatch,
    {
        let () = ObjectSize::<S>::CHECK;
        let values: Vec<u8> = objects
            .iter()
            .flat_map(|object| S::Kind::to_kernel(object).into_iter().take(size_of::<S::Value>()))
            .collect();
        self.write_entries(keys, objects.len(), &values)
    }

    /// Returns the kernel's information ([`Shown`]) about the object under a key, such as an id or
    /// a cookie, or `None` if the key has no object.
    ///
    /// # Errors
    /// `EPERM`: the descriptor is write-only. The marker of the map type in [`kind`](crate::kind)
    /// lists further errors.
    pub fn get<T>(&self, key: &S::Key) -> Result<Option<T>>
    where
        S::Kind: ShowObjects<S, Shown = T>,
    {
        let () = ObjectSize::<S>::CHECK;
        let mut value = [0; OBJECT_SIZE];
        let mut attr = self.element(key, value.as_mut_ptr(), 0);
        // SAFETY: the key is borrowed and only read. The kernel writes one value of the size that opening or creating
        // compared with `S::Value`, and `ObjectSize` ensures that `value` has space for it.
        match unsafe { sys::bpf(Command::LookupElem, &mut attr) } {
            Ok(_) => Ok(Some(S::Kind::from_kernel(value))),
            Err(Errno(libc::ENOENT)) => Ok(None),
            Err(errno) => Err(Self::failed(Action::Lookup, errno)),
        }
    }

    /// Returns an iterator over all keys and the kernel's information about the object of each key.
    /// The keys are in the kernel's order, and empty slots are skipped. If the map changes during
    /// the iteration, this iterator behaves like [`iter`](Self::iter).
    ///
    /// ```
    /// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
    /// use bpfmap::{BpfMap, Map};
    ///
    /// #[derive(BpfMap)]
    /// #[bpf_map(array, max_entries = 4)]
    /// struct Counters {
    ///     value: u64,
    /// }
    ///
    /// #[derive(BpfMap)]
    /// #[bpf_map(array_of_maps, max_entries = 8)]
    /// struct Pages {
    ///     inner: Counters,
    /// }
    ///
    /// let pages = Map::<Pages>::create()?;
    /// let counters = Map::<Counters>::create()?;
    /// pages.set(&3, &counters)?;
    /// let shown: Vec<(u32, u32)> = pages
    ///     .objects()
    ///     .map(|entry| entry.map(|(index, map)| (index, map.get())))
    ///     .collect::<Result<_, _>>()?;
    /// assert_eq!(shown, [(3, counters.info()?.id)], "empty slots are skipped");
    /// # Ok(()) }
    /// # #[cfg(not(feature = "derive"))] fn main() {}
    /// ```
    ///
    /// # Errors
    /// Fails in the same cases as [`iter`](Self::iter).
    pub fn objects(&self) -> Objects<'_, S>
    where
        S::Kind: Iterate + ShowObjects<S>,
    {
        let () = ObjectSize::<S>::CHECK;
        Objects { walk: State::new(self, Fetch::Entries) }
    }

    fn put(
        &self,
        key: &S::Key,
        object: &Object<'_, S>,
        mode: UpdateMode,
    ) -> core::result::Result<(), Errno>
    where
        S::Kind: HoldObjects<S>,
    {
        let () = ObjectSize::<S>::CHECK;
        let value = S::Kind::to_kernel(object);
        let mut attr = self.element(key, value.as_ptr(), mode as u64);
        // SAFETY: key and value are borrowed and only read. `ObjectSize` ensures that `value` has as many bytes as the
        // kernel reads.
        unsafe { sys::bpf(Command::UpdateElem, &mut attr) }.map(|_| ())
    }

    /// Returns the error for an object that the kernel refuses. The message explains what the errno
    /// means for the map type.
    #[cold]
    fn not_taken(errno: Errno) -> Error
    where
        S::Kind: HoldObjects<S>,
    {
        match S::Kind::refusal(errno.0) {
            Some(text) => Error::refused(Action::Update, S::DEF.name, errno, text.to_owned()),
            None => Self::failed(Action::Update, errno),
        }
    }
}

/// The maximum number of bytes that the kernel reads or writes for an object. A device with a
/// program has this size.
const OBJECT_SIZE: usize = 8;

/// Checks at compile time that the kernel copies only one value, of at most [`OBJECT_SIZE`] bytes.
///
/// The buffers here rely on this check, which never fails because the trait for objects is sealed.
struct ObjectSize<S>(core::marker::PhantomData<S>);

impl<S: MapSpec> ObjectSize<S> {
    const CHECK: () = {
        assert!(size_of::<S::Value>() <= OBJECT_SIZE, "no object is that large");
        assert!(!S::Kind::FACTS.per_cpu, "objects have no values for each CPU");
        assert!(!S::Kind::FACTS.has_kernel_value(), "the kernel determines the size of the value");
    };
}

/// An iterator over the kernel's information about the objects in a map: see [`Map::objects`].
pub struct Objects<'a, S: MapSpec> {
    walk: State<'a, S>,
}

super::iter::debug_names_the_map!(Objects);

impl<S: MapSpec> Iterator for Objects<'_, S>
where
    S::Kind: ShowObjects<S>,
{
    type Item = Result<(S::Key, Shown<S>)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.walk.next(|walk, index| {
            let entries = walk.entries();
            let mut value = [0; OBJECT_SIZE];
            let bytes = entries.value_bytes(index);
            value[..bytes.len()].copy_from_slice(bytes);
            Ok((entries.key::<S>(index), S::Kind::from_kernel(value)))
        })
    }
}

impl<S: MapSpec> FusedIterator for Objects<'_, S> where S::Kind: ShowObjects<S> {}
