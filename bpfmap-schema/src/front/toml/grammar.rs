//! The grammar of schemas in TOML as data: each table, its keys, and the values that each key
//! accepts.
//!
//! The reader uses it to find unknown and missing keys, and `bpfmap schema` writes it as JSON
//! Schema. The values of keys are checked by the code that reads them, and the test `grammar`
//! checks that this code agrees with the grammar.

use bpfmap_core::SpecialField;
use bpfmap_core::map_type::{MAP_FLAGS, MAP_TYPES};

use super::types::{KINDS, MEMBER_KINDS, REPRS};
use crate::ir::{Attribute, Pinning};

/// A table of a schema: a map, a struct, the file itself.
#[derive(Debug)]
pub struct Table {
    /// Its name in the grammar, unique: `inner_map`.
    pub name: &'static str,
    /// Its name in messages, such as `an inner map`.
    pub what: &'static str,
    /// A description of what it declares, in one sentence.
    pub doc: &'static str,
    /// Its keys, in groups. Tables can share a group.
    pub keys: &'static [&'static [Key]],
}

impl Table {
    /// Returns its keys.
    pub fn keys(&self) -> impl Iterator<Item = &'static Key> + use<> {
        self.keys.iter().flat_map(|group| *group)
    }

    /// Returns the key of this name, if the table has one.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys().find(|key| key.name == name)
    }
}

/// A key of a table.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// The values that it accepts.
    pub value: Value,
    /// Whether the key is required.
    pub presence: Presence,
    /// A description of its meaning.
    pub doc: &'static str,
}

/// Whether a key is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// The key can be left out.
    Optional,
    /// The key is required.
    Required,
    /// The key is required unless the table has this other key.
    Unless(&'static str),
    /// The key is optional. It is not allowed if the table has this other key.
    InsteadOf(&'static str),
}

/// The values that a key accepts.
#[derive(Debug)]
pub enum Value {
    /// A string.
    Text,
    /// A string that names a type: `[u8; 16]`.
    Type,
    /// A string that names a kernel version: `5.10`.
    KernelVersion,
    /// One of these words, each with its meaning or an empty string.
    Word(fn() -> Vec<(&'static str, &'static str)>),
    /// This word.
    Constant(&'static str),
    /// `true` or `false`.
    Bool,
    /// An integer in a range, both ends included.
    Integer {
        /// The smallest one.
        min: i128,
        /// The largest one.
        max: i128,
    },
    /// An array.
    List(&'static Value),
    /// A table of one of these forms.
    Tables(&'static [&'static Table]),
    /// A table in which the author chooses the names of the keys.
    Named(&'static Value),
    /// A table whose keys are numbers from 0.
    Indexed(&'static Value),
    /// A value of any of these kinds.
    AnyOf(&'static [Value]),
}

/// A regular expression (ECMA 262) of the strings that name a kernel version. It does not limit the numbers.
pub const KERNEL_VERSION_PATTERN: &str = r"^[0-9]+\.[0-9]+$";

const U32: Value = Value::Integer { min: 0, max: u32::MAX as i128 };
const U64: Value = Value::Integer { min: 0, max: u64::MAX as i128 };
/// The number of an enum's variant.
const NUMBER: Value = Value::Integer { min: i64::MIN as i128, max: u64::MAX as i128 };

const fn required(name: &'static str, value: Value, doc: &'static str) -> Key {
    Key { name, value, presence: Presence::Required, doc }
}

const fn optional(name: &'static str, value: Value, doc: &'static str) -> Key {
    Key { name, value, presence: Presence::Optional, doc }
}

/// A whole file.
pub static SCHEMA: Table = Table {
    name: "schema",
    what: "a schema",
    doc: "A schema of BPF maps: types and maps that a program and its application share.",
    keys: &[&[
        optional(
            "name",
            Value::Text,
            "The name of the schema, of its header and of its Rust module. Default: the name of the file without `.toml`.",
        ),
        optional("doc", Value::Text, "What the schema is about."),
        optional(
            "min_kernel",
            Value::KernelVersion,
            "The oldest kernel version that must accept every map. Newer features and methods are errors.",
        ),
        optional(
            "include",
            Value::List(&Value::Text),
            "Other schemas whose types this one uses, by paths relative to this file.",
        ),
        optional(
            "types",
            Value::Named(&Value::Tables(&[&STRUCT, &UNION, &ENUM, &ALIAS])),
            "The types, by name.",
        ),
        optional("maps", Value::Named(&Value::Tables(&[&MAP])), "The maps, by name."),
    ]],
};

/// A type whose kind is not known yet.
pub(super) static TYPE: Table = Table {
    name: "type",
    what: "a type",
    doc: "A type.",
    keys: &[&[required("kind", Value::Word(|| names(KINDS)), "What the type is.")], OF_A_TYPE],
};

/// A struct.
pub static STRUCT: Table = Table {
    name: "struct",
    what: "a struct",
    doc: "A struct, laid out as C lays it out for the BPF target.",
    keys: &[&[required("kind", Value::Constant("struct"), KIND)], OF_A_TYPE, COMPOSITE],
};

/// A union.
pub static UNION: Table = Table {
    name: "union",
    what: "a union",
    doc: "A union, laid out as C lays it out for the BPF target.",
    keys: &[&[required("kind", Value::Constant("union"), KIND)], OF_A_TYPE, COMPOSITE],
};

/// An enum.
pub static ENUM: Table = Table {
    name: "enum",
    what: "an enum",
    doc: "An enum: named integers.",
    keys: &[
        &[required("kind", Value::Constant("enum"), KIND)],
        OF_A_TYPE,
        &[
            optional(
                "repr",
                Value::Word(|| names(REPRS)),
                "The integer type that holds a variant. Default: `u32`.",
            ),
            optional(
                "prefix",
                Value::Text,
                "The prefix of the variants in C. Default: the name of the enum in upper case and `_`.",
            ),
            required(
                "variants",
                Value::Named(&Value::AnyOf(&[NUMBER, Value::Tables(&[&VARIANT])])),
                "The variants: a name and its number, or `{ value = 1, doc = \"…\" }`.",
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
        &[required("type", Value::Type, "The type that it names.")],
    ],
};

const KIND: &str = "What this is.";

/// The keys of every type.
const OF_A_TYPE: &[Key] = &[
    optional("doc", Value::Text, "A description of the type."),
    optional("decl_tags", Value::List(&Value::Text), "BTF declaration tags of the type."),
    optional(
        "typedef",
        Value::Bool,
        "Whether C also gets a `typedef` of the same name. Default: `false`.",
    ),
    optional(
        "kernel",
        Value::Bool,
        "Whether the kernel's `vmlinux.h` defines the type, so that C gets only a proof of its layout. Default: `false`.",
    ),
];

/// The keys of structs and unions, named or not.
static COMPOSITE: &[Key] = &[
    optional(
        "packed",
        Value::Bool,
        "Whether members have no padding between them. Default: `false`.",
    ),
    optional("align", U32, "The alignment in bytes, a power of two. Default: that of the members."),
    required(
        "members",
        Value::List(&Value::Tables(&[&MEMBER, &STRUCT_MEMBER, &UNION_MEMBER])),
        "The members, in order.",
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

/// A member that has a type.
pub static MEMBER: Table = Table {
    name: "member",
    what: "a member",
    doc: "A member that has a type.",
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
                "The value of the member in entries that are migrated from a schema without it: a number, `true`, or the name of a variant.",
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

const NAME: &str =
    "The name of the member. Without it, the members inside belong to the outer type.";

/// The keys of every member.
const OF_A_MEMBER: &[Key] = &[
    optional("doc", Value::Text, "A description of the member."),
    optional("decl_tags", Value::List(&Value::Text), "BTF declaration tags of the member."),
    optional(
        "renamed_from",
        Value::Text,
        "The name that the member had in an older schema, for `bpfmap diff` and `bpfmap migrate`.",
    ),
];

/// A variant of an enum that has more than a number.
pub static VARIANT: Table = Table {
    name: "variant",
    what: "a variant",
    doc: "A variant of an enum, with documentation.",
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
        "The type of the events that a ring buffer or a perf event array carries.",
    ),
    optional(
        "ops",
        Value::Text,
        "The kernel's struct of functions that a `struct_ops` map implements.",
    ),
    optional(
        "max_entries",
        U32,
        "The maximum number of entries; for ring buffers, the size in bytes.",
    ),
    optional("flags", Value::List(&Value::Word(flags)), "Flags of the map's creation."),
    optional(
        "pinning",
        Value::AnyOf(&[Value::Word(|| names(Pinning::WORDS)), U32]),
        "How libbpf pins the map: `by_name`, `none`, or a number that your own loader knows.",
    ),
    optional("numa_node", U32, "The NUMA node of the map's memory. Needs the flag `numa_node`."),
    optional("map_extra", U64, "A setting whose meaning depends on the map type."),
    optional(
        "inner",
        Value::AnyOf(&[Value::Text, Value::Tables(&[&INNER_MAP])]),
        "The inner maps of a map of maps: the name of a map, or a template.",
    ),
    optional(
        "values",
        Value::Indexed(&Value::Text),
        "Initial contents: for an index, the name of a map or of a program.",
    ),
    optional("btf", Value::Bool, "Whether BTF describes key and value. Default: `true`."),
    optional(
        "set_by_loader",
        Value::List(&Value::Word(|| names(Attribute::WORDS))),
        "The attributes that user space sets before it loads the object.",
    ),
    optional(
        "optional",
        Value::Bool,
        "Whether the loader may leave the map out. Default: `false`.",
    ),
    optional("decl_tags", Value::List(&Value::Text), "BTF declaration tags of the map's variable."),
    optional(
        "renamed_from",
        Value::Text,
        "The name that the map had in an older schema, for `bpfmap diff` and `bpfmap migrate`.",
    ),
    optional("doc", Value::Text, "A description of the map."),
];

/// Returns the words of a list that maps words to their values in code, with empty descriptions.
fn names<T>(words: &[(&'static str, T)]) -> Vec<(&'static str, &'static str)> {
    words.iter().map(|(word, _)| (*word, "")).collect()
}

fn map_types() -> Vec<(&'static str, &'static str)> {
    MAP_TYPES.iter().map(|row| (row.name, row.summary)).collect()
}

fn flags() -> Vec<(&'static str, &'static str)> {
    MAP_FLAGS.iter().map(|flag| (flag.name, flag.effect)).collect()
}

/// Returns a regular expression (ECMA 262) of the strings that name a type. It does not count brackets: `[u8; 4`
/// matches it.
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
