//! A layout compared with the BTF of a map, member by member.
//!
//! Two types agree when the same bytes mean the same on both sides:
//!
//! - Typedefs, `const`, `volatile`, `restrict` and type tags are looked through. Names of types don't count, except
//!   those of the kernel's own fields (`bpf_spin_lock`, `bpf_timer` and the like), which the kernel finds by name; what is inside
//!   these is the kernel's affair.
//! - Integers agree in size and, from 2 bytes up, in sign. A byte is a byte: `char`, `__u8`, `__s8` and `bool` agree.
//! - An enum agrees with an enum or integer of its size. A variant that both know has the same number; either side
//!   may know more variants.
//! - Arrays agree in length and element, structs and unions in size and in their members: name, offset, width of a
//!   bit-field, type.
//! - Padding is no member: members whose name begins with `pad` after its underscores, and nameless ones that are not a
//!   struct or union.
//! - Bytes without a description ([`TypeLayout::Opaque`]) agree with anything of their size.

use super::blob::{Btf, Member as BtfMember, Type};
use super::encoding;
use crate::layout::{IntEncoding, TypeLayout, TypeMember};
use crate::verify::Difference;

/// Nesting that no real type has.
const DEEPEST: u32 = 64;

/// Compares a layout with a type of the map's BTF. Each difference has its path, which begins with `path`: `key`,
/// `value`.
pub(crate) fn compare(
    path: &str,
    ours: &TypeLayout<'_>,
    btf: &Btf,
    type_id: u32,
) -> Vec<Difference> {
    let mut comparison = Comparison { btf, differences: Vec::new() };
    comparison.types(path, ours, type_id, 0);
    comparison.differences
}

struct Comparison<'a> {
    btf: &'a Btf,
    differences: Vec<Difference>,
}

impl Comparison<'_> {
    fn report(&mut self, path: &str, text: impl Into<String>) {
        self.differences.push(Difference::new(path, text.into()));
    }

    fn types(&mut self, path: &str, ours: &TypeLayout<'_>, type_id: u32, depth: u32) {
        if depth > DEEPEST {
            return self.report(path, "types nest too deeply");
        }
        if let TypeLayout::Typedef { target, .. } | TypeLayout::Root { root: target, .. } = ours {
            return self.types(path, target, type_id, depth + 1);
        }
        if let TypeLayout::Opaque { size } = ours {
            return match self.btf.size(type_id) {
                Ok(bytes) if bytes == u64::from(*size) => {}
                Ok(theirs) => self.report(path, format!("{theirs} bytes, schema says {size}")),
                Err(error) => self.report(path, error),
            };
        }
        let theirs = match self.btf.resolve(type_id) {
            Ok(theirs) => theirs,
            Err(error) => return self.report(path, error),
        };
        match (ours, &theirs) {
            (TypeLayout::Void, Type::Void) | (TypeLayout::Pointer { .. }, Type::Pointer) => {}
            (
                TypeLayout::Int { size, encoding, .. },
                &Type::Int { size: their_size, encoding: their_encoding, .. },
            ) if *size == their_size
                && (*size == 1
                    || (*encoding == IntEncoding::Signed)
                        == (their_encoding & encoding::SIGNED != 0)) => {}
            (TypeLayout::Int { size, .. }, Type::Enum { size: their_size, .. })
            | (TypeLayout::Enum { size, .. }, Type::Int { size: their_size, .. })
                if size == their_size => {}
            (
                TypeLayout::Enum { size, variants, .. },
                Type::Enum { size: their_size, variants: theirs },
            ) if size == their_size => self.variants(path, *size, variants, theirs),
            (
                TypeLayout::Array { element, len },
                Type::Array { element: their_element, len: their_len },
            ) => {
                if len != their_len {
                    self.report(path, format!("{their_len} elements, schema says {len}"));
                }
                self.types(&format!("{path}[]"), element, *their_element, depth + 1);
            }
            (
                TypeLayout::Struct { name, size, members },
                Type::Struct { name: their_name, size: their_size, members: their_members },
            )
            | (
                TypeLayout::Union { name, size, members },
                Type::Union { name: their_name, size: their_size, members: their_members },
            ) => {
                if is_kernels(name) || is_kernels(their_name) {
                    if name != their_name || size != their_size {
                        self.differ(path, ours, &theirs);
                    }
                    return;
                }
                if size != their_size {
                    self.report(path, format!("{}, schema says {size}", bytes(*their_size)));
                }
                self.members(path, members, their_members, depth);
            }
            _ => self.differ(path, ours, &theirs),
        }
    }

    fn differ(&mut self, path: &str, ours: &TypeLayout<'_>, theirs: &Type) {
        self.report(path, format!("{}, schema says {}", name(theirs), describe(ours)));
    }

    fn members(&mut self, path: &str, ours: &[TypeMember<'_>], theirs: &[BtfMember], depth: u32) {
        let mut rest: Vec<&BtfMember> = theirs
            .iter()
            .filter(|member| {
                let named = !member.name.is_empty();
                (named || self.is_composite(member.type_id)) && !is_padding_name(&member.name)
            })
            .collect();
        let mut missing = Vec::new();
        for our in ours.iter().filter(|our| !is_padding(our)) {
            // Of several without a name, the one in the same place; else the first.
            let same_place =
                |their: &&BtfMember| their.name == our.name && their.bit_offset == our.bit_offset;
            let found = rest
                .iter()
                .position(same_place)
                .or_else(|| rest.iter().position(|their| their.name == our.name));
            match found {
                Some(index) => self.member(path, our, rest.remove(index), depth),
                None => missing.push(our),
            }
        }
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
            let at = member_path(path, &their.name, their.bit_offset);
            self.report(&at, "schema has no such member");
        }
    }

    fn member(&mut self, path: &str, our: &TypeMember<'_>, their: &BtfMember, depth: u32) {
        let path = member_path(path, our.name, our.bit_offset);
        if their.bit_offset != our.bit_offset {
            self.report(&path, place_differs(our, their));
        }
        match self.bit_field(their) {
            Ok(bits) if bits != our.bits => {
                self.report(&path, format!("{}, schema says {}", width(bits), width(our.bits)));
            }
            Ok(_) => {}
            Err(error) => return self.report(&path, error),
        }
        self.types(&path, our.layout, their.type_id, depth + 1);
    }

    fn variants(&mut self, path: &str, size: u32, ours: &[(&str, i64)], theirs: &[(String, i64)]) {
        // The sign of the numbers isn't told before Linux 6.0: the bits are compared.
        let bits = |value: i64| if size >= 8 { value } else { value & ((1 << (8 * size)) - 1) };
        for (name, value) in ours {
            if let Some((_, their)) = theirs.iter().find(|(their_name, _)| their_name == name)
                && bits(*value) != bits(*their)
            {
                self.report(path, format!("{name} is {their}, schema says {value}"));
            }
        }
    }

    fn is_composite(&self, type_id: u32) -> bool {
        matches!(self.btf.resolve(type_id), Ok(Type::Struct { .. } | Type::Union { .. }))
    }

    /// The width of a bit-field, which old compilers put into the integer's type.
    fn bit_field(&self, member: &BtfMember) -> Result<u32, String> {
        if member.bits != 0 {
            return Ok(member.bits);
        }
        Ok(match self.btf.resolve(member.type_id)? {
            Type::Int { size, bits, .. } if u64::from(bits) < u64::from(size) * 8 && bits != 0 => {
                bits
            }
            _ => 0,
        })
    }
}

fn place_differs(ours: &TypeMember<'_>, theirs: &BtfMember) -> String {
    if ours.bit_offset.is_multiple_of(8) && theirs.bit_offset.is_multiple_of(8) {
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

fn is_padding(member: &TypeMember<'_>) -> bool {
    is_padding_name(member.name)
        || member.name.is_empty()
            && !matches!(member.layout, TypeLayout::Struct { .. } | TypeLayout::Union { .. })
}

fn is_padding_name(name: &str) -> bool {
    name.trim_start_matches('_').starts_with("pad") && name.starts_with('_')
        || name
            .strip_prefix("pad")
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
        || name == "padding"
}

/// The kernel finds its own fields in a value by the name of their type.
fn is_kernels(name: &str) -> bool {
    name.starts_with("bpf_")
        && matches!(
            name,
            "bpf_spin_lock"
                | "bpf_res_spin_lock"
                | "bpf_timer"
                | "bpf_wq"
                | "bpf_task_work"
                | "bpf_list_head"
                | "bpf_list_node"
                | "bpf_rb_root"
                | "bpf_rb_node"
                | "bpf_refcount"
        )
}

fn describe(layout: &TypeLayout<'_>) -> String {
    match layout {
        TypeLayout::Void => "no type".to_owned(),
        TypeLayout::Int { name, size, .. } => format!("{name} ({})", bytes(*size)),
        TypeLayout::Typedef { name, .. } => (*name).to_owned(),
        TypeLayout::Enum { name, size, .. } => tagged("enum", name, *size),
        TypeLayout::Array { len, .. } => format!("an array of {len}"),
        TypeLayout::Struct { name, size, .. } => tagged("struct", name, *size),
        TypeLayout::Union { name, size, .. } => tagged("union", name, *size),
        TypeLayout::Pointer { .. } => "a pointer".to_owned(),
        TypeLayout::Tagged { target, .. } => describe(target),
        TypeLayout::Root { root, .. } => describe(root),
        TypeLayout::Opaque { size } => bytes(*size),
    }
}

fn name(theirs: &Type) -> String {
    match theirs {
        Type::Void => "no type".to_owned(),
        Type::Int { size, encoding, .. } => {
            let sign = if encoding & encoding::SIGNED == 0 { "an unsigned" } else { "a signed" };
            format!("{sign} integer ({})", bytes(*size))
        }
        Type::Pointer => "a pointer".to_owned(),
        Type::Array { len, .. } => format!("an array of {len}"),
        Type::Struct { name, size, .. } => tagged("struct", name, *size),
        Type::Union { name, size, .. } => tagged("union", name, *size),
        Type::Enum { size, .. } => format!("an enum ({})", bytes(*size)),
        Type::Other { what, .. } => (*what).to_owned(),
    }
}

fn tagged(what: &str, name: &str, size: u32) -> String {
    if name.is_empty() {
        format!("a nameless {what} ({})", bytes(size))
    } else {
        format!("{what} {name} ({})", bytes(size))
    }
}

fn bytes(size: u32) -> String {
    if size == 1 { "1 byte".to_owned() } else { format!("{size} bytes") }
}
