//! Builds the program in the folder `ebpf`.

fn main() -> Result<(), bpfmap_codegen::BuildError> {
    bpfmap_codegen::Builder::new().ebpf_crate("ebpf").generate()
}
