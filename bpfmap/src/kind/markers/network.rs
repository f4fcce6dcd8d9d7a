//! Map types for redirecting packets. Their entries are interfaces, CPUs and sockets.

use super::kind;
use crate::kind::{DeleteElement, InsertElement, Iterate, Kind, sealed::Sealed};
#[cfg(not(target_arch = "bpf"))]
use crate::plain::Plain;

kind!(/// `BPF_MAP_TYPE_DEVMAP` (Linux 4.14)
    ///
    /// Network interfaces by index, to which XDP programs redirect packets with `bpf_redirect_map`.
    /// If the map's value has 4 bytes (`u32`), the map accepts an
    /// [`InterfaceIndex`](crate::InterfaceIndex). If the value has 8 bytes (`u64`; Linux 5.8), the
    /// map accepts a [`Device`](crate::Device). A lookup returns the index of the interface and the
    /// id of its program.
    ///
    /// The kernel does not distinguish empty slots from slots in use: `BPF_NOEXIST` always fails
    /// with `EEXIST`, `BPF_EXIST` never fails, and deleting an empty slot succeeds. An index that
    /// is out of range fails with `E2BIG` on update, and with `EINVAL` on deletion. Storing an
    /// interface that does not exist, or a program that was not loaded for devmaps, fails with
    /// `EINVAL`.
    ///
    /// On Linux 6.1 and later, only programs of one type can use a devmap. After a `sched_cls`
    /// program has used the map, loading an XDP program that uses the map fails with `EINVAL` and
    /// an empty verifier log. Linux 5.10 does not have this restriction.
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
    /// Sockets by index. Programs can read and redirect the data of these sockets. The map accepts
    /// a [`SocketFd`](crate::SocketFd) for one of these sockets:
    ///
    /// - a TCP socket that listens or is connected,
    /// - a bound UDP socket (Linux 5.7; some releases from 6.16 to 7.0 also accept an unbound UDP
    ///   socket),
    /// - a connected `AF_UNIX` stream or datagram socket (Linux 5.15),
    /// - an `AF_VSOCK` socket (Linux 6.4).
    ///
    /// Storing any other socket fails with `EOPNOTSUPP`. Storing a descriptor that is not a socket
    /// fails with `ENOTSOCK`. If the map's value has 8 bytes (`u64`; Linux 5.7), a lookup returns
    /// the socket's cookie. Closing a socket removes its entry.
    ///
    /// An update of an index that is out of range fails with `E2BIG`. The kernel refuses to delete
    /// an empty slot or an index that is out of range (`EINVAL`), and
    /// [`delete`](crate::Map::delete) then returns `false`.
    ///
    /// A program of the type `sched_cls` can look up entries. From Linux 7.3 on, such a program
    /// can't update or delete entries.
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
    /// Packet queues of CPUs, to which XDP programs redirect packets with `bpf_redirect_map`. The
    /// key is the number of the CPU. If the map's value has 4 bytes (`u32`), the map accepts a
    /// [`CpuQueueSize`](crate::CpuQueueSize). If the value has 8 bytes (`u64`; Linux 5.9), the map
    /// accepts a [`CpuQueue`](crate::CpuQueue). A lookup returns the size of the queue and the id
    /// of its program.
    ///
    /// As in a devmap, the kernel does not distinguish empty slots from slots in use. Storing a
    /// queue for a CPU that the machine can't have fails with `ENODEV`. An index that is out of
    /// range fails with `E2BIG` on update, and with `EINVAL` on deletion. Storing a program that was
    /// not loaded for cpumaps fails with `EINVAL` from Linux 7.0 on, and with `ENOMEM` on older
    /// kernels.
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
    /// `AF_XDP` sockets by index, to which XDP programs redirect packets with `bpf_redirect_map`.
    /// The map accepts a [`SocketFd`](crate::SocketFd). Storing a socket of a different family
    /// fails with `EOPNOTSUPP`. From Linux 7.1 on, storing a socket without a receive ring fails
    /// with `ENOBUFS`. User space can't look up entries (`EOPNOTSUPP`). Closing a socket removes
    /// its entry.
    ///
    /// An index that is out of range fails with `E2BIG` on update, and with `EINVAL` on deletion.
    /// Deleting an empty slot succeeds.
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
    /// Sockets by key. The map works like a [`Sockmap`], but its keys have 1 to 512 bytes. Adding a
    /// key to a full map fails with `E2BIG`.
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
    /// Sockets by index, which share a port. A program selects one of the sockets with
    /// `bpf_sk_select_reuseport`. The map accepts a [`SocketFd`](crate::SocketFd) for a UDP socket
    /// or a listening TCP socket that is bound with `SO_REUSEPORT`. If the map's value has 8 bytes
    /// (`u64`), a lookup returns the socket's cookie. Closing a socket removes its entry.
    ///
    /// Errors: `E2BIG` (the index is out of range), `EINVAL` (the socket was bound without
    /// `SO_REUSEPORT`), `EBUSY` (the socket is already in a map of this type), `ENOTSUPP` (the
    /// socket is neither a UDP socket nor a listening TCP socket), `ENOTSOCK` (the descriptor is
    /// not a socket).
    ///
    /// ```no_run
    /// use bpfmap::{Map, MapSpec, kind::ReuseportSockarray};
    /// use std::net::UdpSocket;
    ///
    /// /// Stores sockets that were bound with `SO_REUSEPORT`.
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
    /// Network interfaces by key. The map works like a [`Devmap`], but any `u32` can be a key, for
    /// example the index of the interface. `BPF_NOEXIST` fails only if the key is present, and
    /// `BPF_EXIST` never fails. Adding a key to a full map fails with `E2BIG`.
    ///
    /// ```no_run
    /// use bpfmap::{InterfaceIndex, Map, MapSpec, kind::DevmapHash};
    ///
    /// /// Stores an interface under its own index.
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
