//! Kernels that are booted through the API of this crate.

use crate::common::KERNEL;
use bpfmap_vmtest::kernel::{Kernel, Packages};
use bpfmap_vmtest::{Ended, FailureKind, Guest, GuestEvent, Init, Machine, Run};
use std::time::{Duration, Instant};

fn machine() -> Machine {
    // A test binary is not `bpfmap-vmtest`, so the program is specified.
    let init = Init::pack(env!("CARGO_BIN_EXE_bpfmap-vmtest").as_ref()).unwrap();
    let kernel = Kernel::debian(KERNEL, &Packages::configured()).unwrap();
    let mut machine = Machine::new(kernel, init).unwrap();
    machine.choose_engine().unwrap();
    machine
}

fn program(name: &str, args: &[&str]) -> Run {
    Run { args: args.iter().map(ToString::to_string).collect(), ..Run::new(name) }
}

#[test]
fn a_guest_tells_all_that_came_of_its_program() {
    let run = program("sh", &["-c", "echo out; echo err >&2; exit 3"]);
    let output = Guest::start(&machine(), &run).unwrap().wait_with_output().unwrap();
    assert_eq!(output.ended, Ended::Exited(3), "{}", output.console);
    assert_eq!((output.stdout, output.stderr), (b"out\n".to_vec(), b"err\n".to_vec()));
    assert!(output.console.contains("Linux version 6.12."), "{}", output.console);
}

#[test]
fn a_guest_is_spoken_with_while_it_runs() {
    let mut guest = Guest::start(&machine(), &program("cat", &[])).unwrap();
    // Nobody reads this input yet. It waits until the program has started.
    guest.write(b"first ");
    assert_eq!(guest.next(None).unwrap(), Some(GuestEvent::Started));
    guest.write(b"second");
    let mut said = Vec::new();
    while said.len() < 12 {
        match guest.next(None).unwrap() {
            Some(GuestEvent::Stdout(bytes)) => said.extend(bytes),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(said, b"first second");
    // The guest has no more events. It continues if we stop waiting for it.
    let soon = Instant::now() + Duration::from_millis(10);
    assert_eq!(guest.next(Some(soon)).unwrap(), None);
    guest.signal(libc::SIGTERM);
    assert_eq!(guest.wait_with_output().unwrap().ended, Ended::Signaled(libc::SIGTERM));
}

#[test]
fn a_guest_is_killed_or_its_time_is_up() {
    let mut guest = Guest::start(&machine(), &program("sleep", &["1000"])).unwrap();
    let Ended::Failed(failure, _) = guest.kill() else { panic!() };
    assert_eq!(failure.kind, FailureKind::Interrupted);

    let run = Run { time_out: Some(Duration::from_secs(3)), ..program("sleep", &["1000"]) };
    let output = Guest::start(&machine(), &run).unwrap().wait_with_output().unwrap();
    let Ended::Failed(failure, _) = output.ended else { panic!("{:?}", output.ended) };
    assert_eq!(failure.kind, FailureKind::TimedOut);
}
