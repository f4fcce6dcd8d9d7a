//! The fields of all structs and unions, compared with the layouts in C, which are all known here.

use std::collections::HashSet;
use std::rc::Rc;

use super::in_place::{Places, each_named, key};
use super::krate::{Crate, DeclarationId};
use crate::front::rust::{TypeItem, check_fields};
use crate::ir::{Schema, TypeDef, TypeDefKind};
use crate::layout::Layouts;

/// Reports the fields of `own` types that are not where C has them, and those of types in place.
/// `own` are what was read, and what they became.
pub(super) fn check(
    krate: &Crate,
    own: Vec<(Rc<TypeItem>, TypeDef)>,
    in_place: Vec<(DeclarationId, Rc<TypeItem>)>,
) {
    let mut types = own;
    let mut places = Places::default();
    for (id, item) in in_place {
        let mut def = item.def.clone();
        // What is wrong with it is reported where it is named.
        if places.fill(krate, &mut def, &item) {
            def.name.value = key(id);
            types.push((item, def));
        }
    }
    let schema =
        Schema { types: types.iter().map(|(_, def)| def.clone()).collect(), ..Schema::default() };
    let layouts = Layouts::new(&schema);
    let known = known(&types);
    for (item, def) in &types {
        let (body, is_union) = match &def.kind {
            TypeDefKind::Struct(body) => (body, false),
            TypeDefKind::Union(body) => (body, true),
            TypeDefKind::Enum(_) | TypeDefKind::Alias(_) => continue,
        };
        let layout = layouts.composite(&def.name.value);
        if let Some(layout) = layout.filter(|_| known.contains(def.name.value.as_str())) {
            for finding in check_fields(item, body, layout, is_union) {
                krate.report(finding);
            }
        }
    }
}

/// Returns the types of which all is known, by their names.
fn known(types: &[(Rc<TypeItem>, TypeDef)]) -> HashSet<&str> {
    let mut known: HashSet<&str> = HashSet::new();
    // Types hold each other at most 32 deep, or are refused.
    for _ in 0..=32 {
        let before = known.len();
        for (_, def) in types.iter().filter(|(item, _)| item.complete) {
            let mut all = true;
            each_named(def, &mut |name| all &= known.contains(name));
            if all {
                known.insert(&def.name.value);
            }
        }
        if known.len() == before {
            break;
        }
    }
    known
}
