//! Benchmarks of operations on all entries of a map.

use crate::floor::{self, bpf};
use crate::maps::{Array, Contended, Error, Hash, PercpuHash};
use crate::measure::{Contender, Job, compare};
use aya::maps::Map as AyaMap;
use bpfmap::{Map, MapSpec, PerCpu, possible_cpus};
use core::hint::black_box;
use core::ptr::{from_mut, from_ref, null};
use libbpf_rs::{MapCore, MapFlags, MapHandle};

/// The name of the second copy of the bare loop. The difference between the two copies shows the
/// noise of the measurement.
const AGAIN: &str = "bare loop again";

/// The number of entries in each map.
pub(crate) const ENTRIES: u32 = 100_000;

pub(crate) fn jobs(rounds: u32) -> Result<Vec<Job>, Error> {
    Ok(vec![
        walk_hash(rounds)?,
        walk_percpu_hash(rounds)?,
        walk_array(rounds)?,
        extend_hash(rounds)?,
        clear_hash(rounds)?,
        drain_hash(rounds)?,
    ])
}

/// Asserts that a contender has seen every entry.
fn all_seen(name: &str, seen: usize) {
    assert_eq!(seen, ENTRIES as usize, "{name} lost entries");
}

/// Returns the usual loop over a map: it gets the next key and looks up its value.
fn bare_walk<V: Copy>(fd: i32, mut value: V) -> impl FnMut(u32) {
    move |_| {
        let mut seen = 0;
        let mut key = 0_u32;
        let mut after = null();
        while bpf(floor::NEXT_KEY, fd, after, from_mut(&mut key).cast(), 32) == 0 {
            if bpf(floor::LOOKUP, fd, from_ref(&key).cast(), from_mut(&mut value).cast(), 32) == 0 {
                seen += 1;
                black_box((key, value));
            }
            after = from_ref(&key).cast();
        }
        all_seen("the bare loop", seen);
    }
}

/// Returns the usual loop over a per-CPU map, like [`bare_walk`].
fn bare_percpu_walk(fd: i32, cpus: usize) -> impl FnMut(u32) {
    let mut values = vec![0_u64; cpus];
    move |_| {
        let mut seen = 0;
        let mut key = 0_u32;
        let mut after = null();
        while bpf(floor::NEXT_KEY, fd, after, from_mut(&mut key).cast(), 32) == 0 {
            let address = values.as_mut_ptr().cast();
            if bpf(floor::LOOKUP, fd, from_ref(&key).cast(), address, 32) == 0 {
                seen += 1;
                black_box((key, &values));
            }
            after = from_ref(&key).cast();
        }
        all_seen("the bare loop", seen);
    }
}

/// Returns a loop over the indices of an array.
fn bare_array_walk(fd: i32) -> impl FnMut(u32) {
    move |_| {
        let mut value = 0_u64;
        let mut seen = 0;
        for key in 0..ENTRIES {
            let address = from_mut(&mut value).cast();
            if bpf(floor::LOOKUP, fd, from_ref(&key).cast(), address, 32) == 0 {
                seen += 1;
                black_box((key, value));
            }
        }
        all_seen("the bare loop", seen);
    }
}

/// Returns a loop with the iterator of bpfmap, which uses batches if the map supports them.
fn own_walk<S: MapSpec<Key = u32>>(map: &Map<S>) -> impl FnMut(u32) + '_
where
    S::Kind: bpfmap::kind::Iterate + bpfmap::kind::LookupElement,
{
    move |_| {
        let mut seen = 0;
        for entry in map {
            let _ = black_box(entry).inspect(|_| seen += 1);
        }
        all_seen("bpfmap", seen);
    }
}

/// Returns a loop with libbpf-rs: it gets each key, and calls `lookup` for the key.
fn libbpf_walk<V>(
    map: &MapHandle,
    lookup: impl Fn(&MapHandle, &[u8], MapFlags) -> libbpf_rs::Result<Option<V>>,
) -> impl FnMut(u32) {
    move |_| {
        let mut seen = 0;
        for key in map.keys() {
            if let Ok(Some(value)) = lookup(map, &key, MapFlags::ANY) {
                seen += 1;
                black_box((key, value));
            }
        }
        all_seen("libbpf-rs", seen);
    }
}

fn walk_hash(rounds: u32) -> Result<Job, Error> {
    let maps = Contended::<Hash>::new()?;
    fill(&maps.own)?;
    let single = Map::<Hash>::options().without_batches().from_map(&maps.own)?;
    let aya: aya::maps::HashMap<_, u32, u64> = maps.aya(AyaMap::HashMap)?;
    let (fd, own, libbpf) = (maps.fd, &maps.own, &maps.libbpf);
    Ok(compare(
        "walk hash",
        1,
        rounds,
        vec![
            Contender::new("bare loop", bare_walk(fd, 0_u64)),
            Contender::new(AGAIN, bare_walk(fd, 0_u64)),
            Contender::new("bpfmap", own_walk(own)),
            Contender::new("bpfmap, no batches", own_walk(&single)),
            Contender::new("libbpf-rs", libbpf_walk(libbpf, MapHandle::lookup)),
            Contender::new("aya", move |_| {
                all_seen("aya", aya.iter().filter(|entry| black_box(entry).is_ok()).count());
            }),
        ],
    ))
}

fn walk_percpu_hash(rounds: u32) -> Result<Job, Error> {
    let maps = Contended::<PercpuHash>::new()?;
    let zero = PerCpu::zeroed()?;
    maps.own.extend((0..ENTRIES).map(|key| (key, zero.clone())))?;
    let aya: aya::maps::PerCpuHashMap<_, u32, u64> = maps.aya(AyaMap::PerCpuHashMap)?;
    let (fd, own, libbpf) = (maps.fd, &maps.own, &maps.libbpf);
    let cpus = possible_cpus()?;
    Ok(compare(
        "walk percpu_hash",
        1,
        rounds,
        vec![
            Contender::new("bare loop", bare_percpu_walk(fd, cpus)),
            Contender::new(AGAIN, bare_percpu_walk(fd, cpus)),
            Contender::new("bpfmap", own_walk(own)),
            Contender::new("bpfmap, lent", move |_| {
                let mut seen = 0;
                if let Ok(mut walk) = own.walk() {
                    while let Ok(Some(entry)) = walk.next_entry() {
                        black_box(entry);
                        seen += 1;
                    }
                }
                all_seen("bpfmap, lent", seen);
            }),
            Contender::new("libbpf-rs", libbpf_walk(libbpf, MapHandle::lookup_percpu)),
            Contender::new("aya", move |_| {
                all_seen("aya", aya.iter().filter(|entry| black_box(entry).is_ok()).count());
            }),
        ],
    ))
}

fn walk_array(rounds: u32) -> Result<Job, Error> {
    let maps = Contended::<Array>::new()?;
    let aya: aya::maps::Array<_, u64> = maps.aya(AyaMap::Array)?;
    let (fd, own, libbpf) = (maps.fd, &maps.own, &maps.libbpf);
    Ok(compare(
        "walk array",
        1,
        rounds,
        vec![
            Contender::new("bare loop", bare_array_walk(fd)),
            Contender::new(AGAIN, bare_array_walk(fd)),
            Contender::new("bpfmap", own_walk(own)),
            Contender::new("libbpf-rs", libbpf_walk(libbpf, MapHandle::lookup)),
            Contender::new("aya", move |_| {
                all_seen("aya", aya.iter().filter(|entry| black_box(entry).is_ok()).count());
            }),
        ],
    ))
}

fn entries() -> impl Iterator<Item = (u32, u64)> {
    (0..ENTRIES).map(|key| (key, u64::from(key)))
}

fn fill(map: &Map<Hash>) -> Result<(), Error> {
    map.extend(entries())?;
    Ok(())
}

/// Measures writing many entries. Each round overwrites the same entries.
fn extend_hash(rounds: u32) -> Result<Job, Error> {
    let maps = Contended::<Hash>::new()?;
    let mut aya: aya::maps::HashMap<_, u32, u64> = maps.aya(AyaMap::HashMap)?;
    let (fd, own, libbpf) = (maps.fd, &maps.own, &maps.libbpf);
    let bare = move |_| {
        for (key, mut value) in entries() {
            let address = from_mut(&mut value).cast();
            black_box(bpf(floor::UPDATE, fd, from_ref(&key).cast(), address, 32));
        }
    };
    Ok(compare(
        "extend hash",
        1,
        rounds,
        vec![
            Contender::new("bare loop", bare),
            Contender::new(AGAIN, bare),
            Contender::new("bpfmap", move |_| {
                all_seen("bpfmap", own.extend(entries()).unwrap_or(0));
            }),
            Contender::new("libbpf-rs", move |_| {
                for (key, value) in entries() {
                    let (key, value) = (key.to_ne_bytes(), value.to_ne_bytes());
                    let _ = black_box(libbpf.update(&key, &value, MapFlags::ANY));
                }
            }),
            Contender::new("aya", move |_| {
                for (key, value) in entries() {
                    let _ = black_box(aya.insert(key, value, 0));
                }
            }),
        ],
    ))
}

/// Measures deleting all entries. The time of every contender includes filling the map again, which
/// takes the same time for all contenders.
fn clear_hash(rounds: u32) -> Result<Job, Error> {
    let maps = Contended::<Hash>::new()?;
    let mut aya: aya::maps::HashMap<_, u32, u64> = maps.aya(AyaMap::HashMap)?;
    let (fd, own, libbpf) = (maps.fd, &maps.own, &maps.libbpf);
    let refill = || all_seen("loading", own.extend(entries()).unwrap_or(0));
    let bare = move |_| {
        refill();
        let keys = bare_keys(fd);
        all_seen("the bare loop", keys.iter().filter(|key| bare_delete(fd, **key)).count());
    };
    Ok(compare(
        "extend, then clear hash",
        1,
        rounds,
        vec![
            Contender::new("bare loop", bare),
            Contender::new(AGAIN, bare),
            Contender::new("bpfmap", move |_| {
                refill();
                all_seen("bpfmap", own.clear().unwrap_or(0));
            }),
            Contender::new("libbpf-rs", move |_| {
                refill();
                let keys: Vec<_> = libbpf.keys().collect();
                all_seen("libbpf-rs", keys.iter().filter(|key| libbpf.delete(key).is_ok()).count());
            }),
            Contender::new("aya", move |_| {
                refill();
                let keys: Vec<_> = aya.keys().filter_map(Result::ok).collect();
                all_seen("aya", keys.iter().filter(|key| aya.remove(key).is_ok()).count());
            }),
        ],
    ))
}

/// Measures removing all entries and returning their values, like [`clear_hash`].
fn drain_hash(rounds: u32) -> Result<Job, Error> {
    let maps = Contended::<Hash>::new()?;
    let (fd, own) = (maps.fd, &maps.own);
    let refill = || all_seen("loading", own.extend(entries()).unwrap_or(0));
    let bare = move |_| {
        refill();
        let mut value = 0_u64;
        let keys = bare_keys(fd);
        let taken = keys.iter().filter(|key| {
            let address = from_mut(&mut value).cast();
            black_box(bpf(floor::TAKE, fd, from_ref(*key).cast(), address, 32)) == 0
        });
        all_seen("the bare loop", taken.count());
    };
    Ok(compare(
        "extend, then drain hash",
        1,
        rounds,
        vec![
            Contender::new("bare loop", bare),
            Contender::new(AGAIN, bare),
            Contender::new("bpfmap", move |_| {
                refill();
                all_seen("bpfmap", own.drain().filter(|entry| black_box(entry).is_ok()).count());
            }),
        ],
    ))
}

fn bare_keys(fd: i32) -> Vec<u32> {
    let mut keys = Vec::new();
    let mut key = 0_u32;
    let mut after = null();
    while bpf(floor::NEXT_KEY, fd, after, from_mut(&mut key).cast(), 32) == 0 {
        keys.push(key);
        after = from_ref(&key).cast();
    }
    keys
}

fn bare_delete(fd: i32, key: u32) -> bool {
    bpf(floor::DELETE, fd, from_ref(&key).cast(), core::ptr::null_mut(), 16) == 0
}
