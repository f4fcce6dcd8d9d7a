//! Serializes flags and kernel versions as text, for JSON and similar formats.

use serde::{Serialize, Serializer};

use crate::map_type::MAP_FLAGS;
use crate::{KernelVersion, MapFlags, Text};

/// Writes the version as text, such as `"5.10"`.
impl Serialize for KernelVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Writes a list with the names of the flags in a schema, such as `["no_prealloc"]`. If there are bits without a name,
/// the last element of the list is a hexadecimal number with all of these bits.
impl Serialize for MapFlags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let set = MAP_FLAGS.iter().filter(|flag| self.bits() & flag.value() != 0);
        let unnamed = set.clone().fold(self.bits(), |bits, flag| bits & !flag.value());
        let unnamed = (unnamed != 0).then(|| Text::new().hex(unnamed.into()));
        serializer.collect_seq(set.map(|flag| Text::of(flag.name)).chain(unnamed))
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString as _;

    use crate::{KernelVersion, MapDef, MapFlags, TypeDesc};

    #[test]
    fn a_definition_is_written_with_the_names_of_a_schema() {
        let def = MapDef::new("counters", 1, TypeDesc::U32, &TypeDesc::Void)
            .max_entries(64)
            .flags(MapFlags::NO_PREALLOC | MapFlags::from_bits_retain(1 << 30))
            .min_kernel(KernelVersion::new(5, 10));
        let json = serde_json::to_value(def).unwrap();
        assert_eq!(json["flags"].to_string(), r#"["no_prealloc","0x40000000"]"#);
        assert_eq!(json["min_kernel"], "5.10");
        assert_eq!(json["pinning"], "none");
        assert_eq!(json["value"], "void");
        let int = &json["key"]["typedef"]["target"]["int"];
        assert_eq!((int["size"].as_u64(), int["encoding"].as_str()), (Some(4), Some("unsigned")));
    }
}
