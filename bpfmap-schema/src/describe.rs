//! Converts the maps and types of a checked schema to [`MapDef`] and [`TypeDesc`], which the tools and the run-time
//! library share.

use crate::check::Checked;
use crate::ir::{
    Attribute, Composite, Enum, Int, KeyValue, MapDecl, MemberType, Target, Type, TypeDefKind,
};
use crate::layout::{CompositeLayout, Item};
use bpfmap_core::map_type::{MapFlag, MapType};
use bpfmap_core::{MapDef, MapFlags, MemberDesc, Pinning, SpecialField, TypeDesc};
use bumpalo::Bump;

/// Returns the definition of `map`, which is a map of the schema. The descriptions of its types are allocated in
/// `arena`.
#[must_use]
pub fn map_def<'a>(arena: &'a Bump, checked: &'a Checked, map: &'a MapDecl) -> MapDef<'a> {
    let types = Types { arena, checked };
    let (key, value) = (types.part(map, Attribute::Key), types.part(map, Attribute::Value));
    let number = MapType::by_name(&map.map_type.value).map_or(0, |row| row.number);
    let flags = map.flags.iter().filter_map(|flag| MapFlag::by_name(&flag.value));
    let flags = flags.map(|flag| MapFlags::from_bits_retain(flag.value())).collect();
    let mut def = MapDef::new(&map.name.value, number, key, value).flags(flags);
    def.max_entries = map.max_entries.as_ref().map(|entries| entries.value);
    def.map_extra = map.map_extra.as_ref().map_or(0, |extra| extra.value);
    def.numa_node = map.numa_node.as_ref().map(|node| node.value);
    def.pinning = map.pinning.as_ref().map_or(Pinning::None, |pinning| pinning.value);
    def.btf = map.btf.as_ref().is_none_or(|btf| btf.value);
    def.optional = map.optional.value;
    if let Some(event) = &map.event {
        def.event = types.ty(&event.value);
    }
    let inner = checked.schema().inner_of(map);
    def.inner = inner.map(|inner| &*arena.alloc(map_def(arena, checked, inner)));
    def
}

#[derive(Clone, Copy)]
struct Types<'a> {
    arena: &'a Bump,
    checked: &'a Checked,
}

impl<'a> Types<'a> {
    fn part(self, map: &'a MapDecl, part: Attribute) -> &'a TypeDesc<'a> {
        let described = if part == Attribute::Key { &map.key } else { &map.value };
        match described {
            None if map.is_set_by_loader(part) => &TypeDesc::SetByLoader,
            None => TypeDesc::VOID,
            Some(KeyValue::Type(ty)) => self.ty(&ty.value),
            Some(KeyValue::Size(size)) => self.arena.alloc(TypeDesc::Opaque { size: size.value }),
        }
    }

    fn ty(self, ty: &'a Type) -> &'a TypeDesc<'a> {
        match ty {
            Type::Int(Int { size, signed }) => match (size, signed) {
                (1, false) => TypeDesc::U8,
                (2, false) => TypeDesc::U16,
                (4, false) => TypeDesc::U32,
                (8, false) => TypeDesc::U64,
                (_, false) => TypeDesc::U128,
                (1, true) => TypeDesc::I8,
                (2, true) => TypeDesc::I16,
                (4, true) => TypeDesc::I32,
                (8, true) => TypeDesc::I64,
                (_, true) => TypeDesc::I128,
            },
            Type::Bool => TypeDesc::BOOL,
            Type::Char => TypeDesc::CHAR,
            Type::BigEndian(2) => TypeDesc::BE16,
            Type::BigEndian(4) => TypeDesc::BE32,
            Type::BigEndian(_) => TypeDesc::BE64,
            Type::Array(element, len) => {
                let element = self.ty(&element.value);
                self.arena.alloc(TypeDesc::Array { element, len: len.value })
            }
            Type::Pointer(_) => TypeDesc::VOID_POINTER,
            Type::Named(name) => self.named(name),
            Type::Special(field, target) => self.special(*field, target.as_deref()),
        }
    }

    /// Returns the description of a type of the schema. The recursion ends, because the check refuses types that
    /// contain themselves by value.
    fn named(self, name: &'a str) -> &'a TypeDesc<'a> {
        let Some(def) = self.checked.resolved().type_def(name) else { return TypeDesc::VOID };
        let layout = self.checked.layouts().composite(name);
        match (&def.kind, layout) {
            (TypeDefKind::Struct(body), Some(layout)) => self.composite(name, body, layout, false),
            (TypeDefKind::Union(body), Some(layout)) => self.composite(name, body, layout, true),
            (TypeDefKind::Enum(body), _) => self.enumeration(name, body),
            (TypeDefKind::Alias(target), _) => {
                let target = self.ty(&target.value);
                self.arena.alloc(TypeDesc::Typedef { name, target })
            }
            _ => TypeDesc::VOID,
        }
    }

    fn composite(
        self,
        name: &'a str,
        body: &'a Composite,
        layout: &'a CompositeLayout,
        is_union: bool,
    ) -> &'a TypeDesc<'a> {
        let members = layout.items(body).filter_map(|item| {
            let Item::Member(index, at) = item else { return None };
            let member = &body.members[index];
            let layout = match (&member.ty, &at.nested) {
                (MemberType::Type(ty), _) => self.ty(&ty.value),
                (MemberType::Struct(body), Some(layout)) => self.composite("", body, layout, false),
                (MemberType::Union(body), Some(layout)) => self.composite("", body, layout, true),
                _ => return None,
            };
            let layout = match member.in_older_maps() {
                None => layout,
                Some((renamed_from, was_padding)) => {
                    self.arena.alloc(TypeDesc::Evolved { renamed_from, was_padding, ty: layout })
                }
            };
            Some(MemberDesc {
                name: member.name.as_ref().map_or("", |name| &name.value),
                bit_offset: narrow(at.bit_offset),
                bits: member.bits.as_ref().map_or(0, |bits| bits.value),
                ty: layout,
            })
        });
        let members: Vec<MemberDesc<'a>> = members.collect();
        let members = &*self.arena.alloc_slice_copy(&members);
        let size = narrow(layout.size);
        self.arena.alloc(if is_union {
            TypeDesc::Union { name, size, members }
        } else {
            TypeDesc::Struct { name, size, members }
        })
    }

    fn enumeration(self, name: &'a str, body: &'a Enum) -> &'a TypeDesc<'a> {
        let variants = body.variants.iter().map(|variant| {
            let constant = body.c_constant(name, &variant.name.value);
            // BTF stores the lowest 64 bits.
            let [low @ .., _, _, _, _, _, _, _, _] = variant.value.value.to_le_bytes();
            (&*self.arena.alloc_str(&constant), i64::from_le_bytes(low))
        });
        let variants: Vec<(&'a str, i64)> = variants.collect();
        self.arena.alloc(TypeDesc::Enum {
            name,
            size: body.repr.value.size,
            signed: body.repr.value.signed,
            variants: self.arena.alloc_slice_copy(&variants),
        })
    }

    fn special(self, field: SpecialField, target: Option<&'a Target>) -> &'a TypeDesc<'a> {
        let plain = match field {
            SpecialField::SpinLock => TypeDesc::SPIN_LOCK,
            SpecialField::ResSpinLock => TypeDesc::RES_SPIN_LOCK,
            SpecialField::Timer => TypeDesc::TIMER,
            SpecialField::WorkQueue => TypeDesc::WORK_QUEUE,
            SpecialField::TaskWork => TypeDesc::TASK_WORK,
            SpecialField::RefCount => TypeDesc::REF_COUNT,
            SpecialField::ListHead => TypeDesc::LIST_HEAD,
            SpecialField::ListNode => TypeDesc::LIST_NODE,
            SpecialField::RbRoot => TypeDesc::RB_ROOT,
            SpecialField::RbNode => TypeDesc::RB_NODE,
            SpecialField::Kptr
            | SpecialField::UntrustedKptr
            | SpecialField::PerCpuKptr
            | SpecialField::UserPtr => TypeDesc::VOID_POINTER,
        };
        let Some(target) = target else { return plain };
        let pointee = self.pointee(field, target);
        match &target.member {
            None => {
                let target =
                    self.arena.alloc(TypeDesc::Tagged { tag: field.name(), target: pointee });
                self.arena.alloc(TypeDesc::Pointer { target })
            }
            Some(member) => self.arena.alloc(TypeDesc::Root {
                root: plain,
                node: pointee,
                member: &member.value,
            }),
        }
    }

    /// Returns the description of a special field's target. It contains only the members that the kernel needs.
    fn pointee(self, field: SpecialField, target: &'a Target) -> &'a TypeDesc<'a> {
        let name = &target.name.value;
        if field == SpecialField::UserPtr {
            return self.named(name);
        }
        let members = self.checked.resolved().special_members(name).into_iter();
        let members =
            members.filter(|member| !member.field.has_target()).map(|member| MemberDesc {
                name: member.name,
                bit_offset: narrow(member.bytes.start * 8),
                bits: 0,
                ty: self.special(member.field, None),
            });
        let members: Vec<MemberDesc<'a>> = members.collect();
        self.arena.alloc(TypeDesc::Struct {
            name,
            size: self.checked.layouts().named(name).map_or(0, |layout| narrow(layout.size)),
            members: self.arena.alloc_slice_copy(&members),
        })
    }
}

/// Converts a number to 32 bits, because BTF stores it in 32 bits. The check has made sure that the number fits.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
