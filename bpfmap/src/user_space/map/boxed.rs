//! Operations that store large values on the heap instead of on the stack of the thread.

use super::element::address;
use super::{Map, Value};
use crate::kind::{Kind, LookupElement, Peek, Pop, TakeElement};
use crate::spec::MapSpec;
use crate::user_space::error::{Action, Result};
use crate::user_space::held::Held;
use crate::user_space::sys::{self, Command, Errno};
use core::mem::MaybeUninit;
use core::ptr::from_ref;

impl<S> Map<S>
where
    S: MapSpec,
    S::Kind: Kind<Value<S::Value> = S::Value>,
{
    /// Reads an entry into newly allocated memory. Returns `None` for `ENOENT`.
    fn read_boxed(
        &self,
        (command, action): (Command, Action),
        key: Option<&S::Key>,
    ) -> Result<Option<Box<S::Value>>> {
        let mut slot = Box::<S::Value>::new_uninit();
        let mut attr = self.element(address(key), slot.as_mut_ptr().cast(), 0);
        // SAFETY: the key is borrowed or null, and is only read. An entry of this kind is one value, and the slot has
        // the size of a value, which opening or creating compared.
        match unsafe { sys::bpf(command, &mut attr) } {
            // SAFETY: the kernel wrote the whole value.
            Ok(_) => Ok(Some(unsafe { slot.assume_init() })),
            Err(Errno(libc::ENOENT)) => Ok(None),
            Err(errno) => Err(Self::failed(action, errno)),
        }
    }

    /// Returns the entry of a key like [`lookup`](Self::lookup), but never stores the value on the
    /// stack. The kernel writes the value to memory that this method allocates.
    ///
    /// Use this method for large values. A thread of the standard library has a stack of 2 MiB. A
    /// [`lookup`](Self::lookup) of a value of 3 MB would overflow this stack. To read many entries
    /// into one allocation, call [`lookup_into`](Self::lookup_into) with a value from
    /// [`zeroed_box`](crate::zeroed_box). To iterate over large values, use [`walk`](Self::walk),
    /// because [`iter`](Self::iter) also returns values on the stack.
    ///
    /// For per-CPU maps, use [`lookup`](Self::lookup), because a [`PerCpu`](crate::PerCpu) is
    /// always on the heap.
    ///
    /// ```no_run
    /// # fn f<Images: bpfmap::MapSpec<Kind = bpfmap::kind::Array, Key = u32, Value = [u8; 3_000_000]>>(
    /// #     images: &bpfmap::Map<Images>) -> bpfmap::Result<()> {
    /// let mut image = bpfmap::zeroed_box::<[u8; 3_000_000]>();
    /// image[0] = 1;
    /// images.update(&0, &image, bpfmap::UpdateMode::Any)?;
    /// let read: Option<Box<[u8; 3_000_000]>> = images.lookup_boxed(&0)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Fails in the same cases as [`lookup`](Self::lookup).
    pub fn lookup_boxed(&self, key: &S::Key) -> Result<Option<Box<S::Value>>>
    where
        S::Kind: LookupElement,
    {
        self.read_boxed((Command::LookupElem, Action::Lookup), Some(key))
    }

    /// Deletes the entry of a key and returns its value like [`take`](Self::take), but never puts the value on the
    /// stack: see [`lookup_boxed`](Self::lookup_boxed).
    ///
    /// ```no_run
    /// # fn f<Images: bpfmap::MapSpec<Kind = bpfmap::kind::Hash, Key = u32, Value = [u8; 3_000_000]>>(
    /// #     images: &bpfmap::Map<Images>) -> std::io::Result<()> {
    /// if let Some(image) = images.take_boxed(&1).map_err(std::io::Error::other)? {
    ///     std::fs::write("image", &image[..])?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Fails in the same cases as [`take`](Self::take).
    pub fn take_boxed(&self, key: &S::Key) -> Result<Option<Box<S::Value>>>
    where
        S::Kind: TakeElement,
    {
        self.read_boxed((Command::LookupAndDeleteElem, Action::Take), Some(key))
    }

    /// Removes the next value of a queue or a stack and returns it like [`pop`](Self::pop), but
    /// never puts the value on the stack of the thread: see [`lookup_boxed`](Self::lookup_boxed).
    ///
    /// ```
    /// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
    /// use bpfmap::{BpfMap, Map, UpdateMode};
    ///
    /// #[derive(BpfMap)]
    /// #[bpf_map(queue, max_entries = 2)]
    /// struct Frames {
    ///     value: [u8; 4096],
    /// }
    ///
    /// let frames = Map::<Frames>::create()?;
    /// let mut frame = bpfmap::zeroed_box::<[u8; 4096]>();
    /// frame[0] = 1;
    /// frames.push(&frame, UpdateMode::Any)?;
    ///
    /// assert_eq!(frames.peek_boxed()?.unwrap()[0], 1);
    /// assert_eq!(frames.pop_boxed()?.unwrap()[0], 1);
    /// assert_eq!(frames.pop_boxed()?, None);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "derive"))] fn main() {}
    /// ```
    ///
    /// # Errors
    /// Fails in the same cases as [`pop`](Self::pop).
    pub fn pop_boxed(&self) -> Result<Option<Box<S::Value>>>
    where
        S::Kind: Pop,
    {
        self.read_boxed((Command::LookupAndDeleteElem, Action::Pop), None)
    }

    /// Returns the value that [`pop_boxed`](Self::pop_boxed) would return, and leaves it in the
    /// map.
    ///
    /// # Errors
    /// Fails in the same cases as [`peek`](Self::peek).
    pub fn peek_boxed(&self) -> Result<Option<Box<S::Value>>>
    where
        S::Kind: Peek,
    {
        self.read_boxed((Command::LookupElem, Action::Peek), None)
    }
}

/// The maximum size, in bytes, of an entry that `contains_key` reads to the stack. A larger entry
/// is read to the heap.
const SMALL: usize = 1024;

impl<S: MapSpec> Map<S> {
    /// Returns whether the map has an entry with this key.
    ///
    /// The kernel copies the value even though this method does not return it. An entry of up to 1
    /// KiB, including the values of all CPUs, is copied to the stack. A larger entry is copied to
    /// memory that this method allocates.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
    /// use bpfmap::{BpfMap, Map, UpdateMode};
    ///
    /// #[derive(BpfMap)]
    /// #[bpf_map(hash, max_entries = 8)]
    /// struct Blocked {
    ///     key: u32,
    ///     value: u64,
    /// }
    ///
    /// let blocked = Map::<Blocked>::create()?;
    /// blocked.update(&7, &0, UpdateMode::Any)?;
    /// assert!(blocked.contains_key(&7)?);
    /// assert!(!blocked.contains_key(&8)?);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "derive"))] fn main() {}
    /// ```
    ///
    /// # Errors
    /// Fails in the same cases as [`lookup`](Self::lookup).
    #[inline]
    pub fn contains_key(&self, key: &S::Key) -> Result<bool>
    where
        S::Kind: LookupElement,
    {
        let size = Value::<S>::size()?;
        if size <= SMALL {
            let mut place = [MaybeUninit::<u8>::uninit(); SMALL];
            // SAFETY: `place` has `SMALL` bytes, and an entry has at most that many.
            unsafe { self.reads(key, place.as_mut_ptr().cast()) }
        } else {
            let mut place = Box::<[u8]>::new_uninit_slice(size);
            // SAFETY: `place` has as many bytes as an entry.
            unsafe { self.reads(key, place.as_mut_ptr().cast()) }
        }
    }

    /// Reads an entry to `place`, and returns whether the entry exists.
    ///
    /// # Safety
    /// The caller must ensure that [`Held::size`] bytes can be written at `place`.
    #[inline]
    unsafe fn reads(&self, key: &S::Key, place: *mut u8) -> Result<bool> {
        let mut attr = self.element(from_ref(key), place, 0);
        // SAFETY: the key is borrowed and only read. The caller promises the rest.
        match unsafe { sys::bpf(Command::LookupElem, &mut attr) } {
            Ok(_) => Ok(true),
            Err(Errno(libc::ENOENT)) => Ok(false),
            Err(errno) => Err(Self::failed(Action::Lookup, errno)),
        }
    }
}
