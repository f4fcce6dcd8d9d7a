//! Finds the changes between two schemas.

use super::change::{Change, Side};
use super::changes::Changes;
use super::pair::{TooLarge, pair};
use super::rules::{self, Rule};
use bpfmap_schema::check::Checked;

/// Returns every change from the schema `old` to the schema `new`. The changes are in the order of
/// the maps in the new schema. Maps that exist only in the old schema come last.
///
/// The function does not report differences that have no effect on live maps: comments, names of
/// types, the order of declarations, and the way in which padding is declared.
///
/// # Errors
///
/// Fails with [`TooLarge`] if the types that differ have too many members.
pub fn diff(old: &Checked, new: &Checked) -> Result<Vec<Change>, TooLarge> {
    let pairing = pair(old, new)?;
    let mut all = vec![];
    for map in &pairing.maps {
        let mut changes = Changes::new(old.resolved(), new.resolved());
        changes.maps(map);
        all.extend(changes.finish());
    }
    let alone =
        |rule: &'static Rule, side, map: &bpfmap_schema::ir::MapDecl, message: &str| Change {
            rule,
            class: rule.class,
            path: map.name.value.clone(),
            message: message.to_owned(),
            side,
            span: map.name.span,
        };
    let added = pairing.added.iter();
    all.extend(added.map(|map| alone(&rules::MAP_ADDED, Side::New, map, "added")));
    let removed = pairing.removed.iter();
    let message = "removed, but the pin remains until you delete it";
    all.extend(removed.map(|map| alone(&rules::MAP_REMOVED, Side::Old, map, message)));
    Ok(all)
}
