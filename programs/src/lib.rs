//! The object files of the tests.

/// Includes an object file, with the alignment that readers of ELF files need.
macro_rules! object {
    ($name:expr) => {
        aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/", $name, ".o"))
    };
}

/// The programs that test the operations of maps.
pub static OPERATIONS: &[u8] = object!("bpfmap-programs-ebpf");

/// A program whose maps are declared with aya-ebpf, and whose types are declared by hand.
pub static AYA: &[u8] = object!("bpfmap-programs-aya");

/// The same programs in C and in Rust.
#[derive(Debug)]
pub struct Example {
    /// The name of the object files.
    pub name: &'static str,
    /// The object file of the programs in C.
    pub c: &'static [u8],
    /// The object file of the programs in Rust.
    pub rust: &'static [u8],
}

macro_rules! examples {
    ($($name:literal)*) => {
        &[$(Example { name: $name, c: object!(concat!($name, ".bpf")), rust: object!($name) }),*]
    };
}

/// The programs of examples.
pub static EXAMPLES: &[Example] = examples!["packets" "ratelimit" "routes" "syscalls" "tailcalls"];
