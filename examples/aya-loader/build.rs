//! Generates the header of the BPF program and the types of the application from the schema, and compiles the program.

fn main() -> Result<(), bpfmap_codegen::BuildError> {
    bpfmap_codegen::Builder::new().schema("packets.toml").program("src/packets.bpf.c").generate()
}
