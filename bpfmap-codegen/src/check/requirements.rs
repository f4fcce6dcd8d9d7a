//! Which kernel each part of a map needs.

use std::fmt;

use super::Resolved;
use crate::facts::{KernelVersion, KeyRule, MapTypeFacts};
use crate::ir::{MapDef, SpecialField};
use crate::source::Span;

/// The largest key of a hash table up to Linux 5.10, in bytes.
///
/// Source: `MAX_BPF_STACK` in `kernel/bpf/hashtab.c`, `htab_map_alloc_check`.
const SMALL_KEY: u64 = 512;

/// A part of a map, and the first kernel that takes it there.
#[derive(Debug, Clone, Copy)]
pub struct Requirement<'a> {
    /// The part.
    pub part: Part<'a>,
    /// The first kernel.
    pub since: KernelVersion,
    /// Where the schema asks for it.
    pub span: Span,
}

/// What of a map asks for a kernel.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// The map type.
    MapType(&'static MapTypeFacts),
    /// A flag, by its name in a schema.
    Flag(&'a str),
    /// A special field of the value, and the member that it is.
    SpecialField(&'a SpecialField, &'a str),
    /// A key of so many bytes.
    KeySize(u64),
}

impl fmt::Display for Part<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MapType(row) => write!(formatter, "the map type `{}`", row.name),
            Self::Flag(name) => write!(formatter, "the flag `{name}`"),
            Self::SpecialField(field, member) => {
                write!(formatter, "the `{}` in `{member}`", field.name())
            }
            Self::KeySize(size) => write!(formatter, "a key of {size} bytes"),
        }
    }
}

impl<'a> Resolved<'a> {
    /// What each part of `map` needs, the map type first. Empty when the map type is not known.
    ///
    /// These are the needs of creating the map; an operation may need a newer kernel, see
    /// [`MapTypeFacts::operation_since`].
    #[must_use]
    pub fn requirements(self, map: &'a MapDef) -> Vec<Requirement<'a>> {
        let Some(row) = MapTypeFacts::by_name(&map.map_type.value) else { return Vec::new() };
        let mut requirements = vec![Requirement {
            part: Part::MapType(row),
            since: row.since,
            span: map.map_type.span,
        }];
        for flag in &map.flags {
            if let Some(since) = row.flag_since(&flag.value) {
                let part = Part::Flag(&flag.value);
                requirements.push(Requirement { part, since, span: flag.span });
            }
        }
        if let Some(value) = &map.value {
            for (member, field, span) in self.special_fields(value) {
                if let Some(since) = row.special_field_since(field) {
                    let part = Part::SpecialField(field, member);
                    requirements.push(Requirement { part, since, span });
                }
            }
        }
        if let Some(key) = &map.key
            && row.key == KeyRule::Any
        {
            let size = self.layout(key).size;
            if size > SMALL_KEY {
                let since = KernelVersion::new(5, 11);
                let part = Part::KeySize(size);
                requirements.push(Requirement { part, since, span: key.span() });
            }
        }
        requirements
    }
}
