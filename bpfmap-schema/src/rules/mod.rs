//! The rules for schemas, with the explanations that `bpfmap explain` shows.
//!
//! The explanation of a rule is a Markdown file in this folder. The name of the file is the ID of the rule. Each file
//! has an example that breaks the rule and an example that follows it, and a test checks both examples. The rules of
//! the importer apply to compiled files and have no examples.

use crate::diagnostics::Severity;

/// A rule for schemas.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The stable ID of the rule, in kebab-case, such as `key-size`.
    pub id: &'static str,
    /// The severity of the diagnostic if a schema breaks the rule.
    pub severity: Severity,
    /// The subject of the rule, such as `Names`. It is a heading in the list of rules.
    pub subject: &'static str,
    /// The requirement, in one line.
    pub title: &'static str,
    /// The reason for the rule, with a wrong and a right example, in Markdown.
    pub explanation: &'static str,
}

impl Rule {
    /// Returns the rule with the ID `id`, or `None` if there is no such rule.
    #[must_use]
    pub fn by_id(id: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|rule| rule.id == id)
    }
}

macro_rules! rules {
    ($($subject:literal { $($name:ident = $severity:ident $id:literal: $title:literal;)* })*) => {
        $($(
            #[doc = $title]
            pub static $name: Rule = Rule {
                id: $id,
                severity: Severity::$severity,
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
    "Reading a schema" {
        UNREADABLE_SOURCE = Error "unreadable-source": "A schema must be a readable file of UTF-8 text";
        TOML_SYNTAX = Error "toml-syntax": "A schema must be well-formed TOML";
        INCLUDE_CYCLE = Error "include-cycle": "A schema can't include itself";
        UNKNOWN_KEY = Error "unknown-key": "Each key must be known";
        MISSING_KEY = Error "missing-key": "Required keys must be present";
        WRONG_KIND_OF_VALUE = Error "wrong-kind-of-value": "Each value must have the kind that its key requires";
        UNKNOWN_WORD = Error "unknown-word": "A key that accepts only certain values must have one of these values";
        TYPE_SYNTAX = Error "type-syntax": "A type must follow the syntax of types";
        NUMBER_RANGE = Error "number-range": "A number must fit in its integer type";
        TYPE_AND_SIZE = Error "type-and-size": "A key or value has either a type or a size";
        RUST_SYNTAX = Error "rust-syntax": "A schema in Rust must be well-formed";
        UNKNOWN_CFG = Error "unknown-cfg": "Each `cfg` condition that changes the schema must be known";
        UNKNOWN_CONSTANT = Error "unknown-constant": "Each number must be computable without the compiler";
        DERIVE_MISSING = Error "derive-missing": "Types in maps need `#[derive(BpfType)]`";
        IN_PLACE = Error "in-place": "A type that is declared in place can only be a member, and a map that is declared in place can only be an inner map";
        ATTRIBUTE_SYNTAX = Error "attribute-syntax": "Attributes of a Rust declaration must be valid";
        RUST_REPR = Error "rust-repr": "A Rust type must have the same layout as in C";
        RUST_TYPE = Error "rust-type": "A type in a Rust schema must exist in C";
        IMPLICIT_PADDING = Error "implicit-padding": "A Rust struct must declare its padding as fields";
        UNION_FILLED = Error "union-filled": "Each member of a Rust union must have the size of the union";
        EMPTY_SCHEMA = Error "empty-schema": "A schema must declare a map or a type";
        TOO_MANY_FINDINGS = Error "too-many-findings": "One run shows at most 500 diagnostics";
    }
    "Names" {
        BAD_NAME = Error "bad-name": "A name must be an identifier in C and Rust";
        RESERVED_NAME = Error "reserved-name": "A name must not be reserved";
        NAME_MAY_CLASH = Warning "name-may-clash": "A name should not conflict with a name in `vmlinux.h` or in a library header";
        DUPLICATE_SCHEMA = Error "duplicate-schema": "Two schemas of a program can't have the same name";
        DUPLICATE_TYPE = Error "duplicate-type": "Two types can't have the same name";
        DUPLICATE_MAP = Error "duplicate-map": "Two maps can't have the same name";
        DUPLICATE_MEMBER = Error "duplicate-member": "Two members of a type can't have the same name";
        DUPLICATE_VARIANT = Error "duplicate-variant": "Two variants of an enum can't become the same constant";
        DUPLICATE_C_NAME = Error "duplicate-c-name": "Two declarations can't have the same name in C";
        DUPLICATE_RUST_NAME = Warning "duplicate-rust-name": "Two types should not have the same name in Rust";
        MAP_NAME_TOO_LONG = Warning "map-name-too-long": "The kernel keeps only the first 15 bytes of a map's name";
    }
    "Types" {
        UNKNOWN_TYPE = Error "unknown-type": "A type must be built in or declared";
        RECURSIVE_TYPE = Error "recursive-type": "A type can't contain itself";
        NESTED_TOO_DEEP = Error "nested-too-deep": "Types can be nested at most 32 levels deep";
        EMPTY_TYPE = Error "empty-type": "A type must have at least one member or variant";
        TYPE_TOO_LARGE = Error "type-too-large": "A type must not be too large for BTF";
        ALIGN_POWER_OF_TWO = Error "align-power-of-two": "An alignment must be a power of two up to 4096";
        ZERO_LENGTH_ARRAY = Error "zero-length-array": "An array without elements must be a member of a struct";
        BIT_FIELD_TYPE = Error "bit-field-type": "The type of a bit-field must be an integer, a bool or an enum";
        BIT_FIELD_WIDTH = Error "bit-field-width": "A bit-field can't be wider than its type";
        ENUM_VALUE_RANGE = Error "enum-value-range": "The value of each variant must fit in the enum's integer type";
        DECL_TAG = Error "decl-tag": "Clang and the kernel must accept each declaration tag";
    }
    "Migrations" {
        RENAMED_FROM = Error "renamed-from": "A former name in `renamed_from` must not be in use";
        DEFAULT_NOT_FOR_TYPE = Error "default-not-for-type": "Only a member that is a number can have a default";
        DEFAULT_RANGE = Error "default-range": "A default must be a possible value of the member";
    }
    "Special fields" {
        SPECIAL_FIELD_NOT_FOR_TYPE = Error "special-field-not-for-type": "The map type must support the special fields of its value";
        SPECIAL_FIELD_IN_KEY = Error "special-field-in-key": "A key can't have special fields";
        SPECIAL_FIELD_NOT_TOP_LEVEL = Error "special-field-not-top-level": "A special field must be a direct member of the value's struct";
        SPECIAL_FIELD_TWICE = Error "special-field-twice": "For some kinds of special fields, a value can have only one field";
        SPECIAL_FIELD_NEEDS_BTF = Error "special-field-needs-btf": "A map with special fields needs BTF";
        SPECIAL_FIELD_TARGET = Error "special-field-target": "The target of a special field must be declared";
        ONE_KIND_OF_LOCK = Error "one-kind-of-lock": "A value can have only one kind of lock";
        LIST_NEEDS_LOCK = Error "list-needs-lock": "A list or a tree needs a lock in the same value";
        SHARED_NODE_NEEDS_REFCOUNT = Error "shared-node-needs-refcount": "An object that can be in a list and in a tree needs a reference count";
        TOO_MANY_SPECIAL_FIELDS = Error "too-many-special-fields": "A value can have at most 11 special fields";
        SPECIAL_FIELD_BESIDE_BITS = Error "special-field-beside-bits": "In a struct with a special field, each member must begin at a byte boundary";
        PACKED_SPECIAL_FIELD = Error "packed-special-field": "A packed struct can't have special fields";
    }
    "Maps" {
        UNKNOWN_MAP_TYPE = Error "unknown-map-type": "A map's type must exist in the kernel";
        DEPRECATED_MAP_TYPE = Warning "deprecated-map-type": "A map's type should not be deprecated";
        KEY_MISSING = Error "key-missing": "A map with keys must declare the type of its keys";
        KEY_NOT_ALLOWED = Error "key-not-allowed": "A map type without keys can't have a key";
        KEY_SIZE = Error "key-size": "The kernel must support the size of a key";
        ARRAY_KEY_SIZE = Error "array-key-size": "The key of an array must have 4 bytes";
        ARRAY_KEY_TYPE = Error "array-key-type": "The key of an array must be a 32-bit integer in the host's byte order";
        LPM_KEY_SHAPE = Error "lpm-key-shape": "The key of an LPM trie must consist of a prefix length and data";
        LPM_KEY_BYTE_ORDER = Warning "lpm-key-byte-order": "The data of an LPM key should end with a number in network byte order";
        POINTER_IN_KEY = Warning "pointer-in-key": "A key should not contain pointers";
        VALUE_MISSING = Error "value-missing": "A map with values must declare the type of its values";
        VALUE_SIZE = Error "value-size": "The kernel must support the size of a value";
        LARGE_VALUE = Warning "large-value": "A value should fit on the stack of a thread";
        STACK_DEPTH = Warning "stack-depth": "The value of a `stack_trace` map should not have more frames than kernels allow by default";
        VALUE_NOT_ALLOWED = Error "value-not-allowed": "A map whose type has no values can't declare a value";
        HALF_TYPED = Warning "half-typed": "If the key or the value has a type, the other should have a type too";
        BTF_REQUIRED = Error "btf-required": "Some map types require BTF";
        BTF_REFUSED = Warning "btf-refused": "Some map types can't have BTF";
        MAX_ENTRIES_MISSING = Warning "max-entries-missing": "A map should declare `max_entries`";
        MAX_ENTRIES_ZERO = Error "max-entries-zero": "A map must have at least one entry";
        MAX_ENTRIES_TOO_BIG = Error "max-entries-too-big": "`max_entries` must not exceed the kernel's limit";
        MAX_ENTRIES_ROUNDED = Warning "max-entries-rounded": "The size of a ring buffer should be a power of two and a multiple of the page size";
        MAX_ENTRIES_FORM = Error "max-entries-form": "`max_entries` must be a number that the map type accepts";
        MAP_EXTRA_NOT_FOR_TYPE = Error "map-extra-not-for-type": "Only some map types accept `map_extra`";
        MAP_EXTRA_RANGE = Error "map-extra-range": "`map_extra` must be within the limits of the map type";
        EVENT_NOT_FOR_TYPE = Error "event-not-for-type": "Only a ring buffer or a perf event array can have an `event`";
        EVENT_SHAPE = Error "event-shape": "An event must be plain data that fits into its buffer";
        OPTIONAL_MAP = Error "optional-map": "An optional map can't be a template, and maps that refer to it must be optional too";
        SET_BY_LOADER = Error "set-by-loader": "A schema can't set an attribute that it leaves to the loader";
        OPS_MISSING = Error "ops-missing": "A `struct_ops` map must specify its kernel struct";
        OPS_NOT_FOR_TYPE = Error "ops-not-for-type": "Only a `struct_ops` map can have `ops`";
        ONE_ARENA = Error "one-arena": "A schema can have at most one arena";
        UNKNOWN_MAP = Error "unknown-map": "`inner` and `values` must refer to declared maps";
        INNER_MISSING = Error "inner-missing": "A map of maps needs a template for its inner maps";
        INNER_TYPE = Error "inner-type": "The kernel must accept the type of an inner map";
        INNER_ATTRIBUTE = Error "inner-attribute": "An inner map that is declared in place can't have `pinning` or `values`";
        VALUES_KEY = Error "values-key": "libbpf must be able to write the keys of initial contents";
        VALUES_MISMATCH = Error "values-mismatch": "A map in a map of maps must match the template";
        VALUES_PROGRAM = Error "values-program": "The initial contents of a map of programs must be programs";
        INNER_NOT_FOR_TYPE = Error "inner-not-for-type": "Only maps of maps can have an inner map";
        VALUES_NOT_FOR_TYPE = Error "values-not-for-type": "Only maps of maps or programs can have initial contents";
    }
    "Flags and kernels" {
        UNKNOWN_FLAG = Error "unknown-flag": "A flag must exist in the kernel";
        FLAG_NOT_FOR_TYPE = Error "flag-not-for-type": "The map type must accept the flags of the map";
        FLAG_CONFLICT = Error "flag-conflict": "Flags must not exclude each other";
        LPM_NO_PREALLOC = Error "lpm-no-prealloc": "An LPM trie needs the flag `no_prealloc`";
        REQUIRED_FLAG = Error "required-flag": "Some map types require a flag";
        NUMA_NODE_WITHOUT_FLAG = Error "numa-node-without-flag": "The attribute `numa_node` needs the flag `numa_node`";
        TOO_NEW_FOR_MIN_KERNEL = Error "too-new-for-min-kernel": "Every feature must be available on `min_kernel`";
    }
    "Imported schemas" {
        IMPORT_UNREADABLE = Error "import-unreadable": "The importer reads object files with BTF and live maps";
        IMPORT_MAP = Error "import-map": "libbpf must be able to read the definition of an imported map";
        IMPORT_MAP_TYPE = Error "import-map-type": "The type of an imported map must be known";
        IMPORT_FLAG = Error "import-flag": "The flags of an imported map must be known";
        IMPORT_TYPE = Warning "import-type": "A schema can't express this imported type";
        IMPORT_BYTES = Warning "import-bytes": "The map type does not accept the type of this imported key or value";
        IMPORT_SIZE = Warning "import-size": "An imported map should declare the sizes that its map type requires";
        IMPORT_LAYOUT = Warning "import-layout": "A schema can't express the layout of this imported type";
        IMPORT_ENUM = Warning "import-enum": "BTF does not contain the complete values of this enum";
        IMPORT_EVENT = Warning "import-event": "A ring buffer or a perf event array should not declare its records as values";
        IMPORT_TYPE_TAG = Warning "import-type-tag": "Only the kernel's type tags are imported";
        IMPORT_RENAMED = Warning "import-renamed": "An imported name had to be changed";
        IMPORT_WEAK = Warning "import-weak": "A schema can't express that the definition of a map is weak";
        IMPORT_OPAQUE = Warning "import-opaque": "A live map without BTF has no types";
        IMPORT_INNER = Warning "import-inner": "The importer knows the template of a live map of maps only from an inner map";
        IMPORT_STRUCT_OPS = Error "import-struct-ops": "The kernel struct of an imported `struct_ops` map must be known";
    }
}
