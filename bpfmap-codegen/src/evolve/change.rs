//! A change between two schemas, and its consequences for a live map.

use super::rules::{Class, Rule};
use bpfmap_schema::source::Span;

/// A change between two schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The rule that describes this kind of change.
    pub rule: &'static Rule,
    /// The consequence for a pinned map of the older schema. This is the class of the rule, or a
    /// less severe class. For example, if libbpf refuses the whole map because of another change,
    /// no program can read wrong data from the map.
    pub class: Class,
    /// The path of the changed part, such as `packets.value.stats[].rx_bytes`.
    pub path: String,
    /// The message, which is a single line without the path.
    pub message: String,
    /// The schema to which `span` refers.
    pub side: Side,
    /// The position of the changed part, or [`Span::NONE`] if the position is unknown.
    pub span: Span,
}

/// One of the two schemas that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The older schema. Only removed parts refer to this schema.
    Old,
    /// The newer schema.
    New,
}

impl Change {
    /// Returns a text that describes how libbpf and bpfmap react to the pinned map. Returns `None`
    /// if the change is safe, or if another change of the same map determines the reaction.
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
