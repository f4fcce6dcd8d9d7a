//! From one schema to both sides of a BPF map.

pub mod backend;
pub mod btf;
pub mod check;
pub mod diagnostics;
pub mod facts;
pub mod front;
pub mod ir;
pub mod layout;
pub mod naming;
mod nearest;
pub mod rules;
pub mod source;
