//! What an importer asks of an object file.

use std::collections::HashMap;

use object::elf::FileHeader64;
use object::read::elf::ElfFile;
use object::{
    Endianness, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget, SectionIndex,
    SymbolKind,
};

/// An object file of a BPF program.
pub(super) struct ObjectFile<'a> {
    file: ElfFile<'a, FileHeader64<Endianness>>,
}

/// A variable or a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Symbol<'a> {
    pub(super) name: &'a str,
    /// Where it stands in its section.
    pub(super) offset: u64,
    /// Bytes.
    pub(super) size: u64,
    /// Whether another definition takes precedence over it.
    pub(super) is_weak: bool,
}

impl<'a> ObjectFile<'a> {
    /// Reads the headers of a 64-bit ELF file.
    pub(super) fn parse(data: &'a [u8]) -> Result<Self, String> {
        let file = ElfFile::parse(data).map_err(|error| error.to_string())?;
        Ok(Self { file })
    }

    /// The contents of a section.
    pub(super) fn section(&self, name: &str) -> Option<&'a [u8]> {
        self.file.section_by_name(name)?.data().ok()
    }

    /// Whether numbers have their least significant byte first.
    pub(super) fn is_little_endian(&self) -> bool {
        self.file.is_little_endian()
    }

    /// The variables of a section, by their place.
    pub(super) fn variables(&self, section: &str) -> Vec<Symbol<'a>> {
        let Some(index) = self.file.section_by_name(section).map(|section| section.index()) else {
            return vec![];
        };
        let mut symbols: Vec<Symbol<'a>> = self
            .file
            .symbols()
            .filter(|symbol| {
                symbol.section_index() == Some(index)
                    && !matches!(symbol.kind(), SymbolKind::Section | SymbolKind::File)
            })
            .filter_map(|symbol| {
                Some(Symbol {
                    name: symbol.name().ok().filter(|name| !name.is_empty())?,
                    offset: symbol.address(),
                    size: symbol.size(),
                    is_weak: symbol.is_weak(),
                })
            })
            .collect();
        symbols.sort_by_key(|symbol| symbol.offset);
        symbols
    }

    /// What the addresses in a section lead to: where each stands, and a symbol's name.
    pub(super) fn references(&self, section: &str) -> Vec<(u64, &'a str)> {
        let Some(section) = self.file.section_by_name(section) else { return vec![] };
        let data = section.data().unwrap_or_default();
        let mut by_place = None;
        let mut references = vec![];
        for (at, relocation) in section.relocations() {
            let RelocationTarget::Symbol(index) = relocation.target() else { continue };
            let Ok(symbol) = self.file.symbol_by_index(index) else { continue };
            let name = match (symbol.kind(), symbol.section_index()) {
                // A static variable or function: what is written at the place says where in the
                // section it stands.
                (SymbolKind::Section, Some(target)) => {
                    let by_place = by_place.get_or_insert_with(|| self.by_place());
                    let written = read_u64(data, at, self.is_little_endian()).unwrap_or_default();
                    let offset = written.wrapping_add(relocation.addend().cast_unsigned());
                    by_place.get(&(target, offset)).copied()
                }
                _ => symbol.name().ok(),
            };
            references.extend(name.filter(|name| !name.is_empty()).map(|name| (at, name)));
        }
        references.sort_unstable();
        references
    }

    fn by_place(&self) -> HashMap<(SectionIndex, u64), &'a str> {
        let symbols = self.file.symbols().filter(|symbol| symbol.kind() != SymbolKind::Section);
        let named = symbols.filter_map(|symbol| {
            let name = symbol.name().ok().filter(|name| !name.is_empty())?;
            Some(((symbol.section_index()?, symbol.address()), name))
        });
        named.collect()
    }
}

fn read_u64(data: &[u8], at: u64, little: bool) -> Option<u64> {
    let at = usize::try_from(at).ok()?;
    let bytes = data.get(at..at.checked_add(8)?)?.try_into().ok()?;
    Some(if little { u64::from_le_bytes(bytes) } else { u64::from_be_bytes(bytes) })
}

/// The number of 4 bytes at a place.
pub(super) fn read_u32(data: &[u8], at: usize, little: bool) -> Option<u32> {
    let bytes = data.get(at..at.checked_add(4)?)?.try_into().ok()?;
    Some(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
}
