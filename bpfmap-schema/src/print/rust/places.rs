//! The way in which Rust code reaches each member of a printed struct or union.

use super::accessor::accessor_names;
use super::attribute::{Named, field};
use super::names::{Scope, plain};
use crate::ir::{Composite, Member};
use crate::layout::CompositeLayout;

/// The way in which Rust code writes a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberPlace {
    /// The member is a field.
    Field {
        /// The name of the field.
        name: String,
        /// Whether the field has the type `Padded`, because the member is shorter than the union.
        padded: bool,
    },
    /// The member is a bit-field, which the method with this name sets.
    Setter(String),
}

/// Returns the places of the members of a struct or union, in order. The place of an unnamed bit-field is `None`,
/// because such a bit-field is padding.
///
/// The type must have no member with `holds` in the printed text.
#[must_use]
pub fn member_places(
    body: &Composite,
    layout: &CompositeLayout,
    is_union: bool,
) -> Vec<Option<MemberPlace>> {
    let fields = field_names(body, &mut Scope::default());
    let is_stored = |index: usize| is_union || body.members[index].bits.is_some();
    let stored: Vec<(usize, &str)> = (0..fields.len())
        .filter(|index| is_stored(*index))
        .filter_map(|index| {
            let Named { ident, .. } = fields[index].as_ref()?;
            let name = body.members[index].name.as_ref().map(|name| name.value.as_str());
            Some((index, name.unwrap_or_else(|| plain(ident))))
        })
        .collect();
    let members: Vec<&str> = stored.iter().map(|(_, name)| *name).collect();
    let accessors = accessor_names(&members, is_union);
    let setter = |index: usize| {
        let at = stored.iter().position(|(stored, _)| *stored == index)?;
        Some(MemberPlace::Setter(accessors[at].set.clone()))
    };
    let place = |(index, named): (usize, &Option<Named>)| {
        if body.members[index].bits.is_some() {
            return setter(index);
        }
        let named = named.as_ref()?;
        let size = layout.members.get(index).map_or(layout.size, |at| at.ty.size);
        Some(MemberPlace::Field {
            name: named.ident.clone(),
            padded: is_union && size < layout.size,
        })
    };
    fields.iter().enumerate().map(place).collect()
}

/// Returns the field names of the members, in order. Only an unnamed bit-field has no name. These names are taken from
/// `scope` before generated names, so generated names can't conflict with them.
pub(super) fn field_names(body: &Composite, scope: &mut Scope) -> Vec<Option<Named>> {
    let of_member = |member: &Member| member.name.as_ref().map(|name| field(scope, &name.value));
    let mut fields: Vec<Option<Named>> = body.members.iter().map(of_member).collect();
    let mut anonymous = 0;
    for (named, member) in fields.iter_mut().zip(&body.members) {
        if named.is_none() && member.bits.is_none() {
            let ident = scope.take_numbered("anon", &mut anonymous);
            *named = Some(Named { ident, word: None });
        }
    }
    fields
}
