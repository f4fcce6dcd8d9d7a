//! Reads and writes the records of ring buffers as bytes. [`Map`] uses the readers and the writer
//! of `bpfmap`. [`Untyped`](crate::untyped::Untyped) uses the readers and the writer of libbpf.
//!
//! Each method panics if the kernel refuses the operation.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use bpfmap::kind::{ReadPerCpuRecords, ReadRecords, WriteRecords};
use bpfmap::{EventSpec, Map, PerfBuffer, RingBuf, UserRingBuf, bytes_of, from_bytes};
use libbpf_rs::{MapCore as _, Object, PerfBufferBuilder, RingBufferBuilder, UserRingBuffer};

use crate::handle::Handle;
use crate::untyped::Untyped;

/// A time limit within which every event arrives, even on a slow machine.
const LONG: Duration = Duration::from_secs(20);

/// A ring buffer to which programs write.
pub trait TakeRecords: Handle {
    /// Opens the reader of the map in a loaded object.
    fn open_reader<'o>(&self, object: &'o Object) -> Box<dyn Reader + 'o>;
}

/// A map with a ring for each CPU, to which programs write.
pub trait TakeCpuRecords: Handle {
    /// Opens the reader of the map in a loaded object.
    fn open_reader<'o>(&self, object: &'o Object) -> Box<dyn CpuReader + 'o>;
}

/// A ring buffer to which user space writes.
pub trait SendRecords: Handle {
    /// Opens the writer of the map in a loaded object.
    fn open_writer<'o>(&self, object: &'o Object) -> Box<dyn Writer + 'o>;
}

/// A reader of records.
pub trait Reader {
    /// Waits for the next record and returns it. Returns `None` if no record arrives in time.
    fn wait_and_read(&mut self) -> Option<Vec<u8>>;

    /// Returns the next record, or `None` if there is no unread record.
    fn read(&mut self) -> Option<Vec<u8>>;

    /// Returns the number of bytes that have not been read yet.
    fn unread(&self) -> u64;
}

/// A reader of the records of all CPUs. Each record comes with the number of its CPU.
pub trait CpuReader {
    /// Waits for the next record and returns it. Returns `None` if no record arrives in time.
    fn wait_and_read(&mut self) -> Option<(usize, Vec<u8>)>;

    /// Returns the next record, or `None` if there is no unread record.
    fn read(&mut self) -> Option<(usize, Vec<u8>)>;

    /// Returns the number of lost records.
    fn lost(&self) -> u64;
}

/// A writer of records.
pub trait Writer {
    /// Sends a record. Returns `false` if there is no space.
    fn send(&mut self, record: &[u8]) -> bool;
}

impl<S: EventSpec<Kind: ReadRecords>> TakeRecords for Map<S> {
    fn open_reader<'o>(&self, _: &'o Object) -> Box<dyn Reader + 'o> {
        Box::new(RingBuf::open(self).unwrap_or_else(|error| panic!("{error}")))
    }
}

impl<S: EventSpec> Reader for RingBuf<S> {
    fn wait_and_read(&mut self) -> Option<Vec<u8>> {
        let woken = self.wait(Some(LONG)).unwrap_or_else(|error| panic!("{error}"));
        if woken { Reader::read(self) } else { None }
    }

    fn read(&mut self) -> Option<Vec<u8>> {
        let event = Self::read(self).unwrap_or_else(|error| panic!("{error}"));
        event.map(|event| bytes_of(event).to_vec())
    }

    fn unread(&self) -> u64 {
        Self::unread(self)
    }
}

impl<S: EventSpec<Kind: ReadPerCpuRecords>> TakeCpuRecords for Map<S> {
    fn open_reader<'o>(&self, _: &'o Object) -> Box<dyn CpuReader + 'o> {
        Box::new(PerfBuffer::open(self).unwrap_or_else(|error| panic!("{error}")))
    }
}

impl<S: EventSpec> CpuReader for PerfBuffer<S> {
    fn wait_and_read(&mut self) -> Option<(usize, Vec<u8>)> {
        let woken = self.wait(Some(LONG)).unwrap_or_else(|error| panic!("{error}"));
        if woken { CpuReader::read(self) } else { None }
    }

    fn read(&mut self) -> Option<(usize, Vec<u8>)> {
        let record = Self::read(self).unwrap_or_else(|error| panic!("{error}"));
        record.map(|record| (record.cpu as usize, bytes_of(record.event).to_vec()))
    }

    fn lost(&self) -> u64 {
        Self::lost(self)
    }
}

impl<S: EventSpec<Kind: WriteRecords>> SendRecords for Map<S> {
    fn open_writer<'o>(&self, _: &'o Object) -> Box<dyn Writer + 'o> {
        Box::new(UserRingBuf::open(self).unwrap_or_else(|error| panic!("{error}")))
    }
}

impl<S: EventSpec> Writer for UserRingBuf<S> {
    fn send(&mut self, record: &[u8]) -> bool {
        assert_eq!(self.unread(), 0, "the previous event still takes space");
        let event = from_bytes(record).expect("an event has the size that its description states");
        Self::send(self, &event).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Records that a callback of libbpf has stored and that have not been read yet.
type Arrived<T> = Rc<RefCell<VecDeque<T>>>;

impl TakeRecords for Untyped {
    fn open_reader<'o>(&self, object: &'o Object) -> Box<dyn Reader + 'o> {
        let arrived = Arrived::default();
        let records = Rc::clone(&arrived);
        let map = in_object(object, self.name());
        let mut rings = RingBufferBuilder::new();
        let added = rings.add(&map, move |record| {
            records.borrow_mut().push_back(record.to_vec());
            0
        });
        added.unwrap_or_else(|error| panic!("{error:?}"));
        let rings = rings.build().unwrap_or_else(|error| panic!("{error:?}"));
        Box::new(Rings { rings, arrived })
    }
}

struct Rings<'o> {
    rings: libbpf_rs::RingBuffer<'o>,
    arrived: Arrived<Vec<u8>>,
}

impl Reader for Rings<'_> {
    fn wait_and_read(&mut self) -> Option<Vec<u8>> {
        if self.arrived.borrow().is_empty() {
            self.rings.poll(LONG).unwrap_or_else(|error| panic!("{error:?}"));
        }
        self.arrived.borrow_mut().pop_front()
    }

    fn read(&mut self) -> Option<Vec<u8>> {
        self.rings.consume().unwrap_or_else(|error| panic!("{error:?}"));
        self.arrived.borrow_mut().pop_front()
    }

    fn unread(&self) -> u64 {
        use libbpf_rs::AsRawLibbpf as _;
        use libbpf_rs::libbpf_sys::{ring__avail_data_size, ring_buffer__ring};
        // SAFETY: the rings belong to libbpf, and there is exactly one.
        unsafe {
            ring__avail_data_size(ring_buffer__ring(self.rings.as_libbpf_object().as_ptr(), 0))
        }
    }
}

impl TakeCpuRecords for Untyped {
    fn open_reader<'o>(&self, object: &'o Object) -> Box<dyn CpuReader + 'o> {
        let (arrived, lost) = (Arrived::default(), Rc::<RefCell<u64>>::default());
        let (records, losses) = (Rc::clone(&arrived), Rc::clone(&lost));
        let size = usize::try_from(self.def().event.size()).expect("an event fits into memory");
        let map = in_object(object, self.name());
        let rings = PerfBufferBuilder::new(&map)
            .sample_cb(move |cpu, record: &[u8]| {
                let cpu = usize::try_from(cpu).expect("the number of a CPU");
                // The kernel rounds the size of a record up.
                records.borrow_mut().push_back((cpu, record[..size.min(record.len())].to_vec()));
            })
            .lost_cb(move |_, count| *losses.borrow_mut() += count)
            .build();
        let rings = rings.unwrap_or_else(|error| panic!("{error:?}"));
        Box::new(CpuRings { rings, arrived, lost })
    }
}

struct CpuRings<'o> {
    rings: libbpf_rs::PerfBuffer<'o>,
    arrived: Arrived<(usize, Vec<u8>)>,
    lost: Rc<RefCell<u64>>,
}

impl CpuReader for CpuRings<'_> {
    fn wait_and_read(&mut self) -> Option<(usize, Vec<u8>)> {
        if self.arrived.borrow().is_empty() {
            self.rings.poll(LONG).unwrap_or_else(|error| panic!("{error:?}"));
        }
        self.arrived.borrow_mut().pop_front()
    }

    fn read(&mut self) -> Option<(usize, Vec<u8>)> {
        self.rings.consume().unwrap_or_else(|error| panic!("{error:?}"));
        self.arrived.borrow_mut().pop_front()
    }

    fn lost(&self) -> u64 {
        *self.lost.borrow()
    }
}

impl SendRecords for Untyped {
    fn open_writer<'o>(&self, object: &'o Object) -> Box<dyn Writer + 'o> {
        let map = in_object(object, self.name());
        Box::new(UserRingBuffer::new(&map).unwrap_or_else(|error| panic!("{error:?}")))
    }
}

impl Writer for UserRingBuffer {
    fn send(&mut self, record: &[u8]) -> bool {
        let Ok(mut sample) = self.reserve(record.len()) else { return false };
        sample.copy_from_slice(record);
        self.submit(sample).is_ok()
    }
}

/// Returns the map of a loaded object that has this name.
fn in_object<'o>(object: &'o Object, name: &str) -> libbpf_rs::Map<'o> {
    object.maps().find(|map| map.name() == name).expect("the object has the map")
}
