//! The catalogue of changes, and what each means for a pinned map of the older schema.
//!
//! The explanation of a rule is a Markdown file with its name in this folder. It ends with two schemas that differ in
//! this way. The tests of this crate compare them, and the package `bpfmap-fixtures` loads both on each kernel and
//! compares the reactions of libbpf, the kernel and bpfmap with the rule.

use std::fmt;

/// A way in which a schema can differ from an older one.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its stable name, in kebab-case.
    pub id: &'static str,
    /// The worst consequence for a pinned map of the older schema. A single change may be less severe: see
    /// [`Change::class`](super::Change::class).
    pub class: Class,
    /// The result of loading an object of the newer schema with libbpf while the older map is pinned.
    pub libbpf: Loading,
    /// The result of opening the pinned map with bpfmap and the newer schema.
    pub bpfmap: Opening,
    /// Its subject, such as `Maps`, which is a heading in the list of rules.
    pub subject: &'static str,
    /// The title, in one line.
    pub title: &'static str,
    /// The reason and what to do, with an older and a newer schema, in Markdown.
    pub explanation: &'static str,
}

/// The consequence of a change for a pinned map of the older schema, in the order of severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// The pin stays valid, and its entries are read correctly.
    Safe,
    /// The pin can't be used, and libbpf or bpfmap reports an error.
    NewPin,
    /// libbpf reuses the pin, and its bytes are misinterpreted.
    WrongData,
}

impl Class {
    /// All classes, the harmless ones first.
    pub const ALL: [Self; 3] = [Self::Safe, Self::NewPin, Self::WrongData];

    /// Returns its name on the command line and in JSON: `safe`, `new-pin`, `wrong-data`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::NewPin => "new-pin",
            Self::WrongData => "wrong-data",
        }
    }

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Safe => "safe for a live pin",
            Self::NewPin => "needs a new pin",
            Self::WrongData => "silently reads wrong data",
        }
    }
}

/// The reaction of libbpf and the kernel to an object whose map is already pinned.
///
/// Source: libbpf, `bpf_object__reuse_map` and `map_is_reuse_compat`, which compares the type, the sizes
/// of key and value, `max_entries`, the flags and `map_extra`, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loading {
    /// The object loads, with the pinned map.
    Reuses,
    /// libbpf refuses the object with `EINVAL`.
    Refuses,
    /// The object loads with a new map: libbpf does not use the old pin.
    PassesBy,
    /// libbpf reuses the pinned map, and the verifier refuses programs that use the changed field, with `EINVAL` (up to
    /// Linux 6.1 with `EACCES`).
    Unverified,
    /// The object loads with the pinned map, and the kernel refuses to store a map of the newer schema in it, with
    /// `EINVAL`.
    RefusesContents,
}

impl Loading {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Reuses => "libbpf reuses the pin",
            Self::Refuses => "libbpf refuses the pin with EINVAL (parameter mismatch)",
            Self::PassesBy => "libbpf creates another map without the entries",
            Self::Unverified => {
                "libbpf reuses the pin, and the verifier refuses programs that use the field (EINVAL or EACCES)"
            }
            Self::RefusesContents => {
                "libbpf reuses the pin, and the kernel refuses to store such a map in it (EINVAL)"
            }
        }
    }
}

/// The reaction of bpfmap to a pinned map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// It opens the map.
    Takes,
    /// It refuses the map and names the differences.
    Refuses,
}

impl Opening {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Takes => "bpfmap opens it",
            Self::Refuses => "bpfmap refuses to open it",
        }
    }
}

impl Rule {
    /// Returns the rule of this id, if there is one.
    #[must_use]
    pub fn by_id(id: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|rule| rule.id == id)
    }
}

impl Rule {
    /// Returns the older and the newer schema that the explanation shows, in TOML.
    ///
    /// # Panics
    ///
    /// Panics if the explanation has fewer than two schemas. A test checks every explanation.
    #[must_use]
    pub fn schemas(&self) -> [&'static str; 2] {
        let mut blocks = self.explanation.split("```toml\n").skip(1);
        [(); 2].map(|()| {
            let block = blocks.next().and_then(|block| block.split("```").next());
            block.unwrap_or_else(|| panic!("the page of {self} shows no two schemas"))
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

        /// Every rule, in the order of the documentation.
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
        VALUE_GROWS = NewPin, Refuses, Refuses "value-grows": "A value is larger";
        VALUE_SHRINKS = NewPin, Refuses, Refuses "value-shrinks": "A value is smaller";
        MAX_ENTRIES = NewPin, Refuses, Refuses "max-entries": "The `max_entries` of a map has changed";
        MAX_ENTRIES_SET_BY_LOADER = NewPin, Refuses, Takes "max-entries-set-by-loader": "One of the schemas leaves the number of entries to the loader";
        SIZE_SET_BY_LOADER = NewPin, Refuses, Takes "size-set-by-loader": "One of the schemas leaves the size of a key or value to the loader";
        FLAGS = NewPin, Refuses, Refuses "flags": "The flags of a map have changed";
        DESCRIPTOR_FLAGS = NewPin, Refuses, Takes "descriptor-flags": "Flags that only affect the file descriptor of a map have changed";
        NUMA_NODE = NewPin, Refuses, Takes "numa-node": "The NUMA node of a map has changed";
        MAP_EXTRA = NewPin, Refuses, Refuses "map-extra": "The `map_extra` of a map has changed";
        PINNING = NewPin, PassesBy, Takes "pinning": "The `pinning` of a map has changed";
        INNER_MAP = NewPin, RefusesContents, Refuses "inner-map": "The template of a map of maps has changed";
        INITIAL_CONTENTS = Safe, Reuses, Takes "initial-contents": "The initial contents of a map have changed";
        BTF = Safe, Reuses, Takes "btf": "A key or value has a size instead of a type, or the other way round";
        DECL_TAGS = Safe, Reuses, Takes "decl-tags": "BTF declaration tags differ";
        EVENT = WrongData, Reuses, Takes "event": "The type of a map's records has changed";
    }
    "Keys and values of the same size" {
        KEY_LAYOUT = WrongData, Reuses, Refuses "key-layout": "The meaning of a key's bytes has changed";
        MEMBER_ADDED = WrongData, Reuses, Refuses "member-added": "A member was added";
        MEMBER_ADDED_IN_PADDING = Safe, Reuses, Takes "member-added-in-padding": "A member that starts as zero was added at the offset of padding";
        MEMBER_REMOVED = WrongData, Reuses, Refuses "member-removed": "A member was removed";
        MEMBER_MOVED = WrongData, Reuses, Refuses "member-moved": "The offset of a member has changed";
        MEMBER_RENAMED = Safe, Reuses, Takes "member-renamed": "A member was renamed, and `renamed_from` contains the old name";
        MEMBER_RESIZED = WrongData, Reuses, Refuses "member-resized": "The size of a member has changed";
        MEMBER_TYPE = WrongData, Reuses, Refuses "member-type": "The sign, the byte order or the kind of a member has changed";
        TYPE_SPELLING = Safe, Reuses, Takes "type-spelling": "The type of a member has changed, but it stores the same number";
        ENUM_VALUE = WrongData, Reuses, Refuses "enum-value": "The number of an enum variant has changed";
        ENUM_VARIANTS = Safe, Reuses, Takes "enum-variants": "The variants of an enum have changed";
        UNION_MEMBER = Safe, Reuses, Takes "union-member": "The members of a union have changed, but not its size";
        SPECIAL_FIELD = NewPin, Unverified, Refuses "special-field": "A special field was added or removed, or its target has changed";
    }
}
