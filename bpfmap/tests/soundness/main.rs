//! Programs without unsafe code that try to break what the crate promises, and what they get instead.
//!
//! Those that must not compile are in `refused/`, which the target `soundness_refused` compiles. Those here compile, and
//! are refused or do no harm when they run; each ran into undefined behaviour once. They need root.
#![forbid(unsafe_code)]

mod arena;
mod per_cpu;
mod rings;
mod user_ptr;
