//! Generates Rust from the schemas of the examples.

use bpfmap_codegen::{BuildError, Builder, Emit};

fn main() -> Result<(), BuildError> {
    Builder::new()
        .schema("../../examples/aya-loader/packets.toml")
        .schema("../../examples/ratelimit/ratelimit.toml")
        .schema("../../examples/routes/routes.toml")
        .emit([Emit::Rust])
        .generate()
}
