//! Builds the BPF program.

fn main() -> Result<(), bpfmap_codegen::BuildError> {
    bpfmap_codegen::Builder::new().ebpf_crate("program").generate()
}
