//! Sends real packets over the loopback interface, and uses the maps from Rust and C.

use std::ffi::c_int;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bpfmap_fixture::Cgroup2;
use firewall::net::Service;
use firewall::policy::Verdict;
use firewall::traffic::Direction;
use firewall::{Firewall, udp};

/// The time limit for the kernel to deliver a packet.
const PATIENCE: Duration = Duration::from_secs(10);

// firewall.h
unsafe extern "C" {
    fn firewall_block(rules: c_int, address: *const std::ffi::c_char, length: u32) -> c_int;
    fn firewall_dropped(counts: c_int, packets: *mut u64) -> c_int;
}

/// Only one test runs at a time, because the programs see the packets of all tests.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns a sender and a receiver at these addresses.
fn sockets(from: &str, to: &str) -> (UdpSocket, UdpSocket) {
    let sender = UdpSocket::bind((from, 0)).unwrap();
    let receiver = UdpSocket::bind((to, 0)).unwrap();
    receiver.set_read_timeout(Some(PATIENCE)).unwrap();
    sender.connect(receiver.local_addr().unwrap()).unwrap();
    receiver.connect(sender.local_addr().unwrap()).unwrap();
    (sender, receiver)
}

/// Sends a packet, and returns whether it arrives. The program at the receiver counts it first.
fn arrives(firewall: &Firewall, sender: &UdpSocket, receiver: &UdpSocket) -> bool {
    let ingress = |verdict| packets(firewall, receiver, Direction::Ingress, verdict);
    let before = (ingress(Verdict::Pass), ingress(Verdict::Drop));
    if let Err(error) = sender.send(b"packet") {
        // The program at the sender dropped it.
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        return false;
    }
    let end = Instant::now() + PATIENCE;
    while (ingress(Verdict::Pass), ingress(Verdict::Drop)) == before {
        assert!(Instant::now() < end, "the program has not seen the packet");
        std::thread::sleep(Duration::from_millis(1));
    }
    let passed = ingress(Verdict::Pass) > before.0;
    receiver.set_nonblocking(!passed).unwrap();
    match receiver.recv(&mut [0; 16]) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!((error.kind(), passed), (ErrorKind::WouldBlock, false));
            false
        }
    }
}

/// Returns the number of counted packets between the receiver and its sender.
fn packets(
    firewall: &Firewall,
    receiver: &UdpSocket,
    direction: Direction,
    verdict: Verdict,
) -> u64 {
    let service = service(receiver);
    let counts = firewall.counts().unwrap();
    let of_both = counts.iter().filter(|(flow, _)| {
        flow.service == service && flow.direction == direction && flow.verdict == verdict
    });
    of_both.map(|(_, count)| count.packets).sum()
}

/// Returns the service that the programs see, which has the lower of the two ports.
fn service(receiver: &UdpSocket) -> Service {
    let [here, there] = [receiver.local_addr(), receiver.peer_addr()].map(|it| it.unwrap().port());
    udp(here.min(there))
}

#[test]
fn both_programs_follow_the_rules() {
    let _alone = alone();
    let cgroups = Cgroup2::mount();
    let mut firewall = Firewall::attach(&cgroups.root()).unwrap();
    let (sender, receiver) = sockets("127.77.0.1", "127.77.1.1");
    let service = service(&receiver);
    assert!(arrives(&firewall, &sender, &receiver), "no rule");

    // The egress program drops the packet when it is sent.
    firewall.block(Ipv4Addr::new(127, 77, 1, 0), 24, None).unwrap();
    assert!(!arrives(&firewall, &sender, &receiver));
    let mut refused = vec![];
    firewall.refusals(|refusal| refused.push(*refusal)).unwrap();
    let [refusal] = refused.as_slice() else { panic!("{refused:?}") };
    assert_eq!(Ipv4Addr::from_bits(refusal.address.get()), Ipv4Addr::new(127, 77, 1, 1));
    assert_eq!(refusal.flow.direction, Direction::Egress);
    assert_eq!(refusal.flow.service, service);

    // The packet is sent, and the ingress program drops it. The rule with the longer prefix
    // applies.
    assert!(firewall.unblock(Ipv4Addr::new(127, 77, 1, 0), 24).unwrap());
    firewall.block(Ipv4Addr::new(127, 77, 0, 1), 32, None).unwrap();
    assert!(!arrives(&firewall, &sender, &receiver));
    firewall.refusals(|refusal| refused.push(*refusal)).unwrap();
    assert_eq!(refused[1].flow.direction, Direction::Ingress);

    // The rule is for another service.
    firewall.block(Ipv4Addr::new(127, 77, 0, 1), 32, Some(udp(service.port.get() ^ 1))).unwrap();
    assert!(arrives(&firewall, &sender, &receiver));

    let of = |direction, verdict| packets(&firewall, &receiver, direction, verdict);
    assert_eq!(of(Direction::Egress, Verdict::Drop), 1);
    assert_eq!(of(Direction::Egress, Verdict::Pass), 3);
    assert_eq!(of(Direction::Ingress, Verdict::Drop), 1);
    assert_eq!(of(Direction::Ingress, Verdict::Pass), 2);
}

/// The programs and Rust read the entries that C writes, and C reads the entries that they write.
#[test]
fn an_application_in_c_uses_the_same_maps() {
    let _alone = alone();
    let cgroups = Cgroup2::mount();
    let firewall = Firewall::attach(&cgroups.root()).unwrap();
    let (sender, receiver) = sockets("127.78.0.1", "127.78.1.1");
    let rules = firewall.rules_map().as_fd().as_raw_fd();
    let counts = firewall.counts_map().as_fd().as_raw_fd();
    let dropped = || {
        let mut packets = 0;
        // SAFETY: the map is open, and `packets` is one number.
        assert_eq!(unsafe { firewall_dropped(counts, &raw mut packets) }, 0);
        packets
    };
    assert!(arrives(&firewall, &sender, &receiver));
    assert_eq!(dropped(), 0);

    // SAFETY: the map is open, and the text ends with a zero.
    assert_eq!(unsafe { firewall_block(rules, c"127.78.1.1".as_ptr(), 32) }, 0);
    assert!(!arrives(&firewall, &sender, &receiver));
    assert_eq!(dropped(), 1);
    assert!(firewall.unblock(Ipv4Addr::new(127, 78, 1, 1), 32).unwrap());
    assert!(arrives(&firewall, &sender, &receiver));

    // The functions check their arguments: this descriptor belongs to a different map. SAFETY: as
    // above.
    assert_eq!(unsafe { firewall_block(counts, c"127.78.1.1".as_ptr(), 32) }, -libc::EINVAL);
}
