//! Finds the next hop of IPv4 packets in a table of routes. The route with the longest matching
//! prefix of the destination applies.
//!
//! The maps are declared in `routes.toml`. User space fills an LPM trie with routes, and an XDP
//! program looks up the destination of each packet in this trie. User space runs the program with
//! packets that it creates itself (`BPF_PROG_TEST_RUN`). So the example needs no network, and the
//! network of the machine is not affected.

use std::error::Error;
use std::net::Ipv4Addr;

use bpfmap::{Be32, Map, UpdateMode};
use libbpf_rs::{Object, ObjectBuilder, ProgramInput};

pub use maps::Count;
use maps::{Counts, Prefix, Routes};
pub use table::{NextHop, Route, parse};

mod table;

/// The types and maps of the schema.
pub mod maps {
    include!(concat!(env!("OUT_DIR"), "/routes.rs"));
}

/// A table of routes in the kernel, and the program that uses the table.
#[derive(Debug)]
pub struct Router {
    object: Object,
    routes: Map<Routes>,
    counts: Map<Counts>,
    /// The next hops. The number of a next hop in the maps is its index here plus one.
    next_hops: Vec<NextHop>,
}

impl Router {
    /// Loads the program with an empty table.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses the program. Loading needs `CAP_BPF` and `CAP_NET_ADMIN`.
    pub fn load() -> Result<Self, Box<dyn Error>> {
        let object = include_bytes!(concat!(env!("OUT_DIR"), "/routes.bpf.o"));
        let object = ObjectBuilder::default().open_memory(object)?.load()?;
        let maps::Maps { routes, counts } = maps::Maps::from_object(&object)?;
        Ok(Self { object, routes, counts, next_hops: vec![] })
    }

    /// Adds a route. An existing route to the same network is replaced.
    ///
    /// # Errors
    ///
    /// Fails if the table is full, or if there is no free counter for a new next hop.
    pub fn add(&mut self, route: &Route) -> Result<(), Box<dyn Error>> {
        let known = self.next_hops.iter().position(|known| *known == route.next_hop);
        let index = known.unwrap_or(self.next_hops.len());
        let number = u32::try_from(index + 1)?;
        if number >= self.counts.max_entries() {
            return Err(format!("no counter is left for the next hop `{}`", route.next_hop).into());
        }
        self.routes.update(&prefix(route.network, route.length), &number, UpdateMode::Any)?;
        if known.is_none() {
            self.next_hops.push(route.next_hop.clone());
        }
        Ok(())
    }

    /// Removes the route to a network. Returns `false` if there was no such route.
    ///
    /// # Errors
    ///
    /// Fails if `length` is more than 32.
    pub fn remove(&self, network: Ipv4Addr, length: u32) -> bpfmap::Result<bool> {
        self.routes.delete(&prefix(network, length))
    }

    /// Returns the number of routes.
    ///
    /// # Errors
    ///
    /// Fails if the kernel can't list the routes.
    pub fn len(&self) -> bpfmap::Result<usize> {
        self.routes.keys().try_fold(0, |count, key| key.map(|_| count + 1))
    }

    /// Returns whether the table has no routes.
    ///
    /// # Errors
    ///
    /// Fails if the kernel can't list the routes.
    pub fn is_empty(&self) -> bpfmap::Result<bool> {
        Ok(self.routes.next_key(None)?.is_none())
    }

    /// Looks up an address from user space.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses the lookup.
    pub fn lookup(&self, address: Ipv4Addr) -> bpfmap::Result<Option<&NextHop>> {
        // A lookup compares at most as many bits as the prefix length of its key, so 32 compares
        // all bits.
        Ok(self.routes.lookup(&prefix(address, 32))?.and_then(|number| self.next_hop(number)))
    }

    /// Runs the program with a packet to this address. Returns whether there is a route.
    ///
    /// # Errors
    ///
    /// Fails if the kernel can't run the program.
    pub fn send(&self, to: Ipv4Addr) -> Result<bool, Box<dyn Error>> {
        // `enum xdp_action`
        const XDP_PASS: u32 = 2;
        let mut programs = self.object.progs_mut();
        let program = programs.find(|program| program.name() == "route");
        let program = program.ok_or("the object has no program `route`")?;
        let packet = packet(to);
        let input = ProgramInput { data_in: Some(&packet), ..ProgramInput::default() };
        Ok(program.test_run(input)?.return_value == XDP_PASS)
    }

    /// Returns the traffic to each next hop. The entry without a next hop counts packets that had
    /// no route.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses the lookups.
    pub fn counts(&self) -> bpfmap::Result<Vec<(Option<&NextHop>, Count)>> {
        let next_hops = std::iter::once(None).chain(self.next_hops.iter().map(Some));
        (0..).zip(next_hops).map(|(number, next_hop)| Ok((next_hop, self.count(number)?))).collect()
    }

    fn count(&self, number: u32) -> bpfmap::Result<Count> {
        let mut sum = Count::default();
        for count in self.counts.lookup(&number)?.iter().flatten() {
            sum.packets += count.packets;
            sum.bytes += count.bytes;
        }
        Ok(sum)
    }

    fn next_hop(&self, number: u32) -> Option<&NextHop> {
        self.next_hops.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }
}

fn prefix(address: Ipv4Addr, length: u32) -> Prefix {
    Prefix { length, address: Be32::from(address) }
}

/// Returns an Ethernet frame with an IPv4 header and no data.
fn packet(to: Ipv4Addr) -> [u8; 34] {
    const ETH_P_IP: [u8; 2] = [0x08, 0x00];
    let mut packet = [0; 34];
    packet[12..14].copy_from_slice(&ETH_P_IP);
    packet[14] = 0x45; // Version 4, and a header of 5 words.
    packet[17] = 20; // The length of the header and the data.
    packet[22] = 64; // The time to live.
    packet[30..34].copy_from_slice(&to.octets());
    packet
}
