//! Values that are attached to files. Needs `bpf` in the kernel's lsm=.

use bpfmap::{BpfMap, BpfType};

bpfmap::schema!(name = "inode_storage", min_kernel = "5.10");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
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
