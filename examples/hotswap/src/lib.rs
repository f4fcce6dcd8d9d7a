//! Replaces a whole table of rules while a program uses the table to filter packets.
//!
//! The table is a map in a map: `hotswap.toml` declares an `array_of_maps` with one entry, whose
//! inner map contains the rules. User space fills a new inner map and then puts it into the entry.
//! The program applies the old rules to packets that arrive earlier, and the new rules to packets
//! that arrive later. It never applies a mixture of both to a packet.

use std::error::Error;
use std::ffi::OsStr;
use std::net::Ipv4Addr;

use bpfmap::{Be32, Map};
use libbpf_rs::{Object, ObjectBuilder, ProgramInput};

use maps::{Mixed, Table};
pub use maps::{Rule, TableInner, Verdict};

/// The types and maps of the schema.
pub mod maps {
    include!(concat!(env!("OUT_DIR"), "/hotswap.rs"));
}

/// The result type of this crate.
pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// A packet filter whose rules can be replaced.
#[derive(Debug)]
pub struct Filter {
    object: Object,
    table: Map<Table>,
    mixed: Map<Mixed>,
}

/// The address of each rule in a table, and the number of packets that the table has counted for
/// this rule.
pub type Counts = Vec<(Ipv4Addr, u64)>;

impl Filter {
    /// Loads the program. Until there is a table, the program drops all packets.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses the program. Loading needs `CAP_BPF` and `CAP_NET_ADMIN`.
    pub fn load() -> Result<Self> {
        let object = include_bytes!(concat!(env!("OUT_DIR"), "/hotswap.bpf.o"));
        let object = ObjectBuilder::default().open_memory(object)?.load()?;
        let maps::Maps { table, mixed } = maps::Maps::from_object(&object)?;
        Ok(Self { object, table, mixed })
    }

    /// Replaces the table with a new table, and returns the counts of the old table. When this
    /// function returns, no program uses the old table any more, so the counts are final. If the
    /// function fails, the old table stays in use.
    ///
    /// # Errors
    ///
    /// Fails if the table has too many rules. Reading the old table needs `CAP_SYS_ADMIN`.
    pub fn replace(
        &self,
        generation: u32,
        rules: &[(Ipv4Addr, Verdict)],
    ) -> bpfmap::Result<Counts> {
        let table = Map::<TableInner>::create()?;
        table.extend(rules.iter().map(|(address, verdict)| {
            let verdict = (*verdict).into();
            (Be32::from(*address), Rule { generation, verdict, ..Rule::default() })
        }))?;
        match self.table.swap(&0, &table)? {
            Some(old) => counts(&old),
            None => Ok(vec![]),
        }
    }

    /// Opens the table that is in use. If you change a single rule in this table, the change takes
    /// effect immediately. The program applies the changed rule, together with all other rules, to
    /// the next packet.
    ///
    /// # Errors
    ///
    /// Fails if the process lacks `CAP_SYS_ADMIN`.
    pub fn current(&self) -> bpfmap::Result<Option<Map<TableInner>>> {
        self.table.inner(&0)
    }

    /// Runs the program `times` times with a packet. Returns whether the packet passed in the last
    /// run.
    ///
    /// # Errors
    ///
    /// Fails if the kernel can't run the program.
    pub fn send(&self, from: Ipv4Addr, to: Ipv4Addr, times: u32) -> Result<bool> {
        // `enum xdp_action`
        const XDP_PASS: u32 = 2;
        let mut programs = self.object.progs_mut();
        let program = programs.find(|program| program.name() == OsStr::new("filter"));
        let program = program.ok_or("the object has no program `filter`")?;
        let packet = packet(from, to);
        let input =
            ProgramInput { data_in: Some(&packet), repeat: times, ..ProgramInput::default() };
        Ok(program.test_run(input)?.return_value == XDP_PASS)
    }

    /// Returns the number of packets to which the program applied rules of two tables.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses the lookup.
    pub fn mixed(&self) -> bpfmap::Result<u64> {
        Ok(self.mixed.lookup(&0)?.unwrap_or_default())
    }
}

/// Returns the number of packets that a table has counted for each rule.
///
/// # Errors
///
/// Fails if the kernel refuses to list the rules.
pub fn counts(table: &Map<TableInner>) -> bpfmap::Result<Counts> {
    table.iter().map(|entry| entry.map(|(address, rule)| (address.into(), rule.packets))).collect()
}

/// Returns an Ethernet frame with an IPv4 header and no data.
fn packet(from: Ipv4Addr, to: Ipv4Addr) -> [u8; 34] {
    const ETH_P_IP: [u8; 2] = [0x08, 0x00];
    let mut packet = [0; 34];
    packet[12..14].copy_from_slice(&ETH_P_IP);
    packet[14] = 0x45; // Version 4, and a header of 5 words.
    packet[17] = 20; // The length of the header and the data.
    packet[26..30].copy_from_slice(&from.octets());
    packet[30..34].copy_from_slice(&to.octets());
    packet
}
