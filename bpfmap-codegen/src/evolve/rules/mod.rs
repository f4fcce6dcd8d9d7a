//! The catalogue of changes between schemas, with the effect of each change on a pinned map of the
//! older schema.
//!
//! Each rule has an explanation: a Markdown file in this folder with the name of the rule. Each
//! explanation ends with an older and a newer schema that show the change. The tests of this crate
//! compare these two schemas. The package `bpfmap-fixtures` loads both schemas on each kernel, and
//! checks that libbpf, the kernel and bpfmap react as the rule says.

use std::fmt;

/// A rule: a way in which a schema can differ from an older version of the schema.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The stable name of the rule, in kebab-case.
    pub id: &'static str,
    /// The worst consequence for a pinned map of the older schema. The consequence of a single
    /// change can be less severe: see [`Change::class`](super::Change::class).
    pub class: Class,
    /// The result if libbpf loads an object with the newer schema while a map of the older schema
    /// is pinned.
    pub libbpf: Loading,
    /// The result if bpfmap opens the pinned map with the newer schema.
    pub bpfmap: Opening,
    /// The subject of the rule, such as `Maps`. The list of rules has a heading for each subject.
    pub subject: &'static str,
    /// The title of the rule, in one line.
    pub title: &'static str,
    /// The explanation in Markdown: why the change has this effect, what to do, and an older and a
    /// newer schema as an example.
    pub explanation: &'static str,
}

/// The consequence of a change for a pinned map of the older schema. The variants are ordered by
/// severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// The pin stays valid, and the entries of the map are read correctly.
    Safe,
    /// The pin can't be used, and libbpf or bpfmap reports an error.
    NewPin,
    /// libbpf reuses the pin, and programs misinterpret the bytes of its entries.
    WrongData,
}

impl Class {
    /// All classes, from the least to the most severe.
    pub const ALL: [Self; 3] = [Self::Safe, Self::NewPin, Self::WrongData];

    /// Returns the name of the class on the command line and in JSON: `safe`, `new-pin` or
    /// `wrong-data`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::NewPin => "new-pin",
            Self::WrongData => "wrong-data",
        }
    }

    /// Returns a description of the class for reports.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Safe => "safe for a live pin",
            Self::NewPin => "needs a new pin",
            Self::WrongData => "silently reads wrong data",
        }
    }
}

/// The reaction of libbpf and the kernel if an object declares a map that is already pinned.
///
/// Source: libbpf, `bpf_object__reuse_map` and `map_is_reuse_compat`. The latter function compares
/// only the map type, the sizes of key and value, `max_entries`, the flags and `map_extra`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loading {
    /// The object loads and uses the pinned map.
    Reuses,
    /// libbpf refuses the object with `EINVAL`.
    Refuses,
    /// The object loads with a new map, because libbpf does not use the old pin.
    PassesBy,
    /// libbpf reuses the pinned map, but the verifier refuses programs that use the changed field.
    /// The errno is `EINVAL`, or `EACCES` up to Linux 6.1.
    Unverified,
    /// The object loads and uses the pinned map, but the kernel refuses to store an inner map of
    /// the newer schema in the pinned map. The errno is `EINVAL`.
    RefusesContents,
}

impl Loading {
    /// Returns a description of the reaction for reports.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Reuses => "libbpf reuses the pin",
            Self::Refuses => "libbpf refuses the pin with EINVAL (parameter mismatch)",
            Self::PassesBy => "libbpf creates a new, empty map",
            Self::Unverified => {
                "libbpf reuses the pin, but the verifier refuses programs that use the field (EINVAL or EACCES)"
            }
            Self::RefusesContents => {
                "libbpf reuses the pin, but the kernel refuses to store an inner map of the newer schema (EINVAL)"
            }
        }
    }
}

/// The reaction of bpfmap when it opens a pinned map of the older schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// bpfmap opens the map.
    Takes,
    /// bpfmap returns an error that lists the differences.
    Refuses,
}

impl Opening {
    /// Returns a description of the reaction for reports.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Takes => "bpfmap opens the map",
            Self::Refuses => "bpfmap refuses to open the map",
        }
    }
}

impl Rule {
    /// Returns the rule whose name is `id`, or `None` if there is no such rule.
    #[must_use]
    pub fn by_id(id: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|rule| rule.id == id)
    }
}

impl Rule {
    /// Returns the older and the newer schema in the explanation, in TOML.
    ///
    /// # Panics
    ///
    /// Panics if the explanation contains fewer than two schemas. A test ensures that every
    /// explanation contains two.
    #[must_use]
    pub fn schemas(&self) -> [&'static str; 2] {
        let mut blocks = self.explanation.split("```toml\n").skip(1);
        [(); 2].map(|()| {
            let block = blocks.next().and_then(|block| block.split("```").next());
            block.unwrap_or_else(|| {
                panic!("the explanation of `{self}` contains fewer than two schemas")
            })
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.id)
    }
}

macro_rules! rules {
    ($($subject:literal { $($name:ident = $class:ident, $libbpf:ident, $bpfmap:ident $id:literal: $title:literal;)* })*) => {
        $($(
            #[doc = $title]
            pub static $name: Rule = Rule {
                id: $id,
                class: Class::$class,
                libbpf: Loading::$libbpf,
                bpfmap: Opening::$bpfmap,
                subject: $subject,
                title: $title,
                explanation: include_str!(concat!($id, ".md")),
            };
        )*)*

        /// All rules, in the order of the documentation.
        pub static ALL: &[&Rule] = &[$($(&$name,)*)*];
    };
}

rules! {
    "Maps" {
        MAP_ADDED = Safe, PassesBy, Takes "map-added": "A map was added";
        MAP_REMOVED = Safe, PassesBy, Takes "map-removed": "A map was removed";
        MAP_RENAMED = NewPin, PassesBy, Takes "map-renamed": "A map was renamed";
        MAP_TYPE = NewPin, Refuses, Refuses "map-type": "The type of a map has changed";
        KEY_RESIZED = NewPin, Refuses, Refuses "key-resized": "The size of a key has changed";
        VALUE_GROWS = NewPin, Refuses, Refuses "value-grows": "The size of a value has increased";
        VALUE_SHRINKS = NewPin, Refuses, Refuses "value-shrinks": "The size of a value has decreased";
        MAX_ENTRIES = NewPin, Refuses, Refuses "max-entries": "The `max_entries` of a map has changed";
        MAX_ENTRIES_SET_BY_LOADER = NewPin, Refuses, Takes "max-entries-set-by-loader": "The loader sets `max_entries` in only one of the schemas";
        SIZE_SET_BY_LOADER = NewPin, Refuses, Takes "size-set-by-loader": "The loader sets the size of a key or value in only one of the schemas";
        FLAGS = NewPin, Refuses, Refuses "flags": "The flags of a map have changed";
        DESCRIPTOR_FLAGS = NewPin, Refuses, Takes "descriptor-flags": "Flags that only affect the file descriptor of a map have changed";
        NUMA_NODE = NewPin, Refuses, Takes "numa-node": "The NUMA node of a map has changed";
        MAP_EXTRA = NewPin, Refuses, Refuses "map-extra": "The `map_extra` of a map has changed";
        PINNING = NewPin, PassesBy, Takes "pinning": "The `pinning` of a map has changed";
        INNER_MAP = NewPin, RefusesContents, Refuses "inner-map": "The template of a map of maps has changed";
        INITIAL_CONTENTS = Safe, Reuses, Takes "initial-contents": "The initial contents of a map have changed";
        BTF = Safe, Reuses, Takes "btf": "A key or value has a type in one schema and only a size in the other";
        DECL_TAGS = Safe, Reuses, Takes "decl-tags": "BTF declaration tags have changed";
        EVENT = WrongData, Reuses, Takes "event": "The type of a map's records has changed";
    }
    "Keys and values of the same size" {
        KEY_LAYOUT = WrongData, Reuses, Refuses "key-layout": "The meaning of a key's bytes has changed";
        MEMBER_ADDED = WrongData, Reuses, Refuses "member-added": "A member was added";
        MEMBER_ADDED_IN_PADDING = Safe, Reuses, Takes "member-added-in-padding": "A member whose default is zero was added in place of padding";
        MEMBER_REMOVED = WrongData, Reuses, Refuses "member-removed": "A member was removed";
        MEMBER_MOVED = WrongData, Reuses, Refuses "member-moved": "The offset of a member has changed";
        MEMBER_RENAMED = Safe, Reuses, Takes "member-renamed": "A member was renamed, and `renamed_from` contains the old name";
        MEMBER_RESIZED = WrongData, Reuses, Refuses "member-resized": "The size of a member has changed";
        MEMBER_TYPE = WrongData, Reuses, Refuses "member-type": "The signedness, the byte order or the kind of a member's type has changed";
        TYPE_SPELLING = Safe, Reuses, Takes "type-spelling": "The type of a member has changed, but the bytes store the same number";
        ENUM_VALUE = WrongData, Reuses, Refuses "enum-value": "The number of an enum variant has changed";
        ENUM_VARIANTS = Safe, Reuses, Takes "enum-variants": "The variants of an enum have changed";
        UNION_MEMBER = Safe, Reuses, Takes "union-member": "The members of a union have changed, but the size of the union has not";
        SPECIAL_FIELD = NewPin, Unverified, Refuses "special-field": "A special field was added or removed, or its target has changed";
    }
}
