//! Compares the fields of all structs and unions with their layouts in C. When a whole file is read, all layouts are
//! known.

use std::collections::HashSet;
use std::rc::Rc;

use super::in_place::{Places, each_named, key};
use super::krate::{Crate, DeclarationId};
use crate::front::rust::{TypeItem, check_fields};
use crate::ir::{Schema, TypeDef, TypeDefKind};
use crate::layout::Layouts;

/// Reports fields whose offsets differ from C, in the types in `own` and in types that are declared
/// in place. Each element of `own` is a type and its definition in the schema.
pub(super) fn check(
    krate: &Crate,
    own: Vec<(Rc<TypeItem>, TypeDef)>,
    in_place: Vec<(DeclarationId, Rc<TypeItem>)>,
) {
    let mut types = own;
    let mut places = Places::default();
    for (id, item) in in_place {
        let mut def = item.def.clone();
        // Mistakes in a type that is declared in place are reported where the type is used.
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

/// Returns the names of the types whose layout is completely known.
fn known(types: &[(Rc<TypeItem>, TypeDef)]) -> HashSet<&str> {
    let mut known: HashSet<&str> = HashSet::new();
    // The check refuses types that are nested more than 32 levels deep.
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
