//! Limits how many packets each source address may send in a window of time.
//!
//! The maps are declared in `ratelimit.toml`. The BPF program includes the header that is generated
//! from this schema, and this crate uses the generated Rust types.

use std::error::Error;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use bpfmap::{Be32, Map, UpdateMode};
use libbpf_rs::skel::{OpenSkel as _, Skel as _, SkelBuilder as _};
use libbpf_rs::{Link, OpenObject};

use maps::{IpAddr as Addr, Limit, Maps, Settings, Source, Sources, Usage};

/// The types and maps of the schema.
pub mod maps {
    include!(concat!(env!("OUT_DIR"), "/ratelimit.rs"));
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
    include!(concat!(env!("OUT_DIR"), "/ratelimit.skel.rs"));
}

/// A rate limiter on a network interface. It works until it is dropped.
#[derive(Debug)]
pub struct RateLimiter {
    sources: Map<Sources>,
    settings: Map<Settings>,
    _link: Link,
}

impl RateLimiter {
    /// Loads the program and attaches it to the interface with the number `interface`. In each
    /// `window`, at most `packets` packets of each source pass.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses the program or the interface. Loading and attaching need
    /// `CAP_BPF`, `CAP_PERFMON` and `CAP_NET_ADMIN`.
    pub fn attach(interface: i32, packets: u64, window: Duration) -> Result<Self, Box<dyn Error>> {
        let mut object = MaybeUninit::<OpenObject>::uninit();
        let skeleton = skeleton::RatelimitSkelBuilder::default().open(&mut object)?.load()?;
        let Maps { sources, settings } = Maps::from_object(skeleton.object())?;
        let limiter =
            Self { sources, settings, _link: skeleton.progs.limit_rate.attach_xdp(interface)? };
        limiter.set_limit(packets, window)?;
        Ok(limiter)
    }

    /// Changes the limit.
    ///
    /// # Errors
    ///
    /// Fails if the window is longer than 584 years, or if the kernel refuses the update.
    pub fn set_limit(&self, packets: u64, window: Duration) -> Result<(), Box<dyn Error>> {
        let window_ns = u64::try_from(window.as_nanos())?;
        self.settings.update(&0, &Limit { packets, window_ns }, UpdateMode::Any)?;
        Ok(())
    }

    /// Returns the usage of each source.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses to read the map.
    pub fn sources(&self) -> bpfmap::Result<Vec<(IpAddr, Usage)>> {
        let mut sources = vec![];
        for entry in &self.sources {
            let (source, usage) = entry?;
            sources.push((address(&source), usage));
        }
        Ok(sources)
    }

    /// Returns the usage of one source, or `None` if the map has no entry for this source.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses the lookup.
    pub fn usage(&self, source: IpAddr) -> bpfmap::Result<Option<Usage>> {
        self.sources.lookup(&key(source))
    }

    /// Deletes the entry of a source. Returns `false` if there was no entry.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses the deletion.
    pub fn reset(&self, source: IpAddr) -> bpfmap::Result<bool> {
        self.sources.delete(&key(source))
    }
}

/// The numbers of the address families in Linux (`include/linux/socket.h`).
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

fn key(address: IpAddr) -> Source {
    let (addr, family) = match address {
        IpAddr::V4(v4) => (Addr::from_v4(Be32::new(v4.to_bits())), AF_INET),
        IpAddr::V6(v6) => (Addr::from_v6(v6.octets()), AF_INET6),
    };
    Source { addr, family, ..Source::default() }
}

fn address(source: &Source) -> IpAddr {
    match source.family {
        AF_INET => Ipv4Addr::from_bits(source.addr.v4().get()).into(),
        _ => Ipv6Addr::from(source.addr.v6()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_address() {
        for text in ["192.0.2.1", "2001:db8::1"] {
            let original: IpAddr = text.parse().unwrap();
            assert_eq!(address(&key(original)), original);
        }
    }
}
