//! Tests of the typed handles on the running kernel. They need root.
//!
//! If a result depends on the kernel, the test gets the release from `uname`, so the same tests run
//! on every kernel of the matrix.

mod allocations;
mod array;
mod bpf_fs;
mod cgroups;
mod common;
mod create;
#[cfg(feature = "derive")]
mod debug;
#[cfg(feature = "derive")]
mod derived;
mod examples;
mod hash;
mod kills;
mod large;
mod live;
mod lpm;
mod lru;
#[path = "../../../bpfmap-fixture/src/lsm.rs"]
mod lsm;
mod memory;
mod migrate;
mod migrate_pin;
mod nested;
mod network;
#[path = "../../../bpfmap-fixture/src/network_objects.rs"]
mod network_objects;
mod one_cpu;
mod open;
mod percpu;
mod possible_cpus;
mod programs;
mod queue;
mod rings;
#[cfg(feature = "derive")]
mod tied;
mod walk;
