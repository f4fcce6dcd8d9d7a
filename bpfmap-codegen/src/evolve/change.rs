//! One change, and what it means for a live map.

use super::rules::{Class, Rule};
use bpfmap_schema::source::Span;

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
    /// Where; [`Span::NONE`] for what is in no text.
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
    /// Returns what libbpf and bpfmap answer to the pin, in words. `None` where another change of the same map decides
    /// that.
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
