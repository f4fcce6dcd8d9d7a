//! From one schema to both sides of a BPF map.
