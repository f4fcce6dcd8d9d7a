//! Benchmarks of reading events from a ring buffer. The loop that is written by hand reads 8 bytes
//! of each event directly in the ring buffer, like `consume_in_place`. The safe methods copy each
//! event before they return it.

use crate::maps::Error;
use crate::measure::{Contender, Job, compare};
use aya::maps::{Map as AyaMap, MapData};
use bpfmap::TypeDesc;
use bpfmap::{EventSpec, Map, MapDef, MapSpec, RingBuf};
use core::hint::black_box;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use libbpf_rs::{MapHandle, RingBufferBuilder};
use libbpf_sys::{BPF_PROG_TYPE_SOCKET_FILTER, bpf_insn, bpf_test_run_opts};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

/// The number of events in the ring buffer when reading begins.
const EVENTS: u32 = 1000;
/// The size of the ring buffer in bytes. It is large enough for all events.
const RING: u32 = 1 << 20;

macro_rules! ring {
    ($name:ident, $event:ty as $layout:expr) => {
        enum $name {}
        impl MapSpec for $name {
            type Kind = bpfmap::kind::Ringbuf;
            type Key = ();
            type Value = ();
            const DEF: MapDef<'static> =
                bpfmap::kind::Ringbuf::def(stringify!($name), TypeDesc::VOID, TypeDesc::VOID)
                    .max_entries(RING)
                    .event($layout);
        }
        impl EventSpec for $name {
            type Event = $event;
        }
    };
}
ring!(Small, [u64; 1] as &TypeDesc::Array { element: TypeDesc::U64, len: 1 });
ring!(Large, [u64; 8] as &TypeDesc::Array { element: TypeDesc::U64, len: 8 });
ring!(Huge, [u64; 64] as &TypeDesc::Array { element: TypeDesc::U64, len: 64 });

pub(crate) fn jobs(rounds: u32) -> Result<Vec<Job>, Error> {
    Ok(vec![
        read::<Small, 1>("ring buffer, events of 8 bytes", rounds)?,
        read::<Large, 8>("ring buffer, events of 64 bytes", rounds)?,
        read::<Huge, 64>("ring buffer, events of 512 bytes", rounds)?,
    ])
}

fn read<S, const WORDS: usize>(name: &'static str, rounds: u32) -> Result<Job, Error>
where
    S: EventSpec<Event = [u64; WORDS], Kind = bpfmap::kind::Ringbuf>,
{
    // Each contender uses a separate ring buffer, because each contender has its own read position.
    let fill = |map: &Map<S>| filler(map.as_raw_fd(), WORDS);
    let maps = [(); 8].map(|()| Map::<S>::create());
    let [by_hand, again, place, own, one, records, libbpf, aya] = maps;
    let (by_hand, again, place) = (by_hand?, again?, place?);
    let (own, one, records) = (own?, one?, records?);
    let (libbpf, aya) = (libbpf?, aya?);

    let fillers = [&by_hand, &again, &place, &own, &one, &records, &libbpf, &aya].map(fill);
    let [
        fill_by_hand,
        fill_again,
        fill_place,
        fill_own,
        fill_one,
        fill_records,
        fill_libbpf,
        fill_aya,
    ] = fillers;
    let (mut hand, mut hand_again) = (Bare::open(&by_hand)?, Bare::open(&again)?);
    let (mut reader, mut iterator) = (RingBuf::open(&own)?, RingBuf::open(&records)?);
    let (mut in_place, mut each) = (RingBuf::open(&place)?, RingBuf::open(&one)?);
    let handle = MapHandle::from_map_id(libbpf.info()?.id)?;
    let mut builder = RingBufferBuilder::new();
    builder.add(&handle, |record: &[u8]| {
        black_box(record.first_chunk::<8>().map(|word| u64::from_ne_bytes(*word)));
        0
    })?;
    let libbpf_ring = builder.build()?;
    let data = MapData::from_fd(aya.as_fd().try_clone_to_owned()?)?;
    let mut aya_ring = aya::maps::RingBuf::try_from(AyaMap::RingBuf(data))?;

    Ok(compare(
        name,
        EVENTS,
        rounds,
        vec![
            Contender::prepared("by hand", fill_by_hand?, |_| hand.consume()),
            Contender::prepared("by hand again", fill_again?, |_| hand_again.consume()),
            Contender::prepared("bpfmap, in place", fill_place?, |_| {
                // SAFETY: only this program uses the map, and the map has no other reader.
                let read = unsafe {
                    in_place.consume_in_place(|event| {
                        black_box(event[0]);
                    })
                };
                let _ = black_box(read);
            }),
            Contender::prepared("bpfmap", fill_own?, |_| {
                let _ = black_box(reader.consume(|event| {
                    black_box(event[0]);
                }));
            }),
            Contender::prepared("bpfmap, one by one", fill_one?, |_| {
                while let Ok(Some(event)) = each.read() {
                    black_box(event[0]);
                }
            }),
            Contender::prepared("bpfmap, iterator", fill_records?, |_| {
                for event in iterator.records() {
                    let _ = black_box(event.map(|event| event[0]));
                }
            }),
            Contender::prepared("libbpf-rs", fill_libbpf?, |_| {
                let _ = black_box(libbpf_ring.consume());
            }),
            Contender::prepared("aya", fill_aya?, |_| {
                while let Some(record) = aya_ring.next() {
                    black_box(record.first_chunk::<8>().map(|word| u64::from_ne_bytes(*word)));
                }
            }),
        ],
    ))
}

/// Returns a function that fills a ring buffer with records of `words` zero words.
fn filler(ring: RawFd, words: usize) -> Result<impl FnMut(), Error> {
    let instruction = |code: u8, registers: u8, off: i16, imm: i32| {
        let mut instruction = bpf_insn { code, off, imm, ..bpf_insn::default() };
        instruction.set_dst_reg(registers & 0xf);
        instruction.set_src_reg(registers >> 4);
        instruction
    };
    let size = i32::try_from(words * 8)?;
    // *(u64 *)(r10 - …) = 0
    let mut program: Vec<bpf_insn> =
        (1..=i16::try_from(words)?).map(|word| instruction(0x7a, 0x0a, -8 * word, 0)).collect();
    program.extend([
        // r1 = the map
        instruction(0x18, 0x11, 0, ring),
        instruction(0, 0, 0, 0),
        // r2 = r10 - size
        instruction(0xbf, 0xa2, 0, 0),
        instruction(0x07, 0x02, 0, -size),
        // r3 = size; r4 = BPF_RB_NO_WAKEUP; bpf_ringbuf_output
        instruction(0xb7, 0x03, 0, size),
        instruction(0xb7, 0x04, 0, 1),
        instruction(0x85, 0, 0, 130),
        // r0 = 0; exit
        instruction(0xb7, 0, 0, 0),
        instruction(0x95, 0, 0, 0),
    ]);
    // SAFETY: the number of instructions is correct, and the names end with a zero byte.
    let fd = unsafe {
        libbpf_sys::bpf_prog_load(
            BPF_PROG_TYPE_SOCKET_FILTER,
            c"fill".as_ptr(),
            c"GPL".as_ptr(),
            program.as_ptr(),
            program.len() as u64,
            null_mut(),
        )
    };
    if fd < 0 {
        return Err(std::io::Error::from_raw_os_error(-fd).into());
    }
    // SAFETY: libbpf has just created this descriptor, and nothing else owns it.
    let program = unsafe { OwnedFd::from_raw_fd(fd) };
    Ok(move || run(&program))
}

/// Runs a program once for each event.
fn run(program: &OwnedFd) {
    let packet = [0_u8; 64];
    let mut options = bpf_test_run_opts {
        sz: size_of::<bpf_test_run_opts>() as u64,
        data_in: packet.as_ptr().cast(),
        data_size_in: 64,
        repeat: i32::try_from(EVENTS).unwrap_or(i32::MAX),
        ..bpf_test_run_opts::default()
    };
    // SAFETY: the length of the packet is correct.
    let done = unsafe { libbpf_sys::bpf_prog_test_run_opts(program.as_raw_fd(), &raw mut options) };
    assert_eq!(done, 0, "the program can't fill the ring buffer");
}

/// A reader that is written by hand: a loop over the mapped memory.
struct Bare {
    consumer: *mut u8,
    producer: *mut u8,
    page: usize,
}

impl Bare {
    fn open<S: MapSpec>(map: &Map<S>) -> Result<Self, Error> {
        const PAGE: usize = 4096;
        let fd = map.as_raw_fd();
        let write = libc::PROT_READ | libc::PROT_WRITE;
        let map_memory = |len, access, offset| {
            // SAFETY: this creates a new mapping at an address that the kernel chooses.
            let memory =
                unsafe { libc::mmap(null_mut(), len, access, libc::MAP_SHARED, fd, offset) };
            if memory == libc::MAP_FAILED { null_mut() } else { memory.cast::<u8>() }
        };
        let consumer = map_memory(PAGE, write, 0);
        let producer = map_memory(PAGE + 2 * RING as usize, libc::PROT_READ, 4096);
        if consumer.is_null() || producer.is_null() {
            return Err(std::io::Error::last_os_error().into());
        }
        Ok(Self { consumer, producer, page: PAGE })
    }

    fn consume(&mut self) {
        // SAFETY: both positions are at the start of their pages, and each record is in the data or
        // in its second copy.
        unsafe {
            let consumer = AtomicU64::from_ptr(self.consumer.cast());
            let end = AtomicU64::from_ptr(self.producer.cast()).load(Ordering::Acquire);
            let mut position = consumer.load(Ordering::Relaxed);
            while position < end {
                #[allow(
                    clippy::cast_possible_truncation,
                    reason = "the number is smaller than the size of the ring buffer"
                )]
                let offset = (position & u64::from(RING - 1)) as usize;
                let record = self.producer.add(self.page + offset);
                let len = AtomicU32::from_ptr(record.cast()).load(Ordering::Acquire);
                if len >> 31 != 0 {
                    return;
                }
                black_box(record.add(8).cast::<[u8; 8]>().read());
                position += (u64::from(len & !(3 << 30)) + 8).next_multiple_of(8);
                consumer.store(position, Ordering::Release);
            }
        }
    }
}
