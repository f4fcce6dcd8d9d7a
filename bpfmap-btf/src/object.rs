//! Finds the BTF in an object file.

use crate::reader::{Order, Reader};

/// Returns the contents of the section `.BTF` of a 64-bit ELF file, such as an object that clang compiled for BPF.
/// Returns `None` if `file` is not an ELF file or does not have the section.
///
/// Source: `include/uapi/linux/elf.h`, `struct elf64_hdr` and `struct elf64_shdr`.
#[must_use]
pub fn section_of_object(file: &[u8]) -> Option<&[u8]> {
    let order = match file.get(..6)? {
        [0x7f, b'E', b'L', b'F', 2, 1] => Order::Little,
        [0x7f, b'E', b'L', b'F', 2, 2] => Order::Big,
        _ => return None,
    };
    let from = |at: u64| Some(Reader::new(file.get(usize::try_from(at).ok()?..)?, order));
    let table = from(40)?.u64().ok()?;
    let mut rest = from(58)?;
    let mut next = || rest.u16().ok().map(u64::from);
    let (entry_size, count, names) = (next()?, next()?, next()?);
    // Returns the name, the offset and the size of a section.
    let section = |index: u64| -> Option<(u32, u64, u64)> {
        let at = table.checked_add(index.checked_mul(entry_size)?)?;
        let (mut name, mut place) = (from(at)?, from(at.checked_add(24)?)?);
        Some((name.u32().ok()?, place.u64().ok()?, place.u64().ok()?))
    };
    let bytes = |(_, at, size): (u32, u64, u64)| -> Option<&[u8]> {
        let (start, end) =
            (usize::try_from(at).ok()?, usize::try_from(at.checked_add(size)?).ok()?);
        file.get(start..end)
    };
    let names = bytes(section(names)?)?;
    let found = (0..count).filter_map(section).find(|(name, ..)| {
        let name = usize::try_from(*name).ok().and_then(|at| names.get(at..));
        name.is_some_and(|name| name.starts_with(b".BTF\0"))
    });
    bytes(found?)
}
