//! Sends real packets over the loopback interface.

use std::net::UdpSocket;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aya_loader::{Loaded, PacketCounter, Traffic};
use bpfmap::{Be16, BpfMap, BpfType, Map};

/// The time limit for the kernel to deliver a packet.
const PATIENCE: Duration = Duration::from_secs(10);
/// `ETH_P_IP` and `ETH_P_IPV6`, `include/uapi/linux/if_ether.h`.
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// The headers of Ethernet, IPv4 and UDP.
const HEADERS: usize = 14 + 20 + 8;

/// An interface takes one program at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ATTACHED: Mutex<()> = Mutex::new(());
    ATTACHED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn traffic(counter: &PacketCounter, protocol: u16) -> Traffic {
    let protocols = counter.protocols().unwrap();
    let found = protocols.into_iter().find(|(found, _)| found.get() == protocol);
    found.map_or(Traffic { packets: 0, bytes: 0 }, |(_, traffic)| traffic)
}

/// Sends a packet to `address`, and waits until the program has seen it.
fn send(counter: &PacketCounter, address: &str, protocol: u16, length: usize) {
    let before = traffic(counter, protocol).packets;
    let receiver = UdpSocket::bind((address, 0)).unwrap();
    let sender = UdpSocket::bind((address, 0)).unwrap();
    sender.send_to(&vec![0; length], receiver.local_addr().unwrap()).unwrap();
    let end = Instant::now() + PATIENCE;
    while traffic(counter, protocol).packets == before {
        assert!(Instant::now() < end, "{:?}", counter.protocols());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn counts_packets_by_protocol() {
    let _alone = alone();
    let counter = PacketCounter::attach("lo").unwrap();
    for length in [0, 10, 100] {
        send(&counter, "127.0.0.1", IPV4, length);
    }
    send(&counter, "::1", IPV6, 10);
    let expected = Traffic { packets: 3, bytes: 3 * HEADERS as u64 + 110 };
    assert_eq!(traffic(&counter, IPV4), expected);
    // The kernel itself may send IPv6 packets.
    assert!(traffic(&counter, IPV6).packets >= 1);
}

#[test]
fn reports_large_packets() {
    let _alone = alone();
    let mut counter = PacketCounter::attach("lo").unwrap();
    send(&counter, "127.0.0.1", IPV4, 1000);
    assert_eq!(counter.large_packets(|_| ()).unwrap(), 0, "no packets are reported at first");

    counter.report_from(Some(500)).unwrap();
    send(&counter, "127.0.0.1", IPV4, 10);
    send(&counter, "127.0.0.1", IPV4, 1000);
    let mut lengths = vec![];
    let handle = |packet: &aya_loader::LargePacket| {
        assert!(packet.time > 0);
        lengths.push((packet.protocol.get(), packet.length as usize));
    };
    counter.large_packets(handle).unwrap();
    assert_eq!(lengths, [(IPV4, 1000 + HEADERS)]);
}

/// An event that another version of the program could send.
#[derive(Clone, Copy, Debug, BpfType)]
#[repr(C)]
struct OtherPacket {
    time: u64,
    protocol: Be16,
    _pad: [u8; 6],
}

#[derive(BpfMap)]
#[bpf_map(ringbuf, name = "large_packets", max_entries = 65_536)]
struct OtherPackets {
    event: OtherPacket,
}

#[test]
fn a_ring_buffer_with_other_records_is_refused() {
    let loaded = Loaded::new().unwrap();
    let message = Map::<OtherPackets>::from_object(&loaded).unwrap_err().to_string();
    assert!(message.contains("large_packet") && message.contains("length"), "{message}");
}
