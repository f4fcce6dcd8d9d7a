//! What an object file of 1 MiB needs to be imported, whatever is in it: 64 MiB at most.

#[path = "support/memory.rs"]
mod memory;

use std::path::Path;

use bpfmap_schema::front::btf::read_object;
use memory::{LIMIT, most_used};
use object::write::{Object, StandardSection, Symbol, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, SectionKind, SymbolFlags, SymbolKind, SymbolScope,
};

const INPUT: usize = 1 << 20;

/// Kinds of types, as in `include/uapi/linux/btf.h`.
const INT: u32 = 1;
const PTR: u32 = 2;
const ARRAY: u32 = 3;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const ENUM: u32 = 6;
const TYPEDEF: u32 = 8;
const CONST: u32 = 10;
const VAR: u32 = 14;
const DATASEC: u32 = 15;
const DECL_TAG: u32 = 17;

/// BTF as it is written, type by type.
struct Writer {
    types: Vec<u8>,
    strings: Vec<u8>,
    count: u32,
}

impl Writer {
    /// With the types that every map needs.
    fn new() -> Self {
        let mut writer = Self { types: vec![], strings: vec![0], count: 0 };
        let name = writer.string("unsigned int");
        assert_eq!(writer.add(name, INT, 0, 4, &[32]), UINT);
        writer
    }

    fn string(&mut self, text: &str) -> u32 {
        let at = self.strings.len();
        self.strings.extend(text.bytes().chain([0]));
        u32::try_from(at).unwrap()
    }

    /// Adds a type: `third` is its size or the type that it refers to.
    fn add(&mut self, name: u32, kind: u32, len: u32, third: u32, rest: &[u32]) -> u32 {
        for word in [name, kind << 24 | len, third].iter().chain(rest) {
            self.types.extend(word.to_le_bytes());
        }
        self.count += 1;
        self.count
    }

    /// Returns a struct of members: name, type, offset in bits.
    fn structure(&mut self, name: u32, size: u32, members: &[[u32; 3]]) -> u32 {
        let len = u32::try_from(members.len()).unwrap();
        self.add(name, STRUCT, len, size, members.as_flattened())
    }

    /// Returns what libbpf reads as a number: a pointer to an array of this many elements.
    fn number(&mut self, value: u32) -> u32 {
        let array = self.add(0, ARRAY, 0, 0, &[UINT, UINT, value]);
        self.add(0, PTR, 0, array, &[])
    }

    /// Returns a variable for a hash table with values of this type.
    fn map(&mut self, name: &str, value: u32) -> u32 {
        let (hash, entries) = (self.number(1), self.number(16));
        let (key, value) = (self.add(0, PTR, 0, UINT, &[]), self.add(0, PTR, 0, value, &[]));
        let names = ["type", "max_entries", "key", "value"].map(|name| self.string(name));
        let members: Vec<_> = names
            .iter()
            .zip([hash, entries, key, value])
            .zip((0..).step_by(64))
            .map(|((name, ty), offset)| [*name, ty, offset])
            .collect();
        let definition = self.structure(0, 32, &members);
        let name = self.string(name);
        self.add(name, VAR, 0, definition, &[1])
    }

    /// Returns whether there is room for this many bytes more.
    fn has_room(&self, bytes: usize) -> bool {
        self.types.len() + self.strings.len() + bytes + 4096 < INPUT
    }

    /// Returns an object file with these maps, all of one size.
    fn finish(mut self, maps: &[(String, u32)]) -> Vec<u8> {
        let entries: Vec<u32> =
            maps.iter().zip(0..).flat_map(|((_, var), at)| [*var, at * 32, 32]).collect();
        let (name, len) = (self.string(".maps"), u32::try_from(maps.len()).unwrap());
        self.add(name, DATASEC, len & 0xffff, len * 32, &entries);
        let header = [24, 0, u32::try_from(self.types.len()).unwrap()];
        let strings = u32::try_from(self.strings.len()).unwrap();
        let mut btf = vec![0x9f, 0xeb, 1, 0];
        for word in header.into_iter().chain([header[2], strings]) {
            btf.extend(word.to_le_bytes());
        }
        btf.extend(self.types);
        btf.extend(self.strings);

        let mut object = Object::new(BinaryFormat::Elf, Architecture::Bpf, Endianness::Little);
        object.section_id(StandardSection::Text);
        let section = object.add_section(vec![], b".BTF".to_vec(), SectionKind::Other);
        object.append_section_data(section, &btf, 8);
        let section = object.add_section(vec![], b".maps".to_vec(), SectionKind::Data);
        for (name, _) in maps {
            let value = object.append_section_data(section, &[0; 32], 8);
            object.add_symbol(Symbol {
                name: name.clone().into_bytes(),
                value,
                size: 32,
                kind: SymbolKind::Data,
                scope: SymbolScope::Dynamic,
                weak: false,
                section: SymbolSection::Section(section),
                flags: SymbolFlags::None,
            });
        }
        object.write().unwrap()
    }

    fn one_map(mut self, value: u32) -> Vec<u8> {
        let map = self.map("m", value);
        self.finish(&[("m".to_owned(), map)])
    }
}

/// `unsigned int`.
const UINT: u32 = 1;

/// Returns what is built of types as long as there is room, each made of the one before.
fn tower(mut one: impl FnMut(&mut Writer, u32) -> u32) -> Vec<u8> {
    let mut writer = Writer::new();
    let mut below = UINT;
    while writer.has_room(64) {
        below = one(&mut writer, below);
    }
    writer.one_map(below)
}

/// Returns a name that a type may well have, and far too long.
fn long_name(writer: &mut Writer) -> u32 {
    writer.string(&"n".repeat(INPUT / 2))
}

/// Imports each of the named objects.
fn assert_bounded(objects: Vec<(&str, Vec<u8>)>) {
    let mut over = vec![];
    for (name, data) in objects {
        assert!(data.len() > INPUT / 2 && data.len() <= INPUT, "{name}: {} bytes", data.len());
        let (imported, most) = most_used(|| read_object(Path::new("hostile.bpf.o"), &data, None));
        println!(
            "{name}: {} KiB, {} maps, {} types, {} findings",
            most >> 10,
            imported.schema.maps.len(),
            imported.schema.types.len(),
            imported.findings.len()
        );
        assert!(!imported.schema.maps.is_empty() || !imported.findings.is_empty(), "{name}");
        if most > LIMIT {
            over.push(name);
        }
    }
    assert!(over.is_empty(), "more than {} MiB: {over:?}", LIMIT >> 20);
}

/// One after the other, since all are counted together.
#[test]
fn objects() {
    assert_bounded(towers());
    assert_bounded(members());
    assert_bounded(maps());
}

fn towers() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("structs in structs", {
            let mut number = 0;
            tower(move |writer, below| {
                number += 1;
                let (name, member) = (writer.string(&format!("s{number}")), writer.string("a"));
                writer.structure(name, 4, &[[member, below, 0]])
            })
        }),
        (
            "structs without names in structs",
            tower(|writer, below| writer.structure(0, 4, &[[0, below, 0]])),
        ),
        ("structs twice in structs", {
            let mut size = 4_u32;
            tower(move |writer, below| {
                let member = writer.structure(
                    0,
                    size.wrapping_mul(2),
                    &[[0, below, 0], [0, below, size.wrapping_mul(8)]],
                );
                size = size.wrapping_mul(2);
                member
            })
        }),
        ("empty structs twice in structs", {
            let mut is_first = true;
            tower(move |writer, below| {
                let below = if is_first { writer.structure(0, 0, &[]) } else { below };
                is_first = false;
                writer.structure(0, 0, &[[0, below, 0], [0, below, 0]])
            })
        }),
        (
            "unions twice in unions",
            tower(|writer, below| writer.add(0, UNION, 2, 4, &[0, below, 0, 0, below, 0])),
        ),
        ("arrays of arrays", tower(|writer, below| writer.add(0, ARRAY, 0, 0, &[below, UINT, 2]))),
        (
            "arrays of one element",
            tower(|writer, below| writer.add(0, ARRAY, 0, 0, &[below, UINT, 1])),
        ),
        ("pointers", tower(|writer, below| writer.add(0, PTR, 0, below, &[]))),
        ("typedefs", {
            let mut number = 0;
            tower(move |writer, below| {
                number += 1;
                let name = writer.string(&format!("t{number}"));
                writer.add(name, TYPEDEF, 0, below, &[])
            })
        }),
        ("const const", tower(|writer, below| writer.add(0, CONST, 0, below, &[]))),
    ]
}

fn members() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("members", {
            let mut writer = Writer::new();
            let name = writer.string("a");
            let members: Vec<_> = (0..0xffff).map(|index| [name, UINT, index * 32]).collect();
            let value = writer.structure(name, 0xffff * 4, &members);
            writer.one_map(value)
        }),
        ("members with names", {
            let mut writer = Writer::new();
            let members: Vec<_> = (0..40_000)
                .map(|index| [writer.string(&format!("m{index}")), UINT, index * 32])
                .collect();
            let name = writer.string("a");
            let value = writer.structure(name, 160_000, &members);
            writer.one_map(value)
        }),
        ("members of two structs", {
            let mut writer = Writer::new();
            let name = writer.string("a");
            let members: Vec<_> = (0..42_000).map(|index| [name, UINT, index * 32]).collect();
            let first = writer.structure(0, 42_000 * 4, &members);
            let mut members = members;
            members.push([name, first, 42_000 * 32]);
            let value = writer.structure(0, 84_000 * 4, &members);
            writer.one_map(value)
        }),
        ("members with holes", {
            let mut writer = Writer::new();
            let members: Vec<_> = (0..30_000)
                .map(|index| [writer.string(&format!("__pad_{index}")), UINT, index * 64])
                .collect();
            let value = writer.structure(0, 30_000 * 8, &members);
            writer.one_map(value)
        }),
        ("members nowhere", {
            let mut writer = Writer::new();
            let members: Vec<_> = (0..30_000)
                .map(|index| [writer.string(&format!("m{index}")), UINT, index * 17])
                .collect();
            let value = writer.structure(0, 30_000 * 8, &members);
            writer.one_map(value)
        }),
        ("structs with one long name", {
            let mut writer = Writer::new();
            let name = long_name(&mut writer);
            let mut below = UINT;
            while writer.has_room(64) {
                below = writer.structure(name, 4, &[[name, below, 0]]);
            }
            writer.one_map(below)
        }),
        ("members with one long name", {
            let mut writer = Writer::new();
            let name = long_name(&mut writer);
            let members: Vec<_> = (0..20_000).map(|index| [name, UINT, index * 32]).collect();
            let value = writer.structure(name, 80_000, &members);
            writer.one_map(value)
        }),
        ("values of an enum with one long name", {
            let mut writer = Writer::new();
            let name = long_name(&mut writer);
            let values: Vec<_> = (0..30_000).flat_map(|value| [name, value]).collect();
            let value = writer.add(name, ENUM, 30_000, 4, &values);
            writer.one_map(value)
        }),
        ("values of an enum", {
            let mut writer = Writer::new();
            let values: Vec<_> = (0..0xffff)
                .flat_map(|value| {
                    [if value < 0x8000 { writer.string(&format!("v{value}")) } else { 1 }, value]
                })
                .collect();
            let name = writer.string("e");
            let value = writer.add(name, ENUM, 0xffff, 4, &values);
            writer.one_map(value)
        }),
    ]
}

fn maps() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("tags", {
            let mut writer = Writer::new();
            let name = writer.string("tag");
            let map = writer.map("m", UINT);
            while writer.has_room(16) {
                writer.add(name, DECL_TAG, 0, map, &[u32::MAX]);
            }
            writer.finish(&[("m".to_owned(), map)])
        }),
        ("long tags", {
            let mut writer = Writer::new();
            let name = long_name(&mut writer);
            let map = writer.map("m", UINT);
            while writer.has_room(16) {
                writer.add(name, DECL_TAG, 0, map, &[u32::MAX]);
            }
            writer.finish(&[("m".to_owned(), map)])
        }),
        ("maps of their own", {
            let mut writer = Writer::new();
            let mut maps = vec![];
            for number in 0..3_000 {
                let name = format!("m{number}");
                maps.push((name.clone(), writer.map(&name, UINT)));
            }
            writer.finish(&maps)
        }),
        ("maps of one definition", {
            let mut writer = Writer::new();
            let first = writer.map("m0", UINT);
            let definition = first - 1;
            let mut maps = vec![("m0".to_owned(), first)];
            for number in 1..8_000 {
                let name = format!("m{number}");
                let at = writer.string(&name);
                maps.push((name, writer.add(at, VAR, 0, definition, &[1])));
            }
            writer.finish(&maps)
        }),
        ("one map many times", {
            let mut writer = Writer::new();
            let map = writer.map("m", UINT);
            writer.finish(&vec![("m".to_owned(), map); 12_000])
        }),
        ("maps with a large value in common", {
            let mut writer = Writer::new();
            let name = writer.string("a");
            let members: Vec<_> = (0..20_000).map(|index| [name, UINT, index * 32]).collect();
            let value = writer.structure(0, 80_000, &members);
            let mut maps = vec![];
            for number in 0..1_500 {
                let name = format!("m{number}");
                maps.push((name.clone(), writer.map(&name, value)));
            }
            writer.finish(&maps)
        }),
    ]
}
