//! What people who work on bpfmap run.

fn main() {}
