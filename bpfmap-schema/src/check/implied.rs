//! Adds attributes that a schema can leave out.

use crate::ir::{InnerMap, Int, KeyValue, MapDecl, Schema, TEMPLATE_SUFFIX, Type};
use bpfmap_core::map_type::{MapType, ValueRule};

/// Adds the keys and values that a schema has left out because the map type allows only one type, such as an index or a
/// descriptor. Also gives each template a name.
pub(super) fn fill(schema: &mut Schema) {
    schema.maps.iter_mut().for_each(fill_map);
}

fn fill_map(map: &mut MapDecl) {
    if let Some(facts) = MapType::by_name(&map.map_type.value) {
        if map.key.is_none() && facts.key.is_implied() {
            map.key = Some(number());
        }
        if map.value.is_none() {
            map.value = implied_value(facts.value);
        }
    }
    if let Some(InnerMap::Template(inner)) = map.inner.as_mut().map(|inner| &mut inner.value) {
        inner.name.value = format!("{}{TEMPLATE_SUFFIX}", map.name.value);
        fill_map(inner);
    }
}

fn implied_value(rule: ValueRule) -> Option<KeyValue> {
    match rule.implied_size()? {
        4 => Some(number()),
        8 => Some(KeyValue::Type(unsigned(8).into())),
        size => Some(KeyValue::Size(u32::try_from(size).ok()?.into())),
    }
}

fn number() -> KeyValue {
    KeyValue::Type(unsigned(4).into())
}

fn unsigned(size: u32) -> Type {
    Type::Int(Int { size, signed: false })
}
