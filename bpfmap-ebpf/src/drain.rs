//! Reads the records that user space sends through a user ring buffer.

use core::ffi::c_void;
use core::ops::ControlFlow;

use aya_ebpf_bindings::bindings::bpf_dynptr;
use aya_ebpf_bindings::helpers::{bpf_dynptr_data, bpf_user_ringbuf_drain};
use bpfmap::EventSpec;
use bpfmap_core::Errno;
use bpfmap_core::map_type::Helper;

use crate::cell::SharedCell;
use crate::kind::{self, ReadRecords};
use crate::map::{Map, errno};

impl<S: EventSpec> Map<S> {
    /// Removes the records from the ring, and calls `visit` for each of them until it returns
    /// [`ControlFlow::Break`] (Linux 6.1). Returns the number of records that were removed.
    ///
    /// `visit` gets `None` for a record that is shorter than the type of the records. User space can change a record
    /// while the program reads it: load it once, and check the copy.
    ///
    /// ```ignore
    /// let drained = COMMANDS.drain(|command| {
    ///     if let Some(command) = command {
    ///         run(command.load());
    ///     }
    ///     ControlFlow::Continue(())
    /// });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails with `EBUSY` if another program drains the ring, and with `EINVAL`, `E2BIG` or `ERANGE` if user space
    /// has written a wrong position or length to the ring.
    #[inline(always)]
    pub fn drain<F>(&self, mut visit: F) -> Result<u32, Errno>
    where
        S::Kind: ReadRecords,
        F: FnMut(Option<&SharedCell<S::Event>>) -> ControlFlow<()>,
    {
        const { kind::needs::<S>("drain", Helper::UserRingbufDrain) };
        let function = record::<S, F> as *mut c_void;
        let context = (&raw mut visit).cast();
        // SAFETY: the function has the signature that the kernel calls, and the context is that of
        // its type.
        let drained = unsafe { bpf_user_ringbuf_drain(self.as_ptr(), function, context, 0) };
        u32::try_from(drained).map_err(|_| errno(drained))
    }
}

/// The function that the kernel calls for each record. Returns 1 to stop.
extern "C" fn record<S, F>(record: *mut bpf_dynptr, visit: *mut F) -> i64
where
    S: EventSpec,
    F: FnMut(Option<&SharedCell<S::Event>>) -> ControlFlow<()>,
{
    const { assert!(align_of::<S::Event>() <= 8, "the kernel aligns records to 8 bytes") };
    #[allow(clippy::cast_possible_truncation, reason = "the check of the schema limits records")]
    let size = size_of::<S::Event>() as u32;
    // SAFETY: the kernel passes a record. The result is NULL or the address of at least `size`
    // bytes, which are valid until this function returns.
    let event = unsafe { bpf_dynptr_data(record, 0, size).cast::<SharedCell<S::Event>>().as_ref() };
    // SAFETY: the kernel passes the context of `drain`.
    let visit = unsafe { &mut *visit };
    visit(event).is_break().into()
}
