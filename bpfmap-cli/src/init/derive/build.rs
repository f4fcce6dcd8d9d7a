//! Generates the C header of the maps in `src/lib.rs`, and compiles the program.

fn main() -> Result<(), bpfmap_codegen::BuildError> {
    bpfmap_codegen::Builder::new()
        .rust_source("src/lib.rs")
        .program("src/program.bpf.c")
        .generate()
}
