//! Reads maps.

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{
    Data, DeriveInput, Expr, ExprLit, Field, Fields, GenericParam, Ident, Lit, LitStr, Token,
    TypePath,
};

use super::attributes::{Entries, doc};
use super::context::Meaning;
use super::item::{MapItem, Number, Reader};
use super::types::{self, Hints};
use crate::diagnostics::Finding;
use crate::front;
use crate::ir::{Attribute, InnerMap, Int, KeyValue, MapDecl, Pinning, Type};
use crate::nearest::{nearest, nearest_key};
use crate::rules;
use crate::source::Spanned;
use bpfmap_core::KernelVersion;
use bpfmap_core::map_type::MapType;

pub(super) fn read(reader: &Reader<'_>, input: &DeriveInput) -> MapItem {
    let mut entries = Entries::read(reader, &input.attrs, "bpf_map", "a map");
    let name = reader.name(&input.ident, entries.string("name"));
    entries.take("crate");
    let template = entries.flag("template").is_some();
    let mut later = Vec::new();
    let [key_size, value_size, max_entries, numa_node] =
        ["key_size", "value_size", "max_entries", "numa_node"]
            .map(|key| number(reader, &mut entries, (key, 4), &mut later));
    let map_extra = number(reader, &mut entries, ("map_extra", 8), &mut later);
    let btf = entries.expression("btf").and_then(|expression| bool(reader, &expression));
    let pinning = entries.expression("pinning").and_then(|it| pinning(reader, &it, &mut later));
    let flags = entries.list(
        "flags",
        "flags(no_prealloc)",
        Punctuated::<Ident, Token![,]>::parse_terminated,
    );
    let flags = flags.into_iter().flatten().map(|flag| word(reader, &flag)).collect();
    let values = entries.list("values", "values(0 = name)", initial_contents);
    let values = values.into_iter().flatten();
    let values = values.filter_map(|(index, name)| {
        let index = reader.u32(&index, "an index").known()?;
        Some((index, Spanned::new(name.0, reader.place(&name.1))))
    });
    let values = values.collect();
    let mut set_by_loader = set_by_loader(reader, &mut entries);
    let optional = entries.flag("optional");
    let optional = optional.map(|word| Spanned::new(true, reader.place(&word))).unwrap_or_default();
    let min_kernel = entries.string("min_kernel").and_then(|text| kernel(reader, &text));
    let ops = entries.string("ops");
    let decl_tags = entries.strings("tag");
    let renamed_from = entries.string("renamed_from");
    let map_type = map_type(reader, input, &mut entries);
    entries.finish();

    let mut parts = Parts::read(reader, input);
    let key = key_or_value(reader, "key", parts.key.take(), key_size);
    let value = key_or_value(reader, "value", parts.value.take(), value_size);
    set_by_loader.append(&mut parts.open);
    // The order of the attributes does not depend on the order of the fields.
    set_by_loader.sort_by_key(|set| Attribute::WORDS.iter().position(|(_, it)| *it == set.value));
    let span = reader.place_of(input.ident.span());
    let (complete, has_later, held) = reader.finish();
    MapItem {
        def: MapDecl {
            name,
            doc: doc(&input.attrs),
            map_type,
            key,
            value,
            event: parts.event,
            ops,
            max_entries,
            flags,
            pinning,
            numa_node,
            map_extra,
            inner: parts.inner,
            values,
            btf,
            set_by_loader,
            optional,
            decl_tags,
            renamed_from,
            span,
        },
        template,
        min_kernel,
        held,
        later,
        has_later,
        pointees: reader.pointees(),
        complete,
    }
}

/// Returns the number of `key`, which is an integer of `size` bytes. If only the compiler knows the number, adds its
/// expression to `later`.
fn number<T: TryFrom<i128>>(
    reader: &Reader<'_>,
    entries: &mut Entries<'_, '_>,
    (key, size): (&'static str, u32),
    later: &mut Vec<(&'static str, TokenStream)>,
) -> Option<Spanned<T>> {
    let expression = entries.expression(key)?;
    let int = Int { size, signed: false };
    let range = (0, (1 << (size * 8)) - 1);
    let number = reader.number(&expression, (&format!("`{key}`"), Some(int)), range);
    if matches!(number, Number::Later) {
        later.push((key, expression.to_token_stream()));
    }
    number.known()
}

/// Returns the map type, which is a word without a value.
fn map_type(
    reader: &Reader<'_>,
    input: &DeriveInput,
    entries: &mut Entries<'_, '_>,
) -> Spanned<String> {
    let mut bare = entries.take_bare();
    // If another word is a map type, an unknown word is probably a key without a value.
    let is_type = |word: &Ident| MapType::by_name(&word.unraw().to_string()).is_some();
    let place = bare.iter().position(is_type).unwrap_or(0);
    if bare.is_empty() {
        if entries.is_broken {
            return Spanned::default();
        }
        reader.report(
            Finding::new(
                &rules::MISSING_KEY,
                reader.place_of(input.ident.span()),
                "a map needs a type",
            )
            .label("the map type is missing")
            .help("write `#[bpf_map(hash, …)]` with the type of the map"),
        );
        entries.forget();
        return Spanned::default();
    }
    let found = bare.remove(place);
    for other in bare {
        let name = other.unraw().to_string();
        let (message, help) = if is_type(&other) {
            ("a map can have only one type".to_owned(), "remove one of the types".to_owned())
        } else {
            let keys = entries.asked();
            (format!("a map has no key `{name}`"), nearest_key(&name, keys, "by_name"))
        };
        reader.report(
            Finding::new(&rules::UNKNOWN_KEY, reader.place(&other), message)
                .label("unknown key")
                .related(reader.place(&found), "the type of the map")
                .help(help),
        );
    }
    word(reader, &found)
}

fn word(reader: &Reader<'_>, ident: &Ident) -> Spanned<String> {
    Spanned::new(ident.unraw().to_string(), reader.place(ident))
}

fn bool(reader: &Reader<'_>, expression: &Expr) -> Option<Spanned<bool>> {
    if let Expr::Lit(ExprLit { lit: Lit::Bool(truth), .. }) = expression {
        return Some(Spanned::new(truth.value, reader.place(expression)));
    }
    reader.report(
        Finding::new(
            &rules::WRONG_KIND_OF_VALUE,
            reader.place(expression),
            "`btf` must be `true` or `false`",
        )
        .help("write `btf = false`, or remove `btf`"),
    );
    None
}

/// Reads `min_kernel = "5.10"`.
fn kernel(reader: &Reader<'_>, text: &Spanned<String>) -> Option<KernelVersion> {
    let kernel = front::kernel_version(text, |finding| reader.report(finding))?;
    Some(kernel.value)
}

/// Reads `set_by_loader(max_entries)`. The list can't contain types. To leave a type to the
/// loader, use a type parameter instead.
fn set_by_loader(reader: &Reader<'_>, entries: &mut Entries<'_, '_>) -> Vec<Spanned<Attribute>> {
    let words = entries.list(
        "set_by_loader",
        "set_by_loader(max_entries)",
        Punctuated::<Ident, Token![,]>::parse_terminated,
    );
    let words = words.into_iter().flatten().map(|ident| word(reader, &ident));
    let attributes = words.filter_map(|word| {
        match Attribute::WORDS.iter().find(|(known, _)| *known == word.value) {
            Some((_, Attribute::MaxEntries)) => {
                return Some(Spanned::new(Attribute::MaxEntries, word.span));
            }
            Some((name, _)) => reader.report(
                Finding::new(
                    &rules::ATTRIBUTE_SYNTAX,
                    word.span,
                    format!("`set_by_loader` can't contain `{name}`; use a type parameter instead"),
                )
                .help(format!(
                    "write `struct NAME<T> {{ {name}: T, … }}`, and remove `{name}` here"
                )),
            ),
            None => reader.report(
                Finding::new(
                    &rules::UNKNOWN_WORD,
                    word.span,
                    format!("unknown value `{}` for `set_by_loader`", word.value),
                )
                .help(nearest(&word.value, ["max_entries"])),
            ),
        }
        None
    });
    attributes.collect()
}

fn pinning(
    reader: &Reader<'_>,
    expression: &Expr,
    later: &mut Vec<(&'static str, TokenStream)>,
) -> Option<Spanned<Pinning>> {
    let word = match expression {
        Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
        _ => None,
    };
    if let Some(word) =
        word.filter(|word| word.starts_with(|first: char| first.is_ascii_lowercase()))
    {
        let span = reader.place(expression);
        let known = Pinning::WORDS.iter().find(|(known, _)| *known == word);
        if known.is_none() {
            let words = Pinning::WORDS.iter().map(|(word, _)| *word);
            reader.report(
                Finding::new(
                    &rules::UNKNOWN_WORD,
                    span,
                    format!("unknown value `{word}` for `pinning`"),
                )
                .help(nearest(&word, words)),
            );
        }
        return known.map(|(_, pinning)| Spanned::new(*pinning, span));
    }
    if let Expr::Lit(ExprLit { lit: Lit::Bool(_) | Lit::Str(_), .. }) = expression {
        reader.report(
            Finding::new(
                &rules::WRONG_KIND_OF_VALUE,
                reader.place(expression),
                "`pinning` must be `by_name`, `none`, or a number for your own loader",
            )
            .help("write `pinning = by_name` to pin the map under its name"),
        );
        return None;
    }
    let number = reader.u32(expression, "`pinning`");
    if matches!(number, Number::Later) {
        later.push(("pinning", expression.to_token_stream()));
    }
    let number = number.known()?;
    Some(Spanned::new(Pinning::from_number(number.value), number.span))
}

/// Parses `0 = name, 1 = "name"`.
fn initial_contents(input: ParseStream<'_>) -> syn::Result<Vec<(Expr, (String, TokenStream))>> {
    let one = |input: ParseStream<'_>| {
        // A whole expression would include the `=`, so only a literal or a path is parsed.
        let index = if input.peek(Lit) {
            Expr::Lit(ExprLit { attrs: Vec::new(), lit: input.parse()? })
        } else {
            let path = input.parse()?;
            Expr::Path(syn::ExprPath { attrs: Vec::new(), qself: None, path })
        };
        input.parse::<Token![=]>()?;
        let name = if input.peek(LitStr) {
            let text: LitStr = input.parse()?;
            (text.value(), text.to_token_stream())
        } else {
            let ident = input.call(Ident::parse_any)?;
            (ident.unraw().to_string(), ident.to_token_stream())
        };
        Ok((index, name))
    };
    let all = Punctuated::<_, Token![,]>::parse_terminated_with(input, one)?;
    Ok(all.into_iter().collect())
}

/// The types in the fields of a map.
#[derive(Default)]
struct Parts {
    key: Option<Spanned<Type>>,
    value: Option<Spanned<Type>>,
    event: Option<Spanned<Type>>,
    inner: Option<Spanned<InnerMap>>,
    /// The attributes whose type is a type parameter.
    open: Vec<Spanned<Attribute>>,
}

const PARTS: [&str; 4] = ["key", "value", "event", "inner"];

impl Parts {
    fn read(reader: &Reader<'_>, input: &DeriveInput) -> Self {
        let mut parts = Self::default();
        let fields = match &input.data {
            Data::Struct(body) => &body.fields,
            Data::Enum(_) | Data::Union(_) => &Fields::Unit,
        };
        if matches!(fields, Fields::Unnamed(_)) || !matches!(input.data, Data::Struct(_)) {
            reader.report(
                Finding::new(
                    &rules::RUST_TYPE,
                    reader.place_of(input.ident.span()),
                    "a map must be a struct with named fields",
                )
                .help(
                    "write `struct NAME { key: TYPE, value: TYPE }`, or `struct NAME;` for a \
                       map without key and value",
                ),
            );
            return parts;
        }
        let mut parameters: Vec<&Ident> = vec![];
        for parameter in &input.generics.params {
            match parameter {
                GenericParam::Type(ty) => parameters.push(&ty.ident),
                other => no_parameter(reader, other),
            }
        }
        for field in fields {
            parts.field(reader, field, &mut parameters);
        }
        for parameter in parameters {
            no_parameter(reader, parameter);
        }
        parts
    }

    fn field(&mut self, reader: &Reader<'_>, field: &Field, parameters: &mut Vec<&Ident>) {
        let Some(ident) = &field.ident else { return };
        let mut entries = Entries::read(reader, &field.attrs, "bpf", "a field of a map");
        let hints = Hints::take(reader, &mut entries);
        entries.finish();
        let parameter = parameters.iter().position(|it| is_named(&field.ty, it));
        if let (Some(attribute), Some(parameter)) = (open(ident), parameter) {
            parameters.remove(parameter);
            hints.finish(reader);
            self.open.push(Spanned::new(attribute, reader.place(&field.ty)));
            return;
        }
        match ident.unraw().to_string().as_str() {
            "key" => self.key = types::read(reader, &field.ty, hints),
            "value" => self.value = types::read(reader, &field.ty, hints),
            "event" => self.event = types::read(reader, &field.ty, hints),
            "inner" => self.inner = inner(reader, &field.ty),
            other => reader.report(
                Finding::new(
                    &rules::UNKNOWN_KEY,
                    reader.place(ident),
                    format!("a map has no key `{other}`"),
                )
                .label("unknown key")
                .help(nearest(other, PARTS)),
            ),
        }
    }
}

/// Returns the attribute that `field` sets, or `None` if the type of this field can't be a type
/// parameter.
fn open(field: &Ident) -> Option<Attribute> {
    let parts = Attribute::WORDS.iter().filter(|(_, it)| *it != Attribute::MaxEntries);
    parts.clone().find(|(name, _)| field == name).map(|(_, attribute)| *attribute)
}

/// Returns whether a type consists only of the name `name`.
fn is_named(ty: &syn::Type, name: &Ident) -> bool {
    matches!(ty, syn::Type::Path(path) if path.qself.is_none() && path.path.is_ident(name))
}

fn no_parameter(reader: &Reader<'_>, parameter: &impl quote::ToTokens) {
    let message = "only the type of a key, a value or an inner map can be a type parameter";
    reader.report(
        Finding::new(&rules::RUST_TYPE, reader.place(parameter), message)
            .label("no field has this type")
            .help("declare a separate map for each type"),
    );
}

/// Returns the inner map to which the field `inner` refers.
fn inner(reader: &Reader<'_>, ty: &syn::Type) -> Option<Spanned<InnerMap>> {
    let span = reader.place(ty);
    if let syn::Type::Path(TypePath { qself: None, path, .. }) = ty {
        if let Meaning::Schema(name) = reader.context().resolve(path) {
            return Some(Spanned::new(InnerMap::Named(name), span));
        }
    }
    reader.report(
        Finding::new(&rules::WRONG_KIND_OF_VALUE, span, "`inner` must be a map")
            .help("write the name of a struct with `#[derive(BpfMap)]`"),
    );
    None
}

fn key_or_value(
    reader: &Reader<'_>,
    typed: &'static str,
    ty: Option<Spanned<Type>>,
    size: Option<Spanned<u32>>,
) -> Option<KeyValue> {
    if let (Some(ty), Some(size)) = (&ty, &size) {
        let sized = format!("{typed}_size");
        reader.report(
            Finding::new(
                &rules::TYPE_AND_SIZE,
                size.span,
                format!("a map can't have both `{typed}` and `{sized}`"),
            )
            .label("the type already has a size")
            .related(ty.span, "the type")
            .help(format!("remove `{sized}`, which is only for bytes without a type")),
        );
    }
    ty.map(KeyValue::Type).or_else(|| size.map(KeyValue::Size))
}
