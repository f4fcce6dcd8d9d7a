//! What the derives need not find.

/// Rules that no derive can break, and why. `bpfmap check` and `bpfmap generate` hold a whole source
/// to them.
pub(crate) const NOT_BY_A_DERIVE: &[(&str, &str)] = &[
    ("unreadable-source", "a derive reads no file"),
    ("toml-syntax", "a derive reads no TOML"),
    ("rust-syntax", "the compiler reads the Rust before a derive does"),
    ("duplicate-schema", "a derive follows no includes"),
    ("include-cycle", "a derive follows no includes"),
    ("too-many-findings", "it cuts the findings of hundreds of items"),
    ("unknown-cfg", "the compiler applies conditions before a derive sees what is left"),
    ("empty-schema", "a derive sees a type or a map"),
    ("unknown-constant", "the compiler knows the constants that an item names"),
    ("derive-missing", "without the derive nothing looks"),
    ("in-place", "a derive sees either the type or where it is named"),
    ("duplicate-type", "it takes two items"),
    ("duplicate-map", "it takes two items"),
    ("duplicate-c-name", "it takes two items"),
    ("duplicate-rust-name", "the compiler refuses two items of one name"),
    ("map-name-too-long", "it takes two maps"),
    (
        "name-may-clash",
        "a derive does not know whether there is a program in C, and what it includes",
    ),
    ("nested-too-deep", "it takes many types"),
    (
        "pointer-in-key",
        "it is a warning, about a type that a map's derive does not see: what the compiler computes of it can only fail",
    ),
    ("lpm-key-byte-order", "it is a warning about a type that the derive of the map does not see"),
    ("one-arena", "it takes two maps"),
    ("unknown-map", "the compiler knows the maps that Rust names"),
    ("values-mismatch", "it takes two maps"),
    ("too-new-for-min-kernel", "the oldest kernel is the schema's, not the item's"),
];
