//! Entries that are kernel objects.

use super::{Map, Update};
use crate::error::{Operation, Result};
use crate::kind::{HoldObjects, InsertElement, ShowObjects};
use crate::spec::MapSpec;
use crate::sys::{self, Command, Errno};

/// What is handed to a map that holds kernel objects: a program, a map, a socket.
pub type Object<'a, S> = <<S as MapSpec>::Kind as HoldObjects<S>>::Object<'a>;

/// What a look-up in a map that holds kernel objects gives.
pub type Shown<S> = <<S as MapSpec>::Kind as ShowObjects>::Shown;

impl<S: MapSpec> Map<S> {
    /// Puts an object under a key, in place of what is there. The map keeps a reference to it.
    ///
    /// # Errors
    /// `E2BIG`: the index is out of range, or the map is full. `EBADF`, `EINVAL` and others: it is no object that the
    /// map type takes; see the marker of the map type in [`kind`](crate::kind). `EPERM`: the map is frozen or the
    /// descriptor read-only.
    pub fn set<'a>(&self, key: &S::Key, object: impl Into<Object<'a, S>>) -> Result<()>
    where
        S::Kind: HoldObjects<S>,
    {
        self.put(key, &object.into(), Update::Any)
            .map_err(|errno| Self::failed(Operation::Update, errno))
    }

    /// Puts an object under a key that is absent; `false`, and nothing is changed, when it is present.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn set_new<'a>(&self, key: &S::Key, object: impl Into<Object<'a, S>>) -> Result<bool>
    where
        S::Kind: HoldObjects<S> + InsertElement,
    {
        match self.put(key, &object.into(), Update::NoExist) {
            Ok(()) => Ok(true),
            Err(Errno(libc::EEXIST)) => Ok(false),
            Err(errno) => Err(Self::failed(Operation::Update, errno)),
        }
    }

    /// What the kernel shows of the object under a key: an id, a cookie; `None` when there is none.
    ///
    /// # Errors
    /// `EPERM`: the descriptor is write-only. Others as the marker of the map type in [`kind`](crate::kind) says.
    pub fn get(&self, key: &S::Key) -> Result<Option<Shown<S>>>
    where
        S::Kind: ShowObjects,
    {
        const { assert!(size_of::<S::Value>() <= OBJECT_SIZE, "no object is that large") };
        let mut value = [0; OBJECT_SIZE];
        let mut attr = self.element(key, value.as_mut_ptr(), 0);
        // SAFETY: the key is read; the value has room for as many bytes as the map's has.
        match unsafe { sys::bpf(Command::LookupElem, &mut attr) } {
            Ok(_) => Ok(Some(S::Kind::from_kernel(value))),
            Err(Errno(libc::ENOENT)) => Ok(None),
            Err(errno) => Err(Self::failed(Operation::Lookup, errno)),
        }
    }

    fn put(
        &self,
        key: &S::Key,
        object: &Object<'_, S>,
        mode: Update,
    ) -> core::result::Result<(), Errno>
    where
        S::Kind: HoldObjects<S>,
    {
        const { assert!(size_of::<S::Value>() <= OBJECT_SIZE, "no object is that large") };
        let value = S::Kind::to_kernel(object);
        let mut attr = self.element(key, value.as_ptr(), mode as u64);
        // SAFETY: key and value are read only.
        unsafe { sys::bpf(Command::UpdateElem, &mut attr) }.map(|_| ())
    }
}

/// The most that the kernel takes or gives for an object: a device and a program.
const OBJECT_SIZE: usize = 8;
