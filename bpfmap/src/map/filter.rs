//! Bloom filters: values that can be asked for and not read back.

use super::{Map, UpdateMode, Value};
use crate::error::{Operation, Result};
use crate::held::Held as _;
use crate::kind::Filter;
use crate::spec::MapSpec;
use crate::sys::{self, Command, Errno};
use core::ptr::null;

impl<S: MapSpec> Map<S> {
    /// Adds a value (Linux 5.16). It can't be taken out again. A filter that holds more values than its `max_entries`
    /// still takes all, and errs more often.
    ///
    /// ```no_run
    /// # fn f<Seen: bpfmap::MapSpec<Kind = bpfmap::kind::BloomFilter, Value = u32>>(seen: &bpfmap::Map<Seen>) -> bpfmap::Result<()> {
    /// seen.add(&7)?;
    /// assert!(seen.may_contain(&7)?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `EPERM`: the map is frozen or the descriptor read-only.
    #[inline]
    pub fn add(&self, value: &Value<S>) -> Result<()>
    where
        S::Kind: Filter,
    {
        self.write(None, value, UpdateMode::Any as u64)
            .map_err(|errno| Self::failed(Operation::Push, errno))
    }

    /// Whether a value may have been added (Linux 5.16). `false` is certain; `true` is wrong for some values that were
    /// never added: with five hash functions (the kernel's choice) and a filter that holds its `max_entries`, for few in a
    /// hundred.
    ///
    /// # Errors
    /// `EPERM`: the descriptor is write-only.
    #[inline]
    pub fn may_contain(&self, value: &Value<S>) -> Result<bool>
    where
        S::Kind: Filter,
    {
        let mut attr = self.element(null(), value.address(), 0);
        // SAFETY: there is no key. The kernel reads the value, which has the size that opening or creating compared, and
        // writes nothing back (`map_lookup_elem` in `kernel/bpf/syscall.c`).
        match unsafe { sys::bpf(Command::LookupElem, &mut attr) } {
            Ok(_) => Ok(true),
            Err(Errno(libc::ENOENT)) => Ok(false),
            Err(errno) => Err(Self::failed(Operation::Lookup, errno)),
        }
    }
}
