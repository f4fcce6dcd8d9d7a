//! Counts the packets that a network interface receives, by protocol. The crate aya loads the BPF
//! program, and bpfmap provides typed handles to the maps.

use std::borrow::Cow;
use std::error::Error;
use std::io;
use std::os::fd::OwnedFd;

use aya::Ebpf;
use aya::programs::{Xdp, XdpMode};
use bpfmap::{Be16, Map, MapSource, RingBuf, UpdateMode};

use packets::{LargePackets, Maps, Protocols, Setting, Settings};

pub use packets::{LargePacket, Traffic};

bpfmap::include_maps!();

/// The object file, with the alignment that aya needs.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/packets.bpf.o"));

/// An object that aya has loaded.
///
/// `from_object` also accepts an [`Ebpf`]. However, aya does not keep the BTF of the object, which
/// describes the records of ring buffers. This type keeps the BTF, so `from_object` also compares
/// the type of the records.
#[derive(Debug)]
pub struct Loaded {
    ebpf: Ebpf,
}

impl Loaded {
    /// Loads the maps and programs of the object.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses a map, or if the process lacks `CAP_BPF`.
    pub fn new() -> Result<Self, Box<dyn Error>> {
        Ok(Self { ebpf: Ebpf::load(OBJECT)? })
    }
}

impl MapSource for Loaded {
    fn map_fd(&self, name: &str) -> io::Result<Option<OwnedFd>> {
        self.ebpf.map_fd(name)
    }

    fn map_names(&self) -> Vec<String> {
        self.ebpf.map_names()
    }

    fn btf(&self) -> Option<Cow<'_, [u8]>> {
        bpfmap::object_btf(OBJECT).map(Cow::Borrowed)
    }
}

/// A counter of the packets of an interface. It counts until it is dropped.
#[derive(Debug)]
pub struct PacketCounter {
    protocols: Map<Protocols>,
    settings: Map<Settings>,
    large: RingBuf<LargePackets>,
    /// The loaded object. Dropping it detaches the program.
    _loaded: Loaded,
}

impl PacketCounter {
    /// Loads the program and attaches it to an interface.
    ///
    /// # Errors
    ///
    /// Fails if there is no such interface, or if the kernel refuses the program. Loading and
    /// attaching need `CAP_BPF` and `CAP_NET_ADMIN`.
    pub fn attach(interface: &str) -> Result<Self, Box<dyn Error>> {
        let mut loaded = Loaded::new()?;
        let Maps { protocols, settings, large_packets } = Maps::from_object(&loaded)?;
        let program = loaded.ebpf.program_mut("count_packet").ok_or("the object has no program")?;
        let program: &mut Xdp = program.try_into()?;
        program.load()?;
        program.attach(interface, XdpMode::default())?;
        Ok(Self { protocols, settings, large: RingBuf::open(&large_packets)?, _loaded: loaded })
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
