//! Typed BPF maps.
