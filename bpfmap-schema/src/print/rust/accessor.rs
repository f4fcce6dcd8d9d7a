//! Writes the methods of a member that is stored as bytes: a getter, a setter, and a method that
//! returns a value in which the member is set.

use std::fmt::Write;
use std::ops::Range;

use crate::print::comment::push_rust_doc;
use crate::print::rust::names::{Scope, plain};

/// A member that is read and written with methods.
#[derive(Debug)]
pub struct Accessor<'a> {
    /// The names of the methods.
    pub names: &'a AccessorNames,
    /// The documentation of the member in the schema.
    pub doc: Option<&'a str>,
    /// The type of the member in Rust.
    pub ty: &'a str,
    /// The name of the field that contains the member.
    pub storage: &'a str,
    /// The position of the member in the field.
    pub at: &'a StoredAt,
    /// Whether the member belongs to a union.
    pub is_union: bool,
    /// The visibility of the methods, such as `pub`.
    pub visibility: &'a str,
    /// The path of the crate `bpfmap`.
    pub runtime: &'a str,
}

/// The position of a member in the field that contains it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredAt {
    /// The member begins at this byte.
    Byte(u64),
    /// The member consists of this range of bits.
    Bits(Range<u64>),
    /// The member consists of a range of bits that only the compiler knows.
    Computed {
        /// An expression for the range.
        range: String,
        /// The number of bits, or an expression for this number.
        width: String,
    },
}

impl StoredAt {
    /// For a bit-field, returns the range of the bits as a Rust expression and the number of bits.
    fn bits(&self) -> Option<(String, String)> {
        match self {
            Self::Byte(_) => None,
            Self::Bits(bits) => {
                let width = bits.end - bits.start;
                Some((format!("{}..{}", bits.start, bits.end), width.to_string()))
            }
            Self::Computed { range, width } => Some((range.clone(), width.clone())),
        }
    }
}

/// The names of an accessor's methods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessorNames {
    /// The name of the getter, which is the name of the member.
    pub get: String,
    /// The name of the setter, such as `set_member`.
    pub set: String,
    /// The name of the method that returns a value in which the member is set, such as
    /// `with_member` for a struct or `from_member` for a union.
    pub build: String,
}

/// Returns the names of the methods for all members of a struct or union that are stored as bytes. Each getter has the
/// name of its member, and all names are different.
#[must_use]
pub fn accessor_names(members: &[&str], is_union: bool) -> Vec<AccessorNames> {
    let mut methods = Methods::default();
    let getters = members.iter().map(|member| methods.scope.take(plain(member)));
    let mut names: Vec<AccessorNames> =
        getters.map(|get| AccessorNames { get, ..AccessorNames::default() }).collect();
    for names in &mut names {
        methods.name_setters(names, is_union);
    }
    names
}

/// The names of the methods of a type. Getters must be added first, because their names must be the names of the
/// members.
#[derive(Default)]
pub struct Methods {
    /// The names that are already used.
    pub scope: Scope,
}

impl Methods {
    /// Adds the names of the other methods that belong to a getter.
    pub fn name_setters(&mut self, names: &mut AccessorNames, is_union: bool) {
        let AccessorNames { get, set, build } = names;
        *set = self.scope.take(&format!("set_{}", plain(get)));
        let prefix = if is_union { "from_" } else { "with_" };
        *build = self.scope.take(&format!("{prefix}{}", plain(get)));
    }
}

impl Accessor<'_> {
    /// Writes the methods as a part of an `impl` block.
    pub fn push(&self, code: &mut String) {
        let Self { names, ty, storage, visibility: vis, runtime, .. } = self;
        let AccessorNames { get, set, build } = names;
        let vis = if vis.is_empty() { String::new() } else { format!("{vis} ") };
        let shown = plain(get);
        let [shared, exclusive] = if self.is_union {
            // Each member of a union can use all of its bytes.
            [format!("{runtime}::bytes_of(self)"), format!("{runtime}::__private::bytes_mut(self)")]
        } else {
            [format!("&self.{storage}"), format!("&mut self.{storage}")]
        };
        let (read, write) = match self.at {
            StoredAt::Byte(offset) => (
                format!("{runtime}::storage::get({shared}, {offset})"),
                format!("{runtime}::storage::set({exclusive}, {offset}, value);"),
            ),
            at => {
                let (range, _) = at.bits().unwrap_or_default();
                (
                    format!("{runtime}::storage::bits({shared}, {range})"),
                    format!("{runtime}::storage::set_bits({exclusive}, {range}, value);"),
                )
            }
        };
        let what = match self.at.bits() {
            None => format!("The member `{shown}`."),
            Some((_, width)) => {
                let unit = if width == "1" { "bit" } else { "bits" };
                format!("The bit-field `{shown}`, {width} {unit} wide.")
            }
        };
        push_rust_doc(code, "    ", self.doc.unwrap_or(&what));
        let _ = write!(
            code,
            "    #[inline]\n    #[must_use]\n    \
             {vis}fn {get}(&self) -> {ty} {{\n        {read}\n    }}\n\n    \
             /// Sets `{shown}`.\n    #[inline]\n    \
             {vis}fn {set}(&mut self, value: {ty}) {{\n        {write}\n    }}\n\n"
        );
        let _ = if self.is_union {
            write!(
                code,
                "    /// Returns a value with this `{shown}`; the bytes after it are zero.\n    #[inline]\n    #[must_use]\n    \
                 {vis}fn {build}(value: {ty}) -> Self {{\n        \
                     let mut this = {runtime}::zeroed::<Self>();\n        \
                     this.{set}(value);\n        this\n    }}\n"
            )
        } else {
            write!(
                code,
                "    /// Returns `self` with `{shown}` set to `value`.\n    #[inline]\n    #[must_use]\n    \
                 {vis}fn {build}(mut self, value: {ty}) -> Self {{\n        \
                     self.{set}(value);\n        self\n    }}\n"
            )
        };
    }
}
