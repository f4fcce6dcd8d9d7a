//! Steps for maps of sockets, which programs and user space share.

use std::net::TcpStream;
use std::os::fd::AsFd as _;

use libbpf_rs::ErrorKind;

use crate::declaration::Declaration;
use crate::handle::{Delete as _, HoldSockets};
use crate::keys::numbered;
use crate::network_objects::tcp_pair;
use crate::pattern::filled;
use crate::program::program_of;
use crate::{Answer, Expected, Fixture, KernelVersion, index, running_kernel};
use bpfmap::MapDef;
use bpfmap_core::map_type::{KeyRule, MapType};

/// Checks that a program finds the socket that user space inserted, until user space deletes the
/// entry or closes the socket.
pub(crate) fn finds_sockets(fixture: &Fixture, map: &impl HoldSockets) {
    let def = map.def();
    let read = program_of("read", def.name);
    let (client, server) = tcp_pair();
    assert_eq!(fixture.run(&read, 0), 0, "the port under key 0, at first");
    let other = other_key(def);
    for (number, socket) in [(0, &client), (other, &server)] {
        map.set_socket(&key(def, number), socket.as_fd());
        let port = fixture.run(&read, number.into());
        assert_eq!(port, local_port(socket), "the port under key {number}, once filled");
    }
    assert!(map.delete(&key(def, other)), "the entry is in the map");
    assert!(!map.delete(&key(def, other)), "the entry is gone");
    assert_eq!(fixture.run(&read, other.into()), 0, "the port under key {other}, once deleted");
    drop(client);
    assert_eq!(fixture.run(&read, 0), 0, "the port under key 0, once closed");
}

/// Returns the key with this number.
fn key(def: &MapDef<'_>, number: u8) -> Vec<u8> {
    let row = MapType::by_number(def.map_type).expect("the facts table has each map type");
    match row.key {
        KeyRule::Index => index(number.into()).to_vec(),
        _ => numbered(filled(def.key, 0), number),
    }
}

/// Returns the number of a second key, if the map has space for a second entry.
fn other_key(def: &MapDef<'_>) -> u8 {
    u8::from(def.max_entries != Some(1))
}

/// Checks that programs of the type `sched_cls` can insert a socket under another key and delete a
/// socket. On Linux 7.3 and newer, checks that the kernel refuses these programs.
pub(crate) fn writes_sockets_in_program<D>(declaration: &D, object: &[u8])
where
    D: Declaration<Map: HoldSockets>,
{
    let def = declaration.def();
    let (client, _server) = tcp_pair();
    let other = other_key(def);
    let [read, copy, delete] = ["read", "copy", "delete"].map(|role| program_of(role, def.name));
    if let Some(fixture) = load(def.name, object, &[&copy, &read], "update_in_sched_cls") {
        let map = fixture.open(declaration);
        map.set_socket(&key(def, 0), client.as_fd());
        assert_eq!(fixture.run(&read, 1), 0, "the port under key 1, at first");
        if other == 0 {
            assert_eq!(fixture.run(&copy, 1), -libc::E2BIG, "the map has room for one entry");
        } else {
            assert_eq!(fixture.run(&copy, 1), 0, "the program copies the entry");
            assert_eq!(fixture.run(&read, 1), local_port(&client), "the port under key 1, copied");
            assert!(map.delete(&key(def, 1)), "the copied entry is in the map");
        }
    }
    if let Some(fixture) = load(def.name, object, &[&delete], "delete_in_sched_cls") {
        let map = fixture.open(declaration);
        map.set_socket(&key(def, other), client.as_fd());
        assert_eq!(fixture.run(&delete, other.into()), 0, "the program deletes the entry");
        assert!(!map.delete(&key(def, other)), "the program deleted the entry");
    }
}

/// Loads programs of the type `sched_cls` that change the map. Returns `None` if the kernel refuses
/// the programs, as expected.
fn load(map: &str, object: &[u8], programs: &[&str], what: &str) -> Option<Fixture> {
    let refused = Answer(libc::EINVAL);
    let expected = Expected::since(KernelVersion::new(7, 3), refused, Answer::OK);
    let kernel = running_kernel();
    let loaded = Fixture::try_load(map, object, programs);
    let answer = match &loaded {
        Ok(_) => Answer::OK,
        Err(error) if error.kind() == ErrorKind::InvalidInput => Answer(libc::EINVAL),
        Err(error) => panic!("{error:?}"),
    };
    assert!(
        expected.on(kernel).contains(&answer),
        "loading {programs:?} on Linux {kernel}: expected {:?}, found {answer}",
        expected.on(kernel)
    );
    if answer != Answer::OK {
        expected.note_refusal(what, answer, kernel);
    }
    loaded.ok()
}

fn local_port(socket: &TcpStream) -> i32 {
    socket.local_addr().expect("it is connected").port().into()
}
