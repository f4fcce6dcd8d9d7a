//! The maps in the Rust source become the header of the BPF program; libbpf-cargo compiles that.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    bpfmap_codegen::Builder::new().rust_source("src/main.rs").generate()?;
    let out = std::env::var("OUT_DIR")?;
    // Where Debian has the kernel's asm/types.h.
    let machine = format!("-I/usr/include/{}-linux-gnu", std::env::consts::ARCH);
    let mut program = libbpf_cargo::SkeletonBuilder::new();
    program.source("src/syscalls.bpf.c").clang_args([format!("-I{out}"), machine]);
    Ok(program.build_and_generate(format!("{out}/syscalls.skel.rs"))?)
}
