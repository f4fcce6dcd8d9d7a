//! Reports of real processes. Each test starts its own binary once more, which lists its tests and
//! ends.

use std::process::{Command, Stdio};
use std::time::Duration;

use execsnoop::{Buffer, ExecEvent, ExecSnoop};

/// A time that is longer than the start of a process.
const LONG: Option<Duration> = Some(Duration::from_secs(30));

fn reports_a_process_by(buffer: Buffer) {
    let mut snoop = ExecSnoop::start(buffer).unwrap();
    let mut child = Command::new("/proc/self/exe");
    let mut child = child.arg("--list").stdout(Stdio::null()).spawn().unwrap();
    let mut found: Option<ExecEvent> = None;
    while found.is_none() {
        // Events of other processes of the machine are reported, too.
        let is_child = |event: &ExecEvent| event.pid == child.id();
        let count = snoop.poll(LONG, |event| found = found.or(is_child(event).then_some(*event)));
        assert!(count.unwrap() > 0, "no process was reported");
    }
    child.wait().unwrap();
    let event = found.unwrap();
    assert_eq!(event.name, "exe");
    assert_eq!(event.uid, 0);
    assert!(event.time > 0);
    assert_eq!(snoop.lost(), 0);
}

#[test]
fn reports_a_process_by_ring_buffer() {
    reports_a_process_by(Buffer::Ring);
}

#[test]
fn reports_a_process_by_perf_buffer() {
    reports_a_process_by(Buffer::Perf);
}

#[test]
fn the_ring_buffer_is_used_if_the_kernel_supports_it() {
    // Each kernel of the matrix supports ring buffers.
    assert_eq!(Buffer::best().unwrap(), Buffer::Ring);
}
