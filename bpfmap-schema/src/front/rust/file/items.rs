//! Finds the items of a module, which are recognized by their first words. Items that do not declare a type, a map, a
//! constant, a name or a module are skipped.

use std::rc::Rc;

use proc_macro2::{Delimiter, Ident, Spacing, Span, TokenStream, TokenTree};
use syn::parse::Parser as _;
use syn::{Attribute, DeriveInput};

use super::cfg::{Conditions, Doubt};
use super::memory::{self, Room};
use super::tokens::is_too_deep;
use crate::front::rust::cfg::Cfg;

/// An item of a module.
pub(super) enum Item {
    /// A module: `mod name;` or `mod name { … }`.
    Module {
        name: Ident,
        attributes: Vec<Attribute>,
        body: Option<TokenStream>,
        doubts: Vec<Doubt>,
    },
    /// One of the names that `use …;` declares.
    Use(Use),
    /// A constant: `const NAME: TYPE = VALUE;`.
    Constant(Constant),
    /// An alias: `type Name = TYPE;`.
    Alias(Alias),
    /// A struct, union or enum with one of the derives.
    Declared(Box<Declared>),
    /// A struct, union or enum without a derive.
    Foreign(Ident),
    /// The contents of `schema!`.
    Schema { place: Span, body: TokenStream, doubts: Vec<Doubt> },
    /// A struct, union or enum that has one of the derives but is removed by a `cfg`.
    LeftOut,
    /// An item that can't be read, with its position and the reason.
    Broken(Span, String),
    /// An item that is nested too deeply.
    TooDeep(Span),
    /// The first item beyond the memory limit.
    TooMuch(Span),
}

/// A name that refers to an item in a different module.
pub(super) struct Use {
    /// The name, or `None` for `*`, which means all names of a module.
    pub(super) name: Option<String>,
    /// Whether the path begins with `::`.
    pub(super) is_absolute: bool,
    pub(super) path: Vec<String>,
    pub(super) doubts: Rc<[Doubt]>,
}

pub(super) struct Constant {
    pub(super) name: String,
    pub(super) ty: TokenStream,
    pub(super) value: TokenStream,
    pub(super) doubts: Vec<Doubt>,
}

pub(super) struct Alias {
    pub(super) name: Ident,
    pub(super) attributes: Vec<Attribute>,
    pub(super) has_parameters: bool,
    pub(super) target: TokenStream,
    pub(super) doubts: Vec<Doubt>,
}

pub(super) struct Declared {
    pub(super) input: DeriveInput,
    pub(super) is_map: bool,
    pub(super) doubts: Vec<Doubt>,
}

/// The contents of a module.
pub(super) struct Contents {
    /// The attributes `#![…]` at the top of the module.
    pub(super) attributes: Vec<Attribute>,
    pub(super) items: Vec<Item>,
    /// The unknown conditions that decide whether the module exists.
    pub(super) doubts: Vec<Doubt>,
}

/// Splits the tokens of a module into items, until the memory limit is reached.
///
/// The memory that each item needs is subtracted from `room`.
pub(super) fn split(tokens: TokenStream, room: &Room, cfg: &Cfg) -> Contents {
    let mut cursor = Cursor { tokens: tokens.into_iter().collect(), at: 0, room, cfg };
    let mut attributes = cursor.inner_attributes();
    let mut conditions = Conditions::new(cfg);
    let is_there = conditions.apply(&mut attributes);
    let mut items = Vec::new();
    while cursor.at < cursor.tokens.len() {
        cursor.item(&mut items);
    }
    if !is_there {
        let declares = items.iter().any(|item| matches!(item, Item::Declared(_) | Item::LeftOut));
        items = if declares { vec![Item::LeftOut] } else { Vec::new() };
    }
    Contents { attributes, items, doubts: conditions.into_doubts() }
}

struct Cursor<'r> {
    tokens: Vec<TokenTree>,
    at: usize,
    room: &'r Room,
    cfg: &'r Cfg,
}

impl Cursor<'_> {
    fn inner_attributes(&mut self) -> Vec<Attribute> {
        let start = self.at;
        while self.is_punct(self.at, '#')
            && self.is_punct(self.at + 1, '!')
            && self.is_group(self.at + 2, Delimiter::Bracket)
        {
            self.at += 3;
        }
        let tokens = &self.tokens[start..self.at];
        if is_too_deep(tokens) || !self.room.take(memory::of_item(tokens)) {
            return Vec::new();
        }
        Attribute::parse_inner.parse2(tokens.iter().cloned().collect()).unwrap_or_default()
    }

    /// Reads or skips one item.
    fn item(&mut self, items: &mut Vec<Item>) {
        let start = self.at;
        while self.is_punct(self.at, '#') && self.is_group(self.at + 1, Delimiter::Bracket) {
            self.at += 2;
        }
        let attributes = start..self.at;
        if self.is_word(self.at, "pub") {
            self.at += 1;
            if self.is_group(self.at, Delimiter::Parenthesis) {
                self.at += 1;
            }
        }
        let keyword = self.at;
        let named = |cursor: &Self| cursor.ident(keyword + 1).is_some();
        let word = self.ident(keyword).map(ToString::to_string).unwrap_or_default();
        let end = match word.as_str() {
            "mod" | "struct" | "enum" | "union" if named(self) => self.end_of_body(),
            "use" | "type" => self.end_of_statement(),
            "const" if named(self) || self.is_punct(keyword + 1, '_') => {
                // A `const fn` is a function and has a body.
                let is_function = ["fn", "unsafe", "async", "extern"]
                    .iter()
                    .any(|word| self.is_word(keyword + 1, word));
                if is_function { self.end_of_body() } else { self.end_of_statement() }
            }
            "extern" if self.is_word(keyword + 1, "crate") => self.end_of_statement(),
            _ => {
                let end = self.end_of_body();
                items.extend(self.schema_macro(&self.tokens[attributes], keyword, end));
                self.at = end;
                return;
            }
        };
        self.at = end;
        let place = self.tokens[keyword].span();
        let tokens = &self.tokens[start..end];
        // The items in the body of a module are checked one by one.
        let shallow = if word == "mod" { &self.tokens[start..keyword] } else { tokens };
        if is_too_deep(shallow) {
            items.push(Item::TooDeep(place));
            return;
        }
        let is_full = self.room.is_empty();
        if !self.room.take(memory::of_item(shallow)) {
            items.extend((!is_full).then_some(Item::TooMuch(place)));
            return;
        }
        let attributes: TokenStream = self.tokens[attributes].iter().cloned().collect();
        let mut attributes = match Attribute::parse_outer.parse2(attributes) {
            Ok(attributes) => attributes,
            Err(error) => {
                items.push(Item::Broken(error.span(), error.to_string()));
                return;
            }
        };
        let mut conditions = Conditions::new(self.cfg);
        if !conditions.apply(&mut attributes) {
            let is_declared =
                has_derive(&attributes, "BpfMap") || has_derive(&attributes, "BpfType");
            items.extend(is_declared.then_some(Item::LeftOut));
            return;
        }
        let rest = &self.tokens[keyword..end];
        match word.as_str() {
            "mod" => items.extend(module(rest, attributes, conditions.into_doubts())),
            "use" => uses(&rest[1..], conditions.into_doubts(), items),
            "const" => {
                items.extend(constant(rest, conditions.into_doubts()).map(Item::Constant));
            }
            "type" => {
                items.extend(alias(rest, attributes, conditions.into_doubts()).map(Item::Alias));
            }
            "extern" => items.extend(extern_crate(rest, conditions.into_doubts())),
            _ => items.extend(declared(tokens, attributes, &rest[1], conditions)),
        }
    }

    /// Returns the end of the item that begins at the current position. The end is after the first `;` or `{ … }`.
    fn end_of_body(&self) -> usize {
        self.end(|token| {
            is_semicolon(token)
                || matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
        })
    }

    fn end_of_statement(&self) -> usize {
        self.end(is_semicolon)
    }

    fn end(&self, is_end: impl Fn(&TokenTree) -> bool) -> usize {
        let rest = &self.tokens[self.at..];
        let length = rest.iter().position(is_end).map_or(rest.len(), |position| position + 1);
        self.at + length.max(1).min(rest.len().max(1))
    }

    /// Reads `bpfmap::schema!(…)`.
    fn schema_macro(&self, attributes: &[TokenTree], start: usize, end: usize) -> Option<Item> {
        let end = end.min(self.tokens.len());
        let tokens = self.tokens.get(start..end)?;
        let mark = tokens.iter().position(|token| is_punct(token, '!'))?;
        let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
            (tokens.get(mark.checked_sub(1)?), tokens.get(mark + 1))
        else {
            return None;
        };
        let is_path = tokens[..mark]
            .iter()
            .all(|token| matches!(token, TokenTree::Ident(_)) || is_punct(token, ':'));
        if !is_path || name != "schema" {
            return None;
        }
        let place = name.span();
        let body = body.stream();
        if is_too_deep(&body.clone().into_iter().collect::<Vec<_>>()) {
            return Some(Item::TooDeep(place));
        }
        let mut attributes = Attribute::parse_outer.parse2(stream(attributes)).ok()?;
        let mut conditions = Conditions::new(self.cfg);
        let is_there = conditions.apply(&mut attributes);
        is_there.then(|| Item::Schema { place, body, doubts: conditions.into_doubts() })
    }

    fn ident(&self, at: usize) -> Option<&Ident> {
        match self.tokens.get(at) {
            Some(TokenTree::Ident(ident)) => Some(ident),
            _ => None,
        }
    }

    fn is_word(&self, at: usize, word: &str) -> bool {
        self.ident(at).is_some_and(|ident| ident == word)
    }

    fn is_punct(&self, at: usize, character: char) -> bool {
        self.tokens.get(at).is_some_and(|token| is_punct(token, character))
    }

    fn is_group(&self, at: usize, delimiter: Delimiter) -> bool {
        matches!(self.tokens.get(at), Some(TokenTree::Group(group)) if group.delimiter() == delimiter)
    }
}

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

fn is_semicolon(token: &TokenTree) -> bool {
    is_punct(token, ';')
}

fn stream(tokens: &[TokenTree]) -> TokenStream {
    tokens.iter().cloned().collect()
}

fn module(tokens: &[TokenTree], attributes: Vec<Attribute>, doubts: Vec<Doubt>) -> Option<Item> {
    let [_, TokenTree::Ident(name), body, ..] = tokens else { return None };
    let body = match body {
        TokenTree::Group(body) => Some(body.stream()),
        _ => None,
    };
    Some(Item::Module { name: name.clone(), attributes, body, doubts })
}

fn constant(tokens: &[TokenTree], doubts: Vec<Doubt>) -> Option<Constant> {
    let name = match tokens.get(1)? {
        TokenTree::Ident(name) => plain(name),
        _ => return None,
    };
    let equals = position(tokens, '=')?;
    let ty = stream(tokens.get(3..equals)?);
    let value = stream(tokens.get(equals + 1..tokens.len() - 1)?);
    Some(Constant { name, ty, value, doubts })
}

fn alias(tokens: &[TokenTree], attributes: Vec<Attribute>, doubts: Vec<Doubt>) -> Option<Alias> {
    let Some(TokenTree::Ident(name)) = tokens.get(1) else { return None };
    let equals = position(tokens, '=')?;
    let target = stream(tokens.get(equals + 1..tokens.len() - 1)?);
    let has_parameters = equals != 2;
    Some(Alias { name: name.clone(), attributes, has_parameters, target, doubts })
}

/// Returns the position of the first `character` that is outside of all brackets and is not the beginning of a longer
/// operator.
fn position(tokens: &[TokenTree], character: char) -> Option<usize> {
    tokens.iter().position(|token| {
        matches!(token, TokenTree::Punct(punct)
            if punct.as_char() == character && punct.spacing() == Spacing::Alone)
    })
}

/// Reads `extern crate name as other;`.
fn extern_crate(tokens: &[TokenTree], doubts: Vec<Doubt>) -> Option<Item> {
    let idents: Vec<String> = tokens
        .iter()
        .filter_map(|token| match token {
            TokenTree::Ident(ident) => Some(plain(ident)),
            _ => None,
        })
        .collect();
    let [_, _, name, _, other] = idents.as_slice() else { return None };
    Some(Item::Use(Use {
        name: Some(other.clone()),
        is_absolute: true,
        path: vec![name.clone()],
        doubts: doubts.into(),
    }))
}

fn declared(
    tokens: &[TokenTree],
    attributes: Vec<Attribute>,
    name: &TokenTree,
    mut conditions: Conditions<'_>,
) -> Option<Item> {
    let has = |derive| has_derive(&attributes, derive);
    let is_map = has("BpfMap");
    if !is_map && !has("BpfType") {
        let TokenTree::Ident(name) = name else { return None };
        return Some(Item::Foreign(name.clone()));
    }
    match syn::parse2::<DeriveInput>(stream(tokens)) {
        Ok(mut input) => {
            input.attrs = attributes;
            conditions.apply_inside(&mut input);
            let doubts = conditions.into_doubts();
            Some(Item::Declared(Box::new(Declared { input, is_map, doubts })))
        }
        Err(error) => Some(Item::Broken(error.span(), error.to_string())),
    }
}

/// Returns whether `#[derive(…)]` contains `derive`, with any path before the name.
fn has_derive(attributes: &[Attribute], derive: &str) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("derive")).any(|attribute| {
        let parser = syn::punctuated::Punctuated::<syn::Path, syn::Token![,]>::parse_terminated;
        let paths = attribute.parse_args_with(parser).unwrap_or_default();
        paths.iter().any(|path| path.segments.last().is_some_and(|last| last.ident == derive))
    })
}

/// Returns `ident` without `r#`.
pub(super) fn plain(ident: &Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").map(ToOwned::to_owned).unwrap_or(name)
}

/// Adds the names that a `use` declares. `tokens` are the tokens after `use`.
fn uses(tokens: &[TokenTree], doubts: Vec<Doubt>, items: &mut Vec<Item>) {
    let is_absolute = tokens.first().is_some_and(|token| is_punct(token, ':'));
    use_tree(tokens, &[], (is_absolute, &doubts.into()), items);
}

/// Reads `a::b`, `a::b as c` or `a::{b, c::*}`. The caller has limited the nesting of the braces.
fn use_tree(
    tokens: &[TokenTree],
    prefix: &[String],
    (is_absolute, doubts): (bool, &Rc<[Doubt]>),
    items: &mut Vec<Item>,
) {
    let mut path = prefix.to_vec();
    let mut renamed = None;
    let mut tokens = tokens.iter();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) if ident == "as" => {
                if let Some(TokenTree::Ident(name)) = tokens.next() {
                    renamed = Some(plain(name));
                }
            }
            TokenTree::Ident(ident) if ident == "self" && !path.is_empty() => {}
            TokenTree::Ident(ident) => path.push(plain(ident)),
            TokenTree::Group(group) => {
                let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
                for tree in tokens.split(|token| is_punct(token, ',')) {
                    use_tree(tree, &path, (is_absolute, doubts), items);
                }
                return;
            }
            TokenTree::Punct(punct) if punct.as_char() == '*' => {
                let doubts = Rc::clone(doubts);
                items.push(Item::Use(Use { name: None, is_absolute, path, doubts }));
                return;
            }
            _ => {}
        }
    }
    let Some(name) = renamed.or_else(|| path.last().cloned()) else { return };
    // `use serde;` adds no new name.
    if path != [name.as_str()] || is_absolute {
        let doubts = Rc::clone(doubts);
        items.push(Item::Use(Use { name: Some(name), is_absolute, path, doubts }));
    }
}
