//! Steps for sockets that share a port: a program selects the socket that user space stored.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::time::Duration;

use crate::entry::last_index;
use crate::handle::HoldSockets;
use crate::network_objects::reuseport_socket_at;
use crate::program::program_of;
use crate::{Fixture, index};

/// Checks that a packet arrives at the socket that user space inserted into the map. A second
/// socket, which is not in the map, shares the port.
pub(crate) fn picks_a_socket(fixture: &Fixture, map: &impl HoldSockets) {
    let key = index(last_index(map.def()));
    let first = UdpSocket::from(reuseport_socket_at(0));
    let address = first.local_addr().expect("it is bound");
    let second = UdpSocket::from(reuseport_socket_at(address.port()));
    attach(fixture, &program_of("select", map.name()), &first);

    let sender = UdpSocket::bind("127.0.0.1:0").expect("lo is up");
    for (name, picked, other) in [("first", &first, &second), ("second", &second, &first)] {
        map.set_socket(&key, picked.as_fd());
        send(&sender, address, name);
        let mut packet = [0; 16];
        picked.set_read_timeout(Some(DEADLINE)).expect("it is not zero");
        let len = picked.recv(&mut packet).expect("the packet arrives");
        assert_eq!(&packet[..len], name.as_bytes());
        other.set_nonblocking(true).expect("it is open");
        assert!(other.recv(&mut packet).is_err(), "the other socket also received a packet");
        other.set_nonblocking(false).expect("it is open");
        assert!(map.delete(&key), "the {name} socket is in the map");
    }
}

/// Attaches the program with `SO_ATTACH_REUSEPORT_EBPF`, so that it selects one of the sockets that
/// share the port.
fn attach(fixture: &Fixture, program: &str, socket: &UdpSocket) {
    let program = fixture.program_fd(program);
    let fd = program.as_fd().as_raw_fd();
    let len = libc::socklen_t::try_from(size_of_val(&fd)).expect("4");
    // SAFETY: the kernel reads the descriptor, whose length is passed with it.
    let attached = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_EBPF,
            (&raw const fd).cast(),
            len,
        )
    };
    assert_eq!(attached, 0, "{}", std::io::Error::last_os_error());
}

fn send(sender: &UdpSocket, address: SocketAddr, text: &str) {
    let sent =
        sender.send_to(text.as_bytes(), address).expect("the loopback interface accepts packets");
    assert_eq!(sent, text.len());
}

/// A time limit within which a packet passes the loopback interface, even on a slow machine.
const DEADLINE: Duration = Duration::from_secs(10);
