//! The helper functions with which programs use maps.

use super::MapType;
use crate::KernelVersion;

named! {
    /// A helper function of the kernel that takes a map (`include/uapi/linux/bpf.h`, `enum bpf_func_id`).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum Helper {
        /// Returns a pointer to the value of a key, or the inner map of a map of maps.
        MapLookupElem = "bpf_map_lookup_elem",
        /// Writes the value of a key.
        MapUpdateElem = "bpf_map_update_elem",
        /// Deletes an entry.
        MapDeleteElem = "bpf_map_delete_elem",
        /// Returns a pointer to the value of a key on another CPU.
        MapLookupPercpuElem = "bpf_map_lookup_percpu_elem",
        /// Calls a function for each entry.
        ForEachMapElem = "bpf_for_each_map_elem",
        /// Appends a value to a queue or stack, or adds it to a Bloom filter.
        MapPushElem = "bpf_map_push_elem",
        /// Removes the next value of a queue or stack.
        MapPopElem = "bpf_map_pop_elem",
        /// Reads the next value of a queue or stack, or tests whether a value may be in a Bloom filter.
        MapPeekElem = "bpf_map_peek_elem",
        /// Reserves space for a record in a ring buffer.
        RingbufReserve = "bpf_ringbuf_reserve",
        /// Copies a record to a ring buffer.
        RingbufOutput = "bpf_ringbuf_output",
        /// Returns the state of a ring buffer.
        RingbufQuery = "bpf_ringbuf_query",
        /// Reserves space for a record whose size the verifier does not know.
        RingbufReserveDynptr = "bpf_ringbuf_reserve_dynptr",
        /// Calls a function for each record from user space.
        UserRingbufDrain = "bpf_user_ringbuf_drain",
        /// Copies a record to the ring of a perf event.
        PerfEventOutput = "bpf_perf_event_output",
        /// Reads the counter of a perf event.
        PerfEventRead = "bpf_perf_event_read",
        /// Reads the counter of a perf event, and how long it has been counting.
        PerfEventReadValue = "bpf_perf_event_read_value",
        /// Copies a record and the start of a socket buffer's packet to the ring of a perf event.
        /// Only tracing programs can call this function.
        SkbOutput = "bpf_skb_output",
        /// Copies a record and the start of an XDP frame's packet to the ring of a perf event. Only
        /// tracing programs can call this function.
        XdpOutput = "bpf_xdp_output",
        /// Jumps to another program.
        TailCall = "bpf_tail_call",
        /// Sends a packet to a device, a CPU or a socket.
        RedirectMap = "bpf_redirect_map",
        /// Sends a packet to a socket, by index.
        SkRedirectMap = "bpf_sk_redirect_map",
        /// Sends a packet to a socket, by key.
        SkRedirectHash = "bpf_sk_redirect_hash",
        /// Sends a message to a socket, by index.
        MsgRedirectMap = "bpf_msg_redirect_map",
        /// Sends a message to a socket, by key.
        MsgRedirectHash = "bpf_msg_redirect_hash",
        /// Stores a socket by index.
        SockMapUpdate = "bpf_sock_map_update",
        /// Stores a socket by key.
        SockHashUpdate = "bpf_sock_hash_update",
        /// Selects one of the sockets that share a port.
        SkSelectReuseport = "bpf_sk_select_reuseport",
        /// Records a stack and returns its id.
        GetStackid = "bpf_get_stackid",
        /// Tests whether a packet belongs to a cgroup.
        SkbUnderCgroup = "bpf_skb_under_cgroup",
        /// Tests whether the current task belongs to a cgroup.
        CurrentTaskUnderCgroup = "bpf_current_task_under_cgroup",
        /// Returns the value of the cgroup to which the program is attached.
        GetLocalStorage = "bpf_get_local_storage",
        /// Returns the value of a socket.
        SkStorageGet = "bpf_sk_storage_get",
        /// Deletes the value of a socket.
        SkStorageDelete = "bpf_sk_storage_delete",
        /// Returns the value of an inode.
        InodeStorageGet = "bpf_inode_storage_get",
        /// Deletes the value of an inode.
        InodeStorageDelete = "bpf_inode_storage_delete",
        /// Returns the value of a task.
        TaskStorageGet = "bpf_task_storage_get",
        /// Deletes the value of a task.
        TaskStorageDelete = "bpf_task_storage_delete",
        /// Returns the value of a cgroup.
        CgrpStorageGet = "bpf_cgrp_storage_get",
        /// Deletes the value of a cgroup.
        CgrpStorageDelete = "bpf_cgrp_storage_delete",
    }

    /// Returns the name of the function in C.
    fn name;
}

impl MapType {
    /// Returns the first kernel on which programs can call `helper` with a map of this type, or `None` if no kernel
    /// allows it. Some program types lack some helpers.
    ///
    /// ```
    /// use bpfmap_core::KernelVersion;
    /// use bpfmap_core::map_type::{ARRAY, HASH, Helper};
    ///
    /// let for_each = HASH.helper_since(Helper::ForEachMapElem);
    /// assert_eq!(for_each, Some(KernelVersion::new(5, 13)));
    /// assert_eq!(ARRAY.helper_since(Helper::TailCall), None);
    /// ```
    #[must_use]
    pub const fn helper_since(&self, helper: Helper) -> Option<KernelVersion> {
        let mut index = 0;
        while index < self.helpers.len() {
            if self.helpers[index].0 as u8 == helper as u8 {
                return Some(self.helpers[index].1);
            }
            index += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map_type::{MAP_TYPES, ProgramOperation};

    #[test]
    fn no_helper_is_older_than_its_map_type_or_listed_twice() {
        for row in MAP_TYPES {
            for (index, (helper, since)) in row.helpers.iter().enumerate() {
                assert!(*since >= row.since, "{}: {}", row.name, helper.name());
                let others = &row.helpers[index + 1..];
                assert!(others.iter().all(|(other, _)| other != helper), "{}", row.name);
            }
        }
    }

    #[test]
    fn each_helper_takes_a_map_of_some_type() {
        for helper in Helper::ALL {
            let found = MAP_TYPES.iter().any(|row| row.helper_since(*helper).is_some());
            assert!(found, "{}", helper.name());
        }
    }

    /// Checks that the table contains a helper function for each operation that a creation flag can
    /// forbid.
    #[test]
    fn the_operations_that_flags_forbid_have_helpers() {
        for row in MAP_TYPES {
            for operation in row.program_operations() {
                let helper = match operation {
                    // Programs read and write through a pointer, which different helpers return.
                    ProgramOperation::Read | ProgramOperation::Write => continue,
                    // The verifier accepts the deletion of an array's element, which always fails.
                    ProgramOperation::Delete if row.is_array() => continue,
                    ProgramOperation::Update => Helper::MapUpdateElem,
                    ProgramOperation::Delete => Helper::MapDeleteElem,
                    ProgramOperation::Push => Helper::MapPushElem,
                    ProgramOperation::Pop => Helper::MapPopElem,
                };
                // The instructions of an `insn_array` are only read by the verifier.
                let is_known = row.helper_since(helper).is_some() || row.helpers.is_empty();
                assert!(is_known, "{}: {}", row.name, helper.name());
            }
        }
    }
}
