//! Entries that are kernel objects.

use super::iter::State;
use super::walk::Fetch;
use super::{Map, UpdateMode};
use crate::error::{Error, Operation, Result};
use crate::kind::{HoldObjects, InsertElement, Iterate, Kind, ShowObjects, UpdateBatch};
use crate::spec::MapSpec;
use crate::sys::{self, Command, Errno};
use core::fmt;
use core::iter::FusedIterator;

/// What is handed to a map that holds kernel objects: a program, a map, a socket.
pub type Object<'a, S> = <<S as MapSpec>::Kind as HoldObjects<S>>::Object<'a>;

/// What can be handed in where a map takes the object `O`: `O` itself, and whatever becomes one by [`Into`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that this map holds",
    label = "this map takes `{O}`",
    note = "hand in the object itself, never its number: a `&Map` of the inner spec, an interface as `InterfaceIndex`, a socket by reference; a descriptor becomes an object by the `new` of the type that the map takes, such as `ProgramFd::new`"
)]
pub trait IntoObject<O> {
    /// The object.
    fn into_object(self) -> O;
}

// So that the message tells of objects and not of conversions.
#[diagnostic::do_not_recommend]
impl<T: Into<O>, O> IntoObject<O> for T {
    fn into_object(self) -> O {
        self.into()
    }
}

/// What a look-up in a map that holds kernel objects gives.
pub type Shown<S> = <<S as MapSpec>::Kind as ShowObjects<S>>::Shown;

impl<S: MapSpec> Map<S> {
    /// Puts an object under a key, in place of what is there. The map keeps a reference to it.
    ///
    /// ```no_run
    /// use bpfmap::{Map, MapSpec, ProgramFd, kind};
    /// use std::os::fd::BorrowedFd;
    ///
    /// fn install<Jumps>(jumps: &Map<Jumps>, program: BorrowedFd<'_>) -> bpfmap::Result<()>
    /// where
    ///     Jumps: MapSpec<Kind = kind::ProgArray, Key = u32>,
    /// {
    ///     // Of libbpf-rs, the program itself: `jumps.set(&1, &program)`.
    ///     jumps.set(&1, ProgramFd::new(program))?;
    ///     println!("program {} takes over", jumps.get(&1)?.expect("it was just put there"));
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// `E2BIG`: the index is out of range, or the map is full. `EBADF`, `EINVAL` and others: it is no object that the
    /// map type takes; see the marker of the map type in [`kind`](crate::kind). `EPERM`: the map is frozen or the
    /// descriptor read-only.
    pub fn set<'a>(&self, key: &S::Key, object: impl IntoObject<Object<'a, S>>) -> Result<()>
    where
        S::Kind: HoldObjects<S>,
    {
        self.put(key, &object.into_object(), UpdateMode::Any).map_err(Self::not_taken)
    }

    /// Puts an object under a key that is absent; `false`, and nothing is changed, when it is present.
    ///
    /// # Errors
    /// As [`set`](Self::set).
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

    /// Puts many objects under their keys in one system call, each as [`set`](Self::set) does.
    ///
    /// # Errors
    /// `EINVAL`, and nothing is changed: there are not as many objects as keys. `ENOTSUPP`: this kernel can't for the
    /// map type (maps in maps from Linux 5.19). Else as [`set`](Self::set), at the first entry that fails; the message
    /// says how many were put in before.
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

    /// What the kernel shows of the object under a key ([`Shown`]): an id, a cookie; `None` when there is none.
    ///
    /// # Errors
    /// `EPERM`: the descriptor is write-only. Others as the marker of the map type in [`kind`](crate::kind) says.
    pub fn get<T>(&self, key: &S::Key) -> Result<Option<T>>
    where
        S::Kind: ShowObjects<S, Shown = T>,
    {
        let () = ObjectSize::<S>::CHECK;
        let mut value = [0; OBJECT_SIZE];
        let mut attr = self.element(key, value.as_mut_ptr(), 0);
        // SAFETY: the key is borrowed and read. The kernel writes one value of the size that opening or creating compared
        // with `S::Value`, and `ObjectSize` says that `value` has room for it.
        match unsafe { sys::bpf(Command::LookupElem, &mut attr) } {
            Ok(_) => Ok(Some(S::Kind::from_kernel(value))),
            Err(Errno(libc::ENOENT)) => Ok(None),
            Err(errno) => Err(Self::failed(Operation::Lookup, errno)),
        }
    }

    /// What the kernel shows of each object, with its key, in the kernel's order. Empty slots are passed over. While the
    /// map changes, as [`iter`](Self::iter).
    ///
    /// # Errors
    /// As [`iter`](Self::iter).
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
        // SAFETY: key and value are borrowed and only read; the kernel reads as much as `ObjectSize` says `value` has.
        unsafe { sys::bpf(Command::UpdateElem, &mut attr) }.map(|_| ())
    }

    /// A refusal of an object, with what the errno means for the map type.
    #[cold]
    fn not_taken(errno: Errno) -> Error
    where
        S::Kind: HoldObjects<S>,
    {
        match S::Kind::refusal(errno.0) {
            Some(text) => Error::refused(Operation::Update, S::DEF.name, errno, text.to_owned()),
            None => Self::failed(Operation::Update, errno),
        }
    }
}

/// The most that the kernel takes or gives for an object: a device and a program.
const OBJECT_SIZE: usize = 8;

/// The kernel copies as many bytes as [`OBJECT_SIZE`] has room for, of one value; found when the program is compiled.
///
/// What holds objects is sealed, so that this never fails: it is what the buffers here rely on.
struct ObjectSize<S>(core::marker::PhantomData<S>);

impl<S: MapSpec> ObjectSize<S> {
    const CHECK: () = {
        assert!(size_of::<S::Value>() <= OBJECT_SIZE, "no object is that large");
        assert!(!S::Kind::FACTS.per_cpu, "an object is not one of each CPU");
        assert!(!S::Kind::FACTS.has_kernel_value(), "the size of the value is the kernel's affair");
    };
}

/// Iterator over what the kernel shows of the objects in a map: see [`Map::objects`].
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
