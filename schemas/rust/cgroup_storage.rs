//! Values for the cgroups to which a program is attached. This map type is deprecated; its successor is `cgrp_storage`.

use bpfmap::{BpfMap, BpfMaps, BpfType, Map};

bpfmap::schema!(name = "cgroup_storage", min_kernel = "5.10");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Attachment {
    pub cgroup_inode_id: u64,
    pub attach_type: u32,
    pub _pad0: [u8; 4],
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Sent {
    pub packets: u64,
    pub bytes: u64,
}

/// The kernel does not accept the BTF of a key with named padding.
#[derive(BpfMap)]
#[bpf_map(cgroup_storage, btf = false)]
pub struct SentByAttachment {
    key: Attachment,
    value: Sent,
}

#[derive(BpfMap)]
#[bpf_map(cgroup_storage)]
pub struct SentByCgroup {
    key: u64,
    value: Sent,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The kernel does not accept the BTF of a key with named padding.
    pub sent_by_attachment: Map<SentByAttachment>,
    pub sent_by_cgroup: Map<SentByCgroup>,
}
