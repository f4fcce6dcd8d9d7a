//! Reads sections and symbols of an object file for the importer.

use std::collections::{HashMap, HashSet};

use object::elf::{
    ELFMAG, EM_386, EM_AARCH64, EM_ARM, EM_BPF, EM_LOONGARCH, EM_MIPS, EM_NONE, EM_PPC64, EM_RISCV,
    EM_S390, EM_X86_64, ET_REL, FileHeader64, Machine,
};
use object::read::elf::{ElfFile, FileHeader as _};
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
    /// The offset of the symbol in its section.
    pub(super) offset: u64,
    /// The size in bytes.
    pub(super) size: u64,
    /// Whether the symbol is weak, so that another definition takes precedence.
    pub(super) is_weak: bool,
}

impl<'a> Symbol<'a> {
    /// Converts a symbol of the ELF file. Returns `None` for a symbol without a name.
    fn new(symbol: &ElfSymbol<'a, '_>) -> Option<Self> {
        Some(Self {
            name: symbol.name().ok().filter(|name| !name.is_empty())?,
            offset: symbol.address(),
            size: symbol.size(),
            is_weak: symbol.is_weak(),
        })
    }
}

/// A section with its variables, sorted by offset.
pub(super) struct Section<'a> {
    pub(super) name: &'a str,
    pub(super) data: &'a [u8],
    pub(super) variables: Vec<Symbol<'a>>,
}

type ElfSymbol<'a, 'f> = object::read::elf::ElfSymbol<'a, 'f, FileHeader64<Endianness>>;

fn is_variable(symbol: &ElfSymbol<'_, '_>) -> bool {
    !matches!(symbol.kind(), SymbolKind::Section | SymbolKind::File)
}

/// Sorts the variables of a section by offset, and computes missing sizes of variables. `end` is the size of the
/// section in bytes.
fn by_place(mut symbols: Vec<Symbol<'_>>, end: u64) -> Vec<Symbol<'_>> {
    symbols.sort_by_key(|symbol| symbol.offset);
    let (mut next, mut last) = (end, end);
    for symbol in symbols.iter_mut().rev() {
        if symbol.offset != last {
            (next, last) = (last, symbol.offset);
        }
        if symbol.size == 0 {
            symbol.size = next.saturating_sub(symbol.offset);
        }
    }
    symbols
}

impl<'a> ObjectFile<'a> {
    /// Reads the headers of a 64-bit ELF file. Returns an error if the machine is not BPF. The error contains the name
    /// of the machine.
    ///
    /// Source: libbpf, `bpf_object__elf_init`. Old compilers did not set the machine.
    pub(super) fn parse(data: &'a [u8]) -> Result<Self, String> {
        let parsed: Result<ElfFile<'a, FileHeader64<Endianness>>, _> = ElfFile::parse(data);
        let file = match parsed {
            Ok(file) => file,
            Err(_) if data.starts_with(&ELFMAG) && data.get(ELFMAG.len()) == Some(&1) => {
                return Err("expected a 64-bit ELF file, found 32 bits".to_owned());
            }
            Err(error) => return Err(format!("the file is not an object file: {error}")),
        };
        let header = file.elf_header();
        let machine = header.e_machine(file.endian());
        if !matches!(machine, EM_BPF | EM_NONE) {
            return Err(format!(
                "expected an object file for BPF, found one for {}",
                machine_name(machine)
            ));
        }
        if header.e_type(file.endian()) != ET_REL {
            return Err("expected a relocatable object, found a linked file".to_owned());
        }
        Ok(Self { file })
    }

    /// Returns the contents of the section with this name.
    pub(super) fn section(&self, name: &str) -> Option<&'a [u8]> {
        self.file.section_by_name(name)?.data().ok()
    }

    /// Returns whether numbers are little-endian.
    pub(super) fn is_little_endian(&self) -> bool {
        self.file.is_little_endian()
    }

    /// Returns the variables of a section, sorted by offset. If a variable has no size, it ends at the beginning of the
    /// next variable or at the end of the section.
    pub(super) fn variables(&self, section: &str) -> Vec<Symbol<'a>> {
        let Some(section) = self.file.section_by_name(section) else { return vec![] };
        let symbols = self.file.symbols().filter(|symbol| is_variable(symbol));
        let symbols = symbols.filter(|symbol| symbol.section_index() == Some(section.index()));
        by_place(symbols.filter_map(|symbol| Symbol::new(&symbol)).collect(), section.size())
    }

    /// Returns the sections with the name `name` or the prefix `name/`, with their data and
    /// variables. If several sections have the same name, only the first one is returned.
    pub(super) fn sections(&self, name: &str) -> Vec<Section<'a>> {
        let is_one = |of: &str| {
            of.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let (mut found, mut by_index) = (Vec::<Section<'a>>::new(), HashMap::new());
        let mut seen = HashSet::new();
        for section in self.file.sections() {
            let name = section.name_bytes().ok().and_then(|name| std::str::from_utf8(name).ok());
            let Some(name) = name.filter(|name| is_one(name) && seen.insert(*name)) else {
                continue;
            };
            by_index.insert(section.index(), found.len());
            let data = section.data().unwrap_or_default();
            found.push(Section { name, data, variables: vec![] });
        }
        for symbol in self.file.symbols().filter(is_variable) {
            let Some(at) = symbol.section_index().and_then(|index| by_index.get(&index)) else {
                continue;
            };
            found[*at].variables.extend(Symbol::new(&symbol));
        }
        for section in &mut found {
            let size = u64::try_from(section.data.len()).unwrap_or(u64::MAX);
            section.variables = by_place(std::mem::take(&mut section.variables), size);
        }
        found
    }

    /// Returns the relocations of a section. Each consists of an offset and the name of the symbol to which the
    /// relocation refers.
    pub(super) fn references(&self, section: &str) -> Vec<(u64, &'a str)> {
        let Some(section) = self.file.section_by_name(section) else { return vec![] };
        let data = section.data().unwrap_or_default();
        let mut by_place = None;
        let mut references = vec![];
        for (at, relocation) in section.relocations() {
            let RelocationTarget::Symbol(index) = relocation.target() else { continue };
            let Ok(symbol) = self.file.symbol_by_index(index) else { continue };
            let name = match (symbol.kind(), symbol.section_index()) {
                // For a static variable or function, the number at the relocated position is the offset of the variable
                // or function in the target section.
                (SymbolKind::Section, Some(target)) => {
                    let by_place = by_place.get_or_insert_with(|| self.by_place());
                    let written = read_u64(data, at, self.is_little_endian()).unwrap_or_default();
                    let offset = written.wrapping_add_signed(relocation.addend());
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

/// Returns the name of a machine.
fn machine_name(machine: Machine) -> String {
    let name = match machine {
        EM_386 => "32-bit x86",
        EM_MIPS => "MIPS",
        EM_PPC64 => "64-bit PowerPC",
        EM_S390 => "s390",
        EM_ARM => "32-bit Arm",
        EM_X86_64 => "x86-64",
        EM_AARCH64 => "64-bit Arm",
        EM_RISCV => "RISC-V",
        EM_LOONGARCH => "LoongArch",
        other => return format!("the ELF machine number {}", other.0),
    };
    name.to_owned()
}

fn read_u64(data: &[u8], at: u64, little: bool) -> Option<u64> {
    let at = usize::try_from(at).ok()?;
    let bytes = data.get(at..at.checked_add(8)?)?.try_into().ok()?;
    Some(if little { u64::from_le_bytes(bytes) } else { u64::from_be_bytes(bytes) })
}

/// Reads the 4-byte number at the offset `at`. Returns `None` if the data is too short.
pub(super) fn read_u32(data: &[u8], at: usize, little: bool) -> Option<u32> {
    let bytes = data.get(at..at.checked_add(4)?)?.try_into().ok()?;
    Some(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
}
