//! What is around an item.

use proc_macro2::Span as TokenSpan;

use super::expression::{NoNames, evaluate};
use crate::diagnostics::Finding;
use crate::ir::Int;
use crate::naming::snake_case;
use crate::source::Span;
use crate::type_word;

/// What the reader of an item needs to know about the code around it.
pub trait Context {
    /// Returns the place from the start of `first` to the end of `last`.
    fn span(&self, first: TokenSpan, last: TokenSpan) -> Span;

    /// Returns what a path that stands for a type means.
    fn resolve(&self, path: &syn::Path) -> Meaning;

    /// Returns the value of an integer expression that is no literal. Its literals are of the type `int`, where
    /// something says of which.
    fn constant(&self, expression: &syn::Expr, int: Option<Int>) -> Constant;

    /// Takes a finding.
    fn report(&self, finding: Finding);
}

/// What a path that stands for a type means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// A type of Rust itself: `u8`, `bool`, `usize`.
    Primitive(String),
    /// A type of the crate `bpfmap`: `Be16`, `SpinLock`, `Enum`.
    Runtime(String),
    /// A type of the schema, by its name there. Whether it is there is for the check to say.
    Schema(String),
    /// Nothing, which has been reported.
    Nothing,
}

/// The value of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constant {
    /// This number.
    Known(i128),
    /// A number that only the compiler will know.
    Later,
    /// None, which has been reported.
    Nothing,
}

/// Returns the value of `expression` by the look of it alone, which is all that a derive macro sees: without any names
/// but `u32::MAX` and its like.
#[must_use]
pub fn by_its_literals(expression: &syn::Expr, int: Option<Int>) -> Constant {
    // What has no value the compiler refuses.
    evaluate(&NoNames, expression, int)
        .map_or(Constant::Later, |value| Constant::Known(value.number))
}

/// Returns what `path` means by the look of its last word alone, which is all that a derive macro
/// sees.
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

/// The types of Rust itself that have a word of their own.
pub(super) const PRIMITIVE: &[&str] = &[
    "bool", "char", "f32", "f64", "i128", "i16", "i32", "i64", "i8", "isize", "str", "u128", "u16",
    "u32", "u64", "u8", "usize",
];
