//! Programs without unsafe code that try to break a promise of the crate.
//!
//! The folder `refused/` contains programs that must not compile; the test target
//! `soundness_refused` compiles them. The programs in this target compile, and fail or do no harm
//! when they run. Each of them once caused undefined behaviour. They need root.
#![forbid(unsafe_code)]

mod arena;
mod per_cpu;
mod rings;
mod user_ptr;
