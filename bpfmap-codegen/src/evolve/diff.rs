//! The changes from one schema to the next.

use super::changes::Changes;
use super::pair::{TooLarge, pair};
use super::rules::{self, Class, Rule};
use crate::check::Checked;
use crate::source::Span;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What kind of change.
    pub rule: &'static Rule,
    /// What it means for a pin of the older map: what the rule says, or less. Nothing reads wrong data
    /// from a map that is refused as a whole, because of another change.
    pub class: Class,
    /// What was changed: `packets.value.stats[].rx_bytes`.
    pub path: String,
    /// How: one line, which does not repeat the path.
    pub message: String,
    /// Which of the two schemas `span` points into.
    pub side: Side,
    /// Where; [`Span::NONE`] for what stands in no text.
    pub span: Span,
}

/// One of the two schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The older one, for what the newer one no longer has.
    Old,
    /// The newer one.
    New,
}

impl Change {
    /// What libbpf and bpfmap answer to the pin, in words. `None` where another change of the same map
    /// decides that.
    #[must_use]
    pub fn answer(&self) -> Option<String> {
        if self.class != self.rule.class {
            return None;
        }
        let Rule { libbpf, bpfmap, .. } = self.rule;
        // Of what is safe there is no more to say.
        (self.class != Class::Safe).then(|| format!("{}; {}", libbpf.words(), bpfmap.words()))
    }
}

/// Every change from `old` to `new`: map by map in the order of the new schema, then the maps that only
/// the old one has.
///
/// What is no change to anything that is live is none: comments, names of types, the order of
/// declarations, the way padding is written.
///
/// # Errors
///
/// [`TooLarge`].
pub fn diff(old: &Checked, new: &Checked) -> Result<Vec<Change>, TooLarge> {
    let pairing = pair(old, new)?;
    let mut all = vec![];
    for map in &pairing.maps {
        let mut changes = Changes::new(old.resolved(), new.resolved());
        changes.maps(map);
        all.extend(changes.finish());
    }
    let alone = |rule: &'static Rule, side, map: &crate::ir::MapDef, message: &str| Change {
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
    let message = "no longer there; a pin of it stays until somebody removes it";
    all.extend(removed.map(|map| alone(&rules::MAP_REMOVED, Side::Old, map, message)));
    Ok(all)
}
