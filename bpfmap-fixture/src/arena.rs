//! Steps for arenas, which are memory that both programs and user space write and read.

use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;

use crate::handle::OpenArena;
use crate::program::program_of;
use crate::raw::{last_answer, page_size};
use crate::{Answer, Fixture, pattern};

/// The number of words that both sides write into a page. The programs use the same number.
const WORDS: usize = 16;

pub(crate) type Words = [u64; WORDS];

/// Checks that the program can allocate a page, and that user space reads the words that the
/// program wrote into the page.
pub(crate) fn finds_in_the_arena_what_the_program_wrote(fixture: &Fixture, map: &impl OpenArena) {
    let arena = map.open_arena(fixture.object());
    let page = fixture.run_syscall(&program_of("write", map.name()), 0);
    let page = u32::from_ne_bytes(page.to_ne_bytes());
    assert_ne!(page, 0, "{}: the program can't allocate a page", map.name());
    // The program sets the lowest bit of its result if it returns an address, because the lower
    // half of an address can be 0.
    let page = arena.address() >> 32 << 32 | u64::from(page & !1);
    let words = arena.follow(page);
    let words = words.unwrap_or_else(|| {
        panic!("{page:#x} does not lie in the arena from {:#x} on", arena.address())
    });
    assert_eq!(words, expected());
}

/// Checks that user space can access a page that no program has allocated. The kernel allocates
/// such a page on the first access.
pub(crate) fn touches_a_page_that_no_program_has_allocated(
    fixture: &Fixture,
    map: &impl OpenArena,
) {
    let last = last_page(fixture, map);
    assert_eq!(read_by_the_kernel(last), Answer::OK, "{}: the page at {last:#x}", map.name());
}

/// Checks that user space can't access a page before a program has allocated the page. The arena
/// must have the flag `BPF_F_SEGV_ON_FAULT`.
pub(crate) fn touches_no_page_before_a_program_allocates_it(
    fixture: &Fixture,
    map: &impl OpenArena,
) {
    let name = map.name();
    let last = last_page(fixture, map);
    let answer = read_by_the_kernel(last);
    assert_eq!(answer, Answer(libc::EFAULT), "{name}: the page at {last:#x}, at first");
    let allocated = fixture.run_syscall(&program_of("read", name), lower_half(last));
    assert_eq!(allocated, 0, "{name}: the program can't allocate the page");
    assert_eq!(read_by_the_kernel(last), Answer::OK, "{name}: the page at {last:#x}");
}

/// Returns the address of the last page of an arena.
fn last_page(fixture: &Fixture, map: &impl OpenArena) -> u64 {
    let arena = map.open_arena(fixture.object());
    arena.address() + (arena.len() - page_size()) as u64
}

/// Checks that the program reads the words that user space wrote into a page.
pub(crate) fn writes_into_the_arena_what_the_program_finds(
    fixture: &Fixture,
    map: &impl OpenArena,
) {
    let arena = map.open_arena(fixture.object());
    // The test uses the last words of the arena, so that it fails if the arena is one page too
    // short.
    let pointer = arena.store(arena.len() - size_of::<Words>(), expected());
    let word = fixture.run_syscall(&program_of("check", map.name()), lower_half(pointer));
    assert_eq!(word, 0, "{}: the number of the first word that differs, from 1", map.name());
}

/// Returns the lower half of an address, which is the argument of a program.
fn lower_half(address: u64) -> u32 {
    let [low @ .., _, _, _, _] = address.to_le_bytes();
    u32::from_le_bytes(low)
}

fn expected() -> Words {
    core::array::from_fn(|word| pattern(word as u64))
}

/// Makes the kernel read the byte at an address, by calling `write(2)` with a buffer at this
/// address.
fn read_by_the_kernel(address: u64) -> Answer {
    let (_reader, writer) = UnixStream::pair().expect("two descriptors are free");
    let address = usize::try_from(address).expect("an address");
    // SAFETY: the kernel reads the byte at the address, and returns EFAULT if nothing is mapped
    // there.
    let written = unsafe {
        let byte = std::ptr::with_exposed_provenance::<libc::c_void>(address);
        libc::write(writer.as_raw_fd(), byte, 1)
    };
    if written == 1 { Answer::OK } else { last_answer() }
}
