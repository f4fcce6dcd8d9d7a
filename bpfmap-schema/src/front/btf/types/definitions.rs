//! Converts named types: structs, unions, enums and aliases. Each type is converted when it is
//! first needed.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use bpfmap_btf::{Kind, Member as BtfMember, Type as BtfType, TypeId};

use super::{Enclosing, MAX_DEPTH, Made, Types};
use crate::front::btf::Failed;
use crate::front::btf::fit::{Placed, fit};
use crate::front::btf::places::Owner;
use crate::ir::{
    Composite, Enum, InC, Int, Member, MemberType, Target, Type, TypeDef, TypeDefKind, Variant,
};
use crate::layout::Layouts;
use crate::naming::rust_constant;
use crate::rules;
use crate::source::{Span, Spanned};

/// The memory that a member needs during the conversion, without its names, in bytes.
const MEMBER: usize = 400;

impl<'a> Types<'a> {
    /// Returns the name of a struct, union or enum. Converts the type at the first call.
    pub(super) fn named(
        &mut self,
        id: TypeId,
        typedef: Option<&str>,
        place: Enclosing<'_>,
    ) -> Made<String> {
        if let Some(name) = self.known(id)? {
            return Ok(name);
        }
        let Some(ty) = self.btf().get(id) else { return Err(Failed) };
        let wanted = match (ty.name, typedef) {
            ("", Some(typedef)) => typedef.to_owned(),
            ("", None) => place.name.to_owned(),
            (name, _) => name.to_owned(),
        };
        if let Some(name) = self.shared(id, &wanted)? {
            return Ok(name);
        }
        let wanted =
            if ty.name.is_empty() && typedef.is_none() { self.free(wanted) } else { wanted };
        let name = self.name(id, &wanted, place)?;
        let kernel = self.is_kernels(id, &wanted) && name == wanted;
        let in_c = InC { typedef: typedef.is_some(), kernel };
        let holder = self.places.owner();
        let span = self.places.begin(Owner::Type(name.clone()));
        self.spend(name.len())?;
        let inside = Enclosing { span, name: &name, depth: place.depth + 1, nested: 0 };
        let kind = match &ty.kind {
            Kind::Struct(body) => {
                TypeDefKind::Struct(self.composite(id, &body.members, body.size, false, inside)?)
            }
            Kind::Union(body) => {
                TypeDefKind::Union(self.composite(id, &body.members, body.size, true, inside)?)
            }
            Kind::Enum(body) => TypeDefKind::Enum(self.enumeration(body, inside)?),
            _ => return Err(Failed),
        };
        self.add(id, &name, span, kind, in_c);
        self.places.resume(holder);
        Ok(name)
    }

    /// Returns the name of a type, or `None` if the type has not been converted yet.
    fn known(&mut self, id: TypeId) -> Made<Option<String>> {
        let name = self.names.get(&(self.source, id)).cloned();
        self.spend(name.as_ref().map_or(0, String::len))?;
        Ok(name)
    }

    pub(super) fn alias(
        &mut self,
        id: TypeId,
        wanted: &str,
        target: TypeId,
        place: Enclosing<'_>,
    ) -> Made<String> {
        if let Some(name) = self.known(id)? {
            return Ok(name);
        }
        if let Some(name) = self.shared(id, wanted)? {
            return Ok(name);
        }
        let target = self.ty(target, Enclosing { nested: 0, ..place.deeper() })?;
        let name = self.name(id, wanted, place)?;
        let kernel = self.is_kernels(id, wanted) && name == wanted;
        let holder = self.places.owner();
        let span = self.places.begin(Owner::Type(name.clone()));
        let in_c = InC { typedef: false, kernel };
        let target = Spanned::new(target.value, span);
        self.add(id, &name, span, TypeDefKind::Alias(target), in_c);
        self.places.resume(holder);
        Ok(name)
    }

    fn add(&mut self, id: TypeId, name: &str, span: Span, kind: TypeDefKind, in_c: InC) {
        let decl_tags = self.tags().of(id, None, span);
        let name = Spanned::new(name.to_owned(), span);
        let def = TypeDef { name, doc: None, kind, decl_tags, in_c, include: None };
        self.layouts.add(&def);
        self.defs.push(def);
    }

    fn enumeration(&mut self, body: &bpfmap_btf::Enum<'a>, place: Enclosing<'_>) -> Made<Enum> {
        let (repr, values) = self.numbers(body, place);
        let mut variants = Vec::with_capacity(body.variants.len());
        let mut seen = HashMap::with_capacity(body.variants.len());
        for (variant, value) in body.variants.iter().zip(values) {
            self.spend(variant.name.len() * 2 + place.name.len() + 32)?;
            let span = self.places.line(&format!("{}.{}", place.name, variant.name));
            // Names that differ only in case become the same constant in Rust.
            match seen.entry(rust_constant(variant.name)) {
                Entry::Vacant(entry) => _ = entry.insert(variant.name),
                Entry::Occupied(entry) => {
                    let (parent, name, first) = (place.name, variant.name, entry.get());
                    let message = format!(
                        "the constant `{name}` of `{parent}` is left out, because it conflicts with `{first}`"
                    );
                    let help = "rename one of them in the program, because both have the same \
                                name in Rust";
                    self.report(&rules::IMPORT_TYPE, span, message, help);
                    continue;
                }
            }
            variants.push(Variant {
                name: Spanned::new(variant.name.to_owned(), span),
                value: Spanned::new(value, span),
                doc: None,
            });
        }
        // C has one namespace for the constants of all enums.
        let is_taken = body.variants.iter().any(|variant| self.constants.contains(variant.name));
        let prefix = if is_taken {
            let name = place.name;
            let message = format!("the constants of `{name}` get the prefix `{name}_`");
            let help = "check the new names of the constants: another enum has constants with the \
                        old names";
            self.report(&rules::IMPORT_RENAMED, place.span, message, help);
            format!("{name}_")
        } else {
            self.constants.extend(body.variants.iter().map(|variant| variant.name));
            String::new()
        };
        Ok(Enum {
            repr: Spanned::new(repr, place.span),
            prefix: Some(Spanned::new(prefix, place.span)),
            variants,
        })
    }

    /// Returns the integer type of an enum, and the value of each variant. If the BTF does not contain the signedness
    /// or the complete values, they are derived from the values in the BTF as far as possible.
    fn numbers(&mut self, body: &bpfmap_btf::Enum<'a>, place: Enclosing<'_>) -> (Int, Vec<i128>) {
        let repr = Int { size: body.size, signed: body.is_signed };
        let values: Vec<i128> = body.variants.iter().map(|variant| variant.value).collect();
        let name = place.name;
        if body.size == 8 && body.value_bits == 32 {
            let message =
                format!("the BTF contains only the lower 32 bits of each value of `{name}`");
            let help = "write the values in the schema, or compile the program with clang 15 or newer and write \
                 the enum's integer type without a typedef: `enum e : long long`";
            self.report(&rules::IMPORT_ENUM, place.span, message, help);
            return (repr, values);
        }
        if body.is_signed || body.value_bits != 32 {
            return (repr, values);
        }
        let signed = |value: i128| {
            u32::try_from(value).map_or(value, |bits| i32::from_ne_bytes(bits.to_ne_bytes()).into())
        };
        let limit = 1_i128 << (8 * body.size);
        let half = limit >> 1;
        if values.iter().any(|value| *value >= limit) {
            // A value above the limit is probably a negative number. If it is a positive number, the check reports it.
            let negative: Vec<i128> = values.iter().map(|value| signed(*value)).collect();
            if negative.iter().all(|value| (-half..half).contains(value)) {
                return (Int { signed: true, ..repr }, negative);
            }
        } else if body.size == 4 && !self.sources[self.source].tells_signs {
            if let Some(value) = values.iter().find(|value| **value >= half) {
                let message = format!(
                    "the enum `{name}` is possibly signed: its value {value} could also be {}",
                    signed(*value)
                );
                let help = "if the enum is signed, write `repr = \"i32\"` in the schema; clang 15 \
                            and newer record the sign unless the enum's integer type is a typedef";
                self.report(&rules::IMPORT_ENUM, place.span, message, help);
            }
        }
        (repr, values)
    }

    /// Returns the body of a struct or union.
    fn composite(
        &mut self,
        id: TypeId,
        members: &[BtfMember<'_>],
        size: u32,
        is_union: bool,
        place: Enclosing<'_>,
    ) -> Made<Composite> {
        let mut placed = Vec::with_capacity(members.len());
        for (index, member) in (0_u32..).zip(members) {
            if self.has_no_bytes(member) {
                self.spend(MEMBER + member.name.len() + place.name.len())?;
                self.without_bytes(member, place);
            } else {
                placed.push(self.member(id, index, member, place)?);
            }
        }
        self.name_tag(&mut placed, place);
        if let Some(body) = fit(&self.layouts, &placed, size.into(), is_union) {
            return Ok(body);
        }
        let name = place.name;
        let message =
            format!("a schema can't express the layout of `{name}`, which becomes {size} bytes");
        let help = "declare its members in the schema; its size is unchanged";
        self.report(&rules::IMPORT_LAYOUT, place.span, message, help);
        let byte = Type::Int(Int { size: 1, signed: false });
        let array = Type::Array(Box::new(byte.into()), size.into());
        let bytes = Member {
            name: Some("bytes".to_owned().into()),
            doc: None,
            ty: MemberType::Type(Spanned::new(array, place.span)),
            bits: None,
            decl_tags: vec![],
            default: None,
            renamed_from: None,
            span: place.span,
        };
        Ok(Composite { packed: false, align: None, members: vec![bytes] })
    }

    /// Returns whether a member has no bytes and no meaning. Such a member is an empty struct or union, or an array of
    /// these. A Rust enum has a member without a type for variants that the Rust compiler does not describe.
    fn has_no_bytes(&self, member: &BtfMember<'_>) -> bool {
        if member.bits != 0 {
            return false;
        }
        let mut at = member.ty;
        for _ in 0..MAX_DEPTH {
            match self.btf().resolve(at).ok().flatten().map(|ty| &ty.kind) {
                None => return member.name.is_empty(),
                Some(Kind::Struct(body) | Kind::Union(body)) => return body.size == 0,
                Some(Kind::Array(array)) => at = array.element,
                Some(_) => return false,
            }
        }
        false
    }

    /// Reports that a member is left out.
    fn without_bytes(&mut self, member: &BtfMember<'_>, place: Enclosing<'_>) {
        let (parent, name) = (place.name, member.name);
        let span = self.places.line(&format!("{parent}.{name}"));
        let (message, help) = if name.is_empty() {
            let message =
                format!("`{parent}` has a part that BTF does not describe, which becomes bytes");
            (
                message,
                "declare this part in the schema; BTF does not describe a Rust enum with fields",
            )
        } else {
            (
                format!("`{parent}.{name}` is left out, because it has a size of 0 bytes"),
                "check that the member is not needed; the other members keep their offsets",
            )
        };
        self.report(&rules::IMPORT_TYPE, span, message, help);
    }

    /// Assigns a name to the tag of a Rust enum. The tag is a member that has no name and is not a
    /// struct, a union or a bit-field.
    fn name_tag(&mut self, placed: &mut [Placed], place: Enclosing<'_>) {
        let name_of = |placed: &Placed| placed.member.name.as_ref().map(|name| name.value.clone());
        if !placed.iter().any(|placed| name_of(placed).is_some_and(|name| name.is_empty())) {
            return;
        }
        // Each anonymous type adds only a `_` to the name.
        let parent = place.name.trim_end_matches('_');
        let names: HashSet<String> = placed.iter().filter_map(name_of).collect();
        let mut free = (1_u32..)
            .map(|number| if number == 1 { "tag".to_owned() } else { format!("tag_{number}") })
            .filter(|name| !names.contains(name));
        for Placed { member, .. } in placed {
            let Some(unnamed) = member.name.as_mut().filter(|name| name.value.is_empty()) else {
                continue;
            };
            unnamed.value = free.next().unwrap_or_default();
            let (name, span) = (&unnamed.value, unnamed.span);
            let message = format!("a member of `{parent}` has no name, and gets the name `{name}`");
            let help = "check the new name; for example, the tag of a Rust enum has no name";
            self.report(&rules::IMPORT_RENAMED, span, message, help);
        }
    }

    fn member(
        &mut self,
        parent: TypeId,
        index: u32,
        member: &BtfMember<'_>,
        place: Enclosing<'_>,
    ) -> Made<Placed> {
        self.spend(MEMBER + member.name.len() * 2 + place.name.len() * 2)?;
        let span = self.places.line(&format!("{}.{}", place.name, member.name));
        let name = format!("{}_{}", place.name, member.name);
        let inside = Enclosing { span, name: &name, depth: place.depth + 1, nested: 0 };
        let (mut bits, mut bit_offset) = (member.bits, u64::from(member.bit_offset));
        let unqualified = self.btf().unqualified(member.ty).ok();
        // Old compilers store the width of a bit-field in its integer type.
        if let Some((_, Some(BtfType { kind: Kind::Int(int), .. }))) = unqualified {
            let is_part = int.bits != 0 && u64::from(int.bits) < u64::from(int.size) * 8;
            if bits == 0 && is_part && !int.is_bool {
                bits = int.bits;
                bit_offset += u64::from(int.bit_offset);
            }
        }
        let in_place = unqualified.and_then(|(id, ty)| {
            // With Microsoft's extensions to C, a struct can have anonymous members whose types have names.
            let ty = ty.filter(|ty| ty.name.is_empty() || member.name.is_empty())?;
            match &ty.kind {
                _ if ty.is_replaced_float() || self.btf().is_replaced_enum(ty) => None,
                Kind::Struct(body) => Some((id, body.clone(), false)),
                Kind::Union(body) => Some((id, body.clone(), true)),
                _ => None,
            }
        });
        let mut decl_tags = self.tags().of(parent, Some(index), span);
        let ty = match in_place {
            Some((id, body, is_union)) if inside.depth <= MAX_DEPTH => {
                let body = self.composite(id, &body.members, body.size, is_union, inside)?;
                if is_union { MemberType::Union(body) } else { MemberType::Struct(body) }
            }
            _ => {
                let mut ty = self.ty(member.ty, inside)?;
                self.contained(&mut ty, &mut decl_tags, inside)?;
                MemberType::Type(ty)
            }
        };
        let is_nameless = bits != 0 || !matches!(ty, MemberType::Type(_));
        // Any other member without a name is the tag of a Rust enum. `name_tag` assigns a name to it.
        let name = (!member.name.is_empty() || !is_nameless).then(|| member.name.to_owned());
        let member = Member {
            name: name.map(|name| Spanned::new(name, span)),
            doc: None,
            ty,
            bits: (bits != 0).then(|| Spanned::new(bits, span)),
            decl_tags,
            default: None,
            renamed_from: None,
            span,
        };
        Ok(Placed { member, bit_offset })
    }

    /// Returns the element type of a list or tree, which is the struct in the tag
    /// `contains:STRUCT:MEMBER`.
    fn contained(
        &mut self,
        ty: &mut Spanned<Type>,
        tags: &mut Vec<Spanned<String>>,
        place: Enclosing<'_>,
    ) -> Made<()> {
        let Type::Special(field, target @ None) = &mut ty.value else { return Ok(()) };
        if field.node().is_none() {
            return Ok(());
        }
        let contains = |tag: &Spanned<String>| {
            let (name, member) = tag.value.strip_prefix("contains:")?.split_once(':')?;
            Some((name.to_owned(), member.to_owned()))
        };
        let found = tags.iter().position(|tag| contains(tag).is_some());
        let Some((name, member)) = found.and_then(|at| contains(&tags.remove(at))) else {
            let message = format!("the `{}` does not declare its elements", field.name());
            let help = "declare the elements with the macro `__contains` in the program";
            let (rule, size) = (&rules::IMPORT_TYPE, Layouts::default().of(&ty.value).size);
            let words = u32::try_from(size / 8).unwrap_or_default();
            self.report(rule, place.span, message, help);
            let word = Type::Int(Int { size: 8, signed: false });
            ty.value = Type::Array(Box::new(word.into()), words.into());
            return Ok(());
        };
        let named = |text: String| Spanned::new(text, place.span);
        *target = Some(Box::new(Target { name: named(name.clone()), member: Some(named(member)) }));
        if let Some(id) = self.sources[self.source].structs.get(name.as_str()).copied() {
            self.named(id, None, place.deeper())?;
        }
        Ok(())
    }
}
