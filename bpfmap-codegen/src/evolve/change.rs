//! One change, and its consequences for a live map.

use super::rules::{Class, Rule};
use bpfmap_schema::source::Span;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What kind of change.
    pub rule: &'static Rule,
    /// The consequence for a pin of the older map: the class of the rule, or a less severe one. For
    /// example, if the whole map is refused because of a different change, nothing reads wrong data
    /// from it.
    pub class: Class,
    /// The path of the change, such as `packets.value.stats[].rx_bytes`.
    pub path: String,
    /// The message: one line without the path.
    pub message: String,
    /// The schema to which `span` refers.
    pub side: Side,
    /// The position, or [`Span::NONE`] without a text.
    pub span: Span,
}

/// One of the two schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The older schema, for removed parts.
    Old,
    /// The newer schema.
    New,
}

impl Change {
    /// Returns how libbpf and bpfmap react to the pin, as text. Returns `None` if another change of the same map
    /// determines that.
    #[must_use]
    pub fn answer(&self) -> Option<String> {
        if self.class != self.rule.class {
            return None;
        }
        let Rule { libbpf, bpfmap, .. } = self.rule;
        // A safe change needs no explanation.
        (self.class != Class::Safe).then(|| format!("{}; {}", libbpf.words(), bpfmap.words()))
    }
}
