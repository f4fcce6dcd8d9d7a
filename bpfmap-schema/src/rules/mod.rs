//! The catalogue of rules: what each asks, and why, for `bpfmap explain`.
//!
//! A rule's explanation is a Markdown file of its name in this folder. Each has an example that
//! breaks the rule and one that keeps it; a test runs both. Those of the importer speak of files
//! that were compiled, and have none.

use crate::diagnostics::Severity;

/// Something that a schema must hold to.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its stable name, in kebab-case.
    pub id: &'static str,
    /// How bad it is to break it.
    pub severity: Severity,
    /// What it asks, in one line.
    pub title: &'static str,
    /// Why, with an example of wrong and right, in Markdown.
    pub explanation: &'static str,
}

impl Rule {
    /// The rule of this id, if there is one.
    #[must_use]
    pub fn by_id(id: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|rule| rule.id == id)
    }
}

macro_rules! rules {
    ($($name:ident = $severity:ident $id:literal: $title:literal;)*) => {
        $(
            #[doc = $title]
            pub static $name: Rule = Rule {
                id: $id,
                severity: Severity::$severity,
                title: $title,
                explanation: include_str!(concat!($id, ".md")),
            };
        )*

        /// Every rule, in the order of the documentation.
        pub static ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    // The text.
    UNREADABLE_SOURCE = Error "unreadable-source": "A schema is a readable file of UTF-8 text";
    TOML_SYNTAX = Error "toml-syntax": "A schema is well-formed TOML";
    INCLUDE_CYCLE = Error "include-cycle": "A schema does not include itself";
    UNKNOWN_KEY = Error "unknown-key": "Each key is one that bpfmap knows";
    MISSING_KEY = Error "missing-key": "What every declaration needs is there";
    WRONG_KIND_OF_VALUE = Error "wrong-kind-of-value": "Each key has the kind of value it asks for";
    UNKNOWN_WORD = Error "unknown-word": "Where a key takes one of a few words, it is one of them";
    TYPE_SYNTAX = Error "type-syntax": "A type is written as in Rust";
    NUMBER_RANGE = Error "number-range": "Each number fits where it is kept";
    TYPE_AND_SIZE = Error "type-and-size": "A key or value has either a type or a bare size";
    RUST_SYNTAX = Error "rust-syntax": "A schema in Rust is well-formed";
    UNKNOWN_CFG = Error "unknown-cfg": "Each condition on what a map holds is known";
    UNKNOWN_CONSTANT = Error "unknown-constant": "Each number is known before the compiler runs";
    DERIVE_MISSING = Error "derive-missing": "A type that a map holds has the derive";
    IN_PLACE = Error "in-place": "What has no name in C stands where it is named";
    ATTRIBUTE_SYNTAX = Error "attribute-syntax": "An attribute of a Rust declaration says what it can say";
    RUST_REPR = Error "rust-repr": "A Rust type is laid out as C lays it out";
    RUST_TYPE = Error "rust-type": "What is declared in Rust is something that C has";
    IMPLICIT_PADDING = Error "implicit-padding": "A Rust struct names its padding";
    UNION_FILLED = Error "union-filled": "Each member of a Rust union fills it";
    EMPTY_SCHEMA = Error "empty-schema": "A schema declares a map or a type";
    TOO_MANY_FINDINGS = Error "too-many-findings": "Findings are few enough to read";
    // Names.
    BAD_NAME = Error "bad-name": "A name is an identifier of C and Rust";
    RESERVED_NAME = Error "reserved-name": "A name is not one that every program has taken";
    NAME_MAY_CLASH = Warning "name-may-clash": "A name is not one that programs may have from elsewhere";
    DUPLICATE_SCHEMA = Error "duplicate-schema": "No two schemas of a program have the same name";
    DUPLICATE_TYPE = Error "duplicate-type": "No two types have the same name";
    DUPLICATE_MAP = Error "duplicate-map": "No two maps have the same name";
    DUPLICATE_MEMBER = Error "duplicate-member": "No two members of a type have the same name";
    DUPLICATE_VARIANT = Error "duplicate-variant": "No two variants of an enum become the same constant";
    DUPLICATE_C_NAME = Error "duplicate-c-name": "No two declarations have the same name in C";
    DUPLICATE_RUST_NAME = Warning "duplicate-rust-name": "No two types have the same name in Rust";
    MAP_NAME_TOO_LONG = Warning "map-name-too-long": "The kernel can tell maps apart by their first 15 bytes";
    // Types.
    UNKNOWN_TYPE = Error "unknown-type": "Each name of a type means one";
    RECURSIVE_TYPE = Error "recursive-type": "No type holds itself";
    NESTED_TOO_DEEP = Error "nested-too-deep": "Types hold types at most 32 deep";
    EMPTY_TYPE = Error "empty-type": "A type is made of something";
    TYPE_TOO_LARGE = Error "type-too-large": "BTF can describe each type";
    ALIGN_POWER_OF_TWO = Error "align-power-of-two": "An alignment is a power of two up to 4096";
    ZERO_LENGTH_ARRAY = Error "zero-length-array": "An array of no elements is a place in a struct";
    BIT_FIELD_TYPE = Error "bit-field-type": "A bit-field is an integer, a bool or an enum";
    BIT_FIELD_WIDTH = Error "bit-field-width": "A bit-field fits its type";
    ENUM_VALUE_RANGE = Error "enum-value-range": "Each variant fits the enum's integer";
    DECL_TAG = Error "decl-tag": "A declaration tag is one that clang and the kernel take";
    // What older maps have otherwise.
    RENAMED_FROM = Error "renamed-from": "A former name is one that nothing has now";
    DEFAULT_NOT_FOR_TYPE = Error "default-not-for-type": "Only a member that is one number has a default";
    DEFAULT_RANGE = Error "default-range": "A default is a value that the member can have";
    // Fields that belong to the kernel.
    SPECIAL_FIELD_NOT_FOR_TYPE = Error "special-field-not-for-type": "A map type takes the special fields of its value";
    SPECIAL_FIELD_IN_KEY = Error "special-field-in-key": "A key has no special fields";
    SPECIAL_FIELD_NOT_TOP_LEVEL = Error "special-field-not-top-level": "A special field is a member of the value's struct";
    SPECIAL_FIELD_TWICE = Error "special-field-twice": "A value has one special field of a kind";
    SPECIAL_FIELD_NEEDS_BTF = Error "special-field-needs-btf": "A map with special fields is described by BTF";
    SPECIAL_FIELD_TARGET = Error "special-field-target": "What a special field leads to is there";
    ONE_KIND_OF_LOCK = Error "one-kind-of-lock": "A value has one kind of lock";
    LIST_NEEDS_LOCK = Error "list-needs-lock": "A list or a tree has a lock beside it";
    SHARED_NODE_NEEDS_REFCOUNT = Error "shared-node-needs-refcount": "What is in a list and in a tree counts its owners";
    TOO_MANY_SPECIAL_FIELDS = Error "too-many-special-fields": "A value has at most 11 special fields";
    SPECIAL_FIELD_BESIDE_BITS = Error "special-field-beside-bits": "Beside a special field, bit-fields are whole bytes";
    PACKED_SPECIAL_FIELD = Error "packed-special-field": "A packed struct has no special fields";
    // Maps.
    UNKNOWN_MAP_TYPE = Error "unknown-map-type": "A map's type is one that the kernel has";
    DEPRECATED_MAP_TYPE = Warning "deprecated-map-type": "A map's type is not one that the kernel calls deprecated";
    KEY_MISSING = Error "key-missing": "A map that has keys says of which type";
    KEY_NOT_ALLOWED = Error "key-not-allowed": "A map without keys names no key";
    KEY_SIZE = Error "key-size": "A key is of a size that the kernel takes";
    ARRAY_KEY_SIZE = Error "array-key-size": "An index has 4 bytes";
    ARRAY_KEY_TYPE = Error "array-key-type": "An index is a plain 32-bit integer";
    LPM_KEY_SHAPE = Error "lpm-key-shape": "The key of an LPM trie is a prefix length and its data";
    POINTER_IN_KEY = Warning "pointer-in-key": "A key holds no pointers";
    VALUE_MISSING = Error "value-missing": "A map says of which type its values are";
    VALUE_SIZE = Error "value-size": "A value is of a size that the kernel takes";
    LARGE_VALUE = Warning "large-value": "A value fits the stack of a thread";
    STACK_DEPTH = Warning "stack-depth": "A stack has no more frames than kernels keep by default";
    VALUE_NOT_ALLOWED = Error "value-not-allowed": "A map without values names no value";
    HALF_TYPED = Warning "half-typed": "Key and value both have types, or neither";
    BTF_REQUIRED = Error "btf-required": "A map that the kernel takes only with BTF has it";
    BTF_REFUSED = Warning "btf-refused": "BTF is not asked for where the kernel refuses it";
    MAX_ENTRIES_MISSING = Warning "max-entries-missing": "A map says how many entries it has";
    MAX_ENTRIES_ZERO = Error "max-entries-zero": "A map has at least one entry";
    MAX_ENTRIES_TOO_BIG = Error "max-entries-too-big": "A map has at most as many entries as the kernel allows";
    MAX_ENTRIES_ROUNDED = Warning "max-entries-rounded": "The size of a ring buffer is one that the kernel makes";
    MAX_ENTRIES_FORM = Error "max-entries-form": "The number of entries is one that the map type can have";
    MAP_EXTRA_NOT_FOR_TYPE = Error "map-extra-not-for-type": "A map type takes the `map_extra` that is given";
    MAP_EXTRA_RANGE = Error "map-extra-range": "`map_extra` is what the map type takes it for";
    EVENT_NOT_FOR_TYPE = Error "event-not-for-type": "Only maps that carry records have an event";
    EVENT_SHAPE = Error "event-shape": "An event is plain data that fits its buffer";
    OPTIONAL_MAP = Error "optional-map": "A map that may be left out is one of its own, and no other map needs it";
    SET_BY_LOADER = Error "set-by-loader": "What the loader sets is said nowhere else";
    OPS_MISSING = Error "ops-missing": "A struct of programs says whose place it takes";
    OPS_NOT_FOR_TYPE = Error "ops-not-for-type": "Only a struct of programs takes functions' places";
    ONE_ARENA = Error "one-arena": "A schema has at most one arena";
    UNKNOWN_MAP = Error "unknown-map": "Each name of a map means one";
    INNER_MISSING = Error "inner-missing": "A map of maps says what maps it holds";
    INNER_TYPE = Error "inner-type": "An inner map is of a type that can be in a map";
    INNER_ATTRIBUTE = Error "inner-attribute": "An inner map is only a template";
    VALUES_KEY = Error "values-key": "Initial contents have keys that libbpf can write";
    VALUES_MISMATCH = Error "values-mismatch": "A map is put into one that holds such maps";
    VALUES_PROGRAM = Error "values-program": "A map of programs is filled with programs";
    INNER_NOT_FOR_TYPE = Error "inner-not-for-type": "Only maps of maps have an inner map";
    VALUES_NOT_FOR_TYPE = Error "values-not-for-type": "Only maps of maps or programs have initial contents";
    // Flags and kernels.
    UNKNOWN_FLAG = Error "unknown-flag": "A flag is one that the kernel has";
    FLAG_NOT_FOR_TYPE = Error "flag-not-for-type": "A map type takes the flags that are given";
    FLAG_CONFLICT = Error "flag-conflict": "Flags do not exclude each other";
    LPM_NO_PREALLOC = Error "lpm-no-prealloc": "An LPM trie has the flag `no_prealloc`";
    REQUIRED_FLAG = Error "required-flag": "A map has the flags without which the kernel refuses it";
    NUMA_NODE_WITHOUT_FLAG = Error "numa-node-without-flag": "A map with a NUMA node has the flag for it";
    TOO_NEW_FOR_MIN_KERNEL = Error "too-new-for-min-kernel": "Nothing is newer than the oldest kernel";
    // What an importer finds.
    IMPORT_UNREADABLE = Error "import-unreadable": "What is imported is an object file with BTF, or a live map";
    IMPORT_MAP = Error "import-map": "An imported map is defined as libbpf reads it";
    IMPORT_MAP_TYPE = Error "import-map-type": "An imported map is of a type that bpfmap knows";
    IMPORT_FLAG = Error "import-flag": "The flags of an imported map are ones that bpfmap knows";
    IMPORT_TYPE = Warning "import-type": "An imported type is one that a schema has a word for";
    IMPORT_BYTES = Warning "import-bytes": "An imported key or value is of a type that the map can have";
    IMPORT_SIZE = Warning "import-size": "An imported map says the sizes that its type needs";
    IMPORT_LAYOUT = Warning "import-layout": "The members of an imported type lie where a schema can put them";
    IMPORT_ENUM = Warning "import-enum": "BTF tells the sign and the values of an enum";
    IMPORT_EVENT = Warning "import-event": "The type of records is not defined as that of a value";
    IMPORT_TYPE_TAG = Warning "import-type-tag": "A type tag is one by which the kernel knows its pointers";
    IMPORT_RENAMED = Warning "import-renamed": "What is imported keeps its name";
    IMPORT_WEAK = Warning "import-weak": "An imported map is no weak definition";
    IMPORT_OPAQUE = Warning "import-opaque": "A live map tells the types of its key and value";
    IMPORT_INNER = Warning "import-inner": "A live map of maps holds one that tells what it may hold";
    IMPORT_STRUCT_OPS = Error "import-struct-ops": "A struct of programs is of a struct that the kernel has";
}
