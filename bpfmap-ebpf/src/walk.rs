//! Iterating over the entries of a map.

use core::ffi::c_void;
use core::ops::ControlFlow;

use aya_ebpf_bindings::helpers::bpf_for_each_map_elem;
use bpfmap::MapSpec;
use bpfmap_core::Errno;
use bpfmap_core::map_type::Helper;

use crate::cell::SharedCell;
use crate::kind::{self, Iterate};
use crate::map::{Map, errno};

impl<S: MapSpec> Map<S> {
    /// Calls `visit` for each entry, until it returns [`ControlFlow::Break`]. Returns the number of calls (Linux 5.13).
    ///
    /// In a per-CPU map, the value is that of this CPU.
    ///
    /// # Errors
    ///
    /// The kernel refuses only flags, which this function does not use.
    #[inline(always)]
    pub fn for_each<F>(&self, mut visit: F) -> Result<u32, Errno>
    where
        S::Kind: Iterate,
        F: FnMut(S::Key, &'static SharedCell<S::Value>) -> ControlFlow<()>,
    {
        const { kind::needs::<S>("for_each", Helper::ForEachMapElem) };
        let function = each::<S, F> as *mut c_void;
        let context = (&raw mut visit).cast();
        // SAFETY: the function has the signature that the kernel calls, and the context is that of its type.
        let visited = unsafe { bpf_for_each_map_elem(self.as_ptr(), function, context, 0) };
        u32::try_from(visited).map_err(|_| errno(visited))
    }
}

/// What the kernel calls for each entry. Returns 1 to stop.
extern "C" fn each<S, F>(
    _map: *mut c_void,
    key: *const S::Key,
    value: *const SharedCell<S::Value>,
    visit: *mut F,
) -> i64
where
    S: MapSpec,
    F: FnMut(S::Key, &'static SharedCell<S::Value>) -> ControlFlow<()>,
{
    // SAFETY: the kernel passes the key and the value of an entry, and the context of `for_each`.
    let (key, value, visit) = unsafe { (key.read_volatile(), &*value, &mut *visit) };
    visit(key, value).is_break().into()
}
