//! Rules about the differences from older schemas: former names, and the defaults of new members.

use std::collections::HashMap;

use super::Resolved;
use super::context::Context;
use super::types::range;
use crate::diagnostics::Finding;
use crate::ir::{Composite, DefaultValue, Int, Member, MemberType, Type, TypeDefKind};
use crate::rules;
use crate::source::{Span, Spanned};

pub(super) fn check(cx: &mut Context<'_>) {
    for def in cx.types() {
        if let TypeDefKind::Struct(body) | TypeDefKind::Union(body) = &def.kind {
            composite(cx, body);
        }
    }
    let maps = cx.maps();
    let names = maps.iter().map(|map| (Some(&map.name), map.renamed_from.as_ref()));
    former_names(cx, "map", &names.collect::<Vec<_>>());
    for template in maps.iter().filter_map(|map| map.template()) {
        if let Some(former) = &template.renamed_from {
            nameless(cx, "an inner map that is declared in place", former.span);
        }
    }
}

/// Checks the members of a struct or union. The members of anonymous structs and unions count as members of the type
/// that contains them.
fn composite(cx: &mut Context<'_>, body: &Composite) {
    let mut members = Vec::with_capacity(body.members.len());
    flatten(body, &mut members);
    let names = members.iter().map(|member| (member.name.as_ref(), member.renamed_from.as_ref()));
    former_names(cx, "member", &names.collect::<Vec<_>>());
    for member in members {
        default_value(cx, member);
        if let MemberType::Struct(inner) | MemberType::Union(inner) = &member.ty {
            if member.name.is_some() {
                composite(cx, inner);
            }
        }
    }
}

fn flatten<'a>(body: &'a Composite, members: &mut Vec<&'a Member>) {
    for member in &body.members {
        members.push(member);
        if let MemberType::Struct(inner) | MemberType::Union(inner) = &member.ty {
            if member.name.is_none() {
                flatten(inner, members);
            }
        }
    }
}

/// The name and the former name of a declaration.
type Names<'a> = (Option<&'a Spanned<String>>, Option<&'a Spanned<String>>);

/// Checks that each former name belongs to a single declaration, and that no declaration of the current schema has this
/// name.
fn former_names(cx: &mut Context<'_>, what: &str, all: &[Names<'_>]) {
    let mut now: HashMap<&str, Span> = HashMap::new();
    for name in all.iter().filter_map(|(name, _)| *name) {
        now.entry(&name.value).or_insert(name.span);
    }
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for (name, former) in all {
        let Some(former) = former else { continue };
        let Some(name) = name else {
            nameless(cx, &format!("an anonymous {what}"), former.span);
            continue;
        };
        if let Some(taken) = now.get(former.value.as_str()) {
            let message = if name.value == former.value {
                format!("`renamed_from` is the current name of the {what} `{}`", name.value)
            } else {
                format!("`{}` is still the name of a {what}", former.value)
            };
            cx.report(
                Finding::new(&rules::RENAMED_FROM, former.span, message)
                    .related(*taken, "has this name now")
                    .help(format!("remove `renamed_from`, or rename one {what}")),
            );
        } else if let Some(first) = seen.insert(&former.value, former.span) {
            let message = format!("two {what}s have the former name `{}`", former.value);
            cx.report(
                Finding::new(&rules::RENAMED_FROM, former.span, message)
                    .label("again")
                    .related(first, "first")
                    .help("remove one `renamed_from`"),
            );
        }
    }
}

fn nameless(cx: &mut Context<'_>, what: &str, span: Span) {
    cx.report(
        Finding::new(
            &rules::RENAMED_FROM,
            span,
            format!("{what} has no name, so it can't have `renamed_from`"),
        )
        .help("remove `renamed_from`"),
    );
}

fn default_value(cx: &mut Context<'_>, member: &Member) {
    let Some(default) = &member.default else { return };
    let not_for_type = |what: &str, help: &str| {
        Finding::new(&rules::DEFAULT_NOT_FOR_TYPE, default.span, what).help(help)
    };
    let MemberType::Type(ty) = &member.ty else {
        let message = "a struct or union can't have a default";
        cx.report(not_for_type(message, "write `default` on the members of the struct or union"));
        return;
    };
    let is_unknown = match cx.resolved.without_aliases(&ty.value) {
        Type::Named(name) => cx.resolved.type_def(name).is_none(),
        _ => false,
    };
    // Another rule reports unknown names.
    if is_unknown {
        return;
    }
    if member.name.is_none() {
        let message = "a bit-field without a name is padding, which is always zero";
        cx.report(not_for_type(message, "remove `default`"));
        return;
    }
    let Some(held) = cx.resolved.number(&ty.value) else {
        let message = format!("a member of the type `{}` can't have a default", ty.value);
        let help = "remove `default`: a new member without a default is zero";
        cx.report(not_for_type(&message, help).related(ty.span, "not a number"));
        return;
    };
    if held.value_of(&default.value).is_some_and(|value| held.fits(value, member)) {
        return;
    }
    let message = format!("the default {} is not a possible value of this member", default.value);
    cx.report(
        Finding::new(&rules::DEFAULT_RANGE, default.span, message)
            .related(ty.span, "the type")
            .help(held.help(member)),
    );
}

/// The possible numbers of a member.
enum Number<'a> {
    Int(Int),
    Bool,
    Enum(&'a crate::ir::Enum),
}

impl Number<'_> {
    fn value_of(&self, default: &DefaultValue) -> Option<i128> {
        match (self, default) {
            (Self::Bool, DefaultValue::Bool(truth)) => Some(i128::from(*truth)),
            (Self::Int(_) | Self::Enum(_), DefaultValue::Number(number)) => Some(*number),
            (Self::Enum(body), DefaultValue::Variant(name)) => {
                let variant = body.variants.iter().find(|variant| variant.name.value == *name)?;
                Some(variant.value.value)
            }
            _ => None,
        }
    }

    /// Returns the lowest and the highest number.
    fn range(&self, member: &Member) -> (i128, i128) {
        let int = match self {
            Self::Bool => return (0, 1),
            Self::Int(int) => *int,
            Self::Enum(body) => body.repr.value,
        };
        match &member.bits {
            Some(bits) if (1..64).contains(&bits.value) => {
                let highest = 1 << (bits.value - u32::from(int.signed));
                (if int.signed { -highest } else { 0 }, highest - 1)
            }
            _ => range(int),
        }
    }

    fn fits(&self, value: i128, member: &Member) -> bool {
        let (lowest, highest) = self.range(member);
        (lowest..=highest).contains(&value)
    }

    fn help(&self, member: &Member) -> String {
        let (lowest, highest) = self.range(member);
        match self {
            Self::Bool => "write `true` or `false`".to_owned(),
            Self::Int(_) => format!("write a number from {lowest} to {highest}"),
            Self::Enum(_) => {
                format!("write the name of a variant, or a number from {lowest} to {highest}")
            }
        }
    }
}

impl<'a> Resolved<'a> {
    /// Returns the number that `member` gets in older entries, which were written before the member
    /// existed. This number is the default of the member, or 0. For a big-endian member, this
    /// number is in the host's byte order, although the bytes of the member are swapped.
    #[must_use]
    pub fn default_of(self, member: &'a Member) -> i128 {
        let (MemberType::Type(ty), Some(default)) = (&member.ty, &member.default) else { return 0 };
        self.number(&ty.value).and_then(|held| held.value_of(&default.value)).unwrap_or(0)
    }

    /// Returns the possible numbers of the type `ty`, or `None` if `ty` is not a number.
    fn number(self, ty: &'a Type) -> Option<Number<'a>> {
        match self.without_aliases(ty) {
            Type::Int(int) => Some(Number::Int(*int)),
            Type::Char => Some(Number::Int(Int { size: 1, signed: true })),
            Type::BigEndian(size) => Some(Number::Int(Int { size: *size, signed: false })),
            Type::Bool => Some(Number::Bool),
            Type::Named(name) => match &self.type_def(name)?.kind {
                TypeDefKind::Enum(body) => Some(Number::Enum(body)),
                _ => None,
            },
            Type::Array(..) | Type::Pointer(_) | Type::Special(..) => None,
        }
    }
}
