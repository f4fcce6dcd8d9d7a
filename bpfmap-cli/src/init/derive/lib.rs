//! Counts the system calls of each process.

use std::error::Error;

use bpfmap::{BpfMap, BpfType, Map};
use libbpf_rs::{Link, ObjectBuilder};

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

/// The compiled BPF program, whose source is `src/program.bpf.c`.
static OBJECT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/program.bpf.o"));

/// A counter of system calls, which counts until it is dropped.
pub struct Counter {
    pub counts: Map<Counts>,
    _link: Link,
}

impl Counter {
    /// Loads and attaches the program. This needs root.
    pub fn start() -> Result<Self, Box<dyn Error>> {
        let object = ObjectBuilder::default().open_memory(OBJECT)?.load()?;
        // `from_object` checks that the map in the object has the types, sizes and flags that are
        // declared above.
        let counts = Map::from_object(&object)?;
        let program = object
            .progs_mut()
            .next()
            .ok_or("the object has no program")?;
        Ok(Self {
            counts,
            _link: program.attach()?,
        })
    }
}
