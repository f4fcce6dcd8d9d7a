//! Loads the program and checks that it counts system calls. The test needs root. Run it in virtual
//! machines with `bpfmap-vmtest test`, or on this machine with `cargo test` as root.

use std::hint::black_box;
use std::process;

use CRATE::Counter;

#[test]
fn the_system_calls_of_this_process_are_counted() {
    let counter = Counter::start().unwrap();
    for _ in 0..100 {
        black_box(process::id());
    }
    let calls = counter.maps.counts.iter().map(|entry| entry.unwrap());
    let own = calls.filter(|(call, _)| call.process == process::id());
    let count: u64 = own.map(|(_, count)| count).sum();
    assert!(count >= 100, "{count} calls were counted");
}
