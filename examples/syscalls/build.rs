//! Generates the header of the BPF program from the maps in the Rust source, and compiles the program.

fn main() -> Result<(), bpfmap_codegen::BuildError> {
    bpfmap_codegen::Builder::new()
        .rust_source("src/main.rs")
        .program("src/syscalls.bpf.c")
        .skeleton(true)
        .generate()
}
