//! Arenas: memory that both sides write and read.

use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;

use crate::program::program_of;
use crate::raw::last_answer;
use crate::raw::page_size;
use crate::{Answer, Fixture, pattern};
use bpfmap::kind::MapArena;
use bpfmap::{KernelPtr, MapSpec, SharedCell};

/// Words of a page that both sides write; the programs know the number too.
const WORDS: usize = 16;

type Words = [u64; WORDS];

impl Fixture {
    /// Asserts that user space finds in a page what the program that allocated it wrote.
    ///
    /// # Panics
    ///
    /// When a word differs, or the program or the kernel fails.
    pub fn finds_in_the_arena_what_the_program_wrote<S>(&self)
    where
        S: MapSpec,
        S::Kind: MapArena,
    {
        let map = self.map::<S>();
        let arena = map.arena_in(self.object()).unwrap_or_else(|error| panic!("{error}"));
        let page = self.run_syscall(&program_of("write", S::DEF.name), 0);
        let page = u32::from_ne_bytes(page.to_ne_bytes());
        assert_ne!(page, 0, "{}: the program gets no page", S::DEF.name);
        // The lowest bit says that there is one: the half of the address may be 0.
        let page = arena.address() >> 32 << 32 | u64::from(page & !1);
        let words: &SharedCell<Words> = arena
            .follow(KernelPtr::new(page))
            .unwrap_or_else(|| panic!("{page:#x} does not lie in {arena:?}"));
        assert_eq!(words.load(), expected());
    }

    /// Asserts that user space can touch the last page of an arena although no program has allocated it: the
    /// kernel does.
    ///
    /// # Panics
    ///
    /// When it can't.
    pub fn touches_a_page_that_no_program_has_allocated<S>(&self)
    where
        S: MapSpec,
        S::Kind: MapArena,
    {
        let last = self.last_page::<S>();
        assert_eq!(read_by_the_kernel(last), Answer::OK, "{}: the page at {last:#x}", S::DEF.name);
    }

    /// Asserts, of an arena with `BPF_F_SEGV_ON_FAULT`, that user space can't touch the last page before a
    /// program has allocated it. The kernel touches it for user space: it answers EFAULT where an
    /// instruction of the process would get SIGSEGV.
    ///
    /// # Panics
    ///
    /// When it can, or can't afterwards, or the program fails.
    pub fn touches_no_page_before_a_program_allocates_it<S>(&self)
    where
        S: MapSpec,
        S::Kind: MapArena,
    {
        let last = self.last_page::<S>();
        let answer = read_by_the_kernel(last);
        assert_eq!(
            answer,
            Answer(libc::EFAULT),
            "{}: the page at {last:#x}, at first",
            S::DEF.name
        );
        let [low @ .., _, _, _, _] = last.to_le_bytes();
        let allocated = self.run_syscall(&program_of("read", S::DEF.name), u32::from_le_bytes(low));
        assert_eq!(allocated, 0, "{}: the program gets no page", S::DEF.name);
        assert_eq!(read_by_the_kernel(last), Answer::OK, "{}: the page at {last:#x}", S::DEF.name);
    }

    /// The address of the last page of an arena.
    fn last_page<S>(&self) -> u64
    where
        S: MapSpec,
        S::Kind: MapArena,
    {
        let map = self.map::<S>();
        let arena = map.arena_in(self.object()).unwrap_or_else(|error| panic!("{error}"));
        arena.address() + (arena.len() - page_size()) as u64
    }

    /// Asserts that the program finds in a page what user space wrote.
    ///
    /// # Panics
    ///
    /// When a word differs, or the program or the kernel fails.
    pub fn writes_into_the_arena_what_the_program_finds<S>(&self)
    where
        S: MapSpec,
        S::Kind: MapArena,
    {
        let map = self.map::<S>();
        let arena = map.arena_in(self.object()).unwrap_or_else(|error| panic!("{error}"));
        // The last words: an arena that is too short by a page would show.
        let offset = arena.len() - size_of::<Words>();
        arena.at::<Words>(offset).expect("the last words lie in the arena").store(expected());
        let pointer = arena.pointer::<Words>(offset).expect("as above");
        let [low @ .., _, _, _, _] = pointer.address().to_le_bytes();
        let program = program_of("check", S::DEF.name);
        let word = self.run_syscall(&program, u32::from_le_bytes(low));
        assert_eq!(word, 0, "{}: the number of the first word that differs, from 1", S::DEF.name);
    }
}

fn expected() -> Words {
    core::array::from_fn(|word| pattern(word as u64))
}

/// Has the kernel read the first byte at an address, as `write(2)` does.
fn read_by_the_kernel(address: u64) -> Answer {
    let (_reader, writer) = UnixStream::pair().expect("a process has two descriptors to spare");
    let address = usize::try_from(address).expect("an address");
    // SAFETY: the kernel reads a byte of whatever is there, and answers EFAULT where nothing is.
    let written = unsafe {
        let byte = std::ptr::with_exposed_provenance::<libc::c_void>(address);
        libc::write(writer.as_raw_fd(), byte, 1)
    };
    if written == 1 { Answer::OK } else { last_answer() }
}
