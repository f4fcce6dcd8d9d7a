//! Converts Rust types to types of a schema.

use proc_macro2::{Delimiter, Span as TokenSpan, TokenTree};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::{Expr, GenericArgument, Lit, Member, Path, PathArguments};

use super::attributes::Entries;
use super::context::Meaning;
use super::item::{Held, Number, Pointee, Reader};
use crate::diagnostics::Finding;
use crate::front::type_expression;
use crate::ir::{Int, Target, Type};
use crate::rules;
use crate::source::{Span, Spanned};
use crate::type_word;
use bpfmap_core::SpecialField;

/// Details about the type of a member that come from attributes and not from the Rust type.
#[derive(Default)]
pub(super) struct Hints {
    /// The position of the word `char`, which states that the bytes are text.
    char: Option<TokenSpan>,
    /// The type in `points_to = "…"`.
    points_to: Option<Spanned<Type>>,
    /// The special field and its target, as in `kptr = "…"`.
    field: Option<(SpecialField, Spanned<Target>)>,
    /// Whether the type belongs to a bit-field.
    pub(super) bit_field: bool,
}

impl Hints {
    /// Takes the words that describe a type out of `entries`.
    pub(super) fn take(reader: &Reader<'_>, entries: &mut Entries<'_, '_>) -> Self {
        let char = entries.flag("char").map(|word| word.span());
        let points_to = entries.string("points_to").and_then(|text| {
            let read = type_expression::read(&text.value, &|_| text.span);
            read.map_err(|finding| reader.report(*finding)).ok()
        });
        let mut field = None;
        for (word, special) in TARGETED.iter().map(|field| (field.name(), *field)).chain(ROOTS) {
            if let Some(expression) = entries.expression(word) {
                field = target(reader, special, &expression);
            }
        }
        Self { char, points_to, field, bit_field: false }
    }

    /// Reports the hints that do not apply to the type.
    pub(super) fn finish(self, reader: &Reader<'_>) {
        let left = [
            self.char.map(|span| (reader.place_of(span), "char", "on `u8` and on arrays of `u8`")),
            self.points_to.map(|ty| (ty.span, "points_to", "on a `KernelPtr`")),
            self.field.map(|(field, target)| match field {
                SpecialField::ListHead => (target.span, "list_head", "on a `ListHead`"),
                SpecialField::RbRoot => (target.span, "rb_root", "on an `RbRoot`"),
                other => (target.span, other.name(), "on a `Kptr`"),
            }),
        ];
        for (span, word, place) in left.into_iter().flatten() {
            let message = format!("`{word}` is not allowed here");
            reader.report(
                Finding::new(&rules::ATTRIBUTE_SYNTAX, span, message)
                    .help(format!("remove `{word}`; it is only allowed {place}")),
            );
        }
    }
}

/// The pointers whose attribute in Rust has the same name as the field in a schema.
const TARGETED: &[SpecialField] =
    &[SpecialField::Kptr, SpecialField::UntrustedKptr, SpecialField::PerCpuKptr];

const ROOTS: [(&str, SpecialField); 2] =
    [("list_head", SpecialField::ListHead), ("rb_root", SpecialField::RbRoot)];

/// Parses the target of the special field `field`. The target is the Rust path of a struct, such as `Struct` or
/// `Struct.member`, or a quoted C name, such as `"STRUCT"` or `"STRUCT.MEMBER"`.
fn target(
    reader: &Reader<'_>,
    field: SpecialField,
    expression: &Expr,
) -> Option<(SpecialField, Spanned<Target>)> {
    let span = reader.place(expression);
    let (path, member) = match expression {
        Expr::Path(path) if field.node().is_none() => (Some(&path.path), None),
        Expr::Field(access) if field.node().is_some() => match (&*access.base, &access.member) {
            (Expr::Path(path), Member::Named(member)) => (Some(&path.path), Some(member)),
            _ => (None, None),
        },
        _ => (None, None),
    };
    if let Some(path) = path {
        let Meaning::Schema(name) = reader.context().resolve(path) else {
            return refuse(reader, span, "the target must be a struct", NAME_A_STRUCT);
        };
        let name = Spanned::new(name, reader.place(path));
        reader.lead_to(Pointee { place: name.span, path: path.to_token_stream() });
        let member = member
            .map(|member| Spanned::new(member.unraw().to_string(), reader.place_of(member.span())));
        return Some((field, Spanned::new(Target { name, member }, span)));
    }
    let text = match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Spanned::new(text.value(), span),
            _ => return refuse(reader, span, "the target must be a struct", NAME_A_STRUCT),
        },
        _ => return refuse(reader, span, "the target must be a struct", NAME_A_STRUCT),
    };
    let words = if field.node().is_some() {
        text.value.split_once('.').map(|(name, member)| (name, Some(member)))
    } else {
        Some((text.value.as_str(), None))
    };
    let is_word = |word: &str| {
        let mut characters = word.chars();
        characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
            && characters.all(|character| character.is_alphanumeric() || character == '_')
    };
    let words = words.filter(|(name, member)| is_word(name) && member.is_none_or(is_word));
    let Some((name, member)) = words else {
        let (message, example) = type_expression::missing_target(field);
        reader.report(
            Finding::new(&rules::TYPE_SYNTAX, text.span, message)
                .help(format!("write the name in C: `\"{example}\"`")),
        );
        return None;
    };
    let spanned = |word: &str| Spanned::new(word.to_owned(), text.span);
    let target = Target { name: spanned(name), member: member.map(spanned) };
    Some((field, Spanned::new(target, text.span)))
}

const NAME_A_STRUCT: &str = "write `Struct`, or `Struct.member` for a list or a tree, or a C name \
                             in quotes, such as `\"task_struct\"`";

/// Converts the Rust type `ty` of a member, key, value or event to a type of the schema. If this fails, reports an
/// error and returns `None`.
pub(super) fn read(reader: &Reader<'_>, ty: &syn::Type, mut hints: Hints) -> Option<Spanned<Type>> {
    let read = read_with(reader, ty, &mut hints);
    if read.is_some() {
        hints.finish(reader);
    }
    read
}

/// If the type is `Padded<T, N>`, returns `N` (the number of padding bytes) and `T`. Returns `None` for any other type.
pub(super) fn padded<'t>(
    reader: &Reader<'_>,
    ty: &'t syn::Type,
) -> Option<(&'t syn::Type, Option<Number<u32>>)> {
    let syn::Type::Path(path) = ty else { return None };
    let is_padded = path.path.segments.last().is_some_and(|last| last.ident == "Padded")
        && reader.context().resolve(&path.path) == Meaning::Runtime("Padded".to_owned());
    if !is_padded {
        return None;
    }
    let mut arguments = arguments(&path.path);
    let Some(GenericArgument::Type(inner)) = arguments.next() else { return None };
    let bytes = arguments.next().and_then(constant).map(|expression| reader.len(&expression));
    Some((inner, bytes))
}

/// Returns the constant in a generic argument, without braces.
fn constant(argument: &GenericArgument) -> Option<Expr> {
    // The parser can't distinguish the name of a constant from a type.
    let (GenericArgument::Const(_) | GenericArgument::Type(_)) = argument else { return None };
    let tokens = argument.to_token_stream();
    let mut trees = tokens.clone().into_iter();
    let inner = match (trees.next(), trees.next()) {
        (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::Brace => {
            syn::parse2(group.stream()).ok()
        }
        _ => None,
    };
    inner.or_else(|| syn::parse2(tokens).ok())
}

/// Returns the type of an array with `length` elements. If the length is invalid, reports an error and returns `None`.
fn array_of(
    element: Spanned<Type>,
    length: Number<u32>,
    place: impl FnOnce() -> Span,
) -> Option<Type> {
    let length = match length {
        Number::Known(length) => length,
        // The placeholder 1 is never too large. The item is marked as incomplete.
        Number::Later => Spanned::new(1, place()),
        Number::Nothing => return None,
    };
    Some(Type::Array(Box::new(element), length))
}

fn read_with(reader: &Reader<'_>, ty: &syn::Type, hints: &mut Hints) -> Option<Spanned<Type>> {
    let span = || reader.place(ty);
    let read = match ty {
        syn::Type::Group(inner) => return read_with(reader, &inner.elem, hints),
        syn::Type::Paren(inner) => return read_with(reader, &inner.elem, hints),
        syn::Type::Array(array) => {
            let element = read_with(reader, &array.elem, hints)?;
            array_of(element, reader.len(&array.len), || reader.place(&array.len))?
        }
        syn::Type::Path(path) if path.qself.is_none() => {
            named(reader, &path.path, reader.place(&path.path), hints)?
        }
        other => {
            let (what, help) = shape(other);
            return refuse(reader, span(), what, help);
        }
    };
    Some(Spanned::new(read, span()))
}

/// Returns the message and the help for a type that is neither a path nor an array.
fn shape(ty: &syn::Type) -> (&'static str, &'static str) {
    match ty {
        syn::Type::Reference(_) => (
            "a type of a schema can't contain a reference, which is not valid in the kernel",
            "use the target of the reference or an ID, or `bpfmap::KernelPtr` for a kernel address",
        ),
        syn::Type::Ptr(_) => (
            "a type of a schema can't contain a pointer, which is not valid in the kernel",
            "use `bpfmap::KernelPtr` for a kernel address, or `bpfmap::UserPtr<T>` for memory that is shared with programs",
        ),
        syn::Type::Tuple(_) => ("C has no tuples", "use a struct with `repr(C)`"),
        syn::Type::Slice(_) => ("a slice has no fixed size", "use an array: `[T; N]`"),
        syn::Type::FnPtr(_) => (
            "a type of a schema can't contain a function pointer, which is not valid in the kernel",
            "remove the function pointer",
        ),
        _ => (
            "C has no such type",
            "write an integer, an array, or a type with `#[derive(BpfType)]`",
        ),
    }
}

fn refuse<T>(reader: &Reader<'_>, span: Span, what: impl Into<String>, help: &str) -> Option<T> {
    reader.report(Finding::new(&rules::RUST_TYPE, span, what).help(help));
    None
}

fn arguments(path: &Path) -> impl Iterator<Item = &GenericArgument> {
    let last = path.segments.last();
    let arguments = last.and_then(|last| match &last.arguments {
        PathArguments::AngleBracketed(arguments) => Some(arguments.args.iter()),
        _ => None,
    });
    arguments.into_iter().flatten()
}

fn named(reader: &Reader<'_>, path: &Path, span: Span, hints: &mut Hints) -> Option<Type> {
    match reader.context().resolve(path) {
        Meaning::Primitive(word) => primitive(reader, &word, span, hints),
        Meaning::Runtime(word) => runtime(reader, &word, path, span, hints),
        Meaning::Schema(name) => {
            if arguments(path).next().is_some() {
                return refuse(
                    reader,
                    span,
                    "a type of a schema can't be generic, because C has no generic types",
                    "write a separate struct for each type argument",
                );
            }
            let name = Spanned::new(name, span);
            reader.hold(Held { name: name.clone(), as_enum: false });
            Some(Type::Named(name.value))
        }
        Meaning::Nothing => {
            reader.failed();
            None
        }
    }
}

fn primitive(reader: &Reader<'_>, word: &str, span: Span, hints: &mut Hints) -> Option<Type> {
    match (word, type_word::builtin(word)) {
        ("u8", _) if hints.char.take().is_some() => Some(Type::Char),
        ("bool", _) if hints.bit_field => Some(Type::Bool),
        ("bool", _) => refuse(
            reader,
            span,
            "a `bool` in Rust must be 0 or 1, but the kernel can store any other byte",
            "write `bpfmap::Bool`, which accepts any byte",
        ),
        ("char", _) => refuse(
            reader,
            span,
            "a `char` has four bytes in Rust, but one byte in C",
            "write `bpfmap::CharArray<N>` for text, or `u8` with `#[bpf(char)]` before the member",
        ),
        (_, Some(ty @ Type::Int(_))) => Some(ty),
        _ => {
            let help = type_word::in_other_words(word)
                .unwrap_or("write an integer, an array, or a type with `#[derive(BpfType)]`");
            reader.report(
                Finding::new(&rules::UNKNOWN_TYPE, span, format!("unknown type `{word}`"))
                    .label("not declared")
                    .help(help),
            );
            None
        }
    }
}

fn runtime(
    reader: &Reader<'_>,
    word: &str,
    path: &Path,
    span: Span,
    hints: &mut Hints,
) -> Option<Type> {
    let special = |field| Some(Type::Special(field, None));
    match word {
        "Bool" => Some(Type::Bool),
        "CharArray" => {
            let Some(length) = arguments(path).next().and_then(constant) else {
                return refuse(
                    reader,
                    span,
                    "a `bpfmap::CharArray` must have a length",
                    "write the number of bytes between `<` and `>`",
                );
            };
            let element = Spanned::new(Type::Char, span);
            array_of(element, reader.len(&length), || reader.place(&length))
        }
        "Be16" => Some(Type::BigEndian(2)),
        "Be32" => Some(Type::BigEndian(4)),
        "Be64" => Some(Type::BigEndian(8)),
        "KernelPtr" => Some(Type::Pointer(hints.points_to.take().and_then(|target| {
            let is_void = matches!(&target.value, Type::Named(name) if name == "void");
            (!is_void).then(|| Box::new(target))
        }))),
        "SpinLock" => special(SpecialField::SpinLock),
        "ResSpinLock" => special(SpecialField::ResSpinLock),
        "Timer" => special(SpecialField::Timer),
        "WorkQueue" => special(SpecialField::WorkQueue),
        "TaskWork" => special(SpecialField::TaskWork),
        "RefCount" => special(SpecialField::RefCount),
        "ListNode" => special(SpecialField::ListNode),
        "RbNode" => special(SpecialField::RbNode),
        "Kptr" => targeted(reader, span, hints, TARGETED, "kptr = \"STRUCT\""),
        "ListHead" => targeted(
            reader,
            span,
            hints,
            &[SpecialField::ListHead],
            "list_head = \"STRUCT.MEMBER\"",
        ),
        "RbRoot" => {
            targeted(reader, span, hints, &[SpecialField::RbRoot], "rb_root = \"STRUCT.MEMBER\"")
        }
        "UserPtr" => {
            let name = argument(reader, path, span)?;
            Some(Type::Special(
                SpecialField::UserPtr,
                Some(Box::new(Target { name, member: None })),
            ))
        }
        "Enum" => {
            let name = argument(reader, path, span)?;
            reader.hold(Held { name: name.clone(), as_enum: true });
            Some(Type::Named(name.value))
        }
        "Padded" => refuse(
            reader,
            span,
            "only a member of a union can be `Padded`",
            "write only the type in the angle brackets",
        ),
        _ => refuse(
            reader,
            span,
            format!("a map can't contain a `bpfmap::{word}`"),
            "write an integer, an array, or a type with `#[derive(BpfType)]`",
        ),
    }
}

fn targeted(
    reader: &Reader<'_>,
    span: Span,
    hints: &mut Hints,
    fields: &[SpecialField],
    example: &str,
) -> Option<Type> {
    if let Some((field, target)) = hints.field.take_if(|(field, _)| fields.contains(field)) {
        return Some(Type::Special(field, Some(Box::new(target.value))));
    }
    let name = fields[0].name();
    let message = match fields[0].node() {
        Some(_) => format!("a `{name}` must specify the struct of its elements"),
        None => format!("a `{name}` must specify its target"),
    };
    reader.report(
        Finding::new(&rules::TYPE_SYNTAX, span, message)
            .help(format!("write `#[bpf({example})]` before the member")),
    );
    None
}

/// Returns the name of the schema type that is the generic argument of `path`.
fn argument(reader: &Reader<'_>, path: &Path, span: Span) -> Option<Spanned<String>> {
    if let Some(GenericArgument::Type(syn::Type::Path(inner))) = arguments(path).next() {
        if let Meaning::Schema(name) = reader.context().resolve(&inner.path) {
            return Some(Spanned::new(name, reader.place(inner)));
        }
    }
    let word = path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
    refuse(
        reader,
        span,
        format!("the argument of `bpfmap::{word}` must be a type of the schema"),
        "write the name of a type with `#[derive(BpfType)]` between `<` and `>`",
    )
}

/// Returns a placeholder for a type that could not be read. The item that uses the placeholder is marked as incomplete,
/// so rules don't report mistakes that depend on the placeholder.
pub(super) fn placeholder() -> Spanned<Type> {
    Type::Int(Int { size: 1, signed: false }).into()
}
