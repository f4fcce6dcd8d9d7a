//! Reads the attributes `#[bpf(…)]`, `#[bpf_type(…)]`, `#[bpf_map(…)]` and `#[repr(…)]`. An attribute contains words.
//! Some words have a value or a list.

use proc_macro2::TokenStream;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, Token};

use super::item::Reader;
use crate::diagnostics::Finding;
use crate::nearest::nearest_key;
use crate::rules;
use crate::source::Spanned;

/// A word of an attribute.
pub(super) struct Entry {
    pub(super) word: Ident,
    pub(super) value: Value,
}

/// The value of a word of an attribute.
pub(super) enum Value {
    /// The word has no value.
    None,
    /// The word has a value, as in `word = expression`.
    Is(Expr),
    /// The word has a list, as in `word(…)`.
    List(TokenStream),
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let word = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Value::Is(input.parse()?)
        } else if input.peek(syn::token::Paren) {
            let content;
            syn::parenthesized!(content in input);
            Value::List(content.parse()?)
        } else {
            Value::None
        };
        Ok(Self { word, value })
    }
}

/// The words of all attributes with the same name on an item. One by one, the reader requests the
/// words that it supports. All words that were not requested are then reported as unknown.
pub(super) struct Entries<'r, 'c> {
    reader: &'r Reader<'c>,
    /// The kind of item that has the attributes, for messages, such as "a member".
    what: &'static str,
    words: Vec<Entry>,
    asked: Vec<&'static str>,
    /// Whether an attribute could not be read. If so, a word that seems to be missing may be in
    /// this attribute.
    pub(super) is_broken: bool,
}

impl<'r, 'c> Entries<'r, 'c> {
    /// Reads the attributes with this name.
    pub(super) fn read(
        reader: &'r Reader<'c>,
        attributes: &[Attribute],
        name: &str,
        what: &'static str,
    ) -> Self {
        let mut entries = Vec::new();
        let mut is_broken = false;
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(name)) {
            let parser = Punctuated::<Entry, Token![,]>::parse_terminated;
            match attribute.parse_args_with(parser) {
                Ok(read) => entries.extend(read),
                Err(error) => {
                    reader.syntax(&error);
                    is_broken = true;
                }
            }
        }
        Self { reader, what, words: entries, asked: Vec::with_capacity(16), is_broken }
    }

    /// Takes the word `key` out of the list. Reports a duplicate word.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Entry> {
        let mut all = self.take_all(key).into_iter();
        let first = all.next()?;
        for again in all {
            let message = format!("duplicate `{key}` in {}", self.what);
            self.reader.report(
                Finding::new(&rules::ATTRIBUTE_SYNTAX, self.reader.place(&again.word), message)
                    .label("again")
                    .related(self.reader.place(&first.word), "first")
                    .help("remove the duplicate"),
            );
        }
        Some(first)
    }

    /// Takes all words `key` out of the list.
    pub(super) fn take_all(&mut self, key: &'static str) -> Vec<Entry> {
        self.asked.push(key);
        let mut taken = Vec::new();
        let mut index = 0;
        while index < self.words.len() {
            if self.words[index].word == key {
                taken.push(self.words.remove(index));
            } else {
                index += 1;
            }
        }
        taken
    }

    /// Returns the words that were requested.
    pub(super) fn asked(&self) -> impl Iterator<Item = &'static str> {
        self.asked.iter().copied()
    }

    /// Removes from the list all remaining words that have no value, and returns them.
    pub(super) fn take_bare(&mut self) -> Vec<Ident> {
        let is_bare = |entry: &Entry| matches!(entry.value, Value::None);
        let (bare, rest) = std::mem::take(&mut self.words).into_iter().partition(is_bare);
        self.words = rest;
        let bare: Vec<Entry> = bare;
        bare.into_iter().map(|entry| entry.word).collect()
    }

    /// Takes the word `key` out of the list, if it is in the list. Reports an error if the word has
    /// a value.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<Ident> {
        let entry = self.take(key)?;
        if !matches!(entry.value, Value::None) {
            self.wrong_kind(
                &entry.word,
                &format!("`{key}` can't have a value"),
                &format!("`{key}`"),
            );
        }
        Some(entry.word)
    }

    /// Takes `key = "text"` out of the list.
    pub(super) fn string(&mut self, key: &'static str) -> Option<Spanned<String>> {
        let entry = self.take(key)?;
        self.string_of(&entry)
    }

    /// Takes all words `key = "text"` out of the list.
    pub(super) fn strings(&mut self, key: &'static str) -> Vec<Spanned<String>> {
        let entries = self.take_all(key);
        entries.iter().filter_map(|entry| self.string_of(entry)).collect()
    }

    fn string_of(&self, entry: &Entry) -> Option<Spanned<String>> {
        if let Value::Is(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) = &entry.value {
            return Some(Spanned::new(text.value(), self.reader.place(text)));
        }
        let key = entry.word.unraw();
        self.wrong_kind(
            &entry.word,
            &format!("`{key}` must be a string"),
            &format!("`{key} = \"…\"`"),
        );
        None
    }

    /// Takes `key = expression` out of the list.
    pub(super) fn expression(&mut self, key: &'static str) -> Option<Expr> {
        let entry = self.take(key)?;
        if let Value::Is(expression) = entry.value {
            return Some(expression);
        }
        let (message, right) = (format!("`{key}` needs a value"), format!("`{key} = …`"));
        self.wrong_kind(&entry.word, &message, &right);
        None
    }

    /// Takes `key(…)` out of the list and reads the contents in the parentheses with `parser`.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        example: &str,
        parser: impl FnOnce(ParseStream<'_>) -> syn::Result<T>,
    ) -> Option<T> {
        let entry = self.take(key)?;
        let Value::List(tokens) = entry.value else {
            self.wrong_kind(
                &entry.word,
                &format!("`{key}` must be a list"),
                &format!("`{example}`"),
            );
            return None;
        };
        parser.parse2(tokens).map_err(|error| self.reader.syntax(&error)).ok()
    }

    /// Removes all words without reporting them as unknown, because the item can't be read anyway.
    pub(super) fn forget(&mut self) {
        self.words.clear();
    }

    fn wrong_kind(&self, word: &Ident, message: &str, right: &str) {
        self.reader.report(
            Finding::new(&rules::WRONG_KIND_OF_VALUE, self.reader.place(word), message)
                .help(format!("write {right}")),
        );
    }

    /// Reports each word that was not requested.
    pub(super) fn finish(self) {
        for entry in &self.words {
            let name = entry.word.unraw().to_string();
            self.reader.report(
                Finding::new(
                    &rules::UNKNOWN_KEY,
                    self.reader.place(&entry.word),
                    format!("{} has no key `{name}`", self.what),
                )
                .label("unknown key")
                .help(nearest_key(&name, self.asked(), "by_name")),
            );
        }
    }
}

/// Reports attributes of a declaration that is itself in an attribute, such as a bit-field in
/// `bits(…)`. The compiler ignores all of them, and bpfmap reads only `#[bpf(…)]` and comments.
pub(super) fn only_own(reader: &Reader<'_>, attributes: &[Attribute]) {
    for attribute in attributes {
        let path = attribute.path();
        if path.is_ident("bpf") || path.is_ident("doc") {
            continue;
        }
        let word = path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        reader.report(
            Finding::new(
                &rules::ATTRIBUTE_SYNTAX,
                reader.place(path),
                format!("the compiler ignores `#[{word}]` here"),
            )
            .help(
                "write this attribute before the field; within an attribute, only `#[bpf(…)]` \
                   and comments are allowed",
            ),
        );
    }
}

/// Returns whether the attributes with the name `name` contain the word `key`.
#[cfg(feature = "rust")]
pub(super) fn has_word(attributes: &[Attribute], name: &str, key: &str) -> bool {
    entry(attributes, name, key).is_some()
}

/// Returns the string value of the word `key` in the attributes with the name `name`.
#[cfg(feature = "rust")]
pub(super) fn string_word(attributes: &[Attribute], name: &str, key: &str) -> Option<String> {
    match entry(attributes, name, key)?.value {
        Value::Is(Expr::Lit(literal)) => match literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(feature = "rust")]
fn entry(attributes: &[Attribute], name: &str, key: &str) -> Option<Entry> {
    let parser = Punctuated::<Entry, Token![,]>::parse_terminated;
    let attributes = attributes.iter().filter(|attribute| attribute.path().is_ident(name));
    let mut entries =
        attributes.flat_map(|attribute| attribute.parse_args_with(parser).unwrap_or_default());
    entries.find(|entry| entry.word == key)
}

/// Returns the doc comment, without the space at the beginning of each line.
pub(super) fn doc(attributes: &[Attribute]) -> Option<String> {
    let lines = attributes.iter().filter_map(|attribute| {
        let syn::Meta::NameValue(meta) = &attribute.meta else { return None };
        match &meta.value {
            Expr::Lit(literal) if meta.path.is_ident("doc") => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        }
    });
    // A block comment is a single attribute with several lines.
    let lines: Vec<String> = lines
        .flat_map(|text| {
            let lines = text.split('\n').map(|line| line.strip_prefix(' ').unwrap_or(line));
            lines.map(|line| line.trim_end().to_owned()).collect::<Vec<_>>()
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}
