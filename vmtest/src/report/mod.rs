//! Reports of a matrix for people and for tools.

mod cells;
mod escape;
mod files;
mod grid;
mod html;
mod junit;
mod layout;
mod markdown;
mod markup;
mod terminal;

pub use cells::draw;
pub use escape::log_lines;
pub use files::{Files, Recorder};
pub use html::html;
pub use junit::junit;
pub use layout::push_line;
pub use markdown::{SUMMARY_LIMIT, markdown};
pub use terminal::{Terminal, conclusion, show_download, show_status, table};
