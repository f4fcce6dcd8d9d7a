//! What goes without saying.

use crate::facts::{KeyRule, MapTypeFacts};
use crate::ir::{InnerMap, Int, KeyValue, MapDef, Schema, Type};

/// Gives each map whose key is an index, and whose author did not mention it, the key `u32`.
pub(super) fn fill(schema: &mut Schema) {
    schema.maps.iter_mut().for_each(fill_key);
}

fn fill_key(map: &mut MapDef) {
    let facts = MapTypeFacts::by_name(&map.map_type.value);
    if map.key.is_none() && facts.is_some_and(|facts| facts.key == KeyRule::Index) {
        map.key = Some(KeyValue::Type(Type::Int(Int { size: 4, signed: false }).into()));
    }
    if let Some(InnerMap::Template(inner)) = map.inner.as_mut().map(|inner| &mut inner.value) {
        fill_key(inner);
    }
}
