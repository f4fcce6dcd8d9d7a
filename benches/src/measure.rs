//! Timing contenders against each other.

use crate::allocations;
use std::time::Instant;

/// A way of doing a job.
pub(crate) struct Contender<'a> {
    pub(crate) name: &'static str,
    /// Does the job this many times.
    pub(crate) run: Box<dyn FnMut(u32) + 'a>,
    /// What has to be there before; it is not timed.
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

/// What came out for one job.
pub(crate) struct Job {
    pub(crate) name: &'static str,
    pub(crate) measured: Vec<Measured>,
}

/// What came out for one contender.
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    /// Its time in a quick round divided by the first contender's.
    pub(crate) ratio: f64,
    /// The time of one operation in a quick round, in nanoseconds.
    pub(crate) nanoseconds: f64,
    pub(crate) allocations: f64,
}

/// Runs the contenders in turn, round after round, each time beginning with another; the first one is what the others
/// are divided by. A round is short, so that what disturbs the machine disturbs all.
pub(crate) fn compare(
    name: &'static str,
    operations: u32,
    rounds: u32,
    mut contenders: Vec<Contender<'_>>,
) -> Job {
    let count = contenders.len();
    let mut times = vec![Vec::new(); count];
    let mut allocated = vec![0_u64; count];
    // The first rounds warm the caches and are not counted.
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

/// Returns the time that a tenth of the rounds stay below: other processes only ever add to a round, so what the quick
/// ones take is the work itself, and a tenth of them is steadier than the quickest alone.
fn quick(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 10]
}

/// Keeps this thread on the last CPU: the first has the interrupts.
pub(crate) fn pin_to_one_cpu() {
    let cpus = std::thread::available_parallelism().map_or(1, core::num::NonZero::get);
    // SAFETY: all zero is an empty set.
    let mut set: libc::cpu_set_t = unsafe { core::mem::zeroed() };
    // SAFETY: there are fewer CPUs than a set has room for, or the kernel would have given more than it takes.
    unsafe { libc::CPU_SET(cpus - 1, &mut set) };
    // SAFETY: reads the set. Where it isn't allowed the measurement is noisier, that is all.
    unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
}
