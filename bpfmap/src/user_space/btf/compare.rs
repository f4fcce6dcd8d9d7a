//! Comparison of a layout with the BTF of a map, member by member.
//!
//! Two types match if the same bytes have the same meaning on both sides:
//!
//! - Typedefs, `const`, `volatile`, `restrict` and type tags are skipped. Names of types are not
//!   compared, except for the names of special fields, such as `bpf_spin_lock` and `bpf_timer`,
//!   because the kernel finds special fields by these names. The content of special fields is not
//!   compared.
//! - Integers must match in size, sign and byte order. The names `__be16`, `__be32` and `__be64`
//!   determine the byte order. The comparison of integers of one byte is less strict: `char` and
//!   `bool` match each other, and also match `__u8` and `__s8`. However, `__u8` and `__s8` do not
//!   match each other.
//! - An enum matches an enum or an integer of its size. If both sides have a variant, its number must be the same on
//!   both sides. Compilers before clang 15 store only the lower 32 bits of a number, and don't store whether the enum
//!   is signed. In this case, only these bits are compared. Either side may have more variants.
//! - A floating-point number, which a schema can't express, matches an array of `__u8` of the same size.
//! - If the kernel is too old for 64-bit enums or floating-point numbers, libbpf loads other types
//!   in their place. Such a replacement matches the same types as the original type.
//! - Arrays must match in their length and in the type of their elements. Structs and unions must
//!   match in their size, and in the names, offsets, bit-field widths and types of their members.
//! - A union may have more members on either side.
//! - The schema may record that a member had a different name before, or that an older map may have
//!   padding at the offset of a member.
//! - Padding is not compared. Padding consists of members whose name begins with underscores and
//!   `pad`, and of unnamed members that are not a struct or union. Structs and unions of size zero,
//!   and arrays of such types, are not compared either.
//! - A newtype in a Rust program is a struct whose only member is `__0`. The newtype matches the same types as this
//!   member. If the name of the newtype is `__be16`, `__be32` or `__be64`, the integer has network byte order.
//! - Rust has no bit-fields and no members without a name. For the bytes that contain bit-fields, `#[derive(BpfType)]`
//!   declares a member whose name begins with `__bits`. This member matches the bit-fields in these bytes. For a member
//!   without a name, the derive declares a member whose name begins with `__anonymous`.
//! - The tag of a Rust enum has no name in BTF, so the tag matches a member with any name at the
//!   same offset.
//! - Bytes without a description ([`TypeDesc::Opaque`]) match any type of their size.

use crate::user_space::difference::Difference;
use bpfmap_btf::{Btf, BtfError, Enum, Int, Kind, Member as BtfMember, Type, is_padding_name};
use bpfmap_core::SpecialField;
use bpfmap_core::{IntEncoding, MemberDesc, TypeDesc};

/// The nesting depth at which the comparison gives up. No real type is nested so deeply.
const DEEPEST: u32 = 64;

/// Compares a layout with a type of the map's BTF. Each difference has a path that begins with `path`, which is `key`
/// or `value`.
pub(crate) fn compare(
    path: &str,
    ours: &TypeDesc<'_>,
    btf: &Btf<'_>,
    type_id: u32,
    accept: Accept,
) -> Vec<Difference> {
    let mut comparison = Comparison { btf, accept, differences: Vec::new() };
    comparison.types(path, ours, type_id, 0);
    comparison.differences
}

/// The types that are accepted for a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accept {
    /// Accepts only types with the same content.
    Same,
    /// Also accepts types of older maps that [`TypeDesc::Evolved`] describes, and unions with other
    /// members. For such a union, the entry contains a separate member that identifies the union
    /// member in use.
    Older,
}

struct Comparison<'a> {
    btf: &'a Btf<'a>,
    accept: Accept,
    differences: Vec<Difference>,
}

impl Comparison<'_> {
    fn report(&mut self, path: &str, text: impl Into<String>) {
        self.differences.push(Difference::new(path, text.into()));
    }

    fn types(&mut self, path: &str, ours: &TypeDesc<'_>, type_id: u32, depth: u32) {
        if depth > DEEPEST {
            return self.report(path, "types nest too deeply");
        }
        let (ours, is_big_endian) = behind_names(ours);
        if let TypeDesc::Opaque { size } = ours {
            return match self.btf.size(type_id) {
                Ok(bytes) if bytes == u64::from(*size) => {}
                Ok(theirs) => self.report(path, format!("{theirs} bytes, schema says {size}")),
                Err(error) => self.report(path, error.to_string()),
            };
        }
        // The declaration can contain the newtype itself.
        let (type_id, newtype_swaps) =
            if is_newtype(ours) { (type_id, false) } else { self.behind_newtypes(type_id) };
        let theirs = match self.btf.resolve(type_id) {
            Ok(theirs) => theirs,
            Err(error) => return self.report(path, error.to_string()),
        };
        match (ours, theirs.map(|ty| &ty.kind)) {
            (TypeDesc::Void, None) | (TypeDesc::Pointer { .. }, Some(Kind::Pointer(_))) => {}
            (TypeDesc::Int { size, encoding, .. }, Some(Kind::Int(their)))
                if *size == their.size && signs_agree(*encoding, theirs, their) =>
            {
                let theirs = newtype_swaps || self.is_big_endian(type_id);
                if theirs != is_big_endian {
                    let order = |is_big: bool| {
                        if is_big { "network byte order" } else { "host byte order" }
                    };
                    let (theirs, ours) = (order(theirs), order(is_big_endian));
                    self.report(path, format!("{theirs}, schema says {ours}"));
                }
            }
            (TypeDesc::Int { size, .. }, Some(Kind::Enum(their))) if *size == their.size => {}
            (TypeDesc::Enum { size, .. }, Some(Kind::Int(their))) if *size == their.size => {}
            (TypeDesc::Enum { size, signed, variants, .. }, Some(Kind::Enum(their)))
                if *size == their.size =>
            {
                self.variants(path, *signed, variants, their);
            }
            (
                TypeDesc::Int { size: 8, .. } | TypeDesc::Enum { size: 8, .. },
                Some(Kind::Union(_)),
            ) if theirs.is_some_and(|ty| self.btf.is_replaced_enum(ty)) => {}
            (TypeDesc::Array { element, len }, Some(Kind::Float { size }))
                if len == size && is_byte(element) => {}
            (TypeDesc::Array { element, len }, Some(Kind::Struct(their)))
                if *len == their.size
                    && is_byte(element)
                    && theirs.is_some_and(Type::is_replaced_float) => {}
            (TypeDesc::Array { element, len }, Some(Kind::Array(their))) => {
                if *len != their.len {
                    self.report(path, format!("{} elements, schema says {len}", their.len));
                }
                self.types(&format!("{path}[]"), element, their.element, depth + 1);
            }
            (TypeDesc::Struct { name, size, members }, Some(Kind::Struct(their)))
            | (TypeDesc::Union { name, size, members }, Some(Kind::Union(their))) => {
                let their_name = theirs.map_or("", |ty| ty.name);
                if is_kernels(name) || is_kernels(their_name) {
                    if *name != their_name || *size != their.size {
                        self.differ(path, ours, theirs);
                    }
                    return;
                }
                if *size != their.size {
                    self.report(path, format!("{}, schema says {size}", bytes(their.size)));
                }
                let is_union = matches!(ours, TypeDesc::Union { .. });
                self.members(path, members, &their.members, (their.size, is_union), depth);
            }
            _ => self.differ(path, ours, theirs),
        }
    }

    fn differ(&mut self, path: &str, ours: &TypeDesc<'_>, theirs: Option<&Type<'_>>) {
        self.report(path, format!("{}, schema says {}", name(theirs), describe(ours)));
    }

    fn members(
        &mut self,
        path: &str,
        ours: &[MemberDesc<'_>],
        theirs: &[BtfMember<'_>],
        (their_size, is_union): (u32, bool),
        depth: u32,
    ) {
        let mut rest: Vec<&BtfMember<'_>> = theirs
            .iter()
            .filter(|member| {
                let named = !name_of(member).is_empty();
                (named || self.is_composite(member.ty))
                    && !is_padding_name(member.name)
                    && !(member.bits == 0 && self.has_no_bytes(member.ty))
            })
            .collect();
        let mut missing = Vec::new();
        for our in ours.iter().filter(|our| !is_padding(our)) {
            // If several members have no name, this selects the one at the same offset or, if there
            // is none, the first one.
            let same_place = |their: &&BtfMember<'_>| {
                name_of(their) == our.name && their.bit_offset == our.bit_offset
            };
            let found = rest
                .iter()
                .position(same_place)
                .or_else(|| rest.iter().position(|their| name_of(their) == our.name))
                .or_else(|| {
                    let older = self.accept == Accept::Older;
                    rest.iter().position(|their| older && was_called(our, their.name))
                });
            match found {
                Some(index) => self.member(path, our, rest.remove(index), depth),
                None => match theirs.iter().find(|their| self.is_tag(our, their)) {
                    Some(tag) => self.member(path, our, tag, depth),
                    None if theirs.iter().any(|their| self.holds_bits(our, their)) => {}
                    None => missing.push(our),
                },
            }
        }
        if self.accept == Accept::Older {
            if is_union {
                return;
            }
            missing.retain(|our| !self.is_in_padding(our, theirs, their_size));
        }
        rest.retain(|their| !ours.iter().any(|our| self.holds_bits(our, their)));
        for our in missing {
            let at = member_path(path, our.name, our.bit_offset);
            match rest.iter().position(|their| their.bit_offset == our.bit_offset) {
                Some(index) if !rest[index].name.is_empty() => {
                    let their = rest.remove(index);
                    self.report(&at, format!("`{}`, schema says `{}`", their.name, our.name));
                }
                _ => self.report(&at, "missing, schema has it"),
            }
        }
        for their in rest {
            let at = member_path(path, their.name, their.bit_offset);
            self.report(&at, "schema has no such member");
        }
    }

    fn member(&mut self, path: &str, our: &MemberDesc<'_>, their: &BtfMember<'_>, depth: u32) {
        let path = member_path(path, our.name, our.bit_offset);
        if their.bit_offset != our.bit_offset {
            self.report(&path, place_differs(our, their));
        }
        match self.bit_field(their) {
            Ok(bits) if bits != our.bits => {
                self.report(&path, format!("{}, schema says {}", width(bits), width(our.bits)));
            }
            Ok(_) => {}
            Err(error) => return self.report(&path, error.to_string()),
        }
        self.types(&path, our.ty, their.ty, depth + 1);
    }

    fn variants(&mut self, path: &str, signed: bool, ours: &[(&str, i64)], theirs: &Enum<'_>) {
        let width = (8 * theirs.size).min(theirs.value_bits).max(1);
        let bits = |value: i128| value & ((1 << width) - 1);
        // Truncates a number to this many bits, and interprets it as signed or unsigned like the
        // schema's integer.
        let read = |value: i128| {
            let bits = bits(value);
            if signed && bits >> (width - 1) == 1 { bits - (1 << width) } else { bits }
        };
        for (name, value) in ours {
            let ours = if signed {
                i128::from(*value)
            } else {
                u64::from_ne_bytes(value.to_ne_bytes()).into()
            };
            let their = theirs.variants.iter().find(|their| their.name == *name);
            if let Some(their) = their.filter(|their| bits(ours) != bits(their.value)) {
                let theirs = read(their.value);
                self.report(path, format!("{name} is {theirs}, schema says {ours}"));
            }
        }
    }

    /// Returns whether the map has padding in place of a member, and the schema accepts zeros for
    /// the member.
    fn is_in_padding(
        &self,
        our: &MemberDesc<'_>,
        theirs: &[BtfMember<'_>],
        their_size: u32,
    ) -> bool {
        if !matches!(our.ty, TypeDesc::Evolved { was_padding: true, .. }) {
            return false;
        }
        let bits = if our.bits == 0 { our.ty.size().saturating_mul(8) } else { our.bits.into() };
        let start = u64::from(our.bit_offset);
        let end = start.saturating_add(bits);
        let is_free = |their: &BtfMember<'_>| {
            let is_pad = is_padding_name(their.name)
                || their.name.is_empty() && !self.is_composite(their.ty);
            let bits = match self.bit_field(their) {
                Ok(0) => self.btf.size(their.ty).map(|bytes| bytes.saturating_mul(8)),
                bits => bits.map(u64::from),
            };
            let from = u64::from(their.bit_offset);
            is_pad || bits.is_ok_and(|bits| end <= from || from.saturating_add(bits) <= start)
        };
        end <= u64::from(their_size) * 8 && theirs.iter().all(is_free)
    }

    /// Returns whether the name of a type or of one of its typedefs means network byte order.
    fn is_big_endian(&self, type_id: u32) -> bool {
        let mut at = type_id;
        for _ in 0..DEEPEST {
            let Ok((_, Some(ty))) = self.btf.unqualified(at) else { break };
            match ty.kind {
                Kind::Typedef(_) if BIG_ENDIAN.contains(&ty.name) => return true,
                Kind::Typedef(target) => at = target,
                _ => break,
            }
        }
        false
    }

    /// Returns the type inside the newtypes of a Rust program, and whether the name of one of these newtypes means
    /// network byte order.
    fn behind_newtypes(&self, type_id: u32) -> (u32, bool) {
        let (mut at, mut is_big_endian) = (type_id, false);
        for _ in 0..DEEPEST {
            let Ok(Some(ty)) = self.btf.resolve(at) else { break };
            let Kind::Struct(body) = &ty.kind else { break };
            let [only] = &*body.members else { break };
            let is_whole = self.btf.size(only.ty).is_ok_and(|size| size == u64::from(body.size));
            if only.name != NEWTYPE_MEMBER || (only.bit_offset, only.bits) != (0, 0) || !is_whole {
                break;
            }
            is_big_endian |= BIG_ENDIAN.contains(&ty.name);
            at = only.ty;
        }
        (at, is_big_endian)
    }

    /// Returns whether `their` is a member of a Rust program that contains the bit-field `our`.
    fn holds_bits(&self, our: &MemberDesc<'_>, their: &BtfMember<'_>) -> bool {
        let start = u64::from(their.bit_offset);
        let bits = self.btf.size(their.ty).map_or(0, |bytes| bytes.saturating_mul(8));
        let (first, width) = (u64::from(our.bit_offset), u64::from(our.bits));
        is_bits(their) && width != 0 && first >= start && first + width <= start + bits
    }

    /// Returns whether the member of the map has no name and has the same offset as the member of
    /// the schema. The Rust compiler describes the tag of an enum in this way.
    fn is_tag(&self, our: &MemberDesc<'_>, their: &BtfMember<'_>) -> bool {
        their.name.is_empty()
            && (their.bits, our.bits) == (0, 0)
            && their.bit_offset == our.bit_offset
            && !self.is_composite(their.ty)
            && self.btf.size(their.ty).is_ok_and(|size| size == our.ty.size())
    }

    /// Returns whether a type is a struct or union of size zero, or an array of such types.
    fn has_no_bytes(&self, type_id: u32) -> bool {
        let mut at = type_id;
        for _ in 0..DEEPEST {
            match self.btf.resolve(at).ok().flatten().map(|ty| &ty.kind) {
                Some(Kind::Struct(body) | Kind::Union(body)) => return body.size == 0,
                Some(Kind::Array(array)) => at = array.element,
                _ => return false,
            }
        }
        false
    }

    fn is_composite(&self, type_id: u32) -> bool {
        let kind = self.btf.resolve(type_id).ok().flatten().map(|ty| &ty.kind);
        matches!(kind, Some(Kind::Struct(_) | Kind::Union(_)))
    }

    /// Returns the width of a bit-field. Old compilers store it in the integer's type.
    fn bit_field(&self, member: &BtfMember<'_>) -> Result<u32, BtfError> {
        if member.bits != 0 {
            return Ok(member.bits);
        }
        Ok(match self.btf.resolve(member.ty)?.map(|ty| &ty.kind) {
            Some(&Kind::Int(Int { size, bits, .. }))
                if u64::from(bits) < u64::from(size) * 8 && bits != 0 =>
            {
                bits
            }
            _ => 0,
        })
    }
}

/// Returns the name of a member in C. Returns an empty string for `__anonymous` followed by a number: a Rust program
/// uses such a name for a member without a name, because every field in Rust must have a name.
fn name_of<'a>(member: &BtfMember<'a>) -> &'a str {
    let number = member.name.strip_prefix("__anonymous");
    let is_unnamed = number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    if is_unnamed { "" } else { member.name }
}

/// Returns whether a member of a Rust program holds bit-fields.
fn is_bits(member: &BtfMember<'_>) -> bool {
    let number = member.name.strip_prefix("__bits");
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The kernel's names for integers in network byte order.
const BIG_ENDIAN: &[&str] = &["__be16", "__be32", "__be64"];

/// Returns a type without its typedefs and modifiers, and whether one of their names means network
/// byte order.
fn behind_names<'a>(layout: &'a TypeDesc<'a>) -> (&'a TypeDesc<'a>, bool) {
    let (mut layout, mut is_big_endian) = (layout, false);
    loop {
        layout = match layout {
            TypeDesc::Typedef { name, target } => {
                is_big_endian |= BIG_ENDIAN.contains(name);
                target
            }
            TypeDesc::Root { root: target, .. } | TypeDesc::Evolved { ty: target, .. } => target,
            _ => return (layout, is_big_endian),
        };
    }
}

/// Returns whether the signs of two integers match. The sign of a 1-byte integer follows from the
/// name of its type, because the sign of a plain `char` depends on the compiler.
fn signs_agree(ours: IntEncoding, theirs: Option<&Type<'_>>, int: &Int) -> bool {
    let name = theirs.map_or("", |ty| ty.name);
    match (int.size, ours) {
        (1, IntEncoding::Unsigned) => !matches!(name, "signed char" | "i8"),
        (1, IntEncoding::Signed) => !matches!(name, "unsigned char" | "u8"),
        (1, IntEncoding::Char | IntEncoding::Bool) => true,
        _ => (ours == IntEncoding::Signed) == int.is_signed,
    }
}

/// The name of the only member of a newtype in the BTF of a Rust program.
const NEWTYPE_MEMBER: &str = "__0";

/// Returns whether a declared type is a newtype of a Rust program.
fn is_newtype(ours: &TypeDesc<'_>) -> bool {
    matches!(ours, TypeDesc::Struct { members: [only], .. } if only.name == NEWTYPE_MEMBER)
}

fn is_byte(layout: &TypeDesc<'_>) -> bool {
    let (layout, _) = behind_names(layout);
    matches!(layout, TypeDesc::Int { size: 1, encoding: IntEncoding::Unsigned, .. })
}

fn was_called(our: &MemberDesc<'_>, name: &str) -> bool {
    matches!(our.ty, TypeDesc::Evolved { renamed_from, .. } if !name.is_empty() && *renamed_from == name)
}

fn place_differs(ours: &MemberDesc<'_>, theirs: &BtfMember<'_>) -> String {
    if ours.bit_offset % 8 == 0 && theirs.bit_offset % 8 == 0 {
        format!("offset {}, schema says {}", theirs.bit_offset / 8, ours.bit_offset / 8)
    } else {
        format!("bit {}, schema says {}", theirs.bit_offset, ours.bit_offset)
    }
}

fn width(bits: u32) -> String {
    match bits {
        0 => "not a bit-field".to_owned(),
        1 => "1 bit".to_owned(),
        _ => format!("{bits} bits"),
    }
}

fn member_path(path: &str, name: &str, bit_offset: u32) -> String {
    if name.is_empty() {
        format!("{path}.(anonymous at {})", bit_offset / 8)
    } else {
        format!("{path}.{name}")
    }
}

fn is_padding(member: &MemberDesc<'_>) -> bool {
    is_padding_name(member.name)
        || member.name.is_empty()
            && !matches!(member.ty.current(), TypeDesc::Struct { .. } | TypeDesc::Union { .. })
}

/// Returns whether `name` is the name of a special field's type. The kernel finds special fields in
/// a value by the names of their types.
fn is_kernels(name: &str) -> bool {
    SpecialField::by_struct(name).is_some()
}

fn describe(layout: &TypeDesc<'_>) -> String {
    match layout {
        TypeDesc::Void => "no type".to_owned(),
        TypeDesc::Int { name, size, .. } => format!("{name} ({})", bytes(*size)),
        TypeDesc::Typedef { name, .. } => (*name).to_owned(),
        TypeDesc::Enum { name, size, .. } => tagged("enum", name, *size),
        TypeDesc::Array { len, .. } => format!("an array of {len}"),
        TypeDesc::Struct { name, size, .. } => tagged("struct", name, *size),
        TypeDesc::Union { name, size, .. } => tagged("union", name, *size),
        TypeDesc::Pointer { .. } => "a pointer".to_owned(),
        TypeDesc::Tagged { target, .. } => describe(target),
        TypeDesc::Root { root: layout, .. } | TypeDesc::Evolved { ty: layout, .. } => {
            describe(layout)
        }
        TypeDesc::Opaque { size } => bytes(*size),
        TypeDesc::SetByLoader => "a type that the loader sets".to_owned(),
    }
}

fn name(theirs: Option<&Type<'_>>) -> String {
    let Some(theirs) = theirs else { return "no type".to_owned() };
    let what = match &theirs.kind {
        Kind::Int(Int { size, is_signed, .. }) => {
            let sign = if *is_signed { "a signed" } else { "an unsigned" };
            return format!("{sign} integer ({})", bytes(*size));
        }
        Kind::Array(array) => return format!("an array of {}", array.len),
        Kind::Struct(body) => return tagged("struct", theirs.name, body.size),
        Kind::Union(body) => return tagged("union", theirs.name, body.size),
        Kind::Enum(body) => return format!("an enum ({})", bytes(body.size)),
        Kind::Pointer(_) => "a pointer",
        Kind::Forward { .. } => "a forward declaration",
        Kind::Function { .. } | Kind::Prototype { .. } => "a function",
        Kind::Variable { .. } => "a variable",
        Kind::DataSection { .. } => "a data section",
        Kind::Float { .. } => "a floating-point number",
        _ => "an unknown type",
    };
    what.to_owned()
}

fn tagged(what: &str, name: &str, size: u32) -> String {
    if name.is_empty() {
        format!("an unnamed {what} ({})", bytes(size))
    } else {
        format!("{what} {name} ({})", bytes(size))
    }
}

fn bytes(size: u32) -> String {
    if size == 1 { "1 byte".to_owned() } else { format!("{size} bytes") }
}
