use bpfmap::TypeDesc;
use bpfmap::{MapDef, Map, MapSpec, kind};
use std::os::fd::AsRawFd;

enum Peers {}
impl MapSpec for Peers {
    type Kind = kind::Sockmap;
    type Key = u32;
    type Value = u32;
    const DEF: MapDef<'static> = kind::Sockmap::def("peers", TypeDesc::U32, TypeDesc::U32);
}

enum Queues {}
impl MapSpec for Queues {
    type Kind = kind::Xskmap;
    type Key = u32;
    type Value = u32;
    const DEF: MapDef<'static> = kind::Xskmap::def("queues", TypeDesc::U32, TypeDesc::U32);
}

fn put(peers: &Map<Peers>, queues: &Map<Queues>, socket: std::net::TcpStream) {
    let _ = peers.set(&0, &socket.as_raw_fd());
    let _ = peers.get(&0);
    let _ = queues.get(&0);
}

fn main() {}
