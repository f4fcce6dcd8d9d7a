//! Finds the pointers in types.

use std::collections::HashMap;

use crate::check::context::{Context, by_value, for_each_type};
use crate::ir::Type;
use crate::source::Span;

/// The first pointer in each named type, which is computed on demand.
#[derive(Default)]
pub(super) struct Pointers<'a> {
    known: HashMap<&'a str, Option<Span>>,
}

impl<'a> Pointers<'a> {
    /// Returns the position of the first pointer in `ty`. The layout of `ty` must be known.
    pub(super) fn find(&mut self, cx: &Context<'a>, ty: &'a Type) -> Option<Span> {
        let def = cx.resolved.type_def(by_value(ty)?)?;
        let name = def.name.value.as_str();
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        let mut found = None;
        for_each_type(def, &mut |ty, _| {
            if found.is_none() {
                found =
                    if is_pointer(&ty.value) { Some(ty.span) } else { self.find(cx, &ty.value) };
            }
        });
        self.known.insert(name, found);
        found
    }
}

fn is_pointer(ty: &Type) -> bool {
    match ty {
        Type::Pointer(_) => true,
        Type::Array(element, _) => is_pointer(&element.value),
        _ => false,
    }
}
