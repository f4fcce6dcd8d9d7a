//! The context in which the rules check a schema.

use std::collections::HashSet;

use super::Resolved;
use super::findings::Findings;
use crate::diagnostics::Finding;
use crate::draft::Incomplete;
use crate::ir::{
    Attribute, Composite, KeyValue, MapDecl, MemberType, TEMPLATE_SUFFIX, Type, TypeDef,
    TypeDefKind,
};
use crate::source::{Span, Spanned};
use crate::syntax::Syntax;
use crate::taken::Taken;

/// A schema that is being checked, and the diagnostics that were found so far.
pub(super) struct Context<'a> {
    pub(super) resolved: Resolved<'a>,
    pub(super) incomplete: &'a Incomplete,
    /// Whether the schema can refer to types and maps that are not visible to the check.
    pub(super) open: bool,
    pub(super) syntax: Syntax,
    /// The names that C reserves.
    pub(super) taken: Taken<'a>,
    /// The types whose size is unknown because they contain an error.
    pub(super) unsound: HashSet<&'a str>,
    findings: Findings,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        resolved: Resolved<'a>,
        incomplete: &'a Incomplete,
        (open, syntax): (bool, Syntax),
        taken: Taken<'a>,
    ) -> Self {
        Self {
            resolved,
            incomplete,
            open,
            syntax,
            taken,
            unsound: HashSet::new(),
            findings: Findings::default(),
        }
    }

    pub(super) fn report(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    pub(super) fn into_findings(self) -> Findings {
        self.findings
    }

    /// Returns the source text of `span`.
    pub(super) fn text(&self, span: Span) -> Option<&'a str> {
        let source = self.resolved.schema.sources.get(span.source?);
        source.text.get(span.start..span.end)
    }

    pub(super) fn types(&self) -> &'a [TypeDef] {
        &self.resolved.schema.types
    }

    pub(super) fn maps(&self) -> &'a [MapDecl] {
        &self.resolved.schema.maps
    }

    /// Returns whether the front end could read the whole map. If so, an attribute that is absent is really missing
    /// from the schema.
    pub(super) fn is_complete(&self, map: &MapDecl) -> bool {
        let name = &map.name.value;
        // Errors in a template were reported for the map that contains the template.
        !self.incomplete.maps.contains(name.strip_suffix(TEMPLATE_SUFFIX).unwrap_or(name))
    }

    /// Returns whether neither the schema nor the loader sets the attribute of the map.
    pub(super) fn is_unsaid(&self, map: &MapDecl, attribute: Attribute) -> bool {
        self.is_complete(map) && !map.is_set_by_loader(attribute)
    }

    /// Returns whether the layout of a key or value is known.
    pub(super) fn is_sound_part(&self, part: &KeyValue) -> bool {
        match part {
            KeyValue::Type(ty) => self.is_sound(&ty.value),
            KeyValue::Size(_) => true,
        }
    }

    /// Returns whether the layout of `ty` is known.
    pub(super) fn is_sound(&self, ty: &Type) -> bool {
        by_value(ty).is_none_or(|name| !self.unsound.contains(name))
    }
}

/// Returns the name of the type that `ty` is or contains by value. Returns `None` if `ty` does not contain a named type
/// by value.
pub(super) fn by_value(ty: &Type) -> Option<&str> {
    match ty {
        Type::Named(name) => Some(name),
        Type::Array(element, _) => by_value(&element.value),
        _ => None,
    }
}

/// Calls `each` for every type in `def`. The second argument is the nesting depth of the type: the
/// number of structs and unions that are declared in place and contain the type.
pub(super) fn for_each_type<'a>(def: &'a TypeDef, each: &mut dyn FnMut(&'a Spanned<Type>, usize)) {
    match &def.kind {
        TypeDefKind::Struct(body) | TypeDefKind::Union(body) => for_each_member_type(body, 0, each),
        TypeDefKind::Alias(target) => each(target, 0),
        TypeDefKind::Enum(_) => {}
    }
}

fn for_each_member_type<'a>(
    body: &'a Composite,
    depth: usize,
    each: &mut dyn FnMut(&'a Spanned<Type>, usize),
) {
    for member in &body.members {
        match &member.ty {
            MemberType::Type(ty) => each(ty, depth),
            MemberType::Struct(body) | MemberType::Union(body) => {
                for_each_member_type(body, depth + 1, each);
            }
        }
    }
}
