//! Map types for redirecting packets. Their entries are interfaces, CPUs and sockets.

use super::kind;
use crate::kind::{DeleteElement, InsertElement, Iterate, Kind, sealed::Sealed};
#[cfg(not(target_arch = "bpf"))]
use crate::plain::Plain;

kind!(/// `BPF_MAP_TYPE_DEVMAP` (Linux 4.14)
    ///
    /// Interfaces by index, for `bpf_redirect_map` in XDP programs. Accepts an
    /// [`InterfaceIndex`](crate::InterfaceIndex) if the value has 4 bytes (`u32`), and a [`Device`](crate::Device) if
    /// it has 8 (`u64`; Linux 5.8). A lookup returns the index and the id of the program.
    ///
    /// The kernel does not distinguish empty slots from slots in use: `BPF_NOEXIST` always fails with `EEXIST`,
    /// `BPF_EXIST` never fails, and deleting an empty slot succeeds. An index out of range fails with `E2BIG` on update
    /// and `EINVAL` on deletion. An interface that does not exist, or a program that is not for devmaps, fails with
    /// `EINVAL`.
    ///
    /// Only programs of one type can use a devmap: once a `sched_cls` program has used it, loading an XDP program that
    /// uses it fails with `EINVAL` and an empty verifier log. This applies to Linux 6.1 and later, not to 5.10.
    ///
    /// ```no_run
    /// use bpfmap::{Device, InterfaceIndex, Map, MapSpec, ProgramFd, kind::Devmap};
    ///
    /// fn fill<Ports, Filtered>(ports: &Map<Ports>, filtered: &Map<Filtered>, program: ProgramFd<'_>) -> Result<(), Box<dyn std::error::Error>>
    /// where
    ///     Ports: MapSpec<Kind = Devmap, Key = u32, Value = u32>,
    ///     Filtered: MapSpec<Kind = Devmap, Key = u32, Value = u64>,
    /// {
    ///     let eth0 = InterfaceIndex::from_name("eth0")?;
    ///     ports.set(&0, eth0)?;
    ///     filtered.set(&0, Device::with_program(eth0, program))?;
    ///     assert_eq!(ports.get(&0)?, Some(eth0));
    ///     Ok(())
    /// }
    /// ```
    ///
    /// Source: `kernel/bpf/devmap.c`, `dev_map_ops`.
    Devmap, DEVMAP, V => V);
impl DeleteElement for Devmap {}
impl Iterate for Devmap {}

kind!(/// `BPF_MAP_TYPE_SOCKMAP` (Linux 4.14)
    ///
    /// Sockets by index, whose data programs can read and redirect. Accepts a [`SocketFd`](crate::SocketFd): a TCP
    /// socket that listens or is connected, a bound UDP socket (Linux 5.7; some releases of 6.16 to 7.0 also accept an
    /// unbound one), a connected `AF_UNIX` stream or datagram socket (5.15) or an `AF_VSOCK` socket (6.4). Any other
    /// socket fails with `EOPNOTSUPP`, any other descriptor with `ENOTSOCK`. If the value has 8 bytes (`u64`; Linux
    /// 5.7), a lookup returns the socket's cookie. Closing a socket removes its entry.
    ///
    /// An index out of range fails with `E2BIG` on update. Deleting an empty slot and deleting an index out of range
    /// both fail with `EINVAL`: the handle returns `false` for both.
    ///
    /// A program of the type `sched_cls` can look up entries, but from Linux 7.3 on can neither update nor delete them.
    ///
    /// ```no_run
    /// use bpfmap::{Map, MapSpec, SocketCookie, kind::Sockmap};
    ///
    /// fn splice<Ends>(ends: &Map<Ends>) -> Result<(), Box<dyn std::error::Error>>
    /// where
    ///     Ends: MapSpec<Kind = Sockmap, Key = u32, Value = u64>,
    /// {
    ///     let stream = std::net::TcpStream::connect("[::1]:80")?;
    ///     ends.set(&0, &stream)?;
    ///     assert_eq!(ends.get(&0)?, Some(SocketCookie::of(&stream)?));
    ///     Ok(())
    /// }
    /// ```
    ///
    /// Source: `net/core/sock_map.c`, `sock_map_ops`.
    Sockmap, SOCKMAP, V => V);
impl InsertElement for Sockmap {}
impl DeleteElement for Sockmap {}
impl Iterate for Sockmap {}

kind!(/// `BPF_MAP_TYPE_CPUMAP` (Linux 4.15)
    ///
    /// Packet queues by CPU, for `bpf_redirect_map` in XDP programs. Accepts a [`CpuQueueSize`](crate::CpuQueueSize) if
    /// the value has 4 bytes (`u32`), and a [`CpuQueue`](crate::CpuQueue) if it has 8 (`u64`; Linux 5.9). A lookup
    /// returns the size and the id of the program.
    ///
    /// As in a devmap, the kernel does not distinguish empty slots from slots in use. A CPU that is not possible fails
    /// with `ENODEV`. An index out of range fails with `E2BIG` on update and `EINVAL` on deletion. A program that is
    /// not for cpumaps fails with `EINVAL` from Linux 7.0, and `ENOMEM` before.
    ///
    /// ```no_run
    /// use bpfmap::{CpuQueue, CpuQueueSize, Map, MapSpec, ProgramFd, kind::Cpumap};
    ///
    /// const QUEUE: CpuQueueSize = CpuQueueSize::new(192).unwrap();
    ///
    /// fn fill<Cpus, Filtered>(cpus: &Map<Cpus>, filtered: &Map<Filtered>, program: ProgramFd<'_>) -> bpfmap::Result<()>
    /// where
    ///     Cpus: MapSpec<Kind = Cpumap, Key = u32, Value = u32>,
    ///     Filtered: MapSpec<Kind = Cpumap, Key = u32, Value = u64>,
    /// {
    ///     cpus.set(&1, QUEUE)?;
    ///     filtered.set(&1, CpuQueue::with_program(QUEUE, program))
    /// }
    /// ```
    ///
    /// Source: `kernel/bpf/cpumap.c`, `cpu_map_ops`.
    Cpumap, CPUMAP, V => V);
impl DeleteElement for Cpumap {}
impl Iterate for Cpumap {}

kind!(/// `BPF_MAP_TYPE_XSKMAP` (Linux 4.18)
    ///
    /// `AF_XDP` sockets by index, for `bpf_redirect_map` in XDP programs. Accepts a
    /// [`SocketFd`](crate::SocketFd). A socket of a different family fails with `EOPNOTSUPP`, a
    /// socket without a receive ring with `ENOBUFS` (from Linux 7.1). User space can't look up
    /// entries (`EOPNOTSUPP`). Closing a socket removes its entry.
    ///
    /// An index out of range fails with `E2BIG` on update and `EINVAL` on deletion. Deleting an
    /// empty slot succeeds.
    ///
    /// ```no_run
    /// use bpfmap::{Map, MapSpec, kind::Xskmap};
    /// use std::os::fd::OwnedFd;
    ///
    /// /// Stores one `AF_XDP` socket for each receive queue.
    /// fn fill<Queues>(queues: &Map<Queues>, sockets: &[OwnedFd]) -> bpfmap::Result<()>
    /// where
    ///     Queues: MapSpec<Kind = Xskmap, Key = u32, Value = u32>,
    /// {
    ///     (0..).zip(sockets).try_for_each(|(queue, socket)| queues.set(&queue, socket))
    /// }
    /// ```
    ///
    /// Source: `net/xdp/xskmap.c`, `xsk_map_ops`.
    Xskmap, XSKMAP, V => V);
impl InsertElement for Xskmap {}
impl DeleteElement for Xskmap {}
impl Iterate for Xskmap {}

kind!(/// `BPF_MAP_TYPE_SOCKHASH` (Linux 4.18)
    ///
    /// Like [`Sockmap`], with keys of 1 to 512 bytes. An update of a full map fails with `E2BIG`.
    ///
    /// ```no_run
    /// use bpfmap::{Map, MapSpec, kind::Sockhash};
    /// use std::net::TcpStream;
    ///
    /// /// Returns `false` if the map already contains a connection with this key.
    /// fn remember<Connections>(connections: &Map<Connections>, key: u64, stream: &TcpStream) -> bpfmap::Result<bool>
    /// where
    ///     Connections: MapSpec<Kind = Sockhash, Key = u64, Value = u64>,
    /// {
    ///     connections.set_new(&key, stream)
    /// }
    /// ```
    ///
    /// Source: `net/core/sock_map.c`, `sock_hash_ops`.
    Sockhash, SOCKHASH, V => V);
impl InsertElement for Sockhash {}
impl DeleteElement for Sockhash {}
impl Iterate for Sockhash {}

kind!(/// `BPF_MAP_TYPE_REUSEPORT_SOCKARRAY` (Linux 4.19)
    ///
    /// Sockets that share a port, by index. A program selects one with `bpf_sk_select_reuseport`.
    /// Accepts a [`SocketFd`](crate::SocketFd): a UDP socket or a listening TCP socket that is
    /// bound with `SO_REUSEPORT`; without that option it fails with `EINVAL`. A socket that is
    /// already in such a map fails with `EBUSY`, a socket of any other kind with `ENOTSUPP`, and a
    /// descriptor that is not a socket with `ENOTSOCK`. If the value has 8 bytes (`u64`), a lookup
    /// returns the socket's cookie. Closing a socket removes its entry.
    ///
    /// An index out of range fails with `E2BIG`.
    ///
    /// ```no_run
    /// use bpfmap::{Map, MapSpec, kind::ReuseportSockarray};
    /// use std::net::UdpSocket;
    ///
    /// /// The sockets were bound with `SO_REUSEPORT`.
    /// fn fill<Workers>(workers: &Map<Workers>, sockets: &[UdpSocket]) -> bpfmap::Result<()>
    /// where
    ///     Workers: MapSpec<Kind = ReuseportSockarray, Key = u32, Value = u64>,
    /// {
    ///     (0..).zip(sockets).try_for_each(|(index, socket)| workers.set(&index, socket))
    /// }
    /// ```
    ///
    /// Source: `kernel/bpf/reuseport_array.c`, `reuseport_array_ops`.
    ReuseportSockarray, REUSEPORT_SOCKARRAY, V => V);
impl InsertElement for ReuseportSockarray {}
impl DeleteElement for ReuseportSockarray {}
impl Iterate for ReuseportSockarray {}

kind!(/// `BPF_MAP_TYPE_DEVMAP_HASH` (Linux 5.4)
    ///
    /// Like [`Devmap`], with any `u32` as the key, so that the key can be the interface's index, however large.
    /// `BPF_NOEXIST` works here; `BPF_EXIST` never fails. An update of a full map fails with `E2BIG`.
    ///
    /// ```no_run
    /// use bpfmap::{InterfaceIndex, Map, MapSpec, kind::DevmapHash};
    ///
    /// /// The key is the index of the interface.
    /// fn add<Ports>(ports: &Map<Ports>, name: &str) -> Result<(), Box<dyn std::error::Error>>
    /// where
    ///     Ports: MapSpec<Kind = DevmapHash, Key = u32, Value = u32>,
    /// {
    ///     let interface = InterfaceIndex::from_name(name)?;
    ///     Ok(ports.set(&interface.get(), interface)?)
    /// }
    /// ```
    ///
    /// Source: `kernel/bpf/devmap.c`, `dev_map_hash_ops`.
    DevmapHash, DEVMAP_HASH, V => V);
impl InsertElement for DevmapHash {}
impl DeleteElement for DevmapHash {}
impl Iterate for DevmapHash {}
