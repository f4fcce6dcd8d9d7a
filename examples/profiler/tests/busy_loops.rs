//! Profiles known loops: in this program, in a library, and in the kernel.

use std::fs::File;
use std::io::Read as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use profiler::{Profile, Profiler, Side, Stack, flame_graph};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A higher frequency than users would choose, so that the tests are short.
const FREQUENCY: u64 = 499;
/// The number of samples that are enough for a profile.
const ENOUGH: u64 = 100;
/// The time limit for taking these samples.
const PATIENCE: Duration = Duration::from_secs(60);

/// Computes until it is told to stop. It does not call other functions, even if it is compiled
/// without optimization.
#[inline(never)]
fn spend_time_in_this_program(stop: &AtomicBool) {
    let mut state = 1_u64;
    while !stop.load(Ordering::Relaxed) {
        let mut rounds = 0;
        while rounds < 10_000 {
            state = (state ^ (state << 13)) ^ (state >> 7);
            rounds += 1;
        }
    }
    std::hint::black_box(state);
}

/// A size that is larger than the function above. The code after that function is not executed.
const LONGEST: u64 = 512;

/// Lets the C library search a text until `stop` is set.
fn spend_time_in_a_library(stop: &AtomicBool) {
    let (text, wanted) = (vec![b'a'; 1 << 20], [b'b'; 16]);
    while !stop.load(Ordering::Relaxed) {
        // SAFETY: both texts have the stated lengths.
        let found = unsafe {
            libc::memmem(text.as_ptr().cast(), text.len(), wanted.as_ptr().cast(), wanted.len())
        };
        assert!(found.is_null());
    }
}

/// Reads until `stop` is set. The kernel fills the buffer, which takes longer than the work in user
/// space.
fn spend_time_in_the_kernel(stop: &AtomicBool) {
    let mut zeros = File::open("/dev/zero").unwrap();
    let mut buffer = vec![0; 1 << 20];
    while !stop.load(Ordering::Relaxed) {
        zeros.read_exact(&mut buffer).unwrap();
    }
}

/// Only one test runs at a time, because each test profiles this process.
fn alone() -> MutexGuard<'static, ()> {
    static PROFILED: Mutex<()> = Mutex::new(());
    PROFILED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Profiles this process while a thread with this name runs `work` on one CPU.
fn profile(command: &str, cpu: usize, work: fn(&AtomicBool)) -> Profile {
    let profiler = Profiler::start(Some(std::process::id()), FREQUENCY).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let worker =
            std::thread::Builder::new().name(command.to_owned()).spawn_scoped(scope, || {
                let mut only = CpuSet::new();
                only.set(cpu);
                sched_setaffinity(None, &only).unwrap();
                work(&stop);
            });
        let end = Instant::now() + PATIENCE;
        while profiler.samples().unwrap() < ENOUGH && Instant::now() < end {
            sleep(Duration::from_millis(100));
        }
        stop.store(true, Ordering::Relaxed);
        worker.unwrap().join().unwrap();
    });
    profiler.stop().unwrap()
}

/// Returns the stacks of the thread that worked.
fn stacks_of<'p>(profile: &'p Profile, command: &str) -> Vec<&'p Stack> {
    profile.stacks.iter().filter(|stack| stack.command == command).collect()
}

/// Returns the number of samples of these stacks.
fn sum<'p>(stacks: impl IntoIterator<Item = &'p Stack>) -> u64 {
    stacks.into_iter().map(Stack::samples).sum()
}

#[test]
fn finds_a_busy_loop_and_its_cpu() {
    let _alone = alone();
    let start = spend_time_in_this_program as fn(&AtomicBool) as usize as u64;
    let allowed = sched_getaffinity(None).unwrap();
    let cpus: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect();
    for cpu in cpus.into_iter().take(2) {
        let profile = profile("user-loop", cpu, spend_time_in_this_program);
        assert!(profile.stacks.iter().all(|stack| stack.process == std::process::id()));
        assert_eq!(profile.lost, 0);
        // A stripped program has no names, so the test compares addresses.
        let is_in_loop = |stack: &&&Stack| {
            let innermost = stack.frames.last();
            innermost.is_some_and(|frame| (start..start + LONGEST).contains(&frame.address))
        };
        let stacks = stacks_of(&profile, "user-loop");
        let in_loop: Vec<&Stack> = stacks.iter().filter(is_in_loop).copied().collect();
        assert!(
            sum(in_loop.iter().copied()) * 2 > sum(stacks.iter().copied()),
            "{start:#x}: {:#x?}",
            profile.stacks
        );
        for stack in in_loop {
            assert_eq!(stack.counts[cpu], stack.samples(), "CPU {cpu}: {stack:?}");
        }
    }
}

#[test]
fn names_the_functions_of_a_library() {
    let _alone = alone();
    let profile = profile("library-loop", 0, spend_time_in_a_library);
    let stacks = stacks_of(&profile, "library-loop");
    let is_named = |stack: &&&Stack| {
        let names = stack.frames.last().map(|frame| frame.name.as_str());
        matches!(names, Some("memmem" | "__memmem"))
    };
    let named = sum(stacks.iter().filter(is_named).copied());
    assert!(named * 2 > sum(stacks), "{named}:\n{}", profile.folded());
    assert!(profile.folded().contains("memmem "));
    assert!(flame_graph(&profile).contains("memmem: "));
}

#[test]
fn finds_the_kernel_functions_that_a_process_causes() {
    let _alone = alone();
    let profile = profile("kernel-loop", 0, spend_time_in_the_kernel);
    let stacks = stacks_of(&profile, "kernel-loop");
    let all = sum(stacks.iter().copied());
    let reads = stacks.iter().filter(|stack| {
        let kernel = stack.frames.iter().filter(|frame| frame.side == Side::Kernel);
        kernel.into_iter().any(|frame| frame.name == "vfs_read")
    });
    let reads = sum(reads.copied());
    assert!(reads * 2 > all, "{reads} of {all}:\n{}", profile.folded());
    for stack in stacks {
        let sides: Vec<Side> = stack.frames.iter().map(|frame| frame.side).collect();
        assert!(sides.is_sorted(), "the kernel is called last: {stack:?}");
    }
}
