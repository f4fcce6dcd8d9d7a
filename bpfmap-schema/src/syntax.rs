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
    /// Returns a key, value, event or inner map of the type `ty`, or a member.
    pub(crate) fn field(self, name: &str, ty: &str) -> String {
        match self {
            Self::Toml => format!("`{name} = \"{ty}\"`"),
            Self::Rust => format!("`{name}: {ty}`"),
        }
    }

    /// Returns the member of a struct.
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

    /// Returns a part of a map, as its author calls it.
    pub(crate) fn attribute(self, key: &str) -> String {
        match self {
            Self::Toml => format!("`{key}`"),
            Self::Rust => format!("the field `{key}`"),
        }
    }

    /// Returns the integer of an enum.
    pub(crate) fn repr(self, int: &str) -> String {
        match self {
            Self::Toml => format!("`repr = \"{int}\"`"),
            Self::Rust => format!("`#[repr({int})]`"),
        }
    }

    /// Returns how a type is said to be the kernel's.
    pub(crate) fn kernel(self) -> &'static str {
        match self {
            Self::Toml => "`kernel = true`",
            Self::Rust => "`#[bpf_type(kernel)]`",
        }
    }

    /// Returns what to do about a type that is not there.
    pub(crate) fn declare(self) -> &'static str {
        match self {
            Self::Toml => "declare it in `types`",
            Self::Rust => "declare it with `#[derive(BpfType)]`",
        }
    }

    /// Returns what to do about a schema that has nothing in it.
    pub(crate) fn begin(self) -> &'static str {
        match self {
            Self::Toml => "write `[maps.NAME]` with the `type` of a map, or `[types.NAME]`",
            Self::Rust => {
                "write `#[derive(BpfMap)]` and `#[bpf_map(hash, …)]` before a struct that declares a map, \
                 `#[derive(BpfType)]` before a type; or name another file"
            }
        }
    }

    /// Returns what to do about an inner map that is not there.
    pub(crate) fn inner(self) -> &'static str {
        match self {
            Self::Toml => {
                "write `inner = { type = \"…\", … }`, or the name of a map as the template"
            }
            Self::Rust => "write `inner: MAP` with a struct that has `#[derive(BpfMap)]`",
        }
    }
}
