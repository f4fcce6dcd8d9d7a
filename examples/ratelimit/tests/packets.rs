//! Real packets over the loopback interface.

use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ratelimit::RateLimiter;

/// The loopback interface is the first of each network namespace.
const LOOPBACK: i32 = 1;
/// An interface takes one program at a time.
static ATTACHED: Mutex<()> = Mutex::new(());
/// Longer than a test, so that no new window begins in it.
const LONG: Duration = Duration::from_hours(1);

/// A sender at `from` and a receiver at `to`.
fn sockets(from: &str, to: &str) -> (UdpSocket, UdpSocket) {
    let sender = UdpSocket::bind((from, 0)).unwrap();
    let receiver = UdpSocket::bind((to, 0)).unwrap();
    receiver.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    sender.connect(receiver.local_addr().unwrap()).unwrap();
    (sender, receiver)
}

/// Sends so many packets one after the other, and counts those that arrive.
fn send(sender: &UdpSocket, receiver: &UdpSocket, packets: u32) -> u32 {
    let mut arrived = 0;
    for _ in 0..packets {
        sender.send(b"packet").unwrap();
        match receiver.recv(&mut [0; 16]) {
            Ok(_) => arrived += 1,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => panic!("{error}"),
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

    assert_eq!(send(&sender, &receiver, 5), 3);
    let usage = limiter.usage(source).unwrap().expect("the source has sent");
    assert_eq!((usage.passed, usage.dropped), (3, 2));
    let sources = limiter.sources().unwrap();
    assert!(sources.iter().any(|(address, usage)| *address == source && usage.dropped == 2));

    assert!(limiter.reset(source).unwrap());
    assert!(!limiter.reset(source).unwrap());
    assert_eq!(send(&sender, &receiver, 1), 1);

    limiter.set_limit(0, LONG).unwrap();
    assert_eq!(send(&sender, &receiver, 1), 0);

    drop(limiter);
    assert_eq!(send(&sender, &receiver, 1), 1, "the program is still attached");
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
    assert_eq!(send(&first, &to_first, 3), 2);
    assert_eq!(send(&second, &to_second, 1), 1);
    let passed = |source: &str| {
        limiter.usage(source.parse().unwrap()).unwrap().expect("the source has sent").passed
    };
    assert_eq!((passed("127.0.0.4"), passed("127.0.0.6")), (2, 1));
}
