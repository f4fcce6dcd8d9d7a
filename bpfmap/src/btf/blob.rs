//! Reading a BTF blob that may come from anyone: every offset is checked, nothing is trusted.

use super::{HEADER_LEN, MAGIC, VERSION, kind};

/// A blob, with the place of each type known.
pub(crate) struct Btf {
    bytes: Vec<u8>,
    /// Of type 1, 2, …: where its `struct btf_type` stands.
    types: Vec<usize>,
    /// Where the strings begin and end.
    strings: (usize, usize),
}

/// A type as compared: typedefs and qualifiers are looked through.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Type {
    Void,
    Int {
        size: u32,
        bits: u32,
        encoding: u32,
    },
    Pointer,
    Array {
        element: u32,
        len: u32,
    },
    Struct {
        name: String,
        size: u32,
        members: Vec<Member>,
    },
    Union {
        name: String,
        size: u32,
        members: Vec<Member>,
    },
    Enum {
        size: u32,
        variants: Vec<(String, i64)>,
    },
    /// A type that no layout has: its kind in words, and its size where it has one.
    Other {
        what: &'static str,
        size: u32,
    },
}

/// A member of a struct or union.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) bit_offset: u32,
    /// Width of a bit-field; 0: not a bit-field.
    pub(super) bits: u32,
    pub(super) type_id: u32,
}

impl Btf {
    /// Finds the types of a blob.
    pub(crate) fn parse(bytes: Vec<u8>) -> Result<Self, String> {
        let header = |offset| u32_at(&bytes, offset).ok_or("the BTF has no header");
        let magic = header(0)?;
        if magic & 0xffff != u32::from(MAGIC) || (magic >> 16) & 0xff != u32::from(VERSION) {
            return Err("not BTF of this machine's byte order, version 1".to_owned());
        }
        let header_len = header(4)?;
        if header_len < HEADER_LEN {
            return Err(format!("the BTF's header has {header_len} bytes"));
        }
        let section = |offset: u32, len: u32, what: &str| {
            let start = u64::from(header_len) + u64::from(offset);
            let end = start + u64::from(len);
            match (usize::try_from(start), usize::try_from(end)) {
                (Ok(start), Ok(end)) if end <= bytes.len() => Ok((start, end)),
                _ => Err(format!("the BTF's {what} reach past its end")),
            }
        };
        let (mut at, end) = section(header(8)?, header(12)?, "types")?;
        let strings = section(header(16)?, header(20)?, "strings")?;
        let mut types = Vec::new();
        while at < end {
            let next = type_len(&bytes, at).and_then(|len| at.checked_add(len));
            match next {
                Some(next) if next <= end => {
                    types.push(at);
                    at = next;
                }
                _ => return Err(format!("type {} of the BTF can't be read", types.len() + 1)),
            }
        }
        Ok(Self { bytes, types, strings })
    }

    /// A type, behind its typedefs and qualifiers.
    pub(super) fn resolve(&self, id: u32) -> Result<Type, String> {
        let mut id = id;
        // A chain longer than there are types goes round.
        for _ in 0..=self.types.len() {
            if id == 0 {
                return Ok(Type::Void);
            }
            let at = self.place(id)?;
            let unreadable = || format!("type {id} of the BTF can't be read");
            let info = u32_at(&self.bytes, at + 4).ok_or_else(unreadable)?;
            let size_or_type = u32_at(&self.bytes, at + 8).ok_or_else(unreadable)?;
            match info_kind(info) {
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                    id = size_or_type;
                }
                kind => return self.described(at, info, kind, size_or_type).ok_or_else(unreadable),
            }
        }
        Err(format!("type {id} of the BTF goes round in a circle"))
    }

    fn described(&self, at: usize, info: u32, kind: u32, size: u32) -> Option<Type> {
        let bytes = &self.bytes;
        let body = at + 12;
        let count = (info & 0xffff) as usize;
        Some(match kind {
            kind::INT => {
                let int = u32_at(bytes, body)?;
                Type::Int { size, bits: int & 0xff, encoding: (int >> 24) & 0xf }
            }
            kind::PTR => Type::Pointer,
            kind::ARRAY => {
                Type::Array { element: u32_at(bytes, body)?, len: u32_at(bytes, body + 8)? }
            }
            kind::STRUCT | kind::UNION => {
                let bit_fields = info >> 31 == 1;
                let mut members = Vec::with_capacity(count);
                for member in (0..count).map(|number| body + 12 * number) {
                    let offset = u32_at(bytes, member + 8)?;
                    let type_id = u32_at(bytes, member + 4)?;
                    let (bit_offset, bits) =
                        if bit_fields { (offset & 0xff_ffff, offset >> 24) } else { (offset, 0) };
                    members.push(Member {
                        name: self.string(u32_at(bytes, member)?)?,
                        bit_offset,
                        bits,
                        type_id,
                    });
                }
                let name = self.string(u32_at(bytes, at)?)?;
                if kind == kind::STRUCT {
                    Type::Struct { name, size, members }
                } else {
                    Type::Union { name, size, members }
                }
            }
            kind::ENUM | kind::ENUM64 => {
                let signed = info >> 31 == 1 || kind == kind::ENUM;
                let stride = if kind == kind::ENUM { 8 } else { 12 };
                let mut variants = Vec::with_capacity(count);
                for variant in (0..count).map(|number| body + stride * number) {
                    let low = u32_at(bytes, variant + 4)?;
                    let value = match kind {
                        // Up to Linux 5.19 there is no flag for the sign: 32 bits are compared.
                        kind::ENUM if signed => i64::from(low.cast_signed()),
                        kind::ENUM => i64::from(low),
                        _ => (u64::from(u32_at(bytes, variant + 8)?) << 32 | u64::from(low))
                            .cast_signed(),
                    };
                    variants.push((self.string(u32_at(bytes, variant)?)?, value));
                }
                Type::Enum { size, variants }
            }
            kind::FWD => Type::Other { what: "a forward declaration", size: 0 },
            kind::FUNC | kind::FUNC_PROTO => Type::Other { what: "a function", size: 0 },
            kind::VAR => Type::Other { what: "a variable", size: 0 },
            kind::DATASEC => Type::Other { what: "a data section", size },
            kind::FLOAT => Type::Other { what: "a floating-point number", size },
            _ => Type::Other { what: "an unknown type", size: 0 },
        })
    }

    /// Bytes of a type, where that can be told.
    pub(super) fn size(&self, id: u32) -> Result<u64, String> {
        let mut id = id;
        let mut factor = 1_u64;
        for _ in 0..=self.types.len() {
            return Ok(match self.resolve(id)? {
                Type::Void => 0,
                Type::Pointer => factor.saturating_mul(8),
                Type::Array { element, len } => {
                    factor = factor.saturating_mul(u64::from(len));
                    id = element;
                    continue;
                }
                Type::Int { size, .. }
                | Type::Struct { size, .. }
                | Type::Union { size, .. }
                | Type::Enum { size, .. }
                | Type::Other { size, .. } => factor.saturating_mul(u64::from(size)),
            });
        }
        Err(format!("type {id} of the BTF goes round in a circle"))
    }

    fn place(&self, id: u32) -> Result<usize, String> {
        let index = (id as usize).checked_sub(1);
        index
            .and_then(|index| self.types.get(index))
            .copied()
            .ok_or_else(|| format!("the BTF has no type {id}"))
    }

    fn string(&self, offset: u32) -> Option<String> {
        let (start, end) = self.strings;
        let tail = self.bytes.get(start.checked_add(offset as usize)?..end)?;
        let len = tail.iter().position(|&byte| byte == 0)?;
        Some(String::from_utf8_lossy(&tail[..len]).into_owned())
    }
}

fn info_kind(info: u32) -> u32 {
    (info >> 24) & 0x1f
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

/// Bytes of the type that begins at `at`; `None` for a kind whose length nobody here knows.
fn type_len(bytes: &[u8], at: usize) -> Option<usize> {
    let info = u32_at(bytes, at.checked_add(4)?)?;
    let count = (info & 0xffff) as usize;
    let body = match info_kind(info) {
        kind::PTR
        | kind::FWD
        | kind::TYPEDEF
        | kind::VOLATILE
        | kind::CONST
        | kind::RESTRICT
        | kind::FUNC
        | kind::FLOAT
        | kind::TYPE_TAG => 0,
        kind::INT | kind::VAR | kind::DECL_TAG => 4,
        kind::ARRAY => 12,
        kind::ENUM | kind::FUNC_PROTO => 8 * count,
        kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => 12 * count,
        _ => return None,
    };
    Some(12 + body)
}
