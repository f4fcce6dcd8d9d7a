//! A million entries, migrated and killed fifty times on the way; not among the tests that run by themselves. As root:
//! `cargo test --release --package bpfmap --test migrate_million -- --nocapture`.

#[path = "kernel/bpf_fs.rs"]
mod bpf_fs;
#[path = "kernel/kills.rs"]
mod kills;

#[test]
fn a_million_entries_survive_fifty_kills() {
    kills::killed_at_any_moment(1_000_000, 50);
}

#[test]
fn they_survive_a_kill_at_each_stage() {
    kills::killed_at_each_stage();
}
