//! The changes between two schemas.

use super::change::{Change, Side};
use super::changes::Changes;
use super::pair::{TooLarge, pair};
use super::rules::{self, Rule};
use bpfmap_schema::check::Checked;

/// Returns every change from `old` to `new`: map by map in the order of the new schema, then the maps that only the old
/// one has.
///
/// Differences without an effect on live maps are not reported: comments, names of types, the order
/// of declarations, the spelling of padding.
///
/// # Errors
///
/// Fails with [`TooLarge`].
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
    all.extend(added.map(|map| alone(&rules::MAP_ADDED, Side::New, map, "a new map")));
    let removed = pairing.removed.iter();
    let message = "removed; its pin stays until somebody removes it";
    all.extend(removed.map(|map| alone(&rules::MAP_REMOVED, Side::Old, map, message)));
    Ok(all)
}
