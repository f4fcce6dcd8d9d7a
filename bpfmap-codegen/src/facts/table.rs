//! The rows.

use super::MapTypeFacts;

/// Every map type.
pub const MAP_TYPES: &[MapTypeFacts] = &[];
