//! The code around an item.

use proc_macro2::Span as TokenSpan;

use super::expression::{NoNames, evaluate};
use crate::diagnostics::Finding;
use crate::ir::Int;
use crate::naming::snake_case;
use crate::source::Span;
use crate::type_word;

/// The information about the surrounding code that the reader of an item needs.
pub trait Context {
    /// Returns the span from the beginning of `first` to the end of `last`.
    fn span(&self, first: TokenSpan, last: TokenSpan) -> Span;

    /// Returns the meaning of a path that refers to a type.
    fn resolve(&self, path: &syn::Path) -> Meaning;

    /// Returns the value of an integer expression that is not a literal. If `int` is not `None`, literals in the
    /// expression have this type.
    fn constant(&self, expression: &syn::Expr, int: Option<Int>) -> Constant;

    /// Reports a diagnostic.
    fn report(&self, finding: Finding);
}

/// The meaning of a path that refers to a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// A primitive type of Rust, such as `u8`, `bool` or `usize`.
    Primitive(String),
    /// A type of the crate `bpfmap`, such as `Be16`, `SpinLock` or `Enum`.
    Runtime(String),
    /// The type of the schema with this name. The check reports an unknown name.
    Schema(String),
    /// The path has no meaning, which was already reported.
    Nothing,
}

/// The value of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constant {
    /// The expression has this value.
    Known(i128),
    /// Only the compiler knows the value of the expression.
    Later,
    /// The expression has no value, which was already reported.
    Nothing,
}

/// Evaluates `expression` without the surrounding code, which a derive macro does not see. The only known names are
/// `u32::MAX` and similar limits.
#[must_use]
pub fn by_its_literals(expression: &syn::Expr, int: Option<Int>) -> Constant {
    // The compiler reports an expression without a value.
    evaluate(&NoNames, expression, int)
        .map_or(Constant::Later, |value| Constant::Known(value.number))
}

/// Returns the meaning of the last segment of `path`. A derive macro does not see the surrounding code, so it can't
/// resolve the whole path.
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
