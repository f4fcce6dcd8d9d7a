//! Values that are attached to files. The kernel parameter `lsm=` must contain `bpf`.

use bpfmap::{BpfMap, BpfMaps, BpfType, Map};

bpfmap::schema!(name = "inode_storage", min_kernel = "5.10");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Access {
    pub reads: u64,
    pub last_reader: u32,
    pub _pad0: [u8; 4],
}

#[derive(BpfMap)]
#[bpf_map(inode_storage, flags(no_prealloc))]
pub struct FileAccess {
    value: Access,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub file_access: Map<FileAccess>,
}
