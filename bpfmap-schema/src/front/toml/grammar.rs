//! The grammar of schemas in TOML as data: each table, its keys, and the values that each key
//! accepts.
//!
//! The reader uses the grammar to find unknown and missing keys, and `bpfmap schema` writes the grammar as JSON Schema.
//! The code that reads a key checks its value. The test `grammar` checks that this code agrees with the grammar.

use bpfmap_core::SpecialField;
use bpfmap_core::map_type::{MAP_FLAGS, MAP_TYPES};

use super::types::{KINDS, MEMBER_KINDS, REPRS};
use crate::ir::{Attribute, Pinning};

/// A kind of table in a schema, such as a map, a struct or the whole file.
#[derive(Debug)]
pub struct Table {
    /// The unique name of the table in the grammar, such as `inner_map`.
    pub name: &'static str,
    /// The name of the table in messages, such as `an inner map`.
    pub what: &'static str,
    /// A description of the thing that the table declares, in one sentence.
    pub doc: &'static str,
    /// The keys of the table, in groups. Several tables can share a group.
    pub keys: &'static [&'static [Key]],
}

impl Table {
    /// Returns an iterator over the keys of the table.
    pub fn keys(&self) -> impl Iterator<Item = &'static Key> + use<> {
        self.keys.iter().flat_map(|group| *group)
    }

    /// Returns the key with this name, or `None` if the table has no such key.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys().find(|key| key.name == name)
    }
}

/// A key of a table.
#[derive(Debug)]
pub struct Key {
    /// The name of the key.
    pub name: &'static str,
    /// The values that the key accepts.
    pub value: Value,
    /// Whether the key is required in the table.
    pub presence: Presence,
    /// A description of the meaning of the key.
    pub doc: &'static str,
}

/// Whether a key is required in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// The key can be left out.
    Optional,
    /// The key is required.
    Required,
    /// The key is required if the table does not contain this other key.
    Unless(&'static str),
    /// The key is optional, and is not allowed together with this other key.
    InsteadOf(&'static str),
}

/// The values that a key accepts.
#[derive(Debug)]
pub enum Value {
    /// A string.
    Text,
    /// A string that is a type, such as `[u8; 16]`.
    Type,
    /// A string that is a kernel version, such as `5.10`.
    KernelVersion,
    /// A string that is one of these words. The second string is the meaning of the word. It is
    /// empty if the word needs no explanation.
    Word(fn() -> Vec<(&'static str, &'static str)>),
    /// A string that is this word.
    Constant(&'static str),
    /// A boolean, `true` or `false`.
    Bool,
    /// An integer from `min` to `max`.
    Integer {
        /// The smallest possible integer.
        min: i128,
        /// The largest possible integer.
        max: i128,
    },
    /// An array whose elements are values of this kind.
    List(&'static Value),
    /// A table of one of these kinds.
    Tables(&'static [&'static Table]),
    /// A table whose keys are names that the author of the schema chooses. Each key has a value of
    /// this kind.
    Named(&'static Value),
    /// A table whose keys are non-negative numbers. Each key has a value of this kind.
    Indexed(&'static Value),
    /// A value of one of these kinds.
    AnyOf(&'static [Value]),
}

/// A regular expression (ECMA 262) that matches kernel versions. It does not limit the size of the numbers.
pub const KERNEL_VERSION_PATTERN: &str = r"^[0-9]+\.[0-9]+$";

const U32: Value = Value::Integer { min: 0, max: u32::MAX as i128 };
const U64: Value = Value::Integer { min: 0, max: u64::MAX as i128 };
/// The number of a variant of an enum.
const NUMBER: Value = Value::Integer { min: i64::MIN as i128, max: u64::MAX as i128 };

const fn required(name: &'static str, value: Value, doc: &'static str) -> Key {
    Key { name, value, presence: Presence::Required, doc }
}

const fn optional(name: &'static str, value: Value, doc: &'static str) -> Key {
    Key { name, value, presence: Presence::Optional, doc }
}

/// A whole schema file.
pub static SCHEMA: Table = Table {
    name: "schema",
    what: "a schema",
    doc: "A schema of BPF maps, which declares the types and maps that a BPF program and an \
          application share.",
    keys: &[&[
        optional(
            "name",
            Value::Text,
            "The name of the schema, which is also the name of the generated header and Rust \
             module. Default: the name of the file without `.toml`.",
        ),
        optional("doc", Value::Text, "A description of the schema."),
        optional(
            "min_kernel",
            Value::KernelVersion,
            "The oldest kernel version on which every map must work. A feature or method that \
             needs a newer kernel is an error.",
        ),
        optional(
            "include",
            Value::List(&Value::Text),
            "Paths of other schemas whose types this schema uses. The paths are relative to this \
             file.",
        ),
        optional(
            "types",
            Value::Named(&Value::Tables(&[&STRUCT, &UNION, &ENUM, &ALIAS])),
            "The types. Each key is the name of a type.",
        ),
        optional(
            "maps",
            Value::Named(&Value::Tables(&[&MAP])),
            "The maps. Each key is the name of a map.",
        ),
    ]],
};

/// A type whose kind is not known yet.
pub(super) static TYPE: Table = Table {
    name: "type",
    what: "a type",
    doc: "A type.",
    keys: &[&[required("kind", Value::Word(|| names(KINDS)), "The kind of the type.")], OF_A_TYPE],
};

/// A struct.
pub static STRUCT: Table = Table {
    name: "struct",
    what: "a struct",
    doc: "A struct. Its layout is that of a C struct on the BPF target.",
    keys: &[&[required("kind", Value::Constant("struct"), KIND)], OF_A_TYPE, COMPOSITE],
};

/// A union.
pub static UNION: Table = Table {
    name: "union",
    what: "a union",
    doc: "A union. Its layout is that of a C union on the BPF target.",
    keys: &[&[required("kind", Value::Constant("union"), KIND)], OF_A_TYPE, COMPOSITE],
};

/// An enum.
pub static ENUM: Table = Table {
    name: "enum",
    what: "an enum",
    doc: "An enum, which is a set of named integers.",
    keys: &[
        &[required("kind", Value::Constant("enum"), KIND)],
        OF_A_TYPE,
        &[
            optional(
                "repr",
                Value::Word(|| names(REPRS)),
                "The integer type of the enum. Default: `u32`.",
            ),
            optional(
                "prefix",
                Value::Text,
                "The prefix of the names of the variants in C. Default: the name of the enum in \
                 upper case, followed by `_`.",
            ),
            required(
                "variants",
                Value::Named(&Value::AnyOf(&[NUMBER, Value::Tables(&[&VARIANT])])),
                "The variants. Each key is the name of a variant, and its value is a number or a \
                 table such as `{ value = 1, doc = \"…\" }`.",
            ),
        ],
    ],
};

/// An alias for a type.
pub static ALIAS: Table = Table {
    name: "alias",
    what: "an alias",
    doc: "Another name for a type.",
    keys: &[
        &[required("kind", Value::Constant("alias"), KIND)],
        OF_A_TYPE,
        &[required("type", Value::Type, "The type that gets the new name.")],
    ],
};

const KIND: &str = "The kind of the type or member.";

/// The keys of every type.
const OF_A_TYPE: &[Key] = &[
    optional("doc", Value::Text, "A description of the type."),
    optional("decl_tags", Value::List(&Value::Text), "The BTF declaration tags of the type."),
    optional(
        "typedef",
        Value::Bool,
        "Whether the header also declares a `typedef` with the same name. Default: `false`.",
    ),
    optional(
        "kernel",
        Value::Bool,
        "Whether the kernel's `vmlinux.h` defines the type. If so, the header does not define the \
         type and only checks its layout. Default: `false`.",
    ),
];

/// The keys of structs and unions, both of named types and of members.
static COMPOSITE: &[Key] = &[
    optional(
        "packed",
        Value::Bool,
        "Whether the type is packed, so that there is no padding between its members. Default: \
         `false`.",
    ),
    optional(
        "align",
        U32,
        "The minimum alignment in bytes, which must be a power of two. Default: the alignment of \
         the members.",
    ),
    required(
        "members",
        Value::List(&Value::Tables(&[&MEMBER, &STRUCT_MEMBER, &UNION_MEMBER])),
        "The members, in the order of their declaration.",
    ),
];

/// A member whose kind is not known yet.
pub(super) static ANY_MEMBER: Table = Table {
    name: "any_member",
    what: "a member",
    doc: "A member.",
    keys: &[
        &[optional("kind", Value::Word(|| names(MEMBER_KINDS)), KIND)],
        OF_A_MEMBER,
        &[optional("name", Value::Text, NAME)],
    ],
};

/// A member with a type.
pub static MEMBER: Table = Table {
    name: "member",
    what: "a member",
    doc: "A member with a type.",
    keys: &[
        &[
            Key {
                name: "name",
                value: Value::Text,
                presence: Presence::Unless("bits"),
                doc: "The name of the member. A bit-field without a name is padding.",
            },
            required(
                "type",
                Value::Type,
                "The type of the member, such as `u32`, `be16` or `[u8; 16]`.",
            ),
            optional("bits", U32, "The width of a bit-field, in bits."),
            optional(
                "default",
                Value::AnyOf(&[NUMBER, Value::Bool, Value::Text]),
                "The value that the member gets in entries from an older schema without this \
                 member. It is a number, `true` or `false`, or the name of a variant.",
            ),
        ],
        OF_A_MEMBER,
    ],
};

/// A member that is a struct declared in place.
pub static STRUCT_MEMBER: Table = Table {
    name: "struct_member",
    what: "a struct member",
    doc: "A struct that is declared in place as a member.",
    keys: &[
        &[required("kind", Value::Constant("struct"), KIND), optional("name", Value::Text, NAME)],
        COMPOSITE,
        OF_A_MEMBER,
    ],
};

/// A member that is a union declared in place.
pub static UNION_MEMBER: Table = Table {
    name: "union_member",
    what: "a union member",
    doc: "A union that is declared in place as a member.",
    keys: &[
        &[required("kind", Value::Constant("union"), KIND), optional("name", Value::Text, NAME)],
        COMPOSITE,
        OF_A_MEMBER,
    ],
};

const NAME: &str = "The name of the member. If the member has no name, its own members become members of the \
     outer type.";

/// The keys of every member.
const OF_A_MEMBER: &[Key] = &[
    optional("doc", Value::Text, "A description of the member."),
    optional("decl_tags", Value::List(&Value::Text), "The BTF declaration tags of the member."),
    optional(
        "renamed_from",
        Value::Text,
        "The name of the member in an older schema. `bpfmap diff` and `bpfmap migrate` use this \
         name.",
    ),
];

/// A variant of an enum that is written as a table.
pub static VARIANT: Table = Table {
    name: "variant",
    what: "a variant",
    doc: "A variant of an enum with a description.",
    keys: &[&[
        required("value", NUMBER, "The number of the variant."),
        optional("doc", Value::Text, "A description of the variant."),
    ]],
};

/// A map.
pub static MAP: Table = Table { name: "map", what: "a map", doc: "A BPF map.", keys: &[OF_A_MAP] };

/// A template for the inner maps of a map of maps.
pub static INNER_MAP: Table = Table {
    name: "inner_map",
    what: "an inner map",
    doc: "The template for the inner maps of a map of maps.",
    keys: &[OF_A_MAP],
};

static OF_A_MAP: &[Key] = &[
    required("type", Value::Word(map_types), "The type of the map."),
    optional("key", Value::Type, "The type of the keys, such as `u32` or the name of a struct."),
    Key {
        name: "key_size",
        value: U32,
        presence: Presence::InsteadOf("key"),
        doc: "The size of the keys in bytes, for keys without a type.",
    },
    optional(
        "value",
        Value::Type,
        "The type of the values, such as `u64` or the name of a struct.",
    ),
    Key {
        name: "value_size",
        value: U32,
        presence: Presence::InsteadOf("value"),
        doc: "The size of the values in bytes, for values without a type.",
    },
    optional(
        "event",
        Value::Type,
        "The type of the records in a ring buffer or a perf event array.",
    ),
    optional(
        "ops",
        Value::Text,
        "The name of the kernel struct that a `struct_ops` map implements.",
    ),
    optional(
        "max_entries",
        U32,
        "The maximum number of entries. For ring buffers, this is the size in bytes.",
    ),
    optional("flags", Value::List(&Value::Word(flags)), "The flags with which the map is created."),
    optional(
        "pinning",
        Value::AnyOf(&[Value::Word(|| names(Pinning::WORDS)), U32]),
        "The way in which the loader pins the map: `by_name`, `none`, or a number with a meaning \
         for your own loader.",
    ),
    optional(
        "numa_node",
        U32,
        "The NUMA node of the map's memory. This key needs the flag `numa_node`.",
    ),
    optional("map_extra", U64, "A setting whose meaning depends on the map type."),
    optional(
        "inner",
        Value::AnyOf(&[Value::Text, Value::Tables(&[&INNER_MAP])]),
        "The template for the inner maps of a map of maps. It is the name of another map, or a \
         table that declares the template in place.",
    ),
    optional(
        "values",
        Value::Indexed(&Value::Text),
        "The initial contents of a map of maps or programs. Each key is an index or a key of the \
         map, and its value is the name of a map or a program.",
    ),
    optional(
        "btf",
        Value::Bool,
        "Whether the map has BTF that describes its key and value. Default: `true`.",
    ),
    optional(
        "set_by_loader",
        Value::List(&Value::Word(|| names(Attribute::WORDS))),
        "The attributes that user space sets before it loads the object.",
    ),
    optional(
        "optional",
        Value::Bool,
        "Whether the program that loads the object is allowed to leave out the map. Default: \
         `false`.",
    ),
    optional(
        "decl_tags",
        Value::List(&Value::Text),
        "The BTF declaration tags of the map's variable in C.",
    ),
    optional(
        "renamed_from",
        Value::Text,
        "The name of the map in an older schema. `bpfmap diff` and `bpfmap migrate` use this name.",
    ),
    optional("doc", Value::Text, "A description of the map."),
];

/// Returns the words in `words`, with empty descriptions.
fn names<T>(words: &[(&'static str, T)]) -> Vec<(&'static str, &'static str)> {
    words.iter().map(|(word, _)| (*word, "")).collect()
}

fn map_types() -> Vec<(&'static str, &'static str)> {
    MAP_TYPES.iter().map(|row| (row.name, row.summary)).collect()
}

fn flags() -> Vec<(&'static str, &'static str)> {
    MAP_FLAGS.iter().map(|flag| (flag.name, flag.effect)).collect()
}

/// Returns a regular expression (ECMA 262) that matches types. It also matches some invalid types, such as `[u8; 4`,
/// because it does not count brackets.
#[must_use]
pub fn type_pattern() -> String {
    const WORD: &str = "[A-Za-z_][A-Za-z0-9_]*";
    let fields = |has_node: bool| {
        let fields = SpecialField::ALL.iter().filter(|field| field.has_target());
        let fields = fields.filter(|field| field.node().is_some() == has_node);
        fields.map(|field| field.name()).collect::<Vec<_>>().join("|")
    };
    let (pointers, heads) = (fields(false), fields(true));
    let named = format!(r"(?!(?:{pointers}|{heads})(?![A-Za-z0-9_])){WORD}");
    let pointer = format!(r"(?:{pointers})\s*<\s*{WORD}\s*>");
    let head = format!(r"(?:{heads})\s*<\s*{WORD}\s*\.\s*{WORD}\s*>");
    let length = r"\s*;\s*(?:0x[0-9A-Fa-f_]*[0-9A-Fa-f][0-9A-Fa-f_]*|[0-9][0-9_]*)\s*\]";
    format!(r"^\s*(?:[\[*]\s*)*(?:{named}|{pointer}|{head})(?:{length})*\s*$")
}
