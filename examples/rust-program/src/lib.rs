//! Counts the packets that a network interface receives. The BPF program is also written in Rust,
//! and shares the crate `rust-program-common` with this application. Either aya or libbpf loads the
//! program.

use std::borrow::Cow;
use std::error::Error;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;

use aya::Ebpf;
use aya::programs::{Xdp, XdpMode};
use bpfmap::{Be16, BpfMaps, Map, MapSource, RingBuf, UpdateMode};
use libbpf_rs::{Link, Object, ObjectBuilder};
use rust_program_common::{
    LargePacket, LargePackets, Protocols, Setting, Settings, Sources, Traffic,
};

/// The object file, with the alignment that aya needs.
static OBJECT: &[u8] =
    aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/rust-program-ebpf.o"));

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// Traffic by protocol.
    pub protocols: Map<Protocols>,
    /// Packets by source.
    pub sources: Map<Sources>,
    /// Large packets.
    pub large_packets: Map<LargePackets>,
    /// The setting.
    pub settings: Map<Settings>,
}

/// The library that loads the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loader {
    /// aya.
    Aya,
    /// libbpf, through libbpf-rs.
    Libbpf,
}

/// An object that one of the libraries has loaded.
#[derive(Debug)]
pub enum Loaded {
    /// An object that aya has loaded.
    Aya(Ebpf),
    /// An object that libbpf has loaded, and the link that attaches the program.
    Libbpf(Object, Option<Link>),
}

impl Loaded {
    /// Loads the maps and the program.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses a map or the program, or if the process lacks `CAP_BPF`.
    pub fn new(loader: Loader) -> Result<Self, Box<dyn Error>> {
        Ok(match loader {
            Loader::Aya => Self::Aya(Ebpf::load(OBJECT)?),
            Loader::Libbpf => {
                Self::Libbpf(ObjectBuilder::default().open_memory(OBJECT)?.load()?, None)
            }
        })
    }

    /// Attaches the program to an interface. Dropping this value detaches the program.
    fn attach(&mut self, interface: &str) -> Result<(), Box<dyn Error>> {
        const PROGRAM: &str = "count_packet";
        match self {
            Self::Aya(ebpf) => {
                let program = ebpf.program_mut(PROGRAM).ok_or("the object has no program")?;
                let program: &mut Xdp = program.try_into()?;
                program.load()?;
                program.attach(interface, XdpMode::default())?;
            }
            Self::Libbpf(object, link) => {
                let mut programs = object.progs_mut();
                let program = programs.find(|program| program.name() == PROGRAM);
                let program = program.ok_or("the object has no program")?;
                *link = Some(program.attach_xdp(index(interface)?)?);
            }
        }
        Ok(())
    }
}

impl MapSource for Loaded {
    fn map_fd(&self, name: &str) -> io::Result<Option<OwnedFd>> {
        match self {
            Self::Aya(ebpf) => ebpf.map_fd(name),
            Self::Libbpf(object, _) => object.map_fd(name),
        }
    }

    fn map_names(&self) -> Vec<String> {
        match self {
            Self::Aya(ebpf) => ebpf.map_names(),
            Self::Libbpf(object, _) => object.map_names(),
        }
    }

    /// Returns the BTF of the object file, which describes the records of ring buffers. aya does
    /// not keep this BTF.
    fn btf(&self) -> Option<Cow<'_, [u8]>> {
        bpfmap::object_btf(OBJECT).map(Cow::Borrowed)
    }
}

/// Returns the number of an interface.
fn index(interface: &str) -> Result<i32, Box<dyn Error>> {
    let text = std::fs::read_to_string(format!("/sys/class/net/{interface}/ifindex"))?;
    Ok(text.trim().parse()?)
}

/// A counter of the packets of an interface. It counts until it is dropped.
#[derive(Debug)]
pub struct PacketCounter {
    protocols: Map<Protocols>,
    sources: Map<Sources>,
    settings: Map<Settings>,
    large: RingBuf<LargePackets>,
    /// The loaded object. Dropping it detaches the program.
    _object: Loaded,
}

impl PacketCounter {
    /// Loads the program and attaches it to an interface.
    ///
    /// # Errors
    ///
    /// Fails if there is no such interface, or if the kernel refuses the program. Loading and attaching need `CAP_BPF` and `CAP_NET_ADMIN`.
    pub fn attach(interface: &str, loader: Loader) -> Result<Self, Box<dyn Error>> {
        let mut object = Loaded::new(loader)?;
        let Maps { protocols, sources, large_packets, settings } = Maps::from_object(&object)?;
        object.attach(interface)?;
        let large = RingBuf::open(&large_packets)?;
        Ok(Self { protocols, sources, settings, large, _object: object })
    }

    /// From now on, reports packets that have at least this length. `None` turns the reports off.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses to change the setting.
    pub fn report_from(&self, length: Option<u32>) -> bpfmap::Result<()> {
        let setting = Setting { large: length.unwrap_or(0) };
        self.settings.update(&0, &setting, UpdateMode::Any)
    }

    /// Returns the traffic of each protocol, summed over all CPUs.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses to read the map.
    pub fn protocols(&self) -> bpfmap::Result<Vec<(Be16, Traffic)>> {
        let mut protocols = vec![];
        for entry in &self.protocols {
            let (protocol, cpus) = entry?;
            let packets = cpus.iter().map(|traffic| traffic.packets).sum();
            let bytes = cpus.iter().map(|traffic| traffic.bytes).sum();
            protocols.push((protocol, Traffic { packets, bytes }));
        }
        Ok(protocols)
    }

    /// Returns the number of packets from an address.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses to read the map.
    pub fn packets_from(&self, source: Ipv4Addr) -> bpfmap::Result<u64> {
        Ok(self.sources.lookup(&source.into())?.unwrap_or(0))
    }

    /// Calls `handle` for each large packet that was received since the last call. Returns the
    /// number of these packets.
    ///
    /// # Errors
    ///
    /// Fails if the ring buffer is damaged.
    pub fn large_packets(&mut self, handle: impl FnMut(&LargePacket)) -> bpfmap::Result<usize> {
        self.large.consume(handle)
    }
}
