//! Migrates a pinned map from the layout of one program version to the layout of the next version.
//!
//! Version 1 counts the packets of each source in a pinned map, so that the counts survive a
//! restart. Version 2 has wider counts and a limit, so it can't use the map of version 1. Both
//! versions are in this crate. In your own project, they are two releases, and `schemas/v1.toml` is
//! the schema of the earlier release.

use std::error::Error;
use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use bpfmap::migrate::{Migration, Outcome, Progress};
use bpfmap::{Be32, Map, MapSpec};
use libbpf_rs::{Object, ObjectBuilder, ProgramInput};

bpfmap::include_maps!();

/// The result type of this crate.
pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The map with the layout of version 1.
pub type V1 = v1::Sources;
/// The map with the layout of version 2.
pub type V2 = v2::Sources;

/// A loaded version of the program.
#[derive(Debug)]
pub struct Counter<S: MapSpec> {
    object: Object,
    sources: Map<S>,
}

impl Counter<V1> {
    /// Loads version 1. The program uses the map that is pinned in the directory `folder`. If there
    /// is no such map, this function creates and pins a new map.
    ///
    /// # Errors
    ///
    /// Fails if the pinned map has a different layout, or if the kernel refuses the program.
    /// Loading needs `CAP_BPF` and `CAP_NET_ADMIN`, and `folder` must be in a BPF file system.
    pub fn load(folder: &Path) -> Result<Self> {
        load(include_bytes!(concat!(env!("OUT_DIR"), "/v1.bpf.o")), folder)
    }
}

impl Counter<V2> {
    /// Loads version 2. The program uses the map that is pinned in the directory `folder`. If there
    /// is no such map, this function creates and pins a new map.
    ///
    /// # Errors
    ///
    /// Fails for the same reasons as version 1.
    pub fn load(folder: &Path) -> Result<Self> {
        load(include_bytes!(concat!(env!("OUT_DIR"), "/v2.bpf.o")), folder)
    }
}

fn load<S: MapSpec>(object: &[u8], folder: &Path) -> Result<Counter<S>> {
    // libbpf only reports that the sizes differ. This check reports which members differ, and what
    // to do about the difference.
    let pin = pin(folder);
    if pin.try_exists()? {
        Map::<S>::from_pinned(&pin)?;
    }
    let object = ObjectBuilder::default().pin_root_path(folder)?.open_memory(object)?.load()?;
    let sources = Map::from_object(&object)?;
    Ok(Counter { object, sources })
}

impl<S: MapSpec<Key = Be32>> Counter<S> {
    /// Returns the map of the counts.
    #[must_use]
    pub fn sources(&self) -> &Map<S> {
        &self.sources
    }

    /// Runs the program with a packet. Returns whether the packet passed.
    ///
    /// # Errors
    ///
    /// Fails if the kernel can't run the program.
    pub fn send(&self, from: Ipv4Addr) -> Result<bool> {
        // `enum xdp_action`
        const XDP_PASS: u32 = 2;
        let mut programs = self.object.progs_mut();
        let program = programs.find(|program| program.name() == OsStr::new("count"));
        let program = program.ok_or("the object has no program `count`")?;
        let packet = packet(from);
        let input = ProgramInput { data_in: Some(&packet), ..ProgramInput::default() };
        Ok(program.test_run(input)?.return_value == XDP_PASS)
    }
}

/// Returns the path at which both versions pin the map in `folder`.
#[must_use]
pub fn pin(folder: &Path) -> PathBuf {
    folder.join("sources")
}

/// Migrates the map that is pinned in `folder` to the layout of version 2. Does nothing if the map
/// already has this layout.
///
/// # Errors
///
/// Fails if a program of version 1 still changes the map, and in the cases that [`Migration::run`]
/// lists. The pin is unchanged after a failure.
pub fn migrate(folder: &Path, progress: impl FnMut(Progress)) -> bpfmap::Result<Outcome> {
    v2_migrate::migrate_sources(pin(folder), progress)
}

/// Returns the migration that [`migrate`] runs, so that you can set other options.
#[must_use]
pub fn migration(folder: &Path) -> Migration<'static> {
    v2_migrate::migration_of_sources(pin(folder))
}

/// Returns an Ethernet frame with an IPv4 header and no data.
fn packet(from: Ipv4Addr) -> [u8; 34] {
    const ETH_P_IP: [u8; 2] = [0x08, 0x00];
    let mut packet = [0; 34];
    packet[12..14].copy_from_slice(&ETH_P_IP);
    packet[14] = 0x45; // Version 4, and a header of 5 words.
    packet[17] = 20; // The length of the header and the data.
    packet[26..30].copy_from_slice(&from.octets());
    packet
}
