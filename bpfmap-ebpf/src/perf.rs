//! Sends records to user space through the rings of perf events, one for each CPU.

use core::ffi::c_void;

use aya_ebpf_bindings::helpers::bpf_perf_event_output;
use bpfmap::EventSpec;
use bpfmap_core::Errno;

use crate::kind::WritePerCpuRecords;
use crate::map::{Map, done, pointer};

/// `BPF_F_CURRENT_CPU`.
const CURRENT_CPU: u64 = 0xffff_ffff;

impl<S: EventSpec> Map<S> {
    /// Sends a copy of a record to the ring of this CPU (`bpf_perf_event_output`).
    ///
    /// # Errors
    ///
    /// Fails with `ENOENT` if user space has not opened the ring of this CPU, and with `ENOSPC` if the ring is full.
    ///
    /// # Safety
    ///
    /// `context` must be the pointer that the program got.
    #[inline(always)]
    pub unsafe fn perf_event_output(
        &self,
        context: *mut c_void,
        event: &S::Event,
    ) -> Result<(), Errno>
    where
        S::Kind: WritePerCpuRecords,
    {
        let (data, size) = (pointer(event).cast_mut(), size_of::<S::Event>() as u64);
        // SAFETY: the address refers to an array of perf events, and the caller passes the context.
        // The helper only reads the record, although it takes a pointer for writing.
        done(unsafe { bpf_perf_event_output(context, self.as_ptr(), CURRENT_CPU, data, size) })
    }
}
