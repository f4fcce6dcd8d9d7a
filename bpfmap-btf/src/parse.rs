//! Parses the bytes of BTF into types.

use crate::reader::{Order, Reader};
use crate::{
    Array, BtfError, Composite, Enum, Int, Kind, Linkage, Member, Parameter, SectionVariable, Type,
    TypeId, Variant,
};

/// The maximum length of a name in bytes. The kernel's limit is 511 (`KSYM_NAME_LEN`). The limit bounds the time for
/// reading if many names are parts of one long string.
const MAX_NAME: usize = 4096;

/// Parses `data` and returns all types, starting with type 1.
pub(crate) fn types(data: &[u8]) -> Result<Vec<Type<'_>>, BtfError> {
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
    let strings = Strings(std::str::from_utf8(strings).map_err(|_| BtfError::Name)?);
    let mut reader = Reader::new(part(types_at, types_len)?, order);
    let mut types = vec![];
    for id in 1.. {
        if reader.is_empty() {
            break;
        }
        types.push(read_type(&mut reader, &strings, id)?);
    }
    Ok(types)
}

/// The string section, in which each name ends with a zero byte.
struct Strings<'a>(&'a str);

impl<'a> Strings<'a> {
    fn get(&self, at: u32) -> Result<&'a str, BtfError> {
        let rest = self.0.get(at as usize..).ok_or(BtfError::Truncated)?;
        let bytes = &rest.as_bytes()[..rest.len().min(MAX_NAME + 1)];
        match bytes.iter().position(|byte| *byte == 0) {
            Some(end) => Ok(&rest[..end]),
            None if rest.len() > MAX_NAME => Err(BtfError::Name),
            None => Err(BtfError::Truncated),
        }
    }
}

const INT_SIGNED: u32 = 1;
const INT_CHAR: u32 = 2;
const INT_BOOL: u32 = 4;

fn read_type<'a>(
    reader: &mut Reader<'_>,
    strings: &Strings<'a>,
    id: TypeId,
) -> Result<Type<'a>, BtfError> {
    let name = strings.get(reader.u32()?)?;
    let info = reader.u32()?;
    let size_or_type = reader.u32()?;
    let (count, flag) = ((info & 0x00ff_ffff) as usize, info >> 31 == 1);
    let kind = match info >> 24 & 0x7f {
        1 => {
            let int = reader.u32()?;
            let encoding = int >> 24 & 0xf;
            Kind::Int(Int {
                size: size_or_type,
                bits: int & 0xff,
                bit_offset: int >> 16 & 0xff,
                is_signed: encoding & INT_SIGNED != 0,
                is_char: encoding & INT_CHAR != 0,
                is_bool: encoding & INT_BOOL != 0,
            })
        }
        2 => Kind::Pointer(size_or_type),
        3 => {
            let (element, index, len) = (reader.u32()?, reader.u32()?, reader.u32()?);
            Kind::Array(Array { element, index, len })
        }
        4 => Kind::Struct(composite(reader, strings, size_or_type, count, flag)?),
        5 => Kind::Union(composite(reader, strings, size_or_type, count, flag)?),
        6 => {
            let variants = reader.list(count, 8, |reader| {
                let (name, value) = (strings.get(reader.u32()?)?, reader.u32()?);
                let value = if flag {
                    i32::from_ne_bytes(value.to_ne_bytes()).into()
                } else {
                    value.into()
                };
                Ok(Variant { name, value })
            })?;
            enumeration(id, size_or_type, (flag, 32), variants)?
        }
        7 => Kind::Forward { union: flag },
        8 => Kind::Typedef(size_or_type),
        9 => Kind::Volatile(size_or_type),
        10 => Kind::Const(size_or_type),
        11 => Kind::Restrict(size_or_type),
        // For a function, the field for the number of members contains the linkage.
        12 => Kind::Function { prototype: size_or_type, linkage: linkage(info & 0xffff) },
        13 => Kind::Prototype {
            result: size_or_type,
            parameters: reader.list(count, 8, |reader| {
                Ok(Parameter { name: strings.get(reader.u32()?)?, ty: reader.u32()? })
            })?,
        },
        14 => Kind::Variable { ty: size_or_type, linkage: linkage(reader.u32()?) },
        15 => Kind::DataSection {
            size: size_or_type,
            variables: reader.list(count, 12, |reader| {
                let (variable, offset, size) = (reader.u32()?, reader.u32()?, reader.u32()?);
                Ok(SectionVariable { variable, offset, size })
            })?,
        },
        16 => Kind::Float { size: size_or_type },
        17 => {
            let component = reader.u32()?;
            let component = (component != u32::MAX).then_some(component);
            Kind::DeclTag { target: size_or_type, component }
        }
        18 => Kind::TypeTag(size_or_type),
        19 => {
            let variants = reader.list(count, 12, |reader| {
                let name = strings.get(reader.u32()?)?;
                let (low, high) = (reader.u32()?, reader.u32()?);
                let bits = u64::from(high) << 32 | u64::from(low);
                let value =
                    if flag { i64::from_ne_bytes(bits.to_ne_bytes()).into() } else { bits.into() };
                Ok(Variant { name, value })
            })?;
            enumeration(id, size_or_type, (flag, 64), variants)?
        }
        kind => return Err(BtfError::UnknownKind { id, kind }),
    };
    Ok(Type { name, kind })
}

/// Source: `btf_enum_check_meta` in `kernel/bpf/btf.c`. Standard C does not allow an enum that is declared but not
/// defined, but compilers accept it. Clang then writes an enum of size 0, which libbpf accepts.
fn enumeration(
    id: TypeId,
    size: u32,
    (is_signed, value_bits): (bool, u32),
    variants: Vec<Variant<'_>>,
) -> Result<Kind<'_>, BtfError> {
    match size {
        1 | 2 | 4 | 8 => Ok(Kind::Enum(Enum { size, is_signed, value_bits, variants })),
        0 if variants.is_empty() => Ok(Kind::Enum(Enum { size, is_signed, value_bits, variants })),
        _ => Err(BtfError::EnumSize { id, size }),
    }
}

fn composite<'a>(
    reader: &mut Reader<'_>,
    strings: &Strings<'a>,
    size: u32,
    count: usize,
    bit_fields: bool,
) -> Result<Composite<'a>, BtfError> {
    let members = reader.list(count, 12, |reader| {
        let (name, ty, offset) = (strings.get(reader.u32()?)?, reader.u32()?, reader.u32()?);
        let (bits, bit_offset) =
            if bit_fields { (offset >> 24, offset & 0x00ff_ffff) } else { (0, offset) };
        Ok(Member { name, ty, bit_offset, bits })
    })?;
    Ok(Composite { size, members })
}

fn linkage(number: u32) -> Linkage {
    match number {
        0 => Linkage::Static,
        1 => Linkage::Global,
        2 => Linkage::Extern,
        other => Linkage::Other(other),
    }
}
