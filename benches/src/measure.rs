//! Measures and compares the times of contenders.

use crate::allocations;
use std::time::Instant;

/// A contender: one of several ways to perform a job.
pub(crate) struct Contender<'a> {
    pub(crate) name: &'static str,
    /// Performs the job this many times.
    pub(crate) run: Box<dyn FnMut(u32) + 'a>,
    /// Prepares the job. The preparation is not measured.
    prepare: Option<Box<dyn FnMut() + 'a>>,
}

impl<'a> Contender<'a> {
    pub(crate) fn new(name: &'static str, run: impl FnMut(u32) + 'a) -> Self {
        Self { name, run: Box::new(run), prepare: None }
    }

    pub(crate) fn prepared(
        name: &'static str,
        prepare: impl FnMut() + 'a,
        run: impl FnMut(u32) + 'a,
    ) -> Self {
        Self { prepare: Some(Box::new(prepare)), ..Self::new(name, run) }
    }
}

/// The results of a job.
pub(crate) struct Job {
    pub(crate) name: &'static str,
    pub(crate) measured: Vec<Measured>,
}

/// The results of a contender.
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    /// The time of a quick round, divided by the time of the first contender.
    pub(crate) ratio: f64,
    /// The time of one operation in a quick round, in nanoseconds.
    pub(crate) nanoseconds: f64,
    pub(crate) allocations: f64,
}

/// Runs the contenders in turn, in several rounds. Each round begins with another contender. The
/// times of all contenders are divided by the time of the first contender. A round is short, so
/// that other work on the machine affects all contenders.
pub(crate) fn compare(
    name: &'static str,
    operations: u32,
    rounds: u32,
    mut contenders: Vec<Contender<'_>>,
) -> Job {
    let count = contenders.len();
    let mut times = vec![Vec::new(); count];
    let mut allocated = vec![0_u64; count];
    // The first rounds warm up the caches, and their times are ignored.
    let warm_up = (rounds / 20).max(1);
    for round in 0..rounds + warm_up {
        for turn in 0..count {
            let index = (round as usize + turn) % count;
            if let Some(prepare) = &mut contenders[index].prepare {
                prepare();
            }
            let before = allocations::count();
            let start = Instant::now();
            (contenders[index].run)(operations);
            let time = start.elapsed().as_secs_f64();
            if round >= warm_up {
                allocated[index] += allocations::count() - before;
                times[index].push(time);
            }
        }
    }
    let all = f64::from(operations) * f64::from(rounds);
    let measured = contenders
        .iter()
        .zip(&times)
        .zip(allocated)
        .map(|((contender, own), allocated)| Measured {
            name: contender.name,
            ratio: quick(own) / quick(&times[0]),
            nanoseconds: quick(own) * 1e9 / f64::from(operations),
            allocations: u32::try_from(allocated).map_or(f64::INFINITY, f64::from) / all,
        })
        .collect();
    Job { name, measured }
}

/// Returns the time that is longer than the times of one tenth of the rounds. Other processes can
/// only make a round slower, so the quick rounds show the time of the work itself. One tenth of the
/// rounds gives a more stable result than the single quickest round.
fn quick(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 10]
}

/// Binds this thread to the last CPU, because the first CPU usually handles the interrupts.
pub(crate) fn pin_to_one_cpu() {
    let cpus = std::thread::available_parallelism().map_or(1, core::num::NonZero::get);
    // SAFETY: a `cpu_set_t` of zeros is an empty set.
    let mut set: libc::cpu_set_t = unsafe { core::mem::zeroed() };
    // SAFETY: the number of CPUs is smaller than the capacity of a set.
    unsafe { libc::CPU_SET(cpus - 1, &mut set) };
    // SAFETY: the call only reads the set. If the call fails, the measurement is only noisier.
    unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
}
