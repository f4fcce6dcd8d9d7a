//! Finds the changes between two schemas, and their consequences for live maps.
//!
//! [`pair`] finds the corresponding parts of two checked schemas. It matches maps and members by
//! name. It matches types by their use in the maps, even if the names of the types differ. [`diff`]
//! reports the differences of each pair as [`Change`]s. The [rule](rules::ALL) of a change says how
//! libbpf, the kernel and bpfmap react to a pinned map of the older schema.

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
