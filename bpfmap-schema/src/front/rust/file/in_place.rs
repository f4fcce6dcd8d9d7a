//! Inserts the definitions of types and inner maps that are declared in place, at the positions
//! where the source refers to them.

use super::assemble::{map_item, type_item};
use super::items::Declared;
use super::krate::{Crate, DeclarationId};
use crate::diagnostics::Finding;
use crate::front::rust::{FieldRole, TypeItem, has_word};
use crate::ir::{
    Composite, InnerMap, KeyValue, MapDecl, Member, MemberType, Type, TypeDef, TypeDefKind,
};
use crate::rules;
use crate::source::{Span, Spanned};

/// The maximum total number of members of all types that are declared in place. The members of a
/// type count once for each use of the type, because each use inserts a copy.
const MAX_MEMBERS: usize = 100_000;

/// The maximum nesting depth of types that are declared in place.
const MAX_DEPTH: usize = 32;

/// Returns whether the declaration has no name in C.
pub(super) fn has_no_name(declared: &Declared) -> bool {
    let (attribute, word) =
        if declared.is_map { ("bpf_map", "template") } else { ("bpf_type", "in_place") };
    has_word(&declared.input.attrs, attribute, word)
}

/// Returns a placeholder name for a declaration without a name, which is used until the declaration is inserted. The
/// placeholder can't conflict with a real name.
pub(super) fn key(id: DeclarationId) -> String {
    format!("#{}", id.number())
}

fn declaration(key: &str) -> Option<DeclarationId> {
    key.strip_prefix('#')?.parse().ok().map(DeclarationId::from_number)
}

/// Calls `each` with the names of the types that `def` contains by value.
pub(super) fn each_named(def: &TypeDef, each: &mut dyn FnMut(&str)) {
    match &def.kind {
        TypeDefKind::Struct(body) | TypeDefKind::Union(body) => each_named_member(body, each),
        TypeDefKind::Alias(target) => each_named_type(&target.value, each),
        TypeDefKind::Enum(_) => {}
    }
}

fn each_named_member(body: &Composite, each: &mut dyn FnMut(&str)) {
    for member in &body.members {
        match &member.ty {
            MemberType::Type(ty) => each_named_type(&ty.value, each),
            MemberType::Struct(body) | MemberType::Union(body) => each_named_member(body, each),
        }
    }
}

fn each_named_type(ty: &Type, each: &mut dyn FnMut(&str)) {
    match ty {
        Type::Array(element, _) => each_named_type(&element.value, each),
        Type::Named(name) => each(name),
        _ => {}
    }
}

/// Inserts types that are declared in place, and counts their members.
#[derive(Default)]
pub(super) struct Places {
    members: usize,
}

impl Places {
    /// Inserts types that are declared in place into `def`, the definition of `item`. Returns
    /// whether all inserted types are complete.
    pub(super) fn fill(&mut self, krate: &Crate, def: &mut TypeDef, item: &TypeItem) -> bool {
        natural_alignment(&mut def.kind, item);
        match &mut def.kind {
            TypeDefKind::Struct(body) | TypeDefKind::Union(body) => self.body(krate, body, 0),
            TypeDefKind::Alias(target) => no_key(krate, target),
            TypeDefKind::Enum(_) => true,
        }
    }

    fn body(&mut self, krate: &Crate, body: &mut Composite, depth: usize) -> bool {
        let mut whole = true;
        for member in &mut body.members {
            whole &= self.member(krate, member, depth);
        }
        whole
    }

    fn member(&mut self, krate: &Crate, member: &mut Member, depth: usize) -> bool {
        let MemberType::Type(ty) = &mut member.ty else { return true };
        let id = match &ty.value {
            Type::Named(name) => declaration(name),
            _ => None,
        };
        let Some(id) = id else {
            if member.name.is_none() && member.bits.is_none() {
                krate.report(
                    Finding::new(
                        &rules::IN_PLACE,
                        ty.span,
                        "only a type that is declared in place can be anonymous",
                    )
                    .label("this type has a name in C")
                    .help("write `#[bpf_type(in_place)]` before the type, or remove `anonymous`"),
                );
                return false;
            }
            return no_key(krate, ty);
        };
        let span = ty.span;
        if member.bits.is_some() {
            return no_key(krate, ty);
        }
        let Some(item) = type_item(krate, id) else {
            return self.holds_itself(krate, span);
        };
        let mut kind = item.def.kind.clone();
        natural_alignment(&mut kind, &item);
        let (TypeDefKind::Struct(inner) | TypeDefKind::Union(inner)) = &mut kind else {
            return no_key(krate, ty);
        };
        self.members = self.members.saturating_add(inner.members.len());
        if depth >= MAX_DEPTH || self.members > MAX_MEMBERS {
            ty.value = placeholder();
            return self.holds_itself(krate, span);
        }
        let whole = self.body(krate, inner, depth + 1) & item.complete;
        member.ty = match kind {
            TypeDefKind::Struct(inner) => MemberType::Struct(inner),
            TypeDefKind::Union(inner) => MemberType::Union(inner),
            TypeDefKind::Enum(_) | TypeDefKind::Alias(_) => unreachable!("the type has a body"),
        };
        whole
    }

    fn holds_itself(&self, krate: &Crate, span: Span) -> bool {
        let message = if self.members > MAX_MEMBERS {
            format!(
                "the types that are declared in place have more than {MAX_MEMBERS} members in total"
            )
        } else {
            "a type that is declared in place contains itself or is nested too deeply".to_owned()
        };
        krate
            .report(Finding::new(&rules::IN_PLACE, span, message).help(
                "remove `in_place`; the type then has a name in C and is declared only once",
            ));
        false
    }
}

/// Inserts templates into `map`. Returns whether all inserted templates are complete.
pub(super) fn fill_map(krate: &Crate, map: &mut MapDecl, depth: usize) -> bool {
    let mut whole = true;
    for described in [&mut map.key, &mut map.value].into_iter().flatten() {
        if let KeyValue::Type(ty) = described {
            whole &= no_key(krate, ty);
        }
    }
    if let Some(event) = &mut map.event {
        whole &= no_key(krate, event);
    }
    let Some(inner) = &mut map.inner else { return whole };
    let InnerMap::Named(name) = &inner.value else { return whole };
    let Some(id) = declaration(name) else { return whole };
    if !krate.is_map(id) || depth >= MAX_DEPTH {
        krate.report(
            Finding::new(
                &rules::IN_PLACE,
                inner.span,
                "this map can't be a template for inner maps",
            )
            .help("write the name of another struct with `#[derive(BpfMap)]`"),
        );
        map.inner = None;
        return false;
    }
    let item = map_item(krate, id);
    let mut template = item.def.clone();
    template.name = Spanned::new(String::new(), inner.span);
    whole &= item.complete & item.later.is_empty();
    whole &= fill_map(krate, &mut template, depth + 1);
    inner.value = InnerMap::Template(Box::new(template));
    whole
}

/// Checks a type in a position where types that are declared in place are not allowed. If `ty`
/// contains such a type, reports an error and returns false.
fn no_key(krate: &Crate, ty: &mut Spanned<Type>) -> bool {
    let mut found = false;
    replace_keys(&mut ty.value, &mut found);
    if found {
        krate.report(
            Finding::new(
                &rules::IN_PLACE,
                ty.span,
                "a type that is declared in place can only be the type of a member or the `inner` of a map",
            )
            .help("remove `in_place` or `template`; the declaration then has a name in C"),
        );
    }
    !found
}

fn replace_keys(ty: &mut Type, found: &mut bool) {
    match ty {
        Type::Array(element, _) => replace_keys(&mut element.value, found),
        Type::Named(name) if declaration(name).is_some() => {
            *found = true;
            *ty = placeholder();
        }
        Type::Special(_, Some(target)) if declaration(&target.name.value).is_some() => {
            *found = true;
            *ty = placeholder();
        }
        _ => {}
    }
}

fn placeholder() -> Type {
    Type::Int(crate::ir::Int { size: 1, signed: false })
}

/// Removes an alignment that C does not need. In Rust, an array of bytes that contains a member has an alignment of 1,
/// so the type needs `repr(align)`. In C, the type gets the same alignment from its members.
fn natural_alignment(kind: &mut TypeDefKind, item: &TypeItem) {
    let (TypeDefKind::Struct(body) | TypeDefKind::Union(body)) = kind else { return };
    let has_storage = item.fields.iter().any(|field| match field {
        FieldRole::Bits { .. } | FieldRole::Holds { .. } => true,
        FieldRole::Member { padding, .. } => *padding != Some(0),
        FieldRole::Padding(_) => false,
    });
    if has_storage && item.repr.align_may_be_natural {
        body.align = None;
    }
}
