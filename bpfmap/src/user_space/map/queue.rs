//! Operations on queues and stacks, which have values without keys.

use super::{Map, UpdateMode, Value};
use crate::kind::{Peek, Pop, Push};
use crate::spec::MapSpec;
use crate::user_space::error::{Action, Result};
use crate::user_space::sys::{Command, Errno};

impl<S: MapSpec> Map<S> {
    /// Appends a value at the end of a queue or on top of a stack (Linux 4.20).
    ///
    /// With [`UpdateMode::Exist`], a full map drops its oldest value to make space. In a queue, the
    /// oldest value is the value that [`pop`](Self::pop) would return next. In a stack, the oldest
    /// value is at the bottom.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
    /// use bpfmap::{BpfMap, Map, UpdateMode};
    ///
    /// #[derive(BpfMap)]
    /// #[bpf_map(queue, max_entries = 2)]
    /// struct Recent {
    ///     value: u32,
    /// }
    ///
    /// let recent = Map::<Recent>::create()?;
    /// for number in 1..=3 {
    ///     // Keeps the newest two.
    ///     recent.push(&number, UpdateMode::Exist)?;
    /// }
    /// assert!(!recent.try_push(&4)?, "the queue is full");
    /// assert_eq!(recent.peek()?, Some(2));
    ///
    /// let mut number = 0;
    /// assert!(recent.peek_into(&mut number)? && recent.pop_into(&mut number)?);
    /// assert_eq!((number, recent.pop()?, recent.pop()?), (2, Some(3), None));
    /// # Ok(()) }
    /// # #[cfg(not(feature = "derive"))] fn main() {}
    /// ```
    ///
    /// # Errors
    /// `E2BIG`: the map is full. `EINVAL`: the mode is [`UpdateMode::NoExist`]. `EPERM`: the map is
    /// frozen, or the descriptor is read-only.
    #[inline]
    pub fn push(&self, value: &Value<S>, mode: UpdateMode) -> Result<()>
    where
        S::Kind: Push,
    {
        self.write(None, value, mode as u64).map_err(|errno| Self::failed(Action::Push, errno))
    }

    /// Appends a value if the map is not full. Returns `false` if the map is full.
    ///
    /// # Errors
    /// Fails in the same cases as [`push`](Self::push).
    #[inline]
    pub fn try_push(&self, value: &Value<S>) -> Result<bool>
    where
        S::Kind: Push,
    {
        match self.write(None, value, UpdateMode::Any as u64) {
            Ok(()) => Ok(true),
            Err(Errno(libc::E2BIG)) => Ok(false),
            Err(errno) => Err(Self::failed(Action::Push, errno)),
        }
    }
}

impl<S: MapSpec> Map<S> {
    /// Removes the next value and returns it, or returns `None` if the map is empty (Linux 4.20).
    /// The next value of a queue is the oldest value. The next value of a stack is the newest
    /// value.
    ///
    /// # Errors
    /// `EPERM`: the map is frozen, or the descriptor is read-only.
    #[inline]
    pub fn pop(&self) -> Result<Option<Value<S>>>
    where
        S::Kind: Pop,
    {
        self.read((Command::LookupAndDeleteElem, Action::Pop), None, 0)
    }

    /// Removes the next value like [`pop`](Self::pop), and writes the value to `into`. Returns
    /// `false` and leaves `into` unchanged if the map is empty.
    ///
    /// # Errors
    /// Fails in the same cases as [`pop`](Self::pop).
    #[inline]
    pub fn pop_into(&self, into: &mut Value<S>) -> Result<bool>
    where
        S::Kind: Pop,
    {
        self.read_into((Command::LookupAndDeleteElem, Action::Pop), None, into, 0)
    }
}

impl<S: MapSpec> Map<S> {
    /// Returns the value that [`pop`](Self::pop) would return, and leaves it in the map. Returns
    /// `None` if the map is empty (Linux 4.20).
    ///
    /// # Errors
    /// `EPERM`: the descriptor is write-only.
    #[inline]
    pub fn peek(&self) -> Result<Option<Value<S>>>
    where
        S::Kind: Peek,
    {
        self.read((Command::LookupElem, Action::Peek), None, 0)
    }

    /// Reads the next value like [`peek`](Self::peek), and writes the value to `into`. Returns
    /// `false` and leaves `into` unchanged if the map is empty.
    ///
    /// # Errors
    /// Fails in the same cases as [`peek`](Self::peek).
    #[inline]
    pub fn peek_into(&self, into: &mut Value<S>) -> Result<bool>
    where
        S::Kind: Peek,
    {
        self.read_into((Command::LookupElem, Action::Peek), None, into, 0)
    }
}
