//! Counts the system calls of each process.

use std::error::Error;

use libbpf_rs::{Link, ObjectBuilder};

// This macro declares the module `maps`, which contains the types and maps of `maps.toml`.
bpfmap::include_maps!();

/// The compiled BPF program, whose source is `src/program.bpf.c`.
static OBJECT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/program.bpf.o"));

/// A counter of system calls, which counts until it is dropped.
pub struct Counter {
    pub maps: maps::Maps,
    _link: Link,
}

impl Counter {
    /// Loads and attaches the program. This needs root.
    pub fn start() -> Result<Self, Box<dyn Error>> {
        let object = ObjectBuilder::default().open_memory(OBJECT)?.load()?;
        // `from_object` checks that the maps in the object have the types, sizes and flags of the
        // schema.
        let maps = maps::Maps::from_object(&object)?;
        let program = object
            .progs_mut()
            .next()
            .ok_or("the object has no program")?;
        Ok(Self {
            maps,
            _link: program.attach()?,
        })
    }
}
