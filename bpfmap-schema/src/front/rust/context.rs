//! The code around an item.

use proc_macro2::Span as TokenSpan;

use super::expression::{NoNames, evaluate};
use crate::diagnostics::Finding;
use crate::ir::Int;
use crate::naming::snake_case;
use crate::source::Span;
use crate::type_word;

/// What the reader of an item needs to know about the code around it.
pub trait Context {
    /// Returns the span from the start of `first` to the end of `last`.
    fn span(&self, first: TokenSpan, last: TokenSpan) -> Span;

    /// Resolves a path that names a type.
    fn resolve(&self, path: &syn::Path) -> Meaning;

    /// Returns the value of an integer expression that is not a literal. If `int` is given,
    /// literals in the expression have this type.
    fn constant(&self, expression: &syn::Expr, int: Option<Int>) -> Constant;

    /// Receives a diagnostic.
    fn report(&self, finding: Finding);
}

/// The meaning of a path that names a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// A type of Rust itself: `u8`, `bool`, `usize`.
    Primitive(String),
    /// A type of the crate `bpfmap`: `Be16`, `SpinLock`, `Enum`.
    Runtime(String),
    /// A type of the schema, by its name in the schema. The check reports the name if there is no
    /// such type.
    Schema(String),
    /// The path has no meaning. This has been reported.
    Nothing,
}

/// The value of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constant {
    /// A known number.
    Known(i128),
    /// A number that only the compiler knows.
    Later,
    /// The expression has no value. This has been reported.
    Nothing,
}

/// Evaluates `expression` without the code around it, which a derive macro does not see. The only
/// names that are known are `u32::MAX` and similar limits.
#[must_use]
pub fn by_its_literals(expression: &syn::Expr, int: Option<Int>) -> Constant {
    // The compiler reports expressions without a value.
    evaluate(&NoNames, expression, int)
        .map_or(Constant::Later, |value| Constant::Known(value.number))
}

/// Resolves `path` by its last segment alone, because a derive macro does not see what the path
/// refers to.
#[must_use]
pub fn by_last_segment(path: &syn::Path) -> Meaning {
    let Some(last) = path.segments.last() else { return Meaning::Nothing };
    let word = last.ident.to_string();
    if PRIMITIVE.contains(&word.as_str()) {
        Meaning::Primitive(word)
    } else if type_word::RUNTIME.contains(&word.as_str()) {
        Meaning::Runtime(word)
    } else {
        Meaning::Schema(snake_case(word.strip_prefix("r#").unwrap_or(&word)))
    }
}

/// The primitive types of Rust.
pub(super) const PRIMITIVE: &[&str] = &[
    "bool", "char", "f32", "f64", "i128", "i16", "i32", "i64", "i8", "isize", "str", "u128", "u16",
    "u32", "u64", "u8", "usize",
];
