//! Filters the IPv4 packets of a cgroup by rules for addresses and services.
//!
//! Three schemas share their types: `net` declares the types of addresses and services, `policy`
//! declares the rules, and `traffic` declares the statistics. Two BPF programs are linked into one
//! object: one program defines the maps, and the other declares them. Applications in Rust (this
//! crate) and in C (`firewall.c`) use the maps.

use std::error::Error;
use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd as _;

use bpfmap::{Be16, Be32, Map, RingBuf, UpdateMode};
use libbpf_rs::{Link, ObjectBuilder};

use net::{Prefix, Protocol, Service};
use policy::{Rule, Rules, Verdict};
use traffic::{Counts, Flow, Refusal, Refusals, TrafficCount};

bpfmap::include_maps!();

/// The firewall of a cgroup. It works until it is dropped.
#[derive(Debug)]
pub struct Firewall {
    rules: Map<Rules>,
    counts: Map<Counts>,
    refusals: RingBuf<Refusals>,
    _links: Vec<Link>,
}

impl Firewall {
    /// Loads the programs and attaches them to the cgroup.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses the programs or the cgroup. Loading and attaching need `CAP_BPF`
    /// and `CAP_NET_ADMIN`.
    pub fn attach(cgroup: &File) -> Result<Self, Box<dyn Error>> {
        let object = include_bytes!(concat!(env!("OUT_DIR"), "/firewall.bpf.o"));
        let object = ObjectBuilder::default().open_memory(object)?.load()?;
        let policy::Maps { rules } = policy::Maps::from_object(&object)?;
        let traffic::Maps { counts, refusals } = traffic::Maps::from_object(&object)?;
        let mut links = vec![];
        for program in object.progs_mut() {
            links.push(program.attach_cgroup(cgroup.as_raw_fd())?);
        }
        Ok(Self { rules, counts, refusals: RingBuf::open(&refusals)?, _links: links })
    }

    /// Drops packets from and to the addresses that begin with the first `length` bits of
    /// `address`: either all packets, or only the packets of a service.
    ///
    /// # Errors
    ///
    /// Fails if `length` is more than 32, or if the kernel refuses the update.
    pub fn block(
        &self,
        address: Ipv4Addr,
        length: u32,
        only: Option<Service>,
    ) -> bpfmap::Result<()> {
        let rule = Rule {
            verdict: Verdict::Drop.into(),
            only: only.unwrap_or_default(),
            ..Rule::default()
        };
        self.rules.update(&prefix(address, length), &rule, UpdateMode::Any)
    }

    /// Removes the rule for these addresses. Returns `false` if there was no such rule.
    ///
    /// # Errors
    ///
    /// Fails if `length` is more than 32, or if the kernel refuses the deletion.
    pub fn unblock(&self, address: Ipv4Addr, length: u32) -> bpfmap::Result<bool> {
        self.rules.delete(&prefix(address, length))
    }

    /// Returns the number of counted packets, by flow.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses to read the map.
    pub fn counts(&self) -> bpfmap::Result<Vec<(Flow, TrafficCount)>> {
        self.counts.iter().collect()
    }

    /// Calls `handle` for each packet that was dropped since the last call. Returns the number of
    /// these packets.
    ///
    /// # Errors
    ///
    /// Fails if the ring buffer is damaged.
    pub fn refusals(&mut self, handle: impl FnMut(&Refusal)) -> bpfmap::Result<usize> {
        self.refusals.consume(handle)
    }

    /// Returns the map of the rules, so that other code can use it.
    #[must_use]
    pub fn rules_map(&self) -> &Map<Rules> {
        &self.rules
    }

    /// Returns the map of the counts, so that other code can use it.
    #[must_use]
    pub fn counts_map(&self) -> &Map<Counts> {
        &self.counts
    }
}

/// Returns the UDP service at `port`.
#[must_use]
pub fn udp(port: u16) -> Service {
    Service { port: Be16::new(port), protocol: Protocol::Udp.into(), ..Service::default() }
}

fn prefix(address: Ipv4Addr, length: u32) -> Prefix {
    Prefix { length, address: Be32::new(address.to_bits()) }
}
