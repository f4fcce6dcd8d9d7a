//! `syscalls [PID]`: counts the system calls of one process or of all processes, until Enter is
//! pressed.
//!
//! The maps are declared only here. `build.rs` generates the header of the BPF program from these
//! declarations.

use std::error::Error;
use std::mem::MaybeUninit;
use std::process::ExitCode;

use bpfmap::{BpfMap, BpfType, CharArray, Enum, Map, UpdateMode};
use libbpf_rs::skel::{OpenSkel as _, Skel as _, SkelBuilder as _};
use libbpf_rs::{Link, OpenObject};

bpfmap::schema!(name = "syscalls", min_kernel = "5.10");

/// The maximum number of counters. There is a counter for each system call of each process.
const MAX_CALLS: u32 = 16 << 10;

/// The maximum size, in bytes, of a command's name in the kernel. This size includes the NUL.
const TASK_COMM_LEN: usize = 16;

/// A system call of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BpfType)]
#[repr(C)]
struct Call {
    process: u32,
    /// The number in `<asm/unistd.h>`.
    number: u32,
}

/// The number of calls, and the time of the last call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BpfType)]
#[repr(C)]
struct Usage {
    count: u64,
    /// The time of the last call, in nanoseconds since boot.
    last: u64,
    command: CharArray<TASK_COMM_LEN>,
}

/// The scope of the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BpfType)]
#[repr(u8)]
enum Scope {
    Everybody,
    OneProcess,
}

/// The filter that selects the calls to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BpfType)]
#[repr(C)]
struct Filter {
    scope: Enum<Scope>,
    _pad: [u8; 3],
    /// The process, if the scope is a single process.
    process: u32,
}

/// The system calls that processes have made recently.
#[derive(BpfMap)]
#[bpf_map(lru_hash, max_entries = MAX_CALLS)]
struct Calls {
    key: Call,
    value: Usage,
}

/// The filter, which user space sets.
#[derive(BpfMap)]
#[bpf_map(array, max_entries = 1)]
struct Filters {
    value: Filter,
}

#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::undocumented_unsafe_blocks,
    reason = "libbpf-cargo wrote it"
)]
mod skeleton {
    include!(concat!(env!("OUT_DIR"), "/syscalls.skel.rs"));
}

/// A counter of system calls. It counts until it is dropped.
struct Counter {
    calls: Map<Calls>,
    _link: Link,
}

impl Counter {
    /// Starts to count the calls of one process, or of all processes if `process` is `None`.
    fn start(process: Option<u32>) -> Result<Self, Box<dyn Error>> {
        let mut object = MaybeUninit::<OpenObject>::uninit();
        let skeleton = skeleton::SyscallsSkelBuilder::default().open(&mut object)?.load()?;
        let scope = if process.is_some() { Scope::OneProcess } else { Scope::Everybody };
        let filter =
            Filter { scope: scope.into(), _pad: [0; 3], process: process.unwrap_or_default() };
        Map::<Filters>::from_object(skeleton.object())?.update(&0, &filter, UpdateMode::Any)?;
        let calls = Map::from_object(skeleton.object())?;
        Ok(Self { calls, _link: skeleton.progs.count_call.attach()? })
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let process = match std::env::args().nth(1) {
        None => None,
        Some(text) => {
            let error = |_| format!("expected the number of a process, found `{text}`");
            Some(text.parse().map_err(error)?)
        }
    };
    let counter = Counter::start(process)?;
    std::io::stdin().read_line(&mut String::new())?;
    let mut calls = counter.calls.iter().collect::<Result<Vec<_>, _>>()?;
    calls.sort_by_key(|(_, usage)| std::cmp::Reverse(usage.count));
    println!("{:>8} {:16} {:>6} {:>12}", "PROCESS", "COMMAND", "CALL", "COUNT");
    for (call, usage) in calls {
        let Usage { count, command, .. } = usage;
        println!("{:>8} {command:16} {:>6} {count:>12}", call.process, call.number);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `getppid` of x86-64, which the standard library calls for [`std::os::unix::process::parent_id`].
    const GETPPID: u32 = 110;

    /// Returns the number of times that this process has called `getppid`, according to the
    /// counter.
    fn asked(counter: &Counter) -> bpfmap::Result<u64> {
        let call = Call { process: std::process::id(), number: GETPPID };
        Ok(counter.calls.lookup(&call)?.map_or(0, |usage| usage.count))
    }

    #[test]
    fn calls_of_a_process_are_counted() -> Result<(), Box<dyn Error>> {
        for process in [None, Some(std::process::id())] {
            let counter = Counter::start(process)?;
            assert_eq!(asked(&counter)?, 0);
            for _ in 0..7 {
                let _ = std::os::unix::process::parent_id();
            }
            assert_eq!(asked(&counter)?, 7);
            let all = counter.calls.iter().collect::<Result<Vec<_>, _>>()?;
            let ours = |(call, _): &&(Call, Usage)| call.process == std::process::id();
            assert!(
                all.iter().filter(ours).all(|(_, usage)| usage.last > 0 && usage.command != "")
            );
            assert!(process.is_none() || all.iter().filter(ours).count() == all.len());
        }
        // Process 1 is not this process.
        let counter = Counter::start(Some(1))?;
        let _ = std::os::unix::process::parent_id();
        assert_eq!(asked(&counter)?, 0);
        Ok(())
    }
}
