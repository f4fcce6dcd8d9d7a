//! Sockets in a map that programs and user space share.

use std::net::TcpStream;

use libbpf_rs::ErrorKind;

use crate::keys::numbered;
use crate::network_objects::tcp_pair;
use crate::pattern::filled_value;
use crate::program::program_of;
use crate::{Answer, Expected, Fixture, KernelVersion, index, running_kernel};
use bpfmap::kind::{DeleteElement, HoldObjects, Kind as _};
use bpfmap::{Map, MapSpec, SocketFd};
use bpfmap_core::map_type::KeyRule;

impl Fixture {
    /// Asserts that a program finds the socket that user space put in, until user space deletes it or
    /// closes it.
    ///
    /// # Panics
    ///
    /// When the program finds otherwise, or the kernel refuses something.
    pub fn finds_sockets<S>(&self)
    where
        S: MapSpec,
        S::Kind: for<'a> HoldObjects<S, Object<'a> = SocketFd<'a>> + DeleteElement,
    {
        let read = program_of("read", S::DEF.name);
        let map = self.map::<S>();
        let (client, server) = tcp_pair();
        assert_eq!(self.run(&read, 0), 0, "the port under key 0, at first");
        let other = other_key::<S>();
        for (number, socket) in [(0, &client), (other, &server)] {
            map.set(&key::<S>(number), socket).unwrap_or_else(|error| panic!("{error}"));
            let port = self.run(&read, number.into());
            assert_eq!(port, local_port(socket), "the port under key {number}, once filled");
        }
        assert!(deleted(&map, &key::<S>(other)), "the entry is there");
        assert!(!deleted(&map, &key::<S>(other)), "the entry is gone");
        assert_eq!(self.run(&read, other.into()), 0, "the port under key {other}, once deleted");
        drop(client);
        assert_eq!(self.run(&read, 0), 0, "the port under key 0, once closed");
    }
}

/// The key of this number.
fn key<S: MapSpec>(number: u8) -> S::Key {
    match S::Kind::FACTS.key {
        KeyRule::Index => index(number.into()),
        _ => numbered(filled_value(S::DEF.key, 0), number),
    }
}

/// The number of a second key, where the map has room for a second entry.
fn other_key<S: MapSpec>() -> u8 {
    u8::from(S::DEF.max_entries != Some(1))
}

/// Asserts that a program of the type `sched_cls` puts a socket under another key and deletes one,
/// or is refused from Linux 7.3 on: only programs of other types can then (`may_update_sockmap` in
/// `kernel/bpf/verifier.c`).
///
/// # Panics
///
/// When the kernel refuses it before, or takes it later.
pub fn writes_sockets_in_program<S>(object: &[u8])
where
    S: MapSpec,
    S::Kind: for<'a> HoldObjects<S, Object<'a> = SocketFd<'a>> + DeleteElement,
{
    let (client, _server) = tcp_pair();
    let other = other_key::<S>();
    let [read, copy, delete] = ["read", "copy", "delete"].map(|role| program_of(role, S::DEF.name));
    if let Some(fixture) = load::<S>(object, &[&copy, &read], "update_in_sched_cls") {
        let map = fixture.map::<S>();
        map.set(&key::<S>(0), &client).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(fixture.run(&read, 1), 0, "the port under key 1, at first");
        if other == 0 {
            assert_eq!(fixture.run(&copy, 1), -libc::E2BIG, "the map has room for one entry");
        } else {
            assert_eq!(fixture.run(&copy, 1), 0, "the program copies the entry");
            assert_eq!(fixture.run(&read, 1), local_port(&client), "the port under key 1, copied");
            assert!(deleted(&map, &key::<S>(1)), "the copy is there");
        }
    }
    if let Some(fixture) = load::<S>(object, &[&delete], "delete_in_sched_cls") {
        let map = fixture.map::<S>();
        map.set(&key::<S>(other), &client).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(fixture.run(&delete, other.into()), 0, "the program deletes the entry");
        assert!(!deleted(&map, &key::<S>(other)), "the program deleted the entry");
    }
}

/// Loads programs of the type `sched_cls` that write; `None` where the kernel refuses them, as it
/// should.
fn load<S: MapSpec>(object: &[u8], programs: &[&str], what: &str) -> Option<Fixture> {
    let refused = Answer(libc::EINVAL);
    let expected = Expected::since(KernelVersion::new(7, 3), refused, Answer::OK);
    let kernel = running_kernel();
    let loaded = Fixture::try_load::<S>(object, programs);
    let answer = match &loaded {
        Ok(_) => Answer::OK,
        Err(error) if error.kind() == ErrorKind::InvalidInput => Answer(libc::EINVAL),
        Err(error) => panic!("{error:?}"),
    };
    assert!(
        expected.on(kernel).contains(&answer),
        "Linux {kernel} answers {answer} when {programs:?} are loaded, and {:?} is known",
        expected.on(kernel)
    );
    if answer != Answer::OK {
        expected.note_refusal(what, answer, kernel);
    }
    loaded.ok()
}

fn deleted<S: MapSpec<Kind: DeleteElement>>(map: &Map<S>, key: &S::Key) -> bool {
    map.delete(key).unwrap_or_else(|error| panic!("{error}"))
}

fn local_port(socket: &TcpStream) -> i32 {
    socket.local_addr().expect("it is connected").port().into()
}
