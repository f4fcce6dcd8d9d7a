//! Samples what each CPU executes, and draws the result as a flame graph.
//!
//! A timer on each CPU runs the BPF program, which records the stacks of the kernel and of the process in the map
//! `stacks` and counts them in `counts`. User space reads both maps once, when the profile is complete.

mod flame_graph;
mod profile;
mod symbols;

use std::error::Error;
use std::os::fd::{AsRawFd as _, IntoRawFd as _};

use bpfmap::{Map, UpdateMode};
use libbpf_rs::{Link, ObjectBuilder};
use perf_event::Builder;
use perf_event::events::Software;

pub use flame_graph::flame_graph;
pub use profile::{Frame, Profile, Side, Stack};
use samples::{Counts, Lost, Maps, ProcessStacks, Scope, Stacks};
use symbols::Symbols;

bpfmap::include_maps!();

/// A profiler that takes samples until it is stopped or dropped.
#[derive(Debug)]
pub struct Profiler {
    stacks: Map<Stacks>,
    counts: Map<Counts>,
    lost: Map<Lost>,
    links: Vec<Link>,
}

impl Profiler {
    /// Starts to sample each CPU about `frequency` times per second, in one process or in all
    /// processes.
    ///
    /// Use a frequency such as 99, so that the samples do not coincide with the timers of the
    /// sampled programs.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses the program or the timers. Sampling needs the capabilities
    /// `CAP_BPF` and `CAP_PERFMON`.
    pub fn start(process: Option<u32>, frequency: u64) -> Result<Self, Box<dyn Error>> {
        let object = include_bytes!(concat!(env!("OUT_DIR"), "/profiler.bpf.o"));
        let object = ObjectBuilder::default().open_memory(object)?.load()?;
        let Maps { stacks, counts, lost, scopes } = Maps::from_object(&object)?;
        let scope = Scope { process: process.unwrap_or(0) };
        scopes.update(&0, &scope, UpdateMode::Any)?;

        let program = object.progs_mut().next().ok_or("the object has no program")?;
        let mut links = vec![];
        for cpu in online_cpus()? {
            // The clock of the CPU also works in virtual machines, which often lack hardware
            // counters.
            let timer = Builder::new(Software::CPU_CLOCK)
                .any_pid()
                .one_cpu(cpu)
                .sample_frequency(frequency)
                .include_kernel()
                .build()
                .map_err(|error| format!("can't open a perf event on CPU {cpu}: {error}"))?;
            links.push(program.attach_perf_event(timer.as_raw_fd())?);
            // The link closes the descriptor.
            let _ = timer.into_raw_fd();
        }
        Ok(Self { stacks, counts, lost, links })
    }

    /// Returns the number of samples so far.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses to read the map.
    pub fn samples(&self) -> bpfmap::Result<u64> {
        let mut sum = 0;
        for entry in &self.counts {
            let (_, counts) = entry?;
            sum += counts.iter().sum::<u64>();
        }
        Ok(sum)
    }

    /// Stops sampling, and returns the profile.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses to read the maps.
    pub fn stop(mut self) -> bpfmap::Result<Profile> {
        // From this point on, no program changes the maps.
        self.links.clear();
        let symbols = Symbols::new();
        let mut profile = Profile::default();
        for entry in &self.counts {
            let (sample, counts) = entry?;
            profile.stacks.push(Stack {
                process: sample.process,
                command: sample.command.to_string_lossy().into_owned(),
                frames: self.frames(&sample, &symbols)?,
                counts: counts.iter().copied().collect(),
            });
        }
        profile.lost = self.lost.lookup(&0)?.map_or(0, |lost| lost.iter().sum());
        Ok(profile)
    }

    /// Returns the frames of the process's stack and the kernel's stack of a sample. The outermost
    /// frame comes first.
    fn frames(&self, sample: &ProcessStacks, symbols: &Symbols) -> bpfmap::Result<Vec<Frame>> {
        let mut frames = vec![];
        for (id, side) in [(sample.kernel_stack, Side::Kernel), (sample.user_stack, Side::User)] {
            // A kernel thread has no user-space stack, and a sample of user-space code has no
            // kernel stack.
            let Ok(id) = u32::try_from(id) else { continue };
            let addresses = self.stacks.addresses(&id)?.unwrap_or_default();
            let names = match side {
                Side::Kernel => symbols.of_kernel(&addresses),
                Side::User => symbols.of_process(sample.process, &addresses),
            };
            let found = addresses.into_iter().zip(names);
            frames.extend(found.map(|(address, name)| Frame { name, side, address }));
        }
        frames.reverse();
        Ok(frames)
    }
}

/// Returns the numbers of the CPUs that are online.
fn online_cpus() -> Result<Vec<usize>, Box<dyn Error>> {
    let path = "/sys/devices/system/cpu/online";
    let list =
        std::fs::read_to_string(path).map_err(|error| format!("can't read {path}: {error}"))?;
    cpus(list.trim()).ok_or_else(|| format!("{path} has no list of CPUs: {list:?}").into())
}

/// Parses a list such as `0-3,6`.
fn cpus(text: &str) -> Option<Vec<usize>> {
    let mut cpus = vec![];
    for range in text.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        cpus.extend(first.parse::<usize>().ok()?..=last.parse().ok()?);
    }
    Some(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lists_of_cpus() {
        assert_eq!(cpus("0"), Some(vec![0]));
        assert_eq!(cpus("0-2,5,7-8"), Some(vec![0, 1, 2, 5, 7, 8]));
        assert_eq!(cpus(""), None);
    }
}
