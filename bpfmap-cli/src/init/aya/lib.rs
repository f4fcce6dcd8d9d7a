//! Counts the system calls of each process.

use std::error::Error;

use aya::Ebpf;
use aya::programs::RawTracePoint;
use bpfmap::Map;
use common::Counts;

/// The compiled BPF program, whose source is `ebpf/src/main.rs`.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/program.o"));

/// A counter of system calls, which counts until it is dropped.
pub struct Counter {
    pub counts: Map<Counts>,
    _object: Ebpf,
}

impl Counter {
    /// Loads and attaches the program. This needs root.
    pub fn start() -> Result<Self, Box<dyn Error>> {
        let mut object = Ebpf::load(OBJECT)?;
        // `from_object` checks that the map in the object has the types, sizes and flags that are
        // declared in `common`.
        let counts = Map::from_object(&object)?;
        let program: &mut RawTracePoint = object
            .program_mut("count_call")
            .ok_or("the object has no program `count_call`")?
            .try_into()?;
        program.load()?;
        program.attach("sys_enter")?;
        Ok(Self {
            counts,
            _object: object,
        })
    }
}
