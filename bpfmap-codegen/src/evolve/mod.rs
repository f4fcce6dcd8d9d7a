//! Changes between two schemas, and their consequences for live maps.
//!
//! [`pair`] finds corresponding parts of two checked schemas: maps and members by their names, and types by their use,
//! even if their names differ. [`diff`] reports the differences of each pair as [`Change`]s. Their [rules](rules::ALL)
//! say how libbpf, the kernel and bpfmap react to the pin of an older map.

mod attributes;
mod change;
mod changes;
mod diff;
mod leaves;
mod pair;
mod place;
pub mod plan;
mod report;
pub mod rules;
mod same;
mod words;

pub use change::{Change, Side};
pub use diff::diff;
pub use pair::{Composites, MapPair, MemberPair, Pairing, Shape, TooLarge, TypePair, pair};
pub use place::{Body, End, PlacedMember, View};
pub use report::{Format, report};
pub use rules::{Class, Rule};
