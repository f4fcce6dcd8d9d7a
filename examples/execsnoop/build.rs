//! The schema becomes the header of the BPF program and the types of the application; then
//! libbpf-cargo compiles the program and makes its skeleton.

use std::path::PathBuf;

use bpfmap_codegen::Builder;
use libbpf_cargo::SkeletonBuilder;

const PROGRAM: &str = "src/execsnoop.bpf.c";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    Builder::new().schema("execsnoop.toml").generate()?;

    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let headers = format!("-I{}", out.display());
    // Where Debian has the kernel's asm/types.h.
    let machine = format!("-I/usr/include/{}-linux-gnu", std::env::consts::ARCH);
    SkeletonBuilder::new()
        .source(PROGRAM)
        .clang_args([headers, machine])
        .build_and_generate(out.join("execsnoop.skel.rs"))?;
    Ok(())
}
