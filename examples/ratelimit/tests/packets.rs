//! Sends real packets over the loopback interface.

use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ratelimit::RateLimiter;

/// The index of the loopback interface, which is the first interface of each network namespace.
const LOOPBACK: i32 = 1;
/// An interface can have only one program at a time.
static ATTACHED: Mutex<()> = Mutex::new(());
/// The time limit for the kernel to deliver a packet.
const PATIENCE: Duration = Duration::from_secs(10);
/// A window that is longer than a test, so that no new window begins during the test.
const LONG: Duration = Duration::from_secs(3600);

/// Returns a sender at `from` and a receiver at `to`.
fn sockets(from: &str, to: &str) -> (UdpSocket, UdpSocket) {
    let sender = UdpSocket::bind((from, 0)).unwrap();
    let receiver = UdpSocket::bind((to, 0)).unwrap();
    receiver.set_read_timeout(Some(PATIENCE)).unwrap();
    sender.connect(receiver.local_addr().unwrap()).unwrap();
    (sender, receiver)
}

/// Sends packets one by one, and returns the number of packets that arrive. After each packet, it
/// waits until the program has counted the packet. If the program has let the packet pass, it also
/// waits for the arrival.
fn send(limiter: &RateLimiter, sender: &UdpSocket, receiver: &UdpSocket, packets: u32) -> u32 {
    let source = sender.local_addr().unwrap().ip();
    let counts = || {
        let usage = limiter.usage(source).unwrap();
        usage.map_or((0, 0), |usage| (usage.passed, usage.dropped))
    };
    let mut arrived = 0;
    for _ in 0..packets {
        let before = counts();
        sender.send(b"packet").unwrap();
        let end = Instant::now() + PATIENCE;
        while counts() == before {
            assert!(Instant::now() < end, "the program has not seen the packet");
            std::thread::sleep(Duration::from_millis(1));
        }
        let passed = counts().0 > before.0;
        receiver.set_nonblocking(!passed).unwrap();
        match receiver.recv(&mut [0; 16]) {
            Ok(_) => arrived += 1,
            Err(error) => assert_eq!((error.kind(), passed), (ErrorKind::WouldBlock, false)),
        }
    }
    arrived
}

fn limits_the_packets_of(from: &str, to: &str) {
    let _alone = ATTACHED.lock().unwrap_or_else(PoisonError::into_inner);
    let source: IpAddr = from.parse().unwrap();
    let limiter = RateLimiter::attach(LOOPBACK, 3, LONG).unwrap();
    let (sender, receiver) = sockets(from, to);
    assert_eq!(limiter.usage(source).unwrap(), None);

    assert_eq!(send(&limiter, &sender, &receiver, 5), 3);
    let usage = limiter.usage(source).unwrap().expect("the source has sent");
    assert_eq!((usage.passed, usage.dropped), (3, 2));
    let sources = limiter.sources().unwrap();
    assert!(sources.iter().any(|(address, usage)| *address == source && usage.dropped == 2));

    assert!(limiter.reset(source).unwrap());
    assert!(!limiter.reset(source).unwrap());
    assert_eq!(send(&limiter, &sender, &receiver, 1), 1);

    limiter.set_limit(0, LONG).unwrap();
    assert_eq!(send(&limiter, &sender, &receiver, 1), 0);

    drop(limiter);
    receiver.set_nonblocking(false).unwrap();
    sender.send(b"packet").unwrap();
    receiver.recv(&mut [0; 16]).expect("the program is still attached");
}

#[test]
fn limits_ipv4_packets() {
    limits_the_packets_of("127.0.0.2", "127.0.0.3");
}

#[test]
fn limits_ipv6_packets() {
    limits_the_packets_of("::1", "::1");
}

#[test]
fn counts_each_source_by_itself() {
    let _alone = ATTACHED.lock().unwrap_or_else(PoisonError::into_inner);
    let limiter = RateLimiter::attach(LOOPBACK, 2, LONG).unwrap();
    let (first, to_first) = sockets("127.0.0.4", "127.0.0.5");
    let (second, to_second) = sockets("127.0.0.6", "127.0.0.7");
    assert_eq!(send(&limiter, &first, &to_first, 3), 2);
    assert_eq!(send(&limiter, &second, &to_second, 1), 1);
    let passed = |source: &str| {
        limiter.usage(source.parse().unwrap()).unwrap().expect("the source has sent").passed
    };
    assert_eq!((passed("127.0.0.4"), passed("127.0.0.6")), (2, 1));
}
