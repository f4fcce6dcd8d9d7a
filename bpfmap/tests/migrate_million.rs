//! Migrates a million entries, and kills the migration fifty times. This test runs only if it is
//! selected by name. Run it as root with `cargo test --release --package bpfmap --test
//! migrate_million -- --nocapture`.

#[path = "kernel/bpf_fs.rs"]
mod bpf_fs;
#[path = "kernel/kills.rs"]
mod kills;

#[test]
fn a_million_entries_survive_fifty_kills() {
    kills::killed_at_any_moment(1_000_000, 50);
}

#[test]
fn a_million_entries_survive_a_kill_at_each_stage() {
    kills::killed_at_each_stage();
}
