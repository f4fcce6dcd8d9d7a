//! Tries each map type from user space and from programs, and shows the kernel's answers.
//!
//! The maps are declared in `tour.toml`, and the programs are in `tour.bpf.c`. Each section of the
//! tour loads the maps and programs anew, performs a few operations on a map, and returns a line
//! for each operation. The other examples show further map types: see `examples/README.md`.

use std::error::Error;
use std::ffi::OsStr;
use std::io;

use bpfmap::{Map, UpdateMode};
use libbpf_rs::{Object, ObjectBuilder, ProgramInput, ProgramMut};

use maps::{Action, Requests, TourRequest};

mod elements;
mod network;
mod objects;
mod plain;

/// The types and maps of the schema.
pub mod maps {
    include!(concat!(env!("OUT_DIR"), "/tour.rs"));
}

/// The result type of a section.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A section of the tour.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// The name of the section on the command line.
    pub name: &'static str,
    /// The topic of the section.
    pub title: &'static str,
    run: fn(&Loaded) -> Result<Vec<String>>,
}

/// All sections, in the order in which they build on each other.
pub const SECTIONS: &[Section] = &[
    Section { name: "create", title: "Creating maps", run: elements::create },
    Section { name: "update", title: "Updating elements", run: elements::update },
    Section { name: "lookup", title: "Looking up elements", run: elements::lookup },
    Section { name: "delete", title: "Deleting elements", run: elements::delete },
    Section { name: "iterate", title: "Iterating over elements", run: elements::iterate },
    Section { name: "take", title: "Looking up and deleting in one step", run: elements::take },
    Section { name: "array", title: "Arrays", run: plain::array },
    Section { name: "prog_array", title: "Arrays of programs", run: objects::prog_array },
    Section { name: "percpu", title: "Per-CPU arrays and hashes", run: plain::percpu },
    Section { name: "cgroup_array", title: "Arrays of cgroups", run: objects::cgroup_array },
    Section { name: "lru", title: "LRU hashes", run: plain::lru },
    Section { name: "hash_of_maps", title: "Hashes of maps", run: objects::hash_of_maps },
    Section { name: "devmap", title: "Maps of network interfaces", run: network::devmap },
    Section { name: "cpumap", title: "Maps of CPUs", run: network::cpumap },
    Section { name: "xskmap", title: "Maps of AF_XDP sockets", run: network::xskmap },
    Section { name: "sockmap", title: "Arrays of sockets", run: network::sockmap },
    Section { name: "sockhash", title: "Hashes of sockets", run: network::sockhash },
    Section { name: "cgroup_storage", title: "Values of cgroups", run: objects::cgroup_storage },
    Section { name: "reuseport", title: "Sockets that share a port", run: network::reuseport },
    Section { name: "queue", title: "Queues and stacks", run: plain::queue },
];

impl Section {
    /// Runs this section, and returns a line for each of its steps.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses the programs, or returns an unexpected result. The tour must run
    /// as root.
    pub fn run(&self) -> Result<Vec<String>> {
        (self.run)(&Loaded::new()?)
    }
}

/// The maps and programs of one section.
struct Loaded {
    object: Object,
    maps: maps::Maps,
}

impl Loaded {
    fn new() -> Result<Self> {
        let object = include_bytes!(concat!(env!("OUT_DIR"), "/tour.bpf.o"));
        let object = ObjectBuilder::default().open_memory(object)?.load()?;
        let maps = maps::Maps::from_object(&object)?;
        Ok(Self { object, maps })
    }

    fn program(&self, name: &str) -> Result<ProgramMut<'_>> {
        let mut programs = self.object.progs_mut();
        let program = programs.find(|program| program.name() == OsStr::new(name));
        program.ok_or_else(|| format!("the object has no program `{name}`").into())
    }

    /// Runs a program with a packet of zeros, and returns the program's result.
    fn run(&self, name: &str) -> Result<i32> {
        let input = ProgramInput { data_in: Some(&[0; 64]), ..ProgramInput::default() };
        Ok(signed(self.program(name)?.test_run(input)?.return_value))
    }

    /// Sets the action that the programs execute when they run.
    fn ask(&self, action: Action, key: u32, value: u32, mode: UpdateMode) -> Result<()> {
        let requests: &Map<Requests> = &self.maps.requests;
        let request = TourRequest { action: action.into(), key, value, flags: mode as u32 };
        Ok(requests.update(&0, &request, UpdateMode::Any)?)
    }
}

/// Converts the result of a program to a signed number. The result has the type `int` in C.
fn signed(returned: u32) -> i32 {
    i32::from_ne_bytes(returned.to_ne_bytes())
}

/// Describes the result of a system call. For an error, the description is the text from
/// `strerror`.
fn answer<T>(result: bpfmap::Result<T>) -> String {
    match result {
        Ok(_) => "done".to_owned(),
        Err(error) => match error.errno() {
            Some(errno) => describe(errno),
            None => error.to_string(),
        },
    }
}

/// Describes the result of a program, which is the result of a helper.
fn helper_answer(returned: i32) -> String {
    if returned < 0 { describe(-returned) } else { "done".to_owned() }
}

fn describe(errno: i32) -> String {
    io::Error::from_raw_os_error(errno).to_string()
}
