//! Sections of an ELF file.

use super::BtfError;
use super::reader::{Order, Reader};

/// The section `name` of the 64-bit ELF file `data`; `None` when it has none, or is no such file.
#[must_use]
pub fn section<'a>(data: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let [0x7f, b'E', b'L', b'F', 2, order, ..] = data else { return None };
    let order = if *order == 2 { Order::Big } else { Order::Little };
    let mut header = Reader::new(data.get(0x28..)?, order);
    let table_at = header.u64().ok()?;
    header.skip(10).ok()?;
    let entry_size = header.u16().ok()?;
    let count = header.u16().ok()?;
    let names_index = header.u16().ok()?;
    let entry = |index: u16| -> Option<Section> {
        let at = table_at.checked_add(u64::from(index) * u64::from(entry_size))?;
        Section::read(Reader::new(data.get(usize::try_from(at).ok()?..)?, order)).ok()
    };
    let names = entry(names_index)?.contents(data)?;
    (0..count).filter_map(entry).find_map(|section| {
        let text = names.get(section.name as usize..)?;
        let end = text.iter().position(|byte| *byte == 0)?;
        (&text[..end] == name.as_bytes()).then(|| section.contents(data))?
    })
}

struct Section {
    name: u32,
    offset: u64,
    size: u64,
}

impl Section {
    fn read(mut reader: Reader<'_>) -> Result<Self, BtfError> {
        let name = reader.u32()?;
        // Type, flags and address.
        reader.skip(4 + 8 + 8)?;
        Ok(Self { name, offset: reader.u64()?, size: reader.u64()? })
    }

    fn contents<'a>(&self, data: &'a [u8]) -> Option<&'a [u8]> {
        let start = usize::try_from(self.offset).ok()?;
        let end = start.checked_add(usize::try_from(self.size).ok()?)?;
        data.get(start..end)
    }
}
