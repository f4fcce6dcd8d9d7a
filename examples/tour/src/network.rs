//! Maps of network interfaces, CPUs and sockets.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::time::Duration;

use bpfmap::{Be16, CpuQueueSize, InterfaceIndex, SocketCookie};
use rustix::net::{AddressFamily, SocketType, bind, socket, sockopt};

use crate::maps::Connection;
use crate::{Loaded, Result, answer};

/// The maximum time to wait until the kernel delivers data.
const PATIENCE: Duration = Duration::from_secs(10);

/// Returns the name of an XDP program's result (`enum xdp_action`).
fn action(returned: i32) -> &'static str {
    match returned {
        2 => "XDP_PASS",
        4 => "XDP_REDIRECT",
        _ => "another action",
    }
}

pub(crate) fn devmap(loaded: &Loaded) -> Result<Vec<String>> {
    let ports = &loaded.maps.ports;
    let lo = InterfaceIndex::from_name("lo")?;
    let mut lines = vec![format!("no interface: {}", action(loaded.run("to_port")?))];
    ports.set(&1, lo)?;
    lines.push(format!("an interface: {}", action(loaded.run("to_port")?)));
    lines.push(format!("the map shows it: {}", ports.get(&1)? == Some(lo)));
    ports.delete(&1)?;
    lines.push(format!("deleted: {}", action(loaded.run("to_port")?)));
    let absent = InterfaceIndex::new(i32::MAX.unsigned_abs()).ok_or("it is not zero")?;
    lines.push(format!("an interface that does not exist: {}", answer(ports.set(&1, absent))));
    Ok(lines)
}

pub(crate) fn cpumap(loaded: &Loaded) -> Result<Vec<String>> {
    let cpus = &loaded.maps.cpus;
    let mut lines = vec![format!("no queue: {}", action(loaded.run("to_cpu")?))];
    // The value is the number of packets that can wait for the CPU.
    cpus.set(&0, CpuQueueSize::new(64).ok_or("64 is a valid size")?)?;
    lines.push(format!("a queue: {}", action(loaded.run("to_cpu")?)));
    cpus.delete(&0)?;
    lines.push(format!("deleted: {}", action(loaded.run("to_cpu")?)));
    Ok(lines)
}

pub(crate) fn xskmap(loaded: &Loaded) -> Result<Vec<String>> {
    let queues = &loaded.maps.queues;
    let mut lines = vec![format!("no socket: {}", action(loaded.run("to_queue")?))];
    let receiver = socket(AddressFamily::XDP, SocketType::RAW, None)?;
    sockopt::set_xdp_rx_ring_size(&receiver, 2)?;
    queues.set(&0, &receiver)?;
    lines.push(format!("a socket: {}", action(loaded.run("to_queue")?)));
    // A socket leaves the map when it is closed.
    drop(receiver);
    lines.push(format!("closed: {}", action(loaded.run("to_queue")?)));
    let without_ring = socket(AddressFamily::XDP, SocketType::RAW, None)?;
    lines.push(format!("a socket without a ring: {}", answer(queues.set(&0, &without_ring))));
    Ok(lines)
}

pub(crate) fn sockmap(loaded: &Loaded) -> Result<Vec<String>> {
    let ends = &loaded.maps.ends;
    for program in ["whole", "splice"] {
        loaded.program(program)?.attach_sockmap(ends.as_fd().as_raw_fd())?;
    }
    let (mut sender, incoming) = connection()?;
    let (outgoing, mut receiver) = connection()?;
    ends.set(&0, &incoming)?;
    ends.set(&1, &outgoing)?;
    sender.write_all(b"spliced")?;
    let mut data = [0; 7];
    receiver.read_exact(&mut data)?;
    let mut lines = vec![];
    lines.push(format!("through two connections: {}", String::from_utf8_lossy(&data)));
    let cookie = SocketCookie::of(&incoming)?;
    lines.push(format!("the map shows the socket's cookie: {}", ends.get(&0)? == Some(cookie)));
    drop(outgoing);
    lines.push(format!("closed: {:?}", ends.get(&1)?));
    Ok(lines)
}

pub(crate) fn sockhash(loaded: &Loaded) -> Result<Vec<String>> {
    let connections = &loaded.maps.connections;
    loaded.program("short_cut")?.attach_sockmap(connections.as_fd().as_raw_fd())?;
    let (mut client, mut server) = connection()?;
    for end in [&client, &server] {
        let [local, remote] = [end.local_addr()?.port(), end.peer_addr()?.port()].map(Be16::new);
        connections.set(&Connection { local, remote }, end)?;
    }
    let mut lines = vec![];
    for (from, to, text) in [(0, 1, "question"), (1, 0, "answer")] {
        let ends = [&mut client, &mut server];
        ends[from].write_all(text.as_bytes())?;
        let mut data = vec![0; text.len()];
        ends[to].read_exact(&mut data)?;
        lines.push(format!("arrived: {}", String::from_utf8_lossy(&data)));
    }
    let messages = loaded.maps.cells.lookup(&2)?.unwrap_or_default();
    lines.push(format!("messages that bypassed TCP: {messages}"));
    Ok(lines)
}

pub(crate) fn reuseport(loaded: &Loaded) -> Result<Vec<String>> {
    let workers = &loaded.maps.workers;
    let first = shared_socket(0)?;
    let port = first.local_addr()?.port();
    let sockets = [first, shared_socket(port)?];
    for (index, socket) in (0..).zip(&sockets) {
        workers.set(&index, socket)?;
    }
    attach_to_port(&sockets[0], &loaded.program("pick")?)?;
    let sender = UdpSocket::bind("127.0.0.1:0")?;
    let mut lines = vec![];
    for worker in [1_u8, 0, 1] {
        sender.send_to(&[worker], ("127.0.0.1", port))?;
        let mut datagram = [0; 1];
        sockets[usize::from(worker)].recv(&mut datagram)?;
        lines.push(format!("socket {worker} received {}", datagram[0]));
    }
    let plain = UdpSocket::bind("127.0.0.1:0")?;
    workers.delete(&0)?;
    lines.push(format!("a socket that shares no port: {}", answer(workers.set(&0, &plain))));
    Ok(lines)
}

/// Returns the two ends of a connection over loopback.
fn connection() -> Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    for end in [&client, &server] {
        end.set_read_timeout(Some(PATIENCE))?;
        end.set_nodelay(true)?;
    }
    Ok((client, server))
}

/// Returns a UDP socket that shares its port with other sockets. Port 0 selects a free port.
fn shared_socket(port: u16) -> Result<UdpSocket> {
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    bind(&socket, &SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)))?;
    let socket = UdpSocket::from(socket);
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// Attaches a program that selects one of the sockets that share the port of `socket`.
fn attach_to_port(socket: &UdpSocket, program: &libbpf_rs::ProgramMut<'_>) -> Result<()> {
    let fd = program.as_fd().as_raw_fd();
    let len = libc::socklen_t::try_from(size_of_val(&fd))?;
    // SAFETY: the kernel reads the descriptor, which is as long as stated.
    let attached = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_EBPF,
            (&raw const fd).cast(),
            len,
        )
    };
    if attached == 0 { Ok(()) } else { Err(std::io::Error::last_os_error().into()) }
}
