//! What changes from one schema to the next, and what that means for maps that are live.
//!
//! [`pair`] finds what stands for the same thing in two checked schemas: maps by their names, members
//! by theirs, types by where they are used, whatever they are called. [`diff`] tells what is different
//! between the two of each pair: [`Change`]s of the [rules](rules::ALL), which know what libbpf, the
//! kernel and bpfmap answer to the pin of a map of the older schema.

mod changes;
mod diff;
mod leaves;
mod pair;
pub mod plan;
mod report;
pub mod rules;
mod same;

pub use diff::{Change, Side, diff};
pub use pair::{
    Body, Composites, End, MapPair, MemberPair, Pairing, Place, Shape, TooLarge, TypePair, View,
    pair,
};
pub use report::{Format, report};
pub use rules::{Class, Rule};
