//! The methods of a member that lives in bytes: a getter, a setter, and what makes a value with it.

use std::fmt::Write;
use std::ops::Range;

use crate::print::comment::push_rust_doc;
use crate::print::rust::names::{Scope, plain};

/// A member that is read and written by methods.
#[derive(Debug)]
pub struct Accessor<'a> {
    /// The names of the methods.
    pub names: &'a AccessorNames,
    /// What the schema says of it.
    pub doc: Option<&'a str>,
    /// Its type in Rust.
    pub ty: &'a str,
    /// The field that holds it.
    pub storage: &'a str,
    /// Where in the field it lies.
    pub at: &'a StoredAt,
    /// Whether it is a member of a union.
    pub is_union: bool,
    /// Who sees the methods: `pub`.
    pub visibility: &'a str,
    /// The path of the crate `bpfmap`.
    pub runtime: &'a str,
}

/// Where in its storage a member lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredAt {
    /// From this byte on.
    Byte(u64),
    /// These bits.
    Bits(Range<u64>),
    /// Bits that only the compiler knows.
    Computed {
        /// An expression of the range.
        range: String,
        /// How many, or an expression of it.
        width: String,
    },
}

impl StoredAt {
    /// Returns the range of the bits, as Rust writes it, and how many they are.
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
    /// The getter: that of the member.
    pub get: String,
    /// The setter: `set_member`.
    pub set: String,
    /// Of a struct `with_member`, of a union `from_member`.
    pub build: String,
}

/// Names the methods of all members of a struct or union that live in bytes. The getters are called as
/// their members, and none of the methods as another one.
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

/// The names of a type's methods. Getters come first: they are named as their members.
#[derive(Default)]
pub struct Methods {
    /// The names that are taken.
    pub scope: Scope,
}

impl Methods {
    /// Gives a getter its setters.
    pub fn name_setters(&mut self, names: &mut AccessorNames, is_union: bool) {
        let AccessorNames { get, set, build } = names;
        *set = self.scope.take(&format!("set_{}", plain(get)));
        let prefix = if is_union { "from_" } else { "with_" };
        *build = self.scope.take(&format!("{prefix}{}", plain(get)));
    }
}

impl Accessor<'_> {
    /// Writes the methods, as they are in an `impl` block.
    pub fn push(&self, code: &mut String) {
        let Self { names, ty, storage, visibility: vis, runtime, .. } = self;
        let AccessorNames { get, set, build } = names;
        let vis = if vis.is_empty() { String::new() } else { format!("{vis} ") };
        let shown = plain(get);
        let [shared, exclusive] = if self.is_union {
            // Each member of it has all of its bytes.
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
                "    /// Returns the value with another `{shown}`.\n    #[inline]\n    #[must_use]\n    \
                 {vis}fn {build}(mut self, value: {ty}) -> Self {{\n        \
                     self.{set}(value);\n        self\n    }}\n"
            )
        };
    }
}
