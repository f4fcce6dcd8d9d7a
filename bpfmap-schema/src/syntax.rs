//! The spelling of declarations in the language of a schema, for the help of diagnostics.

/// The language in which a schema is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Syntax {
    /// TOML, as in `key = "u32"`.
    #[default]
    Toml,
    /// Rust, as in `key: u32`.
    Rust,
}

impl Syntax {
    /// Returns the declaration of a key, value, event, inner map or member of the type `ty`.
    pub(crate) fn field(self, name: &str, ty: &str) -> String {
        match self {
            Self::Toml => format!("`{name} = \"{ty}\"`"),
            Self::Rust => format!("`{name}: {ty}`"),
        }
    }

    /// Returns the declaration of a struct member.
    pub(crate) fn member(self, name: &str, ty: &str) -> String {
        match self {
            Self::Toml => format!("`{{ name = \"{name}\", type = \"{ty}\" }}`"),
            Self::Rust => self.field(name, ty),
        }
    }

    /// Returns the attribute `key` with a list that consists of `word`.
    pub(crate) fn list(self, key: &str, word: &str) -> String {
        match self {
            Self::Toml => format!("`{key} = [\"{word}\"]`"),
            Self::Rust => format!("`{key}({word})`"),
        }
    }

    /// Returns the name of an attribute of a map in this language.
    pub(crate) fn attribute(self, key: &str) -> String {
        match self {
            Self::Toml => format!("`{key}`"),
            Self::Rust => format!("the field `{key}`"),
        }
    }

    /// Returns the attribute that sets the integer type of an enum.
    pub(crate) fn repr(self, int: &str) -> String {
        match self {
            Self::Toml => format!("`repr = \"{int}\"`"),
            Self::Rust => format!("`#[repr({int})]`"),
        }
    }

    /// Returns the attribute that marks a type as defined by the kernel.
    pub(crate) fn kernel(self) -> &'static str {
        match self {
            Self::Toml => "`kernel = true`",
            Self::Rust => "`#[bpf_type(kernel)]`",
        }
    }

    /// Returns the help for a missing type.
    pub(crate) fn declare(self) -> &'static str {
        match self {
            Self::Toml => "declare the type in `types`",
            Self::Rust => "declare the type with `#[derive(BpfType)]`",
        }
    }

    /// Returns the help for an empty schema.
    pub(crate) fn begin(self) -> &'static str {
        match self {
            Self::Toml => "declare a map with `[maps.NAME]`, or a type with `[types.NAME]`",
            Self::Rust => {
                "write `#[derive(BpfMap)]` and `#[bpf_map(hash, …)]` before a struct that \
                 declares a map, or `#[derive(BpfType)]` before a type; or use a different file"
            }
        }
    }

    /// Returns the help for a missing inner map.
    pub(crate) fn inner(self) -> &'static str {
        match self {
            Self::Toml => "write `inner = { type = \"…\", … }` or `inner = \"MAP\"`",
            Self::Rust => "write `inner: MAP`, where `MAP` is a struct with `#[derive(BpfMap)]`",
        }
    }
}
