//! Sends real packets over the loopback interface.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tailcalls::{Layer, PacketCounter};

/// The index of the loopback interface, which is the first interface of each network namespace.
const LOOPBACK: i32 = 1;
/// The time limit for the kernel to deliver a packet.
const PATIENCE: Duration = Duration::from_secs(10);
/// `IPPROTO_TCP` and `IPPROTO_UDP`, `include/uapi/linux/in.h`.
const TCP: u8 = 6;
const UDP: u8 = 17;

/// Only one test runs at a time, because an interface can have only one program.
fn alone() -> MutexGuard<'static, ()> {
    static ATTACHED: Mutex<()> = Mutex::new(());
    ATTACHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until at least this many packets of a service have been counted.
fn wait_for(counter: &PacketCounter, (version, protocol, port): (u8, u8, u16), packets: u64) {
    let end = Instant::now() + PATIENCE;
    while counter.packets(version, protocol, port).unwrap() < packets {
        assert!(Instant::now() < end, "{:?}", counter.services());
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn counts_udp_packets_to(address: &str, version: u8) {
    let _alone = alone();
    let counter = PacketCounter::attach(LOOPBACK).unwrap();
    let receiver = UdpSocket::bind((address, 0)).unwrap();
    let sender = UdpSocket::bind((address, 0)).unwrap();
    let target = receiver.local_addr().unwrap();
    let service = (version, UDP, target.port());
    for sent in 1..=3 {
        sender.send_to(b"packet", target).unwrap();
        wait_for(&counter, service, sent);
    }
    let services = counter.services().unwrap();
    let found = services.iter().find(|(service, _)| service.port.get() == target.port());
    let (found, packets) = found.expect("the service is listed");
    assert_eq!((found.version, found.protocol, *packets), (version, UDP, 3));
}

#[test]
fn counts_packets_by_service() {
    counts_udp_packets_to("127.0.0.1", 4);
    counts_udp_packets_to("::1", 6);
}

#[test]
fn each_protocol_has_its_parser() {
    let _alone = alone();
    let counter = PacketCounter::attach(LOOPBACK).unwrap();
    for layer in [Layer::Ipv4, Layer::Ipv6, Layer::Tcp, Layer::Udp] {
        assert!(counter.parses(layer).unwrap(), "{layer:?}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    let _stream = TcpStream::connect(target).unwrap();
    // To open a connection, two packets are sent to the listener.
    wait_for(&counter, (4, TCP, target.port()), 2);
    assert_eq!(counter.packets(4, UDP, target.port()).unwrap(), 0);
}

#[test]
fn a_parser_can_be_removed_and_inserted_again() {
    let _alone = alone();
    let counter = PacketCounter::attach(LOOPBACK).unwrap();
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let target = receiver.local_addr().unwrap();

    assert!(counter.stop_parsing_udp().unwrap());
    assert!(!counter.stop_parsing_udp().unwrap());
    assert!(!counter.parses(Layer::Udp).unwrap());
    sender.send_to(b"packet", target).unwrap();
    // Without its parser, the tail call fails, and the port stays unknown.
    wait_for(&counter, (4, UDP, 0), 1);
    assert_eq!(counter.packets(4, UDP, target.port()).unwrap(), 0);

    counter.parse_udp().unwrap();
    sender.send_to(b"packet", target).unwrap();
    wait_for(&counter, (4, UDP, target.port()), 1);
}
