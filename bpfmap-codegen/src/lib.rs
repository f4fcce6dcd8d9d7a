//! From one schema to both sides of a BPF map.

pub mod facts;
pub mod ir;
pub mod layout;
pub mod source;
