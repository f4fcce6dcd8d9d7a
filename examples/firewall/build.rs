//! Generates files from three schemas, links two programs into one object, and compiles the C
//! library that the tests call.

use std::error::Error;
use std::path::PathBuf;

use bpfmap_codegen::{Builder, Emit};

fn main() -> Result<(), Box<dyn Error>> {
    Builder::new()
        .schema("schemas/policy.toml")
        .schema("schemas/traffic.toml")
        .emit([Emit::C, Emit::Rust, Emit::CUser])
        .link("firewall.bpf.o", ["src/ingress.bpf.c", "src/egress.bpf.c"])
        .generate()?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed=src/firewall.c");
    println!("cargo::rerun-if-changed=src/firewall.h");
    cc::Build::new().file("src/firewall.c").include(out).warnings(true).compile("firewall_c");
    Ok(())
}
