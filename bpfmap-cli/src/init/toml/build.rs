//! Generates the C header and the Rust module of the maps, and compiles the program.

fn main() -> Result<(), bpfmap_codegen::BuildError> {
    bpfmap_codegen::Builder::new()
        .schema("maps.toml")
        .program("src/program.bpf.c")
        .generate()
}
