//! Rules about the attributes that a schema leaves to the loader.

use std::collections::HashSet;

use super::attributes::may_be_absent;
use crate::check::context::Context;
use crate::diagnostics::Finding;
use crate::ir::{Attribute, MapDecl, TEMPLATE_SUFFIX};
use crate::rules;
use crate::source::{Span, Spanned};
use bpfmap_core::map_type::{KernelObject, KeyRule, MapType, MaxEntriesRule, ValueRule};

pub(super) fn check(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    let mut seen = HashSet::new();
    for attribute in &map.set_by_loader {
        let finding = if seen.insert(attribute.value) {
            written(map, attribute)
                .or_else(|| not_for_type(row, attribute))
                .or_else(|| not_for_inner(cx, map, attribute))
                .or_else(|| filled(map, attribute))
        } else {
            let message = format!("duplicate `{}`", attribute.value.name());
            Some(finding(attribute, message).help("remove the duplicate"))
        };
        if let Some(finding) = finding {
            cx.report(finding);
        }
    }
}

fn finding(attribute: &Spanned<Attribute>, message: impl Into<String>) -> Finding {
    Finding::new(&rules::SET_BY_LOADER, attribute.span, message)
}

/// Returns a diagnostic if the schema also sets `attribute`.
fn written(map: &MapDecl, attribute: &Spanned<Attribute>) -> Option<Finding> {
    let written: Option<Span> = match attribute.value {
        Attribute::Key => map.key.as_ref().map(crate::ir::KeyValue::span),
        Attribute::Value => map.value.as_ref().map(crate::ir::KeyValue::span),
        Attribute::MaxEntries => map.max_entries.as_ref().map(|entries| entries.span),
        Attribute::Inner => map.inner.as_ref().map(|inner| inner.span),
    };
    // An attribute without a position is not reported, because the check has added it and the schema does not contain
    // it.
    let written = written.filter(|span| *span != Span::NONE)?;
    let message = format!(
        "the schema sets `{}`, but `set_by_loader` contains it too",
        attribute.value.name()
    );
    Some(finding(attribute, message).related(written, "set here").help("remove one of the two"))
}

/// Returns whether creating a map of type `row` requires the attribute.
fn is_needed(row: &MapType, attribute: Attribute) -> bool {
    match attribute {
        Attribute::Key => row.key != KeyRule::Keyless && !row.key.is_implied(),
        Attribute::Value => matches!(row.value, ValueRule::Plain { .. } | ValueRule::Stack),
        Attribute::MaxEntries => !may_be_absent(row.max_entries),
        Attribute::Inner => row.value == ValueRule::Object(KernelObject::Map),
    }
}

/// Returns the attributes that `map` requires, but that the schema does not set.
#[cfg(feature = "import")]
pub(crate) fn left_out(map: &MapDecl, row: &MapType) -> Vec<Attribute> {
    let is_said = |attribute| match attribute {
        Attribute::Key => map.key.is_some(),
        Attribute::Value => map.value.is_some(),
        Attribute::MaxEntries => map.max_entries.is_some(),
        Attribute::Inner => map.inner.is_some(),
    };
    let all = Attribute::WORDS.iter().map(|(_, attribute)| *attribute);
    all.filter(|attribute| is_needed(row, *attribute) && !is_said(*attribute)).collect()
}

fn not_for_type(row: &MapType, attribute: &Spanned<Attribute>) -> Option<Finding> {
    let is_number_of_cpus =
        attribute.value == Attribute::MaxEntries && row.max_entries == MaxEntriesRule::PerCpu;
    if is_needed(row, attribute.value) || is_number_of_cpus {
        return None;
    }
    let (ty, name) = (row.name, attribute.value.name());
    let message = format!("a loader can't set `{name}` for a map of type `{ty}`");
    Some(finding(attribute, message).help(format!("do not leave `{name}` to the loader")))
}

/// Reports attributes of a template that are left to the loader. libbpf creates the template for inner maps from the
/// object, and a loader can't change the template.
///
/// Source: libbpf, `bpf_object__create_map`.
fn not_for_inner(
    cx: &Context<'_>,
    map: &MapDecl,
    attribute: &Spanned<Attribute>,
) -> Option<Finding> {
    if map.name.value.ends_with(TEMPLATE_SUFFIX) {
        let message = "a loader can't set attributes of a map that is declared in place";
        return Some(finding(attribute, message).help(format!(
            "set the attribute in the schema, or leave {} of the outer map to the loader",
            cx.syntax.attribute(Attribute::Inner.name())
        )));
    }
    let schema = cx.resolved.schema();
    let is_inner =
        |outer: &&MapDecl| schema.inner_of(outer).is_some_and(|inner| std::ptr::eq(inner, map));
    let outer = cx.maps().iter().find(is_inner)?;
    let message = format!(
        "a loader can't set attributes of `{}`, because this map is the template of `{}`",
        map.name.value, outer.name.value
    );
    Some(
        finding(attribute, message)
            .related(
                outer.inner.as_ref().map_or(outer.span, |inner| inner.span),
                "refers to the template",
            )
            .help(
                "declare the template in place with `inner`, or set the attributes in the schema",
            ),
    )
}

/// Reports initial contents of a map whose template is set by the loader.
fn filled(map: &MapDecl, attribute: &Spanned<Attribute>) -> Option<Finding> {
    let (first, _) = map.values.first().filter(|_| attribute.value == Attribute::Inner)?;
    let message = "a map with initial contents needs a template in the schema";
    Some(
        finding(attribute, message)
            .related(first.span, "the initial contents")
            .help("remove `values`, and fill the map after the object is loaded"),
    )
}
