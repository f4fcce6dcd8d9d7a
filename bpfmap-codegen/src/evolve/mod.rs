//! What changes from one schema to the next, and what that means for maps that are live.
//!
//! [`pair`] finds what stands for the same thing in two checked schemas: maps by their names, members
//! by theirs, types by where they are used, whatever they are called. [`diff`] tells what is different
//! between the two of each pair: [`Change`]s of the [rules](rules::ALL), which know what libbpf, the
//! kernel and bpfmap answer to the pin of a map of the older schema.

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
pub use place::{Body, End, Place, View};
pub use report::{Format, report};
pub use rules::{Class, Rule};
