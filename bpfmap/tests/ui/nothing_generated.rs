//! A package without a build script that generates something.

bpfmap::include_maps!();

fn main() {}
