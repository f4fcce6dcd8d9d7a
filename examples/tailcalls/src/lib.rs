//! Counts packets by service. Each protocol has a parser, which jumps to the parser of the next
//! protocol.
//!
//! The table of the parsers is a `prog_array`. `tailcalls.toml` declares the contents of the table.
//! When libbpf loads the object, it stores the parsers in the table. User space can remove a parser
//! and insert it again while packets arrive.

use std::error::Error;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use bpfmap::{Be16, Map, ProgramFd};
use libbpf_rs::skel::{OpenSkel as _, Skel as _, SkelBuilder as _};
use libbpf_rs::{Link, OpenObject};

pub use maps::{Layer, Service};
use maps::{Maps, Parsers, Services};

/// The types and maps of the schema.
pub mod maps {
    include!(concat!(env!("OUT_DIR"), "/tailcalls.rs"));
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
    include!(concat!(env!("OUT_DIR"), "/tailcalls.skel.rs"));
}

/// A counter of the packets that a network interface receives. It counts until it is dropped.
///
/// The counter keeps the table of the parsers open. When no descriptor refers to a `prog_array` any
/// more, the kernel empties the array, even if a program still uses the array.
#[derive(Debug)]
pub struct PacketCounter {
    parsers: Map<Parsers>,
    services: Map<Services>,
    udp: OwnedFd,
    _link: Link,
}

impl PacketCounter {
    /// Loads the programs and attaches the first program to the interface with the index
    /// `interface`.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses the programs or the interface. Loading and attaching need
    /// `CAP_BPF` and `CAP_NET_ADMIN`.
    pub fn attach(interface: i32) -> Result<Self, Box<dyn Error>> {
        let mut object = MaybeUninit::<OpenObject>::uninit();
        let skeleton = skeleton::TailcallsSkelBuilder::default().open(&mut object)?.load()?;
        let Maps { parsers, services, cursors: _ } = Maps::from_object(skeleton.object())?;
        Ok(Self {
            parsers,
            services,
            udp: skeleton.progs.parse_udp.as_fd().try_clone_to_owned()?,
            _link: skeleton.progs.parse_ethernet.attach_xdp(interface)?,
        })
    }

    /// Returns the number of packets of each service.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses to read the map.
    pub fn services(&self) -> bpfmap::Result<Vec<(Service, u64)>> {
        self.services
            .iter()
            .map(|entry| entry.map(|(service, packets)| (service, packets.iter().sum())))
            .collect()
    }

    /// Returns the number of packets of a service.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses the lookup.
    pub fn packets(&self, version: u8, protocol: u8, port: u16) -> bpfmap::Result<u64> {
        let service = Service { version, protocol, port: Be16::new(port) };
        Ok(self.services.lookup(&service)?.map_or(0, |packets| packets.iter().sum()))
    }

    /// Returns whether the table contains a parser for a layer.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses the lookup.
    pub fn parses(&self, layer: Layer) -> bpfmap::Result<bool> {
        Ok(self.parsers.get(&(layer as u32))?.is_some())
    }

    /// Removes the UDP parser from the table. From then on, UDP packets are counted without their
    /// ports. Returns `false` if the parser was removed already.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses the deletion.
    pub fn stop_parsing_udp(&self) -> bpfmap::Result<bool> {
        self.parsers.delete(&(Layer::Udp as u32))
    }

    /// Inserts the UDP parser into the table again.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses the update.
    pub fn parse_udp(&self) -> bpfmap::Result<()> {
        self.parsers.set(&(Layer::Udp as u32), ProgramFd::new(self.udp.as_fd()))
    }
}
