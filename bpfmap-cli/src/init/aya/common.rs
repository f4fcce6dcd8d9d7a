//! The types and maps that the program and the application share.

#![no_std]

use bpfmap::{BpfMap, BpfType};

bpfmap::schema!(name = "maps", min_kernel = "5.10");

/// A system call of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BpfType)]
#[repr(C)]
pub struct Call {
    pub process: u32,
    /// The number in asm/unistd.h.
    pub number: u32,
}

/// How often each process has made each system call.
#[derive(BpfMap)]
#[bpf_map(lru_hash, max_entries = 10_240)]
pub struct Counts {
    key: Call,
    value: u64,
}
