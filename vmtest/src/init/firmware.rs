//! Files that QEMU passes to the guest (`-fw_cfg`), read through its DMA interface.
//!
//! The kernel's own driver for these files is a module and reads one byte at a time. DMA is ten
//! times as fast, and needs only one request for each contiguous run of pages. The format is
//! described in QEMU's `docs/specs/fw_cfg.rst`.

use crate::arch::guest::FirmwareDma;
use std::io::{self, BufRead, Read};
use std::os::unix::fs::FileExt;
use std::ptr::NonNull;
use std::sync::atomic::{Ordering, fence};

const DIRECTORY: u16 = 0x19;
const CONTROL_ERROR: u32 = 1;
const CONTROL_READ: u32 = 2;
const CONTROL_SELECT: u32 = 8;
const PAGE: usize = 4096;
const WINDOW: usize = 1 << 20;

/// The device through which QEMU offers its files.
pub(super) struct Device {
    window: Window,
    dma: FirmwareDma,
}

/// A file that QEMU offers.
pub(super) struct Firmware<'a> {
    device: &'a mut Device,
    select: Option<u16>,
    left: usize,
}

impl<'a> Firmware<'a> {
    /// Returns a reader of the whole file. The reader's buffer is the memory that QEMU writes to.
    pub(super) fn reader(self) -> impl BufRead + use<'a> {
        FirmwareReader { firmware: self, length: 0, at: 0 }
    }
}

/// Reads a file from QEMU in pieces of at most 1 MiB.
struct FirmwareReader<'a> {
    firmware: Firmware<'a>,
    /// The length of the piece in the window, and the number of its bytes that were already read.
    length: usize,
    at: usize,
}

impl BufRead for FirmwareReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let Firmware { device, select, left } = &mut self.firmware;
        if self.at == self.length {
            (self.length, self.at) = ((*left).min(WINDOW), 0);
            *left -= self.length;
            if self.length > 0 {
                device.read(select.take(), self.length)?;
            }
        }
        Ok(&device.window.data(self.length)[self.at..])
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }
}

impl Read for FirmwareReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(out)?;
        self.consume(length);
        Ok(length)
    }
}

impl Device {
    /// Prepares the device. The preparation takes a while, so call this before the guest is saved.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { dma: FirmwareDma::open()?, window: Window::new()? })
    }

    /// Denies this process the device. Through the device, a process can read and write all memory.
    pub(super) fn close(self) -> io::Result<()> {
        self.dma.close()
    }

    /// Opens the file that was passed to QEMU as `name`. Returns `None` if QEMU has no such file.
    pub(super) fn find(&mut self, name: &str) -> io::Result<Option<Firmware<'_>>> {
        let count = self.read(Some(DIRECTORY), 4)?;
        let count = be32(count);
        for index in 0..count {
            // The first read selects the same item again, which only moves back to its beginning.
            let entry = self.read(None, 64)?;
            let (size, select) = (be32(entry), u16::from_be_bytes([entry[4], entry[5]]));
            let end = entry[8..].iter().position(|byte| *byte == 0).unwrap_or(56);
            if &entry[8..8 + end] == name.as_bytes() {
                let left = size as usize;
                return Ok(Some(Firmware { device: self, select: Some(select), left }));
            }
            if index > 4096 {
                break;
            }
        }
        Ok(None)
    }

    /// Opens the file that was passed to QEMU as `name`. Fails if QEMU has no such file.
    pub(super) fn open(&mut self, name: &str) -> io::Result<Firmware<'_>> {
        let missing =
            || io::Error::new(io::ErrorKind::NotFound, format!("QEMU has no file {name}"));
        self.find(name)?.ok_or_else(missing)
    }

    /// Reads `length` bytes, at most [`WINDOW`]. The bytes come from the item `select`, or from the
    /// item that is already selected if `select` is `None`.
    fn read(&mut self, select: Option<u16>, length: usize) -> io::Result<&[u8]> {
        let select = select.map_or(0, |item| CONTROL_SELECT | u32::from(item) << 16);
        let mut control = select | CONTROL_READ;
        let mut at = 0;
        while at < length {
            let run = self.window.run(at, length - at);
            self.window.transfer(&self.dma, control, at, run)?;
            control = CONTROL_READ;
            at += run;
        }
        Ok(self.window.data(length))
    }
}

/// Memory whose physical addresses are known: one page for the request, followed by the data.
struct Window {
    memory: NonNull<u8>,
    pages: Vec<u64>,
}

impl Window {
    fn new() -> io::Result<Self> {
        use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
        let size = PAGE + WINDOW;
        // SAFETY: a new private mapping, used by this struct alone and never unmapped.
        let memory = unsafe {
            mmap_anonymous(
                std::ptr::null_mut(),
                size,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE | MapFlags::LOCKED | MapFlags::POPULATE,
            )?
        };
        let memory = NonNull::new(memory.cast::<u8>()).expect("no mapping is at zero");
        let map = std::fs::File::open("/proc/self/pagemap")?;
        let first = memory.as_ptr() as usize / PAGE;
        let pages = (first..first + size / PAGE)
            .map(|page| {
                let mut entry = [0; 8];
                map.read_exact_at(&mut entry, page as u64 * 8)?;
                let entry = u64::from_ne_bytes(entry);
                match entry & ((1 << 55) - 1) {
                    frame if entry >> 63 == 1 && frame != 0 => Ok(frame * PAGE as u64),
                    _ => Err(io::Error::other("the kernel does not reveal physical addresses")),
                }
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { memory, pages })
    }

    fn data(&self, length: usize) -> &[u8] {
        assert!(length <= WINDOW);
        // SAFETY: the bytes are within the mapping, and they are initialised because the kernel
        // zeroes the mapping. The device writes to them only while `transfer`, which takes `&mut
        // self`, waits.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr().add(PAGE), length) }
    }

    /// Returns the number of bytes starting at `at`, at most `length`, that are contiguous in
    /// physical memory.
    fn run(&self, at: usize, length: usize) -> usize {
        let pages = &self.pages[1 + at / PAGE..];
        let side_by_side =
            pages.windows(2).take_while(|pair| pair[1] == pair[0] + PAGE as u64).count();
        ((side_by_side + 1) * PAGE - at % PAGE).min(length)
    }

    fn transfer(
        &mut self,
        dma: &FirmwareDma,
        control: u32,
        at: usize,
        length: usize,
    ) -> io::Result<()> {
        let target = self.pages[1 + at / PAGE] + (at % PAGE) as u64;
        let length = u32::try_from(length).expect("a run is within the window");
        let mut request = [0; 16];
        request[..4].copy_from_slice(&control.to_be_bytes());
        request[4..8].copy_from_slice(&length.to_be_bytes());
        request[8..].copy_from_slice(&target.to_be_bytes());
        // SAFETY: the page of the request belongs to this struct. The device writes `length` bytes
        // from `target` on, and then the control word. `run` limits these bytes to contiguous pages
        // of this locked mapping.
        unsafe {
            self.memory.as_ptr().cast::<[u8; 16]>().write_volatile(request);
            fence(Ordering::SeqCst);
            dma.start(self.pages[0]);
        }
        loop {
            fence(Ordering::SeqCst);
            // SAFETY: the first word of the request's page, which is ours.
            let control = unsafe { self.memory.as_ptr().cast::<[u8; 4]>().read_volatile() };
            match u32::from_be_bytes(control) {
                0 => return Ok(()),
                control if control & CONTROL_ERROR != 0 => {
                    return Err(io::Error::other("QEMU refused to transfer the payload"));
                }
                _ => std::hint::spin_loop(),
            }
        }
    }
}

fn be32(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}
