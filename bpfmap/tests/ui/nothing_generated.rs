//! A package whose build script does not generate code.

bpfmap::include_maps!();

fn main() {}
