//! Reads BTF, the BPF type format.
//!
//! The data may be anything: whatever is wrong with it is an error, never a panic. Source:
//! `Documentation/bpf/btf.rst` and `include/uapi/linux/btf.h`.

mod elf;
mod reader;

use std::fmt;

pub use elf::section;

use reader::{Order, Reader};

/// The number of a type; 0 is `void`.
pub type TypeId = u32;

/// The types of one object file or kernel.
#[derive(Debug, Clone, Default)]
pub struct Btf {
    /// From type 1 on.
    types: Vec<BtfType>,
}

/// A type with its name, empty where it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BtfType {
    /// The name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// What a type is, as far as layouts are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// An integer of so many bytes.
    Int {
        /// Bytes.
        size: u32,
        /// Whether it is signed.
        signed: bool,
    },
    /// A pointer.
    Pointer(TypeId),
    /// An array.
    Array {
        /// What it holds.
        element: TypeId,
        /// How many.
        len: u32,
    },
    /// A struct.
    Struct(Composite),
    /// A union.
    Union(Composite),
    /// An enum of 1 to 8 bytes.
    Enum {
        /// Bytes.
        size: u32,
        /// Names and the bits of the values.
        variants: Vec<(String, u64)>,
    },
    /// A name for another type.
    Typedef(TypeId),
    /// `const`, `volatile`, `restrict` or a tag on a type.
    Modifier(TypeId),
    /// A variable.
    Variable(TypeId),
    /// What has no layout: functions, sections, declarations, declaration tags, floats.
    Other,
}

/// A struct or union.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composite {
    /// Bytes.
    pub size: u32,
    /// The members.
    pub members: Vec<Member>,
}

/// A member of a struct or union.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name, empty for an anonymous struct or union.
    pub name: String,
    /// Its type.
    pub ty: TypeId,
    /// Where it begins.
    pub bit_offset: u32,
    /// The width of a bit-field; 0: none.
    pub bits: u32,
}

/// Why data is no BTF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BtfError {
    /// It ends too early, or points beyond its end.
    Truncated,
    /// It does not begin with the magic number `0xeb9f` in either byte order.
    Magic,
    /// A version other than 1.
    Version(u8),
    /// A kind of type that this reader does not know; the size of what follows it is unknown too.
    UnknownKind(u32),
    /// A name is no UTF-8 text.
    Name,
}

impl fmt::Display for BtfError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => formatter.write_str("the BTF is truncated"),
            Self::Magic => formatter.write_str("no BTF: its magic number is missing"),
            Self::Version(version) => write!(formatter, "BTF of version {version}, not 1"),
            Self::UnknownKind(kind) => write!(formatter, "BTF with a type of unknown kind {kind}"),
            Self::Name => formatter.write_str("BTF with a name that is no text"),
        }
    }
}

impl std::error::Error for BtfError {}

impl Btf {
    /// Reads the section `.BTF` of an object file, or `/sys/kernel/btf/vmlinux`.
    ///
    /// # Errors
    ///
    /// When `data` is no BTF.
    pub fn parse(data: &[u8]) -> Result<Self, BtfError> {
        let order = match data {
            [0x9f, 0xeb, ..] => Order::Little,
            [0xeb, 0x9f, ..] => Order::Big,
            _ => return Err(BtfError::Magic),
        };
        let mut header = Reader::new(data, order);
        header.u16()?;
        let version = header.u8()?;
        if version != 1 {
            return Err(BtfError::Version(version));
        }
        header.u8()?;
        let header_len = header.u32()?;
        let (types_at, types_len) = (header.u32()?, header.u32()?);
        let (strings_at, strings_len) = (header.u32()?, header.u32()?);
        let part = |at: u32, len: u32| -> Result<&[u8], BtfError> {
            let start = (header_len as usize).checked_add(at as usize);
            let end = start.and_then(|start| start.checked_add(len as usize));
            let range = start.zip(end).ok_or(BtfError::Truncated)?;
            data.get(range.0..range.1).ok_or(BtfError::Truncated)
        };
        let strings = part(strings_at, strings_len)?;
        let mut reader = Reader::new(part(types_at, types_len)?, order);
        let mut types = vec![];
        while !reader.is_empty() {
            types.push(read_type(&mut reader, strings)?);
        }
        Ok(Self { types })
    }

    /// The type of number `id`; `None` for `void` and for a number that no type has.
    #[must_use]
    pub fn get(&self, id: TypeId) -> Option<&BtfType> {
        self.types.get((id as usize).checked_sub(1)?)
    }

    /// Every type with its number.
    pub fn iter(&self) -> impl Iterator<Item = (TypeId, &BtfType)> {
        (1..).zip(&self.types)
    }
}

const INT_SIGNED: u32 = 1;

fn read_type(reader: &mut Reader<'_>, strings: &[u8]) -> Result<BtfType, BtfError> {
    let name = string(strings, reader.u32()?)?;
    let info = reader.u32()?;
    let size_or_type = reader.u32()?;
    let (count, kind_flag) = (info & 0xffff, info >> 31 == 1);
    let kind = match (info >> 24) & 0x1f {
        1 => {
            let encoding = reader.u32()? >> 24 & 0xf;
            Kind::Int { size: size_or_type, signed: encoding & INT_SIGNED != 0 }
        }
        2 => Kind::Pointer(size_or_type),
        3 => {
            let element = reader.u32()?;
            reader.u32()?;
            Kind::Array { element, len: reader.u32()? }
        }
        4 => Kind::Struct(composite(reader, strings, size_or_type, count, kind_flag)?),
        5 => Kind::Union(composite(reader, strings, size_or_type, count, kind_flag)?),
        6 => Kind::Enum {
            size: size_or_type,
            variants: list(count, || {
                Ok((string(strings, reader.u32()?)?, u64::from(reader.u32()?)))
            })?,
        },
        8 => Kind::Typedef(size_or_type),
        9..=11 | 18 => Kind::Modifier(size_or_type),
        // Declarations, functions and floats have nothing behind them.
        7 | 12 | 16 => Kind::Other,
        13 => {
            reader.skip(count.saturating_mul(8))?;
            Kind::Other
        }
        14 => {
            reader.u32()?;
            Kind::Variable(size_or_type)
        }
        15 => {
            reader.skip(count.saturating_mul(12))?;
            Kind::Other
        }
        17 => {
            reader.u32()?;
            Kind::Other
        }
        19 => Kind::Enum {
            size: size_or_type,
            variants: list(count, || {
                let name = string(strings, reader.u32()?)?;
                let (low, high) = (reader.u32()?, reader.u32()?);
                Ok((name, u64::from(high) << 32 | u64::from(low)))
            })?,
        },
        unknown => return Err(BtfError::UnknownKind(unknown)),
    };
    Ok(BtfType { name, kind })
}

fn composite(
    reader: &mut Reader<'_>,
    strings: &[u8],
    size: u32,
    count: u32,
    kind_flag: bool,
) -> Result<Composite, BtfError> {
    let members = list(count, || {
        let (name, ty, offset) = (string(strings, reader.u32()?)?, reader.u32()?, reader.u32()?);
        let (bits, bit_offset) =
            if kind_flag { (offset >> 24, offset & 0x00ff_ffff) } else { (0, offset) };
        Ok(Member { name, ty, bit_offset, bits })
    })?;
    Ok(Composite { size, members })
}

fn list<T>(count: u32, mut item: impl FnMut() -> Result<T, BtfError>) -> Result<Vec<T>, BtfError> {
    (0..count).map(|_| item()).collect()
}

fn string(strings: &[u8], at: u32) -> Result<String, BtfError> {
    let rest = strings.get(at as usize..).ok_or(BtfError::Truncated)?;
    let end = rest.iter().position(|byte| *byte == 0).ok_or(BtfError::Truncated)?;
    String::from_utf8(rest[..end].to_vec()).map_err(|_| BtfError::Name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `struct pair { int a:3; }`, with `int` as type 1.
    fn pair() -> Vec<u8> {
        let strings = b"\0int\0pair\0a\0";
        let words: [u32; 10] =
            [1, 1 << 24, 4, 1 << 24 | 32, 5, 1 << 31 | 4 << 24 | 1, 4, 10, 1, 3 << 24];
        let mut data = vec![0x9f, 0xeb, 1, 0];
        for word in [24, 0, 40, 40, 12] {
            data.extend(u32::to_le_bytes(word));
        }
        data.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        data.extend(strings);
        data
    }

    #[test]
    fn reads_a_struct_with_a_bit_field() {
        let btf = Btf::parse(&pair()).unwrap();
        assert_eq!(btf.get(1).unwrap().kind, Kind::Int { size: 4, signed: true });
        let member = Member { name: "a".into(), ty: 1, bit_offset: 0, bits: 3 };
        let kind = Kind::Struct(Composite { size: 4, members: vec![member] });
        assert_eq!(btf.get(2), Some(&BtfType { name: "pair".into(), kind }));
        assert_eq!((btf.get(0), btf.get(3)), (None, None));
    }

    #[test]
    fn what_is_cut_or_changed_is_an_error_or_other_types() {
        let whole = pair();
        for len in 0..whole.len() {
            assert!(Btf::parse(&whole[..len]).is_err(), "{len} bytes");
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut changed = whole.clone();
                changed[at] = value;
                let _ = Btf::parse(&changed);
            }
        }
    }
}
