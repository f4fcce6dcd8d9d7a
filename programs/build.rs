//! Builds the BPF programs in Rust, and the programs of some examples in C, with which the tests
//! compare them.

use bpfmap_codegen::{BuildError, Builder, Emit};

fn main() -> Result<(), BuildError> {
    let mut builder = Builder::new().emit([Emit::C]);
    for (example, name) in [
        ("aya-loader", "packets"),
        ("ratelimit", "ratelimit"),
        ("routes", "routes"),
        ("tailcalls", "tailcalls"),
    ] {
        let folder = format!("../examples/{example}");
        builder = builder.schema(format!("{folder}/{name}.toml"));
        builder = builder.program(format!("{folder}/src/{name}.bpf.c"));
    }
    builder
        .rust_source("../examples/syscalls/src/main.rs")
        .program("../examples/syscalls/src/syscalls.bpf.c")
        .ebpf_crate("program")
        .ebpf_crate("ported")
        .ebpf_crate("aya")
        .generate()
}
