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
//! - Arrays agree in length and element, structs and unions in size and in their members: order, name, offset, width
//!   of a bit-field, type.
//! - Padding is no member: members whose name begins with `pad` after its underscores, and nameless ones that are not a
//!   struct or union.
//! - Bytes without a description ([`Layout::Opaque`]) agree with anything of their size.

use super::blob::{Btf, Member as BtfMember, Type};
use super::encoding;
use crate::layout::{IntEncoding, Layout, Member};

/// Nesting that no real type has.
const DEEPEST: u32 = 64;

/// Compares a layout with a type of the map's BTF. The error says where they differ and how; `path` names the whole
/// (`key`, `value`).
pub(crate) fn compare(path: &str, ours: &Layout, btf: &Btf, type_id: u32) -> Result<(), String> {
    Comparison { btf }.types(path, ours, type_id, 0)
}

struct Comparison<'a> {
    btf: &'a Btf,
}

impl Comparison<'_> {
    fn types(&self, path: &str, ours: &Layout, type_id: u32, depth: u32) -> Result<(), String> {
        let at = |error: String| format!("{path}: {error}");
        if depth > DEEPEST {
            return Err(at("types nest too deeply".to_owned()));
        }
        let theirs = self.btf.resolve(type_id).map_err(at)?;
        let differ = || Err(format!("{path}: {}, the map says {}", describe(ours), name(&theirs)));
        match (ours, &theirs) {
            (Layout::Typedef { target, .. } | Layout::Root { root: target, .. }, _) => {
                self.types(path, target, type_id, depth + 1)
            }
            (Layout::Opaque { size }, _) => match self.btf.size(type_id).map_err(at)? {
                bytes if bytes == u64::from(*size) => Ok(()),
                bytes => Err(format!("{path}: {size} bytes, the map says {bytes}")),
            },
            (Layout::Void, Type::Void) | (Layout::Pointer { .. }, Type::Pointer) => Ok(()),
            (
                Layout::Int { size, encoding, .. },
                &Type::Int { size: their_size, encoding: their_encoding, .. },
            ) => {
                let signed = *encoding == IntEncoding::Signed;
                let their_signed = their_encoding & encoding::SIGNED != 0;
                if *size == their_size && (*size == 1 || signed == their_signed) {
                    Ok(())
                } else {
                    differ()
                }
            }
            (Layout::Int { size, .. }, Type::Enum { size: their_size, .. })
            | (Layout::Enum { size, .. }, Type::Int { size: their_size, .. })
                if size == their_size =>
            {
                Ok(())
            }
            (
                Layout::Enum { size, variants, .. },
                Type::Enum { size: their_size, variants: theirs },
            ) if size == their_size => variants_agree(path, *size, variants, theirs),
            (
                Layout::Array { element, len },
                Type::Array { element: their_element, len: their_len },
            ) => {
                if len != their_len {
                    return Err(format!("{path}: {len} elements, the map says {their_len}"));
                }
                self.types(&format!("{path}[]"), element, *their_element, depth + 1)
            }
            (
                Layout::Struct { name, size, members },
                Type::Struct { name: their_name, size: their_size, members: their_members },
            )
            | (
                Layout::Union { name, size, members },
                Type::Union { name: their_name, size: their_size, members: their_members },
            ) => {
                if is_kernels(name) || is_kernels(their_name) {
                    return if name == their_name && size == their_size {
                        Ok(())
                    } else {
                        differ()
                    };
                }
                self.members(path, members, their_members, depth)?;
                if size == their_size {
                    Ok(())
                } else {
                    Err(format!("{path}: {size} bytes, the map says {their_size}"))
                }
            }
            _ => differ(),
        }
    }

    fn members(
        &self,
        path: &str,
        ours: &[Member],
        theirs: &[BtfMember],
        depth: u32,
    ) -> Result<(), String> {
        let mut real = Vec::with_capacity(theirs.len());
        for member in theirs {
            let named = !member.name.is_empty();
            if (named || self.is_composite(member.type_id)) && !is_padding_name(&member.name) {
                real.push(member);
            }
        }
        let mut rest = real.as_slice();
        for our in ours.iter().filter(|our| !is_padding(our)) {
            let path = member_path(path, our.name, our.bit_offset);
            let Some((their, tail)) = rest.split_first() else {
                return Err(match real.iter().find(|their| their.name == our.name) {
                    Some(their) => place_differs(&path, our, their),
                    None => format!("{path}: the map has no such member"),
                });
            };
            if their.name != our.name {
                return Err(match real.iter().find(|their| their.name == our.name) {
                    Some(their) if their.bit_offset != our.bit_offset => {
                        place_differs(&path, our, their)
                    }
                    Some(_) => format!("{path}: the map has `{}` before it", their.name),
                    None => format!("{path}: the map calls this member `{}`", their.name),
                });
            }
            if their.bit_offset != our.bit_offset {
                return Err(place_differs(&path, our, their));
            }
            let their_bits = self.bit_field(their)?;
            if their_bits != our.bits {
                return Err(format!(
                    "{path}: {}, the map says {}",
                    width(our.bits),
                    width(their_bits)
                ));
            }
            self.types(&path, our.layout, their.type_id, depth + 1)?;
            rest = tail;
        }
        match rest.first() {
            None => Ok(()),
            Some(their) => Err(format!(
                "{}: the schema has no such member",
                member_path(path, &their.name, their.bit_offset)
            )),
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

fn variants_agree(
    path: &str,
    size: u32,
    ours: &[(&str, i64)],
    theirs: &[(String, i64)],
) -> Result<(), String> {
    // The sign of the numbers isn't told before Linux 6.0: the bits are compared.
    let bits = |value: i64| if size >= 8 { value } else { value & ((1 << (8 * size)) - 1) };
    for (name, value) in ours {
        if let Some((_, their)) = theirs.iter().find(|(their_name, _)| their_name == name)
            && bits(*value) != bits(*their)
        {
            return Err(format!("{path}: {name} is {value}, the map says {their}"));
        }
    }
    Ok(())
}

fn place_differs(path: &str, ours: &Member, theirs: &BtfMember) -> String {
    if ours.bit_offset.is_multiple_of(8) && theirs.bit_offset.is_multiple_of(8) {
        format!("{path}: offset {}, the map says {}", ours.bit_offset / 8, theirs.bit_offset / 8)
    } else {
        format!("{path}: bit {}, the map says {}", ours.bit_offset, theirs.bit_offset)
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

fn is_padding(member: &Member) -> bool {
    is_padding_name(member.name)
        || member.name.is_empty()
            && !matches!(member.layout, Layout::Struct { .. } | Layout::Union { .. })
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

fn describe(layout: &Layout) -> String {
    match layout {
        Layout::Void => "no type".to_owned(),
        Layout::Int { name, size, .. } => format!("{name} ({})", bytes(*size)),
        Layout::Typedef { name, .. } => (*name).to_owned(),
        Layout::Enum { name, size, .. } => tagged("enum", name, *size),
        Layout::Array { len, .. } => format!("an array of {len}"),
        Layout::Struct { name, size, .. } => tagged("struct", name, *size),
        Layout::Union { name, size, .. } => tagged("union", name, *size),
        Layout::Pointer { .. } => "a pointer".to_owned(),
        Layout::Tagged { target, .. } => describe(target),
        Layout::Root { root, .. } => describe(root),
        Layout::Opaque { size } => bytes(*size),
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
