//! The syntax of the schema, for the help of diagnostics.

/// The language that a schema is written in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Syntax {
    /// `key = "u32"`.
    #[default]
    Toml,
    /// `key: u32`.
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

    /// Returns a list of words.
    pub(crate) fn list(self, key: &str, word: &str) -> String {
        match self {
            Self::Toml => format!("`{key} = [\"{word}\"]`"),
            Self::Rust => format!("`{key}({word})`"),
        }
    }

    /// Returns the name of a map's attribute in this language.
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

    /// Returns a help for a missing type.
    pub(crate) fn declare(self) -> &'static str {
        match self {
            Self::Toml => "declare it in `types`",
            Self::Rust => "declare it with `#[derive(BpfType)]`",
        }
    }

    /// Returns a help for an empty schema.
    pub(crate) fn begin(self) -> &'static str {
        match self {
            Self::Toml => "write `[maps.NAME]` with the `type` of a map, or `[types.NAME]`",
            Self::Rust => {
                "write `#[derive(BpfMap)]` and `#[bpf_map(hash, …)]` before a struct that declares a map, \
                 `#[derive(BpfType)]` before a type; or name another file"
            }
        }
    }

    /// Returns a help for a missing inner map.
    pub(crate) fn inner(self) -> &'static str {
        match self {
            Self::Toml => {
                "write `inner = { type = \"…\", … }`, or the name of a map as the template"
            }
            Self::Rust => "write `inner: MAP` with a struct that has `#[derive(BpfMap)]`",
        }
    }
}
