//! Creates values that represent interfaces, CPUs and sockets.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use crate::network_objects::{
    CPUMAP_PROGRAM, DEVMAP_PROGRAM, PLAIN_PROGRAM, reuseport_socket, tcp_pair, unbound_udp_socket,
    xdp_program, xdp_socket,
};
use crate::objects;
use crate::raw::fd_bits;
use crate::values::{MakeValues, Refused};
use bpfmap::{InterfaceIndex, SocketCookie};

/// Values for the loopback interface or for the queue of a CPU. Such a value is a number. If the
/// value has 8 bytes, a program follows the number.
pub(crate) struct NumberAndProgram {
    size: usize,
    number: u32,
    program: OwnedFd,
    other_program: OwnedFd,
}

impl NumberAndProgram {
    /// Creates values of a devmap.
    pub(crate) fn device(size: usize) -> Self {
        let lo = InterfaceIndex::from_name("lo").expect("each network namespace has lo");
        Self::new(size, lo.get(), DEVMAP_PROGRAM)
    }

    /// Creates values of a cpumap.
    pub(crate) fn cpu_queue(size: usize) -> Self {
        Self::new(size, QUEUE_SIZE, CPUMAP_PROGRAM)
    }

    fn new(size: usize, number: u32, attach_type: u32) -> Self {
        let program = xdp_program(attach_type);
        Self { size, number, program, other_program: xdp_program(PLAIN_PROGRAM) }
    }

    fn value(&self, number: u32, program: u32) -> Vec<u8> {
        let mut value = [number.to_ne_bytes(), program.to_ne_bytes()].concat();
        value.truncate(self.size);
        value
    }
}

impl MakeValues for NumberAndProgram {
    fn written(&self, _: u32) -> Vec<u8> {
        self.value(self.number, fd_bits(self.program.as_raw_fd()))
    }

    fn shown(&self, _: u32) -> Option<Vec<u8>> {
        Some(self.value(self.number, objects::id(self.program.as_fd())))
    }

    fn refused(&self, refused: Refused) -> Vec<u8> {
        match refused {
            Refused::ZeroNumber => self.value(0, 0),
            Refused::UnknownInterface => self.value(i32::MAX.unsigned_abs(), 0),
            Refused::QueueTooLong => self.value(16385, 0),
            Refused::ProgramOfOtherKind => {
                self.value(self.number, fd_bits(self.other_program.as_raw_fd()))
            }
            refused => unreachable!("{refused:?} does not apply to a number"),
        }
    }
}

/// The number of packets that can wait for a CPU.
const QUEUE_SIZE: u32 = 192;

/// The sockets of a map. Each socket is created when it is first needed.
pub(crate) struct Sockets {
    size: usize,
    kind: SocketKind,
    made: RefCell<BTreeMap<u32, Vec<OwnedFd>>>,
    refused: RefCell<Vec<OwnedFd>>,
}

/// The kind of sockets that a map accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SocketKind {
    /// The map accepts connected TCP sockets.
    Connected,
    /// The map accepts bound UDP sockets with `SO_REUSEPORT`.
    Reuseport,
    /// The map accepts `AF_XDP` sockets with a receive ring.
    Xdp,
}

impl Sockets {
    pub(crate) fn new(size: usize, kind: SocketKind) -> Self {
        Self { size, kind, made: RefCell::default(), refused: RefCell::default() }
    }

    /// Calls a function with the socket with this number.
    fn with<T>(&self, number: u32, then: impl FnOnce(&OwnedFd) -> T) -> T {
        let mut made = self.made.borrow_mut();
        let sockets = made.entry(number).or_insert_with(|| match self.kind {
            SocketKind::Connected => {
                let (client, server): (TcpStream, TcpStream) = tcp_pair();
                vec![client.into(), server.into()]
            }
            SocketKind::Reuseport => vec![reuseport_socket()],
            SocketKind::Xdp => vec![xdp_socket(true)],
        });
        then(&sockets[0])
    }

    fn value(&self, number: u64) -> Vec<u8> {
        number.to_ne_bytes()[..self.size].to_vec()
    }

    fn descriptor(&self, socket: &OwnedFd) -> Vec<u8> {
        self.value(fd_bits(socket.as_raw_fd()).into())
    }
}

impl MakeValues for Sockets {
    fn written(&self, number: u32) -> Vec<u8> {
        self.with(number, |socket| self.descriptor(socket))
    }

    fn shown(&self, number: u32) -> Option<Vec<u8>> {
        if self.kind == SocketKind::Xdp || self.size < COOKIE {
            return None;
        }
        let cookie = self.with(number, SocketCookie::of).expect("it is a socket");
        Some(self.value(cookie.get()))
    }

    fn refused(&self, refused: Refused) -> Vec<u8> {
        let object: OwnedFd = match (refused, self.kind) {
            (Refused::WithoutRing, SocketKind::Xdp) => xdp_socket(false),
            (Refused::UnfitSocket, SocketKind::Connected | SocketKind::Reuseport) => {
                xdp_socket(true)
            }
            (Refused::UnfitSocket, SocketKind::Xdp)
            | (Refused::UnboundSocket, SocketKind::Connected) => unbound_udp_socket(),
            (Refused::UnixSocket, SocketKind::Connected) => {
                let (socket, peer) = UnixStream::pair().expect("a pair of sockets");
                self.refused.borrow_mut().push(peer.into());
                socket.into()
            }
            (Refused::WithoutReuseport, SocketKind::Reuseport) => {
                UdpSocket::bind("127.0.0.1:0").expect("lo is up").into()
            }
            (refused, kind) => {
                unreachable!("{refused:?} does not apply to a socket of the kind {kind:?}")
            }
        };
        let value = self.descriptor(&object);
        self.refused.borrow_mut().push(object);
        value
    }
}

/// The size in bytes of a socket's cookie, which a lookup returns.
const COOKIE: usize = 8;
