//! Benchmarks of operations on one entry.

use crate::floor::{self, bpf};
use crate::maps::{Array, Contended, Error, Hash, Lpm, PercpuArray, PercpuHash, Prefix, Queue};
use crate::measure::{Contender, Job, compare};
use aya::maps::{Map as AyaMap, lpm_trie::Key as AyaKey};
use bpfmap::{PerCpu, UpdateMode, possible_cpus};
use core::hint::black_box;
use core::mem::MaybeUninit;
use core::ptr::{from_mut, from_ref, null};
use libbpf_rs::{MapCore, MapFlags};

/// The number of operations of a contender in a round. They take about 200 microseconds.
const OPERATIONS: u32 = 200;
/// The number of keys in the map.
const KEYS: u32 = 1024;

/// Runs a block for each of a number of operations, with the key of the operation.
macro_rules! each {
    ($key:ident in $keys:expr => $body:block) => {
        move |operations: u32| {
            for number in 0..operations {
                let $key: u32 = black_box($keys + number % KEYS);
                $body
            }
        }
    };
}

/// Looks up a `u64` with the bare system call.
macro_rules! bare_lookup {
    ($fd:expr, $key:expr) => {{
        let key = $key;
        let mut value = MaybeUninit::<u64>::uninit();
        let value_address = value.as_mut_ptr().cast();
        let done = bpf(floor::LOOKUP, $fd, from_ref(&key).cast(), value_address, 32);
        // SAFETY: the kernel has written the value.
        black_box((done == 0).then(|| unsafe { value.assume_init() }));
    }};
}

pub(crate) fn jobs(rounds: u32) -> Result<Vec<Job>, Error> {
    Ok(vec![
        hash_lookup("hash lookup, hit", 0, rounds)?,
        hash_lookup("hash lookup, miss", 1_000_000, rounds)?,
        hash_update(rounds)?,
        array_lookup(rounds)?,
        percpu_array_lookup(rounds)?,
        percpu_hash_lookup(rounds)?,
        lpm_lookup(rounds)?,
        queue_push_pop(rounds)?,
    ])
}

/// Returns the contenders that look up a `u64` value by a `u32` key.
macro_rules! lookups {
    ($name:expr, $first:expr, $rounds:expr, $maps:ident, $aya:ident) => {{
        let (fd, own, libbpf, first, aya) = ($maps.fd, &$maps.own, &$maps.libbpf, $first, &$aya);
        Ok(compare(
            $name,
            OPERATIONS,
            $rounds,
            vec![
                Contender::new("bare call", each!(key in first => { bare_lookup!(fd, key) })),
                Contender::new("bare call again", each!(key in first => { bare_lookup!(fd, key) })),
                Contender::new(
                    "bpfmap",
                    each!(key in first => {
                        black_box(own.lookup(&key).unwrap_or(None));
                    }),
                ),
                Contender::new(
                    "libbpf-sys",
                    each!(key in first => {
                        let mut value = MaybeUninit::<u64>::uninit();
                        // SAFETY: the buffers have the sizes of the map's keys and values.
                        let done = unsafe {
                            libbpf_sys::bpf_map_lookup_elem(fd, from_ref(&key).cast(), value.as_mut_ptr().cast())
                        };
                        // SAFETY: the kernel has written the value.
                        black_box((done == 0).then(|| unsafe { value.assume_init() }));
                    }),
                ),
                Contender::new(
                    "libbpf-rs",
                    each!(key in first => {
                        black_box(libbpf.lookup(&key.to_ne_bytes(), MapFlags::ANY).unwrap_or(None));
                    }),
                ),
                Contender::new("aya", each!(key in first => { let _ = black_box(aya.get(&key, 0)); })),
            ],
        ))
    }};
}

fn hash_lookup(name: &'static str, first: u32, rounds: u32) -> Result<Job, Error> {
    let maps = Contended::<Hash>::new()?;
    maps.own.extend((0..KEYS).map(|key| (key, u64::from(key))))?;
    let aya: aya::maps::HashMap<_, u32, u64> = maps.aya(AyaMap::HashMap)?;
    lookups!(name, first, rounds, maps, aya)
}

fn hash_update(rounds: u32) -> Result<Job, Error> {
    let maps = Contended::<Hash>::new()?;
    let mut aya: aya::maps::HashMap<_, u32, u64> = maps.aya(AyaMap::HashMap)?;
    let (fd, own, libbpf) = (maps.fd, &maps.own, &maps.libbpf);
    let bare = || {
        each!(key in 0 => {
            let mut value = u64::from(key);
            black_box(bpf(floor::UPDATE, fd, from_ref(&key).cast(), from_mut(&mut value).cast(), 32));
        })
    };
    Ok(compare(
        "hash update",
        OPERATIONS,
        rounds,
        vec![
            Contender::new("bare call", bare()),
            Contender::new("bare call again", bare()),
            Contender::new(
                "bpfmap",
                each!(key in 0 => {
                    let _ = black_box(own.update(&key, &u64::from(key), UpdateMode::Any));
                }),
            ),
            Contender::new(
                "libbpf-sys",
                each!(key in 0 => {
                    let value = u64::from(key);
                    // SAFETY: the buffers have the sizes of the map's keys and values.
                    black_box(unsafe {
                        libbpf_sys::bpf_map_update_elem(fd, from_ref(&key).cast(), from_ref(&value).cast(), 0)
                    });
                }),
            ),
            Contender::new(
                "libbpf-rs",
                each!(key in 0 => {
                    let value = u64::from(key).to_ne_bytes();
                    let _ = black_box(libbpf.update(&key.to_ne_bytes(), &value, MapFlags::ANY));
                }),
            ),
            Contender::new("aya", move |operations| {
                for number in 0..operations {
                    let key = black_box(number % KEYS);
                    let _ = black_box(aya.insert(key, u64::from(key), 0));
                }
            }),
        ],
    ))
}

fn array_lookup(rounds: u32) -> Result<Job, Error> {
    let maps = Contended::<Array>::new()?;
    let aya: aya::maps::Array<_, u64> = maps.aya(AyaMap::Array)?;
    lookups!("array lookup", 0, rounds, maps, aya)
}

/// Returns a lookup of the values of all CPUs with the bare system call. All lookups use the same
/// buffer.
fn bare_percpu(fd: i32, cpus: usize) -> impl FnMut(u32) {
    let mut values = vec![0_u64; cpus];
    each!(key in 0 => {
        let address = values.as_mut_ptr().cast();
        black_box(bpf(floor::LOOKUP, fd, from_ref(&key).cast(), address, 32));
        black_box(&values);
    })
}

/// Returns the contenders that look up a `u64` value for each CPU by a `u32` key.
macro_rules! percpu_lookups {
    ($name:expr, $rounds:expr, $maps:ident, $aya:ident) => {{
        let (fd, own, libbpf, aya) = ($maps.fd, &$maps.own, &$maps.libbpf, &$aya);
        let (cpus, mut buffer) = (possible_cpus()?, PerCpu::zeroed()?);
        Ok(compare(
            $name,
            OPERATIONS,
            $rounds,
            vec![
                Contender::new("bare call", bare_percpu(fd, cpus)),
                Contender::new("bare call again", bare_percpu(fd, cpus)),
                Contender::new(
                    "bpfmap",
                    each!(key in 0 => {
                        let _ = black_box(own.lookup_into(&key, &mut buffer));
                    }),
                ),
                Contender::new(
                    "bpfmap, owned",
                    each!(key in 0 => {
                        let _ = black_box(own.lookup(&key));
                    }),
                ),
                Contender::new(
                    "libbpf-rs",
                    each!(key in 0 => {
                        let _ = black_box(libbpf.lookup_percpu(&key.to_ne_bytes(), MapFlags::ANY));
                    }),
                ),
                Contender::new("aya", each!(key in 0 => { let _ = black_box(aya.get(&key, 0)); })),
            ],
        ))
    }};
}

fn percpu_array_lookup(rounds: u32) -> Result<Job, Error> {
    let maps = Contended::<PercpuArray>::new()?;
    let aya: aya::maps::PerCpuArray<_, u64> = maps.aya(AyaMap::PerCpuArray)?;
    percpu_lookups!("percpu_array lookup", rounds, maps, aya)
}

fn percpu_hash_lookup(rounds: u32) -> Result<Job, Error> {
    let maps = Contended::<PercpuHash>::new()?;
    let zero = PerCpu::zeroed()?;
    maps.own.extend((0..KEYS).map(|key| (key, zero.clone())))?;
    let aya: aya::maps::PerCpuHashMap<_, u32, u64> = maps.aya(AyaMap::PerCpuHashMap)?;
    percpu_lookups!("percpu_hash lookup", rounds, maps, aya)
}

fn lpm_lookup(rounds: u32) -> Result<Job, Error> {
    let maps = Contended::<Lpm>::new()?;
    maps.own.extend((0..KEYS).map(|key| (Prefix { prefixlen: 32, address: key.to_be() }, 1)))?;
    let aya: aya::maps::lpm_trie::LpmTrie<_, u32, u64> = maps.aya(AyaMap::LpmTrie)?;
    let (fd, own, libbpf) = (maps.fd, &maps.own, &maps.libbpf);
    let prefix = |key: u32| Prefix { prefixlen: 32, address: key.to_be() };
    Ok(compare(
        "lpm_trie lookup",
        OPERATIONS,
        rounds,
        vec![
            Contender::new("bare call", each!(key in 0 => { bare_lookup!(fd, prefix(key)) })),
            Contender::new("bare call again", each!(key in 0 => { bare_lookup!(fd, prefix(key)) })),
            Contender::new(
                "bpfmap",
                each!(key in 0 => {
                    black_box(own.lookup(&prefix(key)).unwrap_or(None));
                }),
            ),
            Contender::new(
                "libbpf-rs",
                each!(key in 0 => {
                    let key = prefix(key);
                    black_box(libbpf.lookup(bpfmap::bytes_of(&key), MapFlags::ANY).unwrap_or(None));
                }),
            ),
            Contender::new(
                "aya",
                each!(key in 0 => {
                    let _ = black_box(aya.get(&AyaKey::new(32, key.to_be()), 0));
                }),
            ),
        ],
    ))
}

fn queue_push_pop(rounds: u32) -> Result<Job, Error> {
    let maps = Contended::<Queue>::new()?;
    let mut aya: aya::maps::Queue<_, u64> = maps.aya(AyaMap::Queue)?;
    let (fd, own, libbpf) = (maps.fd, &maps.own, &maps.libbpf);
    let bare = || {
        each!(key in 0 => {
            let mut value = u64::from(key);
            black_box(bpf(floor::UPDATE, fd, null(), from_mut(&mut value).cast(), 32));
            let mut value = MaybeUninit::<u64>::uninit();
            let done = bpf(floor::TAKE, fd, null(), value.as_mut_ptr().cast(), 32);
            // SAFETY: the kernel has written the value.
            black_box((done == 0).then(|| unsafe { value.assume_init() }));
        })
    };
    Ok(compare(
        "queue push and pop",
        OPERATIONS / 2,
        rounds,
        vec![
            Contender::new("bare call", bare()),
            Contender::new("bare call again", bare()),
            Contender::new(
                "bpfmap",
                each!(key in 0 => {
                    let _ = black_box(own.push(&u64::from(key), UpdateMode::Any));
                    black_box(own.pop().unwrap_or(None));
                }),
            ),
            Contender::new(
                "libbpf-rs",
                each!(key in 0 => {
                    let value = u64::from(key).to_ne_bytes();
                    let _ = black_box(libbpf.update(&[], &value, MapFlags::ANY));
                    let _ = black_box(libbpf.lookup_and_delete(&[]));
                }),
            ),
            Contender::new("aya", move |operations| {
                for number in 0..operations {
                    let _ = black_box(aya.push(u64::from(black_box(number % KEYS)), 0));
                    let _ = black_box(aya.pop(0));
                }
            }),
        ],
    ))
}
