//! Loads the object of a fixture, and runs its programs.

use std::ffi::OsStr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use bpfmap::{Map, MapSpec};
use bpfmap_core::map_type::{self, MaxEntriesRule};
use libbpf_rs::{
    AsRawLibbpf as _, ErrorKind, Link, MapType, Object, ObjectBuilder, OpenMap, ProgramInput,
    ProgramMut, libbpf_sys,
};

use crate::MapFixture;
use crate::arena_lock::ArenaLock;
use crate::bpf_fs;
use crate::declaration::{Declaration, Spec};
use crate::subject::raise_memlock_limit;

/// The loaded object of a fixture. It contains the maps. For each map, it also contains a program
/// that writes an entry and a program that checks an entry.
///
/// Loading the object binds the calling thread to its current CPU, so that the thread reads the
/// per-CPU values that the programs write.
pub struct Fixture {
    object: Object,
    cpu: usize,
    pins: PathBuf,
    /// The lock of an object with an arena. It is held until the arena is unmapped.
    _arena: Option<ArenaLock>,
}

impl Fixture {
    /// Loads the object file of a fixture. Maps that the schema pins are pinned in a temporary
    /// directory, which is removed when this value is dropped. Maps without `max_entries` get a
    /// small `max_entries`.
    ///
    /// # Panics
    ///
    /// Panics if libbpf or the kernel refuses the object.
    #[must_use]
    pub fn load(object: &[u8]) -> Self {
        Self::load_where(object, |_| true, |_| true)
    }

    /// Loads only the part of the object that belongs to the map of the spec `S` and to its inner
    /// maps. The kernel therefore does not have to support the other maps, and the verifier does
    /// not check the programs of the other maps. Returns `None` if the kernel refuses the map, as
    /// expected.
    ///
    /// # Panics
    ///
    /// Panics if libbpf or the kernel refuses something that it should accept.
    #[must_use]
    pub fn of<S: MapSpec>(object: &[u8], fixture: &MapFixture<'_>) -> Option<Self> {
        Self::of_declared(&Spec::<S>::NEW, object, fixture)
    }

    /// Loads part of the object like [`Self::of`], for any declaration.
    pub(crate) fn of_declared(
        declaration: &impl Declaration,
        object: &[u8],
        fixture: &MapFixture<'_>,
    ) -> Option<Self> {
        if crate::is_refused_map(declaration, fixture) {
            return None;
        }
        let name = declaration.def().name;
        let programs = ROLES.map(|role| program_of(role, name));
        let is_own = |program: &OsStr| programs.iter().any(|own| program == own.as_str());
        let is_needed = |map: &OsStr| {
            is_needed_for(name, map) || fixture.contents.iter().any(|content| map == content.name)
        };
        Some(Self::load_where(object, is_own, is_needed))
    }

    /// Loads only these maps and programs of the object.
    ///
    /// # Panics
    ///
    /// Panics if libbpf or the kernel refuses the object.
    #[must_use]
    pub fn load_parts(object: &[u8], maps: &[&str], programs: &[&str]) -> Self {
        let is_wanted = |program: &OsStr| programs.iter().any(|wanted| program == *wanted);
        let is_needed = |map: &OsStr| {
            map.as_bytes().contains(&b'.') || maps.iter().any(|needed| map == *needed)
        };
        Self::load_where(object, is_wanted, is_needed)
    }

    /// Attaches a program to the target in its section name. The program is detached when the
    /// returned link is dropped.
    ///
    /// # Panics
    ///
    /// Panics if the object does not contain the program, or if the kernel refuses to attach it.
    pub fn attach_program(&self, program: &str) -> Link {
        self.program(program).attach().unwrap_or_else(|error| panic!("{program}: {error:?}"))
    }

    /// Returns a descriptor of a program of the object, which can be inserted into a map.
    ///
    /// # Panics
    ///
    /// Panics if the object does not contain the program.
    #[must_use]
    pub fn program_fd(&self, name: &str) -> OwnedFd {
        self.program(name).as_fd().try_clone_to_owned().expect("a descriptor is free")
    }

    fn load_where(
        object: &[u8],
        is_wanted: impl Fn(&OsStr) -> bool,
        is_needed: impl Fn(&OsStr) -> bool,
    ) -> Self {
        Self::try_load_where(object, is_wanted, is_needed).unwrap_or_else(|error| {
            panic!("the kernel can't load the fixture's maps and programs: {error:?}")
        })
    }

    /// Loads the object with only these programs.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses a program.
    ///
    /// # Panics
    ///
    /// Panics if libbpf does not know the object's format.
    pub fn try_load_programs(object: &[u8], programs: &[&str]) -> libbpf_rs::Result<Self> {
        let is_wanted = |name: &OsStr| programs.iter().any(|program| name == *program);
        Self::try_load_where(object, is_wanted, |_| true)
    }

    /// Loads some programs of a map, which the kernel may refuse.
    pub(crate) fn try_load(map: &str, object: &[u8], programs: &[&str]) -> libbpf_rs::Result<Self> {
        let is_wanted = |name: &OsStr| programs.iter().any(|program| name == *program);
        Self::try_load_where(object, is_wanted, |name| is_needed_for(map, name))
    }

    fn try_load_where(
        object: &[u8],
        is_wanted: impl Fn(&OsStr) -> bool,
        is_needed: impl Fn(&OsStr) -> bool,
    ) -> libbpf_rs::Result<Self> {
        raise_memlock_limit();
        let cpu = stay_on_one_cpu();
        // Each test uses a separate directory for pins, because tests run at the same time.
        let number = LOADED.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let pins = Path::new(bpf_fs::ROOT).join(format!("bpfmap-fixture-{process}-{number}"));
        let mut builder = ObjectBuilder::default();
        builder.pin_root_path(&pins).expect("a path without NUL");
        let mut open = builder.open_memory(object).expect("libbpf opens the fixture's object");
        let mut arena = None;
        for mut map in open.maps_mut() {
            // Removes the initial contents of maps that are not created, because libbpf would also
            // fill these maps.
            let needed = is_needed(map.name()) || map.map_type() == MapType::ProgArray;
            map.set_autocreate(needed).expect("the object is not loaded yet");
            if needed && map.map_type() == MapType::Arena && arena.is_none() {
                arena = Some(ArenaLock::take());
            }
            if map.max_entries() == 0 && is_left_to_the_loader(map.map_type()) {
                map.set_max_entries(ENTRIES)
                    .expect("a map without `max_entries` in its schema accepts any `max_entries`");
            }
        }
        if open.maps().any(|map| is_pinned_by_name(&map)) {
            bpf_fs::ensure_mounted();
        }
        for mut program in open.progs_mut() {
            let held = program.section() == HELD_PROGRAMS;
            program.set_autoload(held || is_wanted(program.name()));
        }
        let object = open.load()?;
        assert_has_btf(&object);
        Ok(Self { object, cpu, pins, _arena: arena })
    }

    pub(crate) fn object(&self) -> &Object {
        &self.object
    }

    /// Returns the CPU to which the thread is bound.
    pub(crate) fn cpu(&self) -> usize {
        self.cpu
    }

    /// Opens the map of the spec, and checks it. If the flags of the spec limit the object's
    /// descriptor, opens a new descriptor for reading and writing.
    ///
    /// # Panics
    ///
    /// Panics if the map does not match the spec.
    #[must_use]
    pub fn map<S: MapSpec>(&self) -> Map<S> {
        self.open(&Spec::<S>::NEW)
    }

    /// Opens the map like [`Self::map`], for any declaration.
    pub(crate) fn open<D: Declaration>(&self, declaration: &D) -> D::Map {
        let map = declaration.open(&self.object);
        let map = map.and_then(|map| declaration.unlimited(map));
        map.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs a program of the object with a packet that starts with `argument`, and returns the
    /// program's result.
    ///
    /// # Panics
    ///
    /// Panics if the object does not contain the program, or if the kernel does not run it.
    #[must_use]
    pub fn run(&self, program: &str, argument: u32) -> i32 {
        self.run_repeatedly(program, argument, 1)
    }

    /// Binds the thread to a CPU, and runs a program `times` times on this CPU with a packet of
    /// zeros. Returns the last result.
    ///
    /// # Panics
    ///
    /// Panics like [`Self::run`], and if the machine does not have this CPU.
    #[must_use]
    pub fn run_on(&self, program: &str, cpu: usize, times: u32) -> i32 {
        bind_to(cpu);
        self.run_repeatedly(program, 0, times)
    }

    /// Runs a program of the type `BPF_PROG_TYPE_SYSCALL` (Linux 5.14) with a `u32` as its context,
    /// and returns its result.
    ///
    /// # Panics
    ///
    /// Panics like [`Self::run`].
    #[must_use]
    pub fn run_syscall(&self, program: &str, argument: u32) -> i32 {
        let mut context = argument.to_ne_bytes();
        let input = ProgramInput { context_in: Some(&mut context), ..ProgramInput::default() };
        let output = self.program(program).test_run(input);
        signed(output.expect("BPF_PROG_TEST_RUN runs the program").return_value)
    }

    fn run_repeatedly(&self, program: &str, argument: u32, times: u32) -> i32 {
        let mut packet = [0; PACKET];
        packet[..4].copy_from_slice(&argument.to_ne_bytes());
        let input =
            ProgramInput { data_in: Some(&packet), repeat: times, ..ProgramInput::default() };
        let output =
            self.program(program).test_run(input).expect("BPF_PROG_TEST_RUN runs a tc program");
        signed(output.return_value)
    }

    /// Returns a program of the object.
    ///
    /// # Panics
    ///
    /// Panics if the object does not contain the program.
    #[must_use]
    pub fn program(&self, name: &str) -> ProgramMut<'_> {
        let mut programs = self.object.progs_mut();
        programs
            .find(|program| program.name() == name)
            .unwrap_or_else(|| panic!("the object has no program {name}"))
    }

    pub(crate) fn write_by(&self, owner: &str, view: u32) {
        let result = self.run(&program_of("write", owner), view);
        assert_eq!(result, 0, "{owner}: the program can't write in view {view}");
    }

    pub(crate) fn check_by(&self, owner: &str, view: u32) {
        match self.run(&program_of("check", owner), view) {
            0 => {}
            errno if errno < 0 => {
                panic!("{owner}: the program finds no entry in view {view}: {errno}")
            }
            byte => panic!(
                "{owner}: the program reads a wrong byte in view {view}, at offset {} of the value",
                byte - 1
            ),
        }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        for mut map in self.object.maps_mut() {
            if let Some(path) = map.get_pin_path().map(PathBuf::from) {
                if path.starts_with(&self.pins) {
                    // If a pin can't be removed, it remains.
                    let _ = map.unpin(path);
                }
            }
        }
        let _ = std::fs::remove_dir(&self.pins);
    }
}

/// Returns whether the loader must set the `max_entries` of a map of this type. This is not the
/// case for types without entries, and for perf event arrays, because libbpf sets their
/// `max_entries`.
fn is_left_to_the_loader(map_type: MapType) -> bool {
    let row = map_type::MapType::by_number(map_type as u32);
    row.is_none_or(|row| !matches!(row.max_entries, MaxEntriesRule::Zero | MaxEntriesRule::PerCpu))
}

/// The number of fixtures that this process has loaded.
static LOADED: AtomicUsize = AtomicUsize::new(0);

/// Checks that the verifier refuses the program that has the role `role` for a map. The program
/// uses an operation that a flag of the map forbids.
pub(crate) fn program_is_refused(
    declaration: &impl Declaration,
    object: &[u8],
    fixture: &MapFixture<'_>,
    role: &str,
) {
    if crate::is_refused_map(declaration, fixture) {
        return;
    }
    let name = declaration.def().name;
    let program = program_of(role, name);
    match Fixture::try_load(name, object, &[&program]) {
        Ok(_) => {
            panic!("the kernel loads {program}, although the flags of the map forbid its operation")
        }
        Err(error) => assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{program}: {error:?}"),
    }
    println!("vmtest:note refused.{role}=EACCES, by the flags of the map");
}

/// Returns whether the programs of the map `name` need the map `map`. All programs also need the
/// maps that libbpf creates for global variables, whose names contain a dot.
fn is_needed_for(name: &str, map: &OsStr) -> bool {
    map == name || map.as_bytes().contains(&b'.')
}

/// Returns the name of the program that has the role `role` for a map. Names in a schema can't
/// begin with the prefix of this name.
pub(crate) fn program_of(role: &str, map: &str) -> String {
    format!("__bpfmap_{role}_{map}")
}

/// Returns whether libbpf pins the map when libbpf creates the map.
fn is_pinned_by_name(map: &OpenMap<'_>) -> bool {
    // SAFETY: the pointer belongs to the map, whose object lives as long as `map`.
    !unsafe { libbpf_sys::bpf_map__pin_path(map.as_libbpf_object().as_ptr()) }.is_null()
}

/// The roles of the programs that belong to a single map.
const ROLES: [&str; 8] = ["write", "check", "jump", "land", "ask", "redirect", "read", "select"];

/// The section of the programs that are initial contents of maps. libbpf always inserts these
/// programs into the maps, so they are always loaded.
const HELD_PROGRAMS: &str = "classifier";

/// The `max_entries` of maps for which the loader must set this number.
const ENTRIES: u32 = 16;

/// The size of the packet. `BPF_PROG_TEST_RUN` needs at least an Ethernet header.
const PACKET: usize = 64;

/// Asserts that the kernel has accepted the BTF of an object. If the kernel refuses the BTF, libbpf
/// prints a message and creates all maps without BTF.
fn assert_has_btf(object: &Object) {
    // SAFETY: the object is loaded, and the function only reads it.
    let btf = unsafe { libbpf_sys::bpf_object__btf_fd(object.as_libbpf_object().as_ptr()) };
    assert!(
        btf >= 0,
        "the kernel refuses the BTF of the fixture's object, so the maps have no BTF: libbpf's messages above contain \
         the reason"
    );
}

/// Binds the thread to the CPU on which it runs, and returns the number of this CPU.
fn stay_on_one_cpu() -> usize {
    // SAFETY: the call has no arguments and does not fail on Linux.
    let cpu = unsafe { libc::sched_getcpu() };
    let cpu = usize::try_from(cpu).expect("the kernel knows on which CPU a thread runs");
    bind_to(cpu);
    cpu
}

fn bind_to(cpu: usize) {
    // SAFETY: a cpu_set_t consists of plain bits, and the call reads all of it.
    let bound = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set)
    };
    assert_eq!(bound, 0, "this machine has no CPU {cpu} to run on");
}

/// Converts the result of a program to a signed number. libbpf-rs returns it as an unsigned number.
pub(crate) fn signed(returned: u32) -> i32 {
    i32::from_ne_bytes(returned.to_ne_bytes())
}
