//! Shares a value under a spin lock between programs on two CPUs and user space.
//!
//! The value is declared in `lockstep.toml`. It consists of a lock and 32 numbers. All 32 numbers
//! are equal, except during a change. A BPF program adds one to all numbers. User space reads and
//! writes the value while programs run. With the flag `BPF_F_LOCK`, the kernel takes the lock for
//! user space. Without the flag, a read can return a partly changed value.

use std::error::Error;
use std::ffi::OsStr;
use std::thread;

use bpfmap::{Map, UpdateMode};
use libbpf_rs::{Object, ObjectBuilder, ProgramInput};
use rustix::thread::{CpuSet, sched_setaffinity};

pub use maps::Cells;
use maps::{InArray, InHash};

/// The types and maps of the schema.
pub mod maps {
    include!(concat!(env!("OUT_DIR"), "/lockstep.rs"));
}

/// The result type of this crate.
pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The map that contains the shared value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// An array, in which each value always exists.
    Array,
    /// A hash table, in which user space inserts the value.
    Hash,
}

/// A value that programs and user space share.
#[derive(Debug)]
pub struct Lockstep {
    object: Object,
    in_array: Map<InArray>,
    in_hash: Map<InHash>,
}

/// The number of all reads, and the number of reads that returned a partly changed value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// The number of all reads.
    pub total: u64,
    /// The number of reads in which the 32 numbers differed.
    pub torn: u64,
}

/// The results of reading the value while programs change the value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Reads without the lock.
    pub plain: Reads,
    /// Reads under the lock.
    pub locked: Reads,
    /// The value of each number at the end.
    pub end: u64,
}

impl Lockstep {
    /// Loads the programs and creates the values. All numbers in the values are zero.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses the programs. Loading needs `CAP_BPF` and `CAP_NET_ADMIN`.
    pub fn load() -> Result<Self> {
        let object = include_bytes!(concat!(env!("OUT_DIR"), "/lockstep.bpf.o"));
        let object = ObjectBuilder::default().open_memory(object)?.load()?;
        let maps::Maps { in_array, in_hash } = maps::Maps::from_object(&object)?;
        // The lock of a new entry is always free. The kernel ignores its bytes in the new value.
        in_hash.update_locked(&0, &Cells::default(), UpdateMode::NoExist)?;
        Ok(Self { object, in_array, in_hash })
    }

    /// Runs the program `times` times on the CPU of this thread.
    ///
    /// # Errors
    ///
    /// Fails if the kernel can't run the program.
    pub fn step(&self, storage: Storage, times: u32) -> Result<()> {
        let name = match storage {
            Storage::Array => "step_in_array",
            Storage::Hash => "step_in_hash",
        };
        let mut programs = self.object.progs_mut();
        let program = programs.find(|program| program.name() == OsStr::new(name));
        let program = program.ok_or_else(|| format!("the object has no program `{name}`"))?;
        // The program does not read the packet, but the kernel requires an Ethernet header.
        let input =
            ProgramInput { data_in: Some(&[0; 14]), repeat: times, ..ProgramInput::default() };
        match program.test_run(input)?.return_value {
            0 => Ok(()),
            _ => Err(format!("`{name}` found no value").into()),
        }
    }

    /// Reads the value without the lock. The 32 numbers may differ.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses the lookup.
    pub fn read(&self, storage: Storage) -> Result<Cells> {
        let cells = match storage {
            Storage::Array => self.in_array.lookup(&0),
            Storage::Hash => self.in_hash.lookup(&0),
        };
        cells?.ok_or_else(|| "the value was deleted".into())
    }

    /// Reads the value under the lock. All 32 numbers are equal.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses the lookup.
    pub fn read_locked(&self, storage: Storage) -> Result<Cells> {
        let cells = match storage {
            Storage::Array => self.in_array.lookup_locked(&0),
            Storage::Hash => self.in_hash.lookup_locked(&0),
        };
        cells?.ok_or_else(|| "the value was deleted".into())
    }

    /// Sets all numbers under the lock. The value changes in place, but never while a program
    /// changes it.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses the update.
    pub fn set(&self, storage: Storage, number: u64) -> bpfmap::Result<()> {
        let cells = Cells { numbers: [number; 32], ..Cells::default() };
        match storage {
            Storage::Array => self.in_array.update_locked(&0, &cells, UpdateMode::Exist),
            Storage::Hash => self.in_hash.update_locked(&0, &cells, UpdateMode::Exist),
        }
    }

    /// Runs the program `times` times on each of two CPUs, and reads the value repeatedly during
    /// that time.
    ///
    /// # Errors
    ///
    /// Fails if the kernel can't run the program, or refuses a lookup.
    pub fn contend(&self, storage: Storage, times: u32) -> Result<Report> {
        let mut report = Report::default();
        let written = self.while_programs_run(storage, times, || {
            report.plain.add(&self.read(storage)?);
            report.locked.add(&self.read_locked(storage)?);
            Ok(())
        });
        written?;
        report.end = self.read_locked(storage)?.numbers[0];
        Ok(report)
    }

    /// Calls `act` repeatedly until the program has run `times` times on each of two CPUs.
    ///
    /// # Errors
    ///
    /// Fails if `act` fails, or if the kernel can't run the program.
    pub fn while_programs_run(
        &self,
        storage: Storage,
        times: u32,
        mut act: impl FnMut() -> Result<()>,
    ) -> Result<()> {
        thread::scope(|scope| {
            let writers = [0, 1].map(|cpu| {
                scope.spawn(move || {
                    stay_on(cpu);
                    self.step(storage, times)
                })
            });
            while writers.iter().any(|writer| !writer.is_finished()) {
                act()?;
            }
            for writer in writers {
                writer.join().map_err(|_| "a thread that runs a program panicked")??;
            }
            Ok(())
        })
    }
}

impl Reads {
    fn add(&mut self, cells: &Cells) {
        self.total += 1;
        self.torn += u64::from(!is_whole(cells));
    }
}

/// Returns whether all numbers are equal.
#[must_use]
pub fn is_whole(cells: &Cells) -> bool {
    cells.numbers.iter().all(|number| *number == cells.numbers[0])
}

/// Binds this thread to a CPU. If two threads are bound to different CPUs, their programs run at
/// the same time.
fn stay_on(cpu: usize) {
    let mut cpus = CpuSet::new();
    cpus.set(cpu);
    // On a machine with a single CPU, this fails for one thread, and the threads take turns.
    let _ = sched_setaffinity(None, &cpus);
}
