//! Reads a single item.

use std::cell::{Cell, RefCell};

use proc_macro2::{Span as TokenSpan, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::{DeriveInput, Expr, Ident, Lit, UnOp};

use super::composite::{FieldRole, Repr};
use super::context::{Constant, Context};
use super::expression::USIZE;
use super::{composite, enumeration, map};
use crate::diagnostics::Finding;
use crate::ir::{Int, MapDecl, TypeDef};
use crate::naming::snake_case;
use crate::rules;
use crate::source::{Span, Spanned};
use bpfmap_core::KernelVersion;

/// A type with `#[derive(BpfType)]`.
#[derive(Debug, Clone)]
pub struct TypeItem {
    /// The declaration of the type. A member whose type is declared in place contains only the name
    /// of this type: see [`FieldRole::Member`].
    pub def: TypeDef,
    /// Whether the type has no name in C, because it is declared in place in each member that uses it.
    pub in_place: bool,
    /// The key in the attribute that requests traits of the standard library, if the item has this key. It has no
    /// effect on C.
    pub std_traits: Option<Ident>,
    /// The role of each field, in the order of the source.
    pub fields: Vec<FieldRole>,
    /// The layout of the type in Rust.
    pub repr: Repr,
    /// The types of the schema that the type contains by value.
    pub held: Vec<Held>,
    /// The targets of pointers, lists and trees in the type. Contains only targets that are written
    /// as Rust paths.
    pub pointees: Vec<Pointee>,
    /// The members that are stored as bytes. Each element consists of the index and the Rust type
    /// of the member.
    pub stored: Vec<(usize, TokenStream)>,
    /// The numbers that only the compiler knows. [`def`](Self::def) contains a placeholder for each
    /// of these numbers. The placeholders do not break any rule.
    pub later: Vec<(Later, TokenStream)>,
    /// Whether the whole item could be read.
    pub readable: bool,
    /// Whether the whole item could be read and contains only known numbers.
    pub complete: bool,
}

impl TypeItem {
    /// If only the compiler knows the number `what`, returns the expression of this number.
    #[must_use]
    pub fn later(&self, what: Later) -> Option<&TokenStream> {
        self.later.iter().find(|(later, _)| *later == what).map(|(_, expression)| expression)
    }
}

/// A number in a type that only the compiler knows. Members and variants are given by their indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Later {
    /// The `align` in `bpf_type(…)`.
    Align,
    /// The width of the bit-field with this index.
    Width(usize),
    /// The `default` of the member with this index.
    Default(usize),
    /// The value of the variant with this index.
    Variant(usize),
}

/// A map with `#[derive(BpfMap)]`.
#[derive(Debug, Clone)]
pub struct MapItem {
    /// The declaration of the map. It contains the name of the inner map, but not the inner map
    /// itself.
    pub def: MapDecl,
    /// Whether the map is only a template for the inner maps of another map.
    pub template: bool,
    /// The `min_kernel` of the map, which is the oldest kernel that the map supports. `None` if the map has no
    /// `min_kernel`.
    pub min_kernel: Option<KernelVersion>,
    /// The types of the schema that the map contains by value.
    pub held: Vec<Held>,
    /// The numbers that only the compiler knows, each with its key.
    pub later: Vec<(&'static str, TokenStream)>,
    /// Whether the map contains a number or a length of an array that only the compiler knows. Such a length is
    /// replaced by 1.
    pub has_later: bool,
    /// The targets of pointers, lists and trees in the map. Contains only targets that are written
    /// as Rust paths.
    pub pointees: Vec<Pointee>,
    /// Whether the whole item could be read, except for numbers that only the compiler knows.
    pub complete: bool,
}

/// A type of the schema that another declaration contains by value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The name of the type in the schema.
    pub name: Spanned<String>,
    /// Whether the type is wrapped in `Enum<…>`.
    pub as_enum: bool,
}

/// The target of a special field, written as a Rust path.
#[derive(Debug, Clone)]
pub struct Pointee {
    /// The position of the [target](crate::ir::Target)'s name.
    pub place: Span,
    /// The path of the target's type.
    pub path: TokenStream,
}

/// Reads the type that `input` declares. Never fails, because errors are reported to `context`.
pub fn read_type(context: &dyn Context, input: &DeriveInput) -> TypeItem {
    let reader = Reader::new(context);
    match &input.data {
        syn::Data::Enum(body) => enumeration::read(&reader, input, body),
        syn::Data::Struct(_) | syn::Data::Union(_) => composite::read(&reader, input),
    }
}

/// Reads `type NAME = TARGET;`. Never fails, because errors are reported to `context`.
#[cfg(feature = "rust")]
pub(super) fn read_alias(
    context: &dyn Context,
    name: Spanned<String>,
    target: &syn::Type,
) -> TypeItem {
    composite::plain_alias(&Reader::new(context), name, target)
}

/// Reads the map that `input` declares. Never fails, because errors are reported to `context`.
pub fn read_map(context: &dyn Context, input: &DeriveInput) -> MapItem {
    map::read(&Reader::new(context), input)
}

/// The state of reading an item.
pub(super) struct Reader<'c> {
    context: &'c dyn Context,
    reported: Cell<bool>,
    later: Cell<bool>,
    /// The numbers of a type that only the compiler knows.
    of_type: RefCell<Vec<(Later, TokenStream)>>,
    held: RefCell<Vec<Held>>,
    pointees: RefCell<Vec<Pointee>>,
}

/// The result of reading a number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number<T> {
    Known(Spanned<T>),
    /// A number that only the compiler knows.
    Later,
    /// The expression is not a number, which was already reported.
    Nothing,
}

impl<T> Number<T> {
    pub(super) fn known(self) -> Option<Spanned<T>> {
        match self {
            Self::Known(number) => Some(number),
            Self::Later | Self::Nothing => None,
        }
    }
}

impl<'c> Reader<'c> {
    fn new(context: &'c dyn Context) -> Self {
        Self {
            context,
            reported: Cell::new(false),
            later: Cell::new(false),
            of_type: RefCell::default(),
            held: RefCell::default(),
            pointees: RefCell::default(),
        }
    }

    pub(super) fn context(&self) -> &'c dyn Context {
        self.context
    }

    pub(super) fn report(&self, finding: Finding) {
        self.reported.set(true);
        self.context.report(finding);
    }

    /// Records that a part of the item could not be read. The error was already reported.
    pub(super) fn failed(&self) {
        self.reported.set(true);
    }

    /// Reports a syntax error in an attribute, which `syn` has found.
    pub(super) fn syntax(&self, error: &syn::Error) {
        let span = self.context.span(error.span(), error.span());
        self.report(Finding::new(&rules::ATTRIBUTE_SYNTAX, span, error.to_string()).help(
            "write keys, some of them with a value or a list: `hash, max_entries = 1, \
             flags(no_prealloc)`",
        ));
    }

    pub(super) fn hold(&self, held: Held) {
        self.held.borrow_mut().push(held);
    }

    pub(super) fn lead_to(&self, pointee: Pointee) {
        self.pointees.borrow_mut().push(pointee);
    }

    pub(super) fn pointees(&self) -> Vec<Pointee> {
        self.pointees.take()
    }

    /// Returns whether the whole item could be read, whether it contains a number that only the compiler knows, and the
    /// types that it contains by value.
    pub(super) fn finish(&self) -> (bool, bool, Vec<Held>) {
        (!self.reported.get(), self.later.get(), self.held.take())
    }

    /// Returns the item for a type that needs no information besides `def`.
    pub(super) fn item(&self, def: TypeDef) -> TypeItem {
        let (readable, later, held) = self.finish();
        TypeItem {
            def,
            in_place: false,
            std_traits: None,
            fields: Vec::new(),
            repr: Repr::default(),
            held,
            pointees: self.pointees(),
            stored: Vec::new(),
            later: self.of_type.take(),
            readable,
            complete: readable && !later,
        }
    }

    /// Returns the position of `tokens`.
    pub(super) fn place(&self, tokens: &impl ToTokens) -> Span {
        let mut tokens = tokens.to_token_stream().into_iter();
        let Some(first) = tokens.next() else { return Span::NONE };
        let (start, mut end) = match &first {
            TokenTree::Group(group) => (group.span_open(), group.span_close()),
            token => (token.span(), token.span()),
        };
        if let Some(last) = tokens.last() {
            end = match &last {
                TokenTree::Group(group) => group.span_close(),
                token => token.span(),
            };
        }
        self.context.span(start, end)
    }

    /// Returns the position of one token.
    pub(super) fn place_of(&self, token: TokenSpan) -> Span {
        self.context.span(token, token)
    }

    /// Returns the span from the beginning of `first` to the end of `rest`.
    pub(super) fn place_up_to(&self, first: TokenSpan, rest: Span) -> Span {
        Span { end: rest.end, ..self.place_of(first) }
    }

    /// Returns the name of the type or map `ident` in the schema. This is `asked` or, if `asked` is `None`, a name
    /// derived from the Rust name.
    pub(super) fn name(&self, ident: &Ident, asked: Option<Spanned<String>>) -> Spanned<String> {
        asked.unwrap_or_else(|| {
            Spanned::new(snake_case(&ident.unraw().to_string()), self.place_of(ident.span()))
        })
    }

    /// Returns the value of an expression for `what`, such as "`max_entries`". `int` is the type of the expression's
    /// literals in Rust, if this type is known.
    pub(super) fn number<T: TryFrom<i128>>(
        &self,
        expression: &Expr,
        (what, int): (&str, Option<Int>),
        range: (i128, i128),
    ) -> Number<T> {
        let span = self.place(expression);
        let value = match literal(expression) {
            Literal::Number(value) => value,
            Literal::NoNumber => {
                self.report(
                    Finding::new(
                        &rules::WRONG_KIND_OF_VALUE,
                        span,
                        format!("{what} must be an integer"),
                    )
                    .help("write a whole number, without quotes"),
                );
                return Number::Nothing;
            }
            Literal::Expression => match self.context.constant(expression, int) {
                Constant::Known(value) => value,
                Constant::Later => {
                    self.later.set(true);
                    return Number::Later;
                }
                Constant::Nothing => {
                    self.reported.set(true);
                    return Number::Nothing;
                }
            },
        };
        let (min, max) = range;
        match T::try_from(value) {
            Ok(number) if (min..=max).contains(&value) => Number::Known(Spanned::new(number, span)),
            _ => {
                self.report(
                    Finding::new(
                        &rules::NUMBER_RANGE,
                        span,
                        format!("{what} must be a number from {min} to {max}"),
                    )
                    .label("out of range")
                    .help("write a number in this range"),
                );
                Number::Nothing
            }
        }
    }

    /// Returns the number read from `expression`. If only the compiler knows the number, records the expression as
    /// `later` and returns `instead`.
    pub(super) fn or_later<T>(
        &self,
        number: Number<T>,
        expression: &Expr,
        (later, instead): (Later, T),
    ) -> Option<Spanned<T>> {
        match number {
            Number::Known(number) => Some(number),
            Number::Later => {
                self.of_type.borrow_mut().push((later, expression.to_token_stream()));
                Some(Spanned::new(instead, self.place(expression)))
            }
            Number::Nothing => None,
        }
    }

    pub(super) fn u32(&self, expression: &Expr, what: &str) -> Number<u32> {
        self.number(expression, (what, Some(U32)), (0, u32::MAX.into()))
    }

    /// Returns the length of an array.
    pub(super) fn len(&self, expression: &Expr) -> Number<u32> {
        self.number(expression, ("the length of an array", Some(USIZE)), (0, u32::MAX.into()))
    }
}

const U32: Int = Int { size: 4, signed: false };

enum Literal {
    Number(i128),
    /// The expression can't be a number, for example because it is a string.
    NoNumber,
    /// The expression must be evaluated.
    Expression,
}

fn literal(expression: &Expr) -> Literal {
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(digits) => digits.base10_parse().map_or(Literal::NoNumber, Literal::Number),
            Lit::Byte(byte) => Literal::Number(byte.value().into()),
            _ => Literal::NoNumber,
        },
        Expr::Paren(inner) => literal(&inner.expr),
        Expr::Group(inner) => literal(&inner.expr),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => match literal(&unary.expr) {
            Literal::Number(value) => Literal::Number(-value),
            other => other,
        },
        _ => Literal::Expression,
    }
}
