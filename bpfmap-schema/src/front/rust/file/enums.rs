//! Checks that a type in a map does not contain a Rust enum directly. The kernel can write any number, so the type must
//! contain the number of the enum instead.

use super::assemble::type_item;
use super::krate::{Crate, DeclarationId, Kind};
use crate::diagnostics::Finding;
use crate::front::rust::Held;
use crate::rules;

/// Reports members that contain an enum directly, and uses of `Enum<…>` with a type that is not an
/// enum.
pub(super) fn check(krate: &Crate) {
    let mut held: Vec<Held> = Vec::new();
    for (id, item) in krate.memory.types.borrow().iter() {
        // An alias of an enum is an enum.
        let is_alias = matches!(krate.declaration(*id).kind, Kind::Alias(_));
        held.extend(item.iter().filter(|_| !is_alias).flat_map(|item| item.held.clone()));
    }
    for item in krate.memory.maps.borrow().values() {
        held.extend(item.held.clone());
    }
    held.sort_by_key(|held| (held.name.span.source, held.name.span.start));
    for Held { name, as_enum } in held {
        let declared = krate.memory.by_name.borrow().get(&name.value).copied();
        let Some(id) = declared else { continue };
        let word = krate.declaration(id).name.to_string();
        match (is_enum(krate, id, 0), as_enum) {
            (true, false) => krate.report(
                Finding::new(
                    &rules::RUST_TYPE,
                    name.span,
                    format!(
                        "a `{word}` must be one of its variants, but the kernel can store any other number"
                    ),
                )
                .help(format!("write `bpfmap::Enum<{word}>`")),
            ),
            (false, true) => krate.report(
                Finding::new(&rules::RUST_TYPE, name.span, format!("`{word}` is not an enum"))
                    .help(format!("write `{word}`, because `bpfmap::Enum` is only for enums")),
            ),
            (true, true) | (false, false) => {}
        }
    }
}

/// The maximum length of a chain of aliases.
const MAX_DEPTH: u32 = 32;

/// Returns whether the declaration is a Rust enum or an alias of a Rust enum.
fn is_enum(krate: &Crate, id: DeclarationId, depth: u32) -> bool {
    match &krate.declaration(id).kind {
        Kind::Declared(declared) => matches!(declared.input.data, syn::Data::Enum(_)),
        Kind::Alias(_) => {
            let target = type_item(krate, id).and_then(|item| item.held.first().cloned());
            let Some(Held { name, as_enum: false }) = target else { return false };
            let id = krate.memory.by_name.borrow().get(&name.value).copied();
            depth < MAX_DEPTH && id.is_some_and(|id| is_enum(krate, id, depth + 1))
        }
        Kind::Foreign => false,
    }
}
