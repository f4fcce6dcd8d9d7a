//! The catalogue of changes: what each means for a map of the older schema that is still pinned.
//!
//! A rule's explanation is a Markdown file of its name in this folder. `tests/evolve` of this crate has
//! a pair of schemas for each, and the package `bpfmap-fixtures` holds what is said here of libbpf, the
//! kernel and bpfmap against them.

use std::fmt;

/// A way in which a schema can differ from an older one.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its stable name, in capitals.
    pub id: &'static str,
    /// What it means for a map of the older schema that is pinned: at worst. A change of the rule may
    /// be less: see [`Change::class`](super::Change::class).
    pub class: Class,
    /// What loading an object of the newer schema with libbpf comes to, where the older map is pinned.
    pub libbpf: Loading,
    /// What opening that map with bpfmap and the newer schema comes to.
    pub bpfmap: Opening,
    /// What it is, in one line.
    pub title: &'static str,
    /// Why it is so and what to do, in Markdown.
    pub explanation: &'static str,
}

/// What a change means for a map of the older schema that is pinned. In the order of danger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// The pin can be used further, and its entries are read right.
    Safe,
    /// The pin can't be used: somebody refuses it, and says so.
    NewPin,
    /// libbpf takes the pin, and its bytes are taken for something else.
    WrongData,
}

impl Class {
    /// Each of them, the harmless first.
    pub const ALL: [Self; 3] = [Self::Safe, Self::NewPin, Self::WrongData];

    /// Its name on the command line and in JSON: `safe`, `new-pin`, `wrong-data`.
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

/// What libbpf and the kernel make of an object whose map has a pin already.
///
/// Source: libbpf, `bpf_object__reuse_map` and `map_is_reuse_compat`, which compares the type, the sizes
/// of key and value, `max_entries`, the flags and `map_extra`, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loading {
    /// The object loads, with the pinned map.
    Reuses,
    /// libbpf refuses the object with `EINVAL`.
    Refuses,
    /// The object loads with a map of its own: libbpf does not look at the old pin.
    PassesBy,
    /// libbpf takes the pinned map, and the verifier refuses programs that use the changed field, with
    /// `EINVAL`, up to Linux 6.1 with `EACCES`.
    Unverified,
    /// The object loads with the pinned map, and the kernel refuses to put a map of the newer schema into
    /// it, with `EINVAL`.
    RefusesContents,
}

impl Loading {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Reuses => "libbpf reuses the pin",
            Self::Refuses => "libbpf refuses the pin with EINVAL (parameter mismatch)",
            Self::PassesBy => "libbpf makes another map, which has none of the entries",
            Self::Unverified => {
                "libbpf reuses the pin, and the verifier refuses programs that use the field (EINVAL or EACCES)"
            }
            Self::RefusesContents => {
                "libbpf reuses the pin, and the kernel refuses to put such a map into it (EINVAL)"
            }
        }
    }
}

/// What bpfmap makes of a pinned map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// It opens the map.
    Takes,
    /// It refuses the map, and says what is different.
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
    /// The rule of this id, in capitals or not.
    #[must_use]
    pub fn by_id(id: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|rule| rule.id.eq_ignore_ascii_case(id))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.id)
    }
}

macro_rules! rules {
    ($($id:ident = $class:ident, $libbpf:ident, $bpfmap:ident: $title:literal;)*) => {
        $(
            #[doc = $title]
            pub static $id: Rule = Rule {
                id: stringify!($id),
                class: Class::$class,
                libbpf: Loading::$libbpf,
                bpfmap: Opening::$bpfmap,
                title: $title,
                explanation: include_str!(concat!(stringify!($id), ".md")),
            };
        )*

        /// Every rule, in the order of the documentation.
        pub static ALL: &[&Rule] = &[$(&$id),*];
    };
}

rules! {
    // Maps.
    MAP_ADDED = Safe, PassesBy, Takes: "A map is new";
    MAP_REMOVED = Safe, PassesBy, Takes: "A map is gone";
    MAP_RENAMED = NewPin, PassesBy, Takes: "A map has another name";
    MAP_TYPE = NewPin, Refuses, Refuses: "A map is of another type";
    KEY_SIZE = NewPin, Refuses, Refuses: "A key has another size";
    VALUE_GROWS = NewPin, Refuses, Refuses: "A value is larger";
    VALUE_SHRINKS = NewPin, Refuses, Refuses: "A value is smaller";
    MAX_ENTRIES = NewPin, Refuses, Refuses: "A map has room for another number of entries";
    MAX_ENTRIES_OPEN = NewPin, Refuses, Takes: "One of the schemas leaves the number of entries to the loader";
    SET_BY_LOADER = NewPin, Refuses, Takes: "One of the schemas leaves the size of a key or value to the loader";
    FLAGS = NewPin, Refuses, Refuses: "A map has other flags";
    DESCRIPTOR_FLAGS = NewPin, Refuses, Takes: "A map has other flags that are only its descriptor's";
    NUMA_NODE = NewPin, Refuses, Takes: "A map's memory comes from elsewhere";
    MAP_EXTRA = NewPin, Refuses, Refuses: "A map has another `map_extra`";
    PINNING = NewPin, PassesBy, Takes: "A map is pinned otherwise";
    INNER_MAP = NewPin, RefusesContents, Refuses: "A map of maps holds other maps";
    INITIAL_CONTENTS = Safe, Reuses, Takes: "A map starts with other contents";
    BTF = Safe, Reuses, Takes: "A key or value is described by its size instead of a type, or the other way round";
    DECL_TAGS = Safe, Reuses, Takes: "BTF declaration tags are different";
    EVENT = WrongData, Reuses, Takes: "The records that a map carries are different";
    // Keys and values of the same size.
    KEY_LAYOUT = WrongData, Reuses, Refuses: "The bytes of a key mean something else";
    MEMBER_ADDED = WrongData, Reuses, Refuses: "A member is new";
    MEMBER_ADDED_IN_PADDING = Safe, Reuses, Takes: "A member is new where there was padding, and starts as zero";
    MEMBER_REMOVED = WrongData, Reuses, Refuses: "A member is gone";
    MEMBER_MOVED = WrongData, Reuses, Refuses: "A member lies elsewhere";
    MEMBER_RENAMED = Safe, Reuses, Takes: "A member has another name, and says which it had";
    MEMBER_RESIZED = WrongData, Reuses, Refuses: "A member has another size";
    MEMBER_TYPE = WrongData, Reuses, Refuses: "The same bytes mean something else: the sign, the byte order, the kind";
    TYPE_SPELLING = Safe, Reuses, Takes: "The same number has another type";
    ENUM_VALUE = WrongData, Reuses, Refuses: "A variant of an enum has another number";
    ENUM_VARIANTS = Safe, Reuses, Takes: "An enum has other variants";
    UNION_MEMBER = Safe, Reuses, Takes: "A union of the same size has other members";
    SPECIAL_FIELD = NewPin, Unverified, Refuses: "A field of the kernel's is new, gone, or leads elsewhere";
}
