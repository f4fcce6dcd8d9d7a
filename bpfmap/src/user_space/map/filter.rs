//! Operations on Bloom filters, whose values can be tested but not read back.

use super::{Map, UpdateMode, Value};
use crate::kind::Filter;
use crate::spec::MapSpec;
use crate::user_space::error::{Action, Result};
use crate::user_space::held::Held as _;
use crate::user_space::sys::{self, Command, Errno};
use core::ptr::null;

impl<S: MapSpec> Map<S> {
    /// Adds a value to the filter (Linux 5.16). Values can't be removed again. If you add more
    /// values than `max_entries`, the filter has more false positives.
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
    /// `EPERM`: the map is frozen, or the descriptor is read-only.
    #[inline]
    pub fn add(&self, value: &Value<S>) -> Result<()>
    where
        S::Kind: Filter,
    {
        self.write(None, value, UpdateMode::Any as u64)
            .map_err(|errno| Self::failed(Action::Push, errno))
    }

    /// Returns `true` if a value may have been added, and `false` if the value was certainly not
    /// added (Linux 5.16). A result of `true` can be a false positive. With five hash functions
    /// (the kernel's default) and `max_entries` values in the filter, the result is a false
    /// positive for a few per cent of the values that were never added.
    ///
    /// # Errors
    /// `EPERM`: the descriptor is write-only.
    #[inline]
    pub fn may_contain(&self, value: &Value<S>) -> Result<bool>
    where
        S::Kind: Filter,
    {
        let mut attr = self.element(null(), value.address(), 0);
        // SAFETY: there is no key. The kernel reads the value, which has the size that opening or creating compared,
        // and writes nothing (`map_lookup_elem` in `kernel/bpf/syscall.c`).
        match unsafe { sys::bpf(Command::LookupElem, &mut attr) } {
            Ok(_) => Ok(true),
            Err(Errno(libc::ENOENT)) => Ok(false),
            Err(errno) => Err(Self::failed(Action::Lookup, errno)),
        }
    }
}
