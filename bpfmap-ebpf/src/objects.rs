//! Maps that hold other maps, programs, devices, CPUs and sockets.

use core::ffi::c_void;

use aya_ebpf_bindings::helpers::{bpf_map_lookup_elem, bpf_redirect_map, bpf_tail_call};
use bpfmap::{MapSpec, OuterMapSpec};

use crate::kind::{HoldMaps, HoldPrograms, Redirect};
use crate::map::{Map, pointer};

impl<S: OuterMapSpec> Map<S> {
    /// Returns the inner map of a key, or `None` if the key is absent.
    ///
    /// The inner map is valid until the program returns, even if user space replaces it.
    #[inline(always)]
    #[must_use]
    pub fn inner(&self, key: &S::Key) -> Option<Map<S::Inner>>
    where
        S::Kind: HoldMaps,
    {
        // SAFETY: the address is a map's, and the key has the size of its keys.
        let inner = unsafe { bpf_map_lookup_elem(self.as_ptr(), pointer(key)) };
        (!inner.is_null()).then(|| Map::at(inner))
    }
}

impl<S: MapSpec> Map<S> {
    /// Jumps to the program at an index, and returns only if there is none, or after 33 jumps.
    ///
    /// # Safety
    ///
    /// `context` must be the pointer that the program got.
    #[inline(always)]
    pub unsafe fn tail_call(&self, context: *mut c_void, index: u32)
    where
        S::Kind: HoldPrograms,
    {
        // SAFETY: the address is a map's, and the caller passes the context.
        unsafe { bpf_tail_call(context, self.as_ptr(), index) };
    }

    /// Sends the packet to the device, the CPU or the socket of a key, and returns the action that the program has to
    /// return. If the key is absent, this is the lower two bits of `flags`, such as `XDP_PASS`.
    #[inline(always)]
    #[must_use]
    pub fn redirect(&self, key: u32, flags: u64) -> u32
    where
        S::Kind: Redirect,
    {
        // SAFETY: the address is a map's.
        let action = unsafe { bpf_redirect_map(self.as_ptr(), key.into(), flags) };
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an action is below 5"
        )]
        let action = action as u32;
        action
    }
}
