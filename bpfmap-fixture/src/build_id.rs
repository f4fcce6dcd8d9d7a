//! Looks up the build IDs of the files that are loaded into this process.

use std::ffi::c_void;

/// Returns whether a file with this build ID is loaded into this process and contains code at this
/// offset.
pub(crate) fn is_code_of(build_id: &[u8; 20], offset: u64) -> bool {
    let mut wanted = Wanted { build_id: *build_id, offset, is_found: false };
    // SAFETY: the function interprets its argument as the type that is passed here.
    unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut wanted).cast()) };
    wanted.is_found
}

struct Wanted {
    build_id: [u8; 20],
    offset: u64,
    is_found: bool,
}

/// Examines a loaded file. Returns a number other than 0 to end the search.
unsafe extern "C" fn look(
    info: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    wanted: *mut c_void,
) -> libc::c_int {
    // SAFETY: this is the pointer that `is_code_of` passes, and no other code uses it.
    let wanted = unsafe { &mut *wanted.cast::<Wanted>() };
    // SAFETY: dl_iterate_phdr(3) guarantees that the pointer is valid. The file stays loaded during
    // the call.
    let info = unsafe { &*info };
    // SAFETY: the pointer and the length describe the file's own table of segments.
    let segments = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let is_code = segments.iter().any(|segment| {
        segment.p_type == libc::PT_LOAD
            && segment.p_flags & libc::PF_X != 0
            && (segment.p_offset..segment.p_offset + segment.p_filesz).contains(&wanted.offset)
    });
    let notes = segments.iter().filter(|segment| segment.p_type == libc::PT_NOTE);
    let is_ours = notes.into_iter().any(|segment| {
        let size = |size: u64| {
            usize::try_from(size).expect("a size in the memory of this process fits in a `usize`")
        };
        let address = std::ptr::with_exposed_provenance(size(info.dlpi_addr + segment.p_vaddr));
        // SAFETY: a segment of a loaded file is in memory, and notes are only read.
        let notes = unsafe { std::slice::from_raw_parts(address, size(segment.p_memsz)) };
        build_id(notes, if segment.p_align == 8 { 8 } else { 4 })
            .is_some_and(|found| wanted.build_id.starts_with(found))
    });
    wanted.is_found = is_ours && is_code;
    wanted.is_found.into()
}

/// Returns the build ID in the notes of an ELF file. A note consists of the size of its name, the
/// size of its description, its type, the name and the description. Padding follows the name and
/// the description. Source: elf(5).
fn build_id(mut notes: &[u8], align: usize) -> Option<&[u8]> {
    const NT_GNU_BUILD_ID: u32 = 3;
    loop {
        let (head, rest) = notes.split_first_chunk::<12>()?;
        let word = |at: usize| u32::from_ne_bytes([0, 1, 2, 3].map(|byte| head[at + byte]));
        let (name_len, len) = (word(0) as usize, word(4) as usize);
        let name = rest.get(..name_len)?;
        let start = (12 + name_len).next_multiple_of(align) - 12;
        let description = rest.get(start..start + len)?;
        if word(8) == NT_GNU_BUILD_ID && name == b"GNU\0" {
            return Some(description);
        }
        notes = rest.get((12 + start + len).next_multiple_of(align) - 12..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_id_is_found_after_other_notes() {
        let mut notes = vec![];
        for (name, description, kind) in
            [(b"abcd\0", &[1; 5][..], 7_u32), (b"GNU\0\0", &[9; 20], 3)]
        {
            let name: &[u8] = if kind == 3 { &name[..4] } else { name };
            let sizes = [name.len(), description.len()].map(|len| u32::try_from(len).unwrap());
            notes.extend([sizes[0], sizes[1], kind].iter().flat_map(|word| word.to_ne_bytes()));
            notes.extend(name);
            notes.resize(notes.len().next_multiple_of(4), 0);
            notes.extend(description);
            notes.resize(notes.len().next_multiple_of(4), 0);
        }
        assert_eq!(build_id(&notes, 4), Some(&[9; 20][..]));
        assert_eq!(build_id(&notes[..30], 4), None);
        assert_eq!(build_id(&[], 4), None);
    }
}
