//! Diagnostics about a schema, and their output as text and JSON.

mod finding;
mod json;
mod position;
mod printable;
#[cfg(feature = "render")]
mod render;

pub use finding::{Finding, Label, Rejected, Severity};
pub use json::{json_string, to_json_line};
pub use position::Position;
pub use printable::printable;
#[cfg(feature = "render")]
pub use render::{Style, render};
