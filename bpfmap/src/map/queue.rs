//! Queues and stacks: values without keys.

use super::{Map, UpdateMode, Value};
use crate::error::{Operation, Result};
use crate::kind::{Peek, Pop, Push};
use crate::spec::MapSpec;
use crate::sys::{Command, Errno};

impl<S: MapSpec> Map<S> {
    /// Appends a value: at a queue's end, on a stack's top (Linux 4.20).
    ///
    /// With [`UpdateMode::Exist`] a full map drops its oldest value to make room: a queue's next, a stack's bottom.
    ///
    /// # Errors
    /// `E2BIG`: the map is full. `EINVAL`: [`UpdateMode::NoExist`] means nothing here. `EPERM`: the map is frozen or the
    /// descriptor read-only.
    #[inline]
    pub fn push(&self, value: &Value<S>, mode: UpdateMode) -> Result<()>
    where
        S::Kind: Push,
    {
        self.write(None, value, mode as u64).map_err(|errno| Self::failed(Operation::Push, errno))
    }

    /// Appends a value; `false`, and nothing is appended, when the map is full.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    #[inline]
    pub fn try_push(&self, value: &Value<S>) -> Result<bool>
    where
        S::Kind: Push,
    {
        match self.write(None, value, UpdateMode::Any as u64) {
            Ok(()) => Ok(true),
            Err(Errno(libc::E2BIG)) => Ok(false),
            Err(errno) => Err(Self::failed(Operation::Push, errno)),
        }
    }
}

impl<S: MapSpec> Map<S> {
    /// Takes the next value out: a queue's oldest, a stack's newest; `None` when the map is empty (Linux 4.20).
    ///
    /// # Errors
    /// `EPERM`: the map is frozen or the descriptor read-only.
    #[inline]
    pub fn pop(&self) -> Result<Option<Value<S>>>
    where
        S::Kind: Pop,
    {
        self.read((Command::LookupAndDeleteElem, Operation::Pop), None, 0)
    }

    /// As [`pop`](Self::pop), into `into`; `false`, and `into` is as it was, when the map is empty.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    #[inline]
    pub fn pop_into(&self, into: &mut Value<S>) -> Result<bool>
    where
        S::Kind: Pop,
    {
        self.read_into((Command::LookupAndDeleteElem, Operation::Pop), None, into, 0)
    }
}

impl<S: MapSpec> Map<S> {
    /// The value that [`pop`](Self::pop) would take; `None` when the map is empty (Linux 4.20).
    ///
    /// # Errors
    /// `EPERM`: the descriptor is write-only.
    #[inline]
    pub fn peek(&self) -> Result<Option<Value<S>>>
    where
        S::Kind: Peek,
    {
        self.read((Command::LookupElem, Operation::Peek), None, 0)
    }

    /// As [`peek`](Self::peek), into `into`; `false`, and `into` is as it was, when the map is empty.
    ///
    /// # Errors
    /// As [`peek`](Self::peek).
    #[inline]
    pub fn peek_into(&self, into: &mut Value<S>) -> Result<bool>
    where
        S::Kind: Peek,
    {
        self.read_into((Command::LookupElem, Operation::Peek), None, into, 0)
    }
}
