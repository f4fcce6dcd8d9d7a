use super::*;

/// Returns BTF whose type section consists of `words` and whose string section is `strings`.
fn blob(words: &[u32], strings: &[u8], big: bool) -> Vec<u8> {
    let bytes = |word: u32| if big { word.to_be_bytes() } else { word.to_le_bytes() };
    let mut data = if big { vec![0xeb, 0x9f, 1, 0] } else { vec![0x9f, 0xeb, 1, 0] };
    let types = u32::try_from(words.len() * 4).unwrap();
    for word in [24, 0, types, types, u32::try_from(strings.len()).unwrap()] {
        data.extend(bytes(word));
    }
    data.extend(words.iter().flat_map(|word| bytes(*word)));
    data.extend(strings);
    data
}

/// Returns BTF with `int` and at least one type of each kind.
fn every_kind(big: bool) -> Vec<u8> {
    const FLAG: u32 = 1 << 31;
    let words = [
        // 1: int
        [1, 1 << 24, 4, 1 << 24 | 32].as_slice(),
        // 2: struct pair { int a:3; }
        &[5, FLAG | 4 << 24 | 1, 4, 10, 1, 3 << 24 | 8],
        // 3: union, 4: pointer, 5: array
        &[0, 5 << 24 | 1, 4, 10, 1, 0],
        &[0, 2 << 24, 2],
        &[0, 3 << 24, 0, 4, 1, 7],
        // 6: a signed enum, 7: an enum of 64 bits
        &[5, FLAG | 6 << 24 | 1, 4, 10, u32::MAX],
        &[5, 19 << 24 | 1, 8, 10, 1, 2],
        // 8: union pair; 9: typedef, volatile, const, restrict, and a tag at 13
        &[5, FLAG | 7 << 24, 0],
        &[5, 8 << 24, 5],
        &[0, 9 << 24, 9],
        &[0, 10 << 24, 10],
        &[0, 11 << 24, 11],
        &[5, 18 << 24, 12],
        // 14: a prototype with a parameter and `...`, 15: a function of it
        &[0, 13 << 24 | 2, 0, 10, 1, 0, 0],
        &[5, 12 << 24 | 1, 14],
        // 16: a variable, 17: a section with this variable, 18: a float, 19: tags
        &[10, 14 << 24, 13, 1],
        &[5, 15 << 24 | 1, 0, 16, 0, 56],
        &[5, 16 << 24, 8],
        &[10, 17 << 24, 2, 0],
        &[10, 17 << 24, 16, u32::MAX],
    ];
    blob(&words.concat(), b"\0int\0pair\0a\0", big)
}

#[test]
fn every_kind_is_read_in_both_byte_orders() {
    for data in [every_kind(false), every_kind(true)] {
        let btf = Btf::parse(&data).unwrap();
        assert_eq!(btf.len(), 20);
        let kind = |id| &btf.get(id).unwrap().kind;
        let int = Int {
            size: 4,
            bits: 32,
            bit_offset: 0,
            is_signed: true,
            is_char: false,
            is_bool: false,
        };
        assert_eq!(*kind(1), Kind::Int(int));
        let members = vec![Member { name: "a", ty: 1, bit_offset: 8, bits: 3 }];
        let pair = Kind::Struct(Composite { size: 4, members });
        assert_eq!(btf.get(2), Some(&Type { name: "pair", kind: pair }));
        assert_eq!(*kind(5), Kind::Array(Array { element: 4, index: 1, len: 7 }));
        let value = |id| match kind(id) {
            Kind::Enum(body) => (body.is_signed, body.variants[0].value),
            _ => panic!("no enum"),
        };
        assert_eq!((value(6), value(7)), ((true, -1), (false, 0x2_0000_0001)));
        assert_eq!(*kind(8), Kind::Forward { union: true });
        assert_eq!(btf.resolve(13), Ok(btf.get(5)));
        assert_eq!(btf.unqualified(12), Ok((9, btf.get(9))));
        assert_eq!(btf.unqualified(13), Ok((13, btf.get(13))));
        assert_eq!(btf.size(13), Ok(56));
        assert_eq!(btf.size(16), Ok(56));
        let parameters = vec![Parameter { name: "a", ty: 1 }, Parameter { name: "", ty: 0 }];
        assert_eq!(*kind(14), Kind::Prototype { result: 0, parameters });
        assert_eq!(*kind(15), Kind::Function { prototype: 14, linkage: Linkage::Global });
        let variables = vec![SectionVariable { variable: 16, offset: 0, size: 56 }];
        assert_eq!(*kind(17), Kind::DataSection { size: 0, variables });
        assert_eq!(*kind(19), Kind::DeclTag { target: 2, component: Some(0) });
        assert_eq!(*kind(20), Kind::DeclTag { target: 16, component: None });
        assert_eq!((btf.get(0), btf.get(21)), (None, None));
        assert_eq!(btf.resolve(21), Err(BtfError::Missing(21)));
    }
}

#[test]
fn truncated_or_changed_data_never_panics() {
    let whole = every_kind(false);
    for len in 0..whole.len() {
        assert!(Btf::parse(&whole[..len]).is_err(), "{len} bytes");
    }
    for at in 0..whole.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[at] = value;
            let Ok(btf) = Btf::parse(&changed) else { continue };
            for (id, _) in btf.iter() {
                let _ = (btf.resolve(id), btf.unqualified(id), btf.size(id));
            }
        }
    }
}

#[test]
fn cycles_of_types_are_errors() {
    let words = [[1, 8 << 24, 1].as_slice(), &[0, 3 << 24, 0, 2, 1, 2]].concat();
    let data = blob(&words, b"\0t\0", false);
    let btf = Btf::parse(&data).unwrap();
    assert_eq!(btf.resolve(1), Err(BtfError::Endless(1)));
    assert_eq!(btf.size(2), Err(BtfError::Endless(2)));
}

#[test]
fn a_count_that_exceeds_the_data_allocates_no_memory() {
    let data = blob(&[1, 4 << 24 | 0x00ff_ffff, 4], b"\0s\0", false);
    assert_eq!(Btf::parse(&data).unwrap_err(), BtfError::Truncated);
}

#[test]
fn names_must_be_utf8_and_not_too_long() {
    assert_eq!(Btf::parse(&blob(&[], b"\0\xff\0", false)).unwrap_err(), BtfError::Name);
    let mut strings = vec![b'a'; 5000];
    strings.push(0);
    let of = |at: u32| Btf::parse(&blob(&[at, 2 << 24, 0], &strings, false)).map(|_| ());
    assert_eq!((of(0), of(1000)), (Err(BtfError::Name), Ok(())));
    assert_eq!(
        Btf::parse(&blob(&[0, 20 << 24, 0], b"\0", false)).unwrap_err(),
        BtfError::UnknownKind { id: 1, kind: 20 }
    );
}

/// Returns an ELF file with three sections: one without a name, `.shstrtab`, and `.BTF` with the
/// contents `data`.
fn elf(data: &[u8], big: bool) -> Vec<u8> {
    let names = b"\0.shstrtab\0.BTF\0";
    let number = |value: u64, bytes: usize| {
        if big {
            value.to_be_bytes()[8 - bytes..].to_vec()
        } else {
            value.to_le_bytes()[..bytes].to_vec()
        }
    };
    let len = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap();
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1 + u8::from(big)];
    file.resize(40, 0);
    let table = 64 + len(names) + len(data);
    file.extend(number(table, 8));
    file.resize(58, 0);
    file.extend([64, 3, 1].into_iter().flat_map(|value| number(value, 2)));
    file.extend(names.iter().chain(data));
    for (name, at, size) in [(0, 0, 0), (1, 64, len(names)), (11, 64 + len(names), len(data))] {
        let start = file.len();
        file.extend(number(name, 4));
        file.resize(start + 24, 0);
        file.extend([at, size].into_iter().flat_map(|value| number(value, 8)));
        file.resize(start + 64, 0);
    }
    file
}

#[test]
fn the_section_of_an_object_is_found() {
    for big in [false, true] {
        let whole = elf(b"some BTF", big);
        assert_eq!(section_of_object(&whole), Some(b"some BTF".as_slice()));
        for len in 0..whole.len() - 24 {
            assert_eq!(section_of_object(&whole[..len]), None, "{len} bytes");
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[at] = value;
                let _ = section_of_object(&changed);
            }
        }
    }
    assert_eq!(section_of_object(b""), None);
    assert_eq!(section_of_object(&[0; 100]), None);
}
