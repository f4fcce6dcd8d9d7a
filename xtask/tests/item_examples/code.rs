//! The names in a block of Rust.

use std::collections::{HashMap, HashSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::UseTree;

/// The names in a block of Rust.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Full paths, without generics, and each start of them: of `bpfmap::Map::create()` also `bpfmap` and `bpfmap::Map`.
    pub(crate) paths: HashSet<String>,
    /// Full paths in `#[derive(…)]`.
    pub(crate) derives: HashSet<String>,
    /// Segments of paths behind a type that only the block knows: of `S::Kind::FACTS`, these are `Kind` and `FACTS`.
    pub(crate) tails: HashSet<String>,
    /// Names that are called: `name` of `.name(…)`.
    pub(crate) methods: HashSet<String>,
    /// Names that are accessed, initialised or matched: of `.name`, `name: …` and `{ name, … }`.
    pub(crate) fields: HashSet<String>,
    /// Names that are defined or bound: of `fn name`, `const name`, `type name` and `name = …`.
    pub(crate) defined: HashSet<String>,
}

/// Returns the names in a block.
pub(crate) fn names(code: &str) -> Result<Names, String> {
    let tokens: TokenStream = code.parse().map_err(|error| format!("{error}"))?;
    let mut imports = Imports::default();
    let mut flat = vec![];
    flatten(tokens, false, &mut imports, &mut flat);
    let mut names = Names::default();
    for index in 0..flat.len() {
        token(&flat, index, &imports, &mut names);
    }
    for (name, path) in &imports.paths {
        // A derive may have the same name as a trait.
        let is_derived = imports.derived.contains(name);
        names.add(if is_derived { &path[..path.len() - 1] } else { path });
    }
    for name in &imports.derived {
        names.derives.insert(imports.resolve(name).join("::"));
    }
    Ok(names)
}

impl Names {
    fn add(&mut self, path: &[String]) {
        for end in 1..=path.len() {
            self.paths.insert(path[..end].join("::"));
        }
    }
}

#[derive(Default)]
struct Imports {
    /// Paths by the name that the block gives them.
    paths: HashMap<String, Vec<String>>,
    /// Names in `#[derive(…)]`.
    derived: HashSet<String>,
}

impl Imports {
    fn resolve(&self, name: &str) -> Vec<String> {
        self.paths.get(name).cloned().unwrap_or_else(|| vec![name.to_owned()])
    }

    fn add(&mut self, tree: &UseTree, prefix: &[String]) {
        let with = |name: String| [prefix, &[name]].concat();
        match tree {
            UseTree::Path(path) => self.add(&path.tree, &with(path.ident.to_string())),
            UseTree::Name(name) if name.ident == "self" => {
                self.paths.insert(prefix[prefix.len() - 1].clone(), prefix.to_vec());
            }
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                self.paths.insert(name.clone(), with(name));
            }
            // All unnamed imports need different names.
            UseTree::Rename(rename) if rename.rename == "_" => {
                let path = with(rename.ident.to_string());
                self.paths.insert(path.join("::"), path);
            }
            UseTree::Rename(rename) => {
                self.paths.insert(rename.rename.to_string(), with(rename.ident.to_string()));
            }
            UseTree::Glob(_) => {}
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add(tree, prefix)),
        }
    }
}

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    /// Punctuation and delimiters.
    Mark(char),
    /// A literal.
    Value,
}

/// Collects the imports and derives of a block, and appends its other tokens to `flat`.
fn flatten(tokens: TokenStream, derives: bool, imports: &mut Imports, flat: &mut Vec<Token>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(word) if word == "use" => {
                let is_end = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';');
                let tree = std::iter::from_fn(|| tokens.next_if(|token| !is_end(token)));
                // `use<…>` in a bound is not an import.
                if let Ok(tree) = syn::parse2::<UseTree>(tree.collect()) {
                    imports.add(&tree, &[]);
                }
            }
            TokenTree::Ident(word) if derives => {
                imports.derived.insert(word.to_string());
            }
            TokenTree::Ident(word) if word == "derive" => {
                if let Some(TokenTree::Group(group)) = tokens.next() {
                    flatten(group.stream(), true, imports, flat);
                }
            }
            TokenTree::Ident(word) => flat.push(Token::Word(word.to_string())),
            TokenTree::Punct(mark) => flat.push(Token::Mark(mark.as_char())),
            TokenTree::Literal(_) => flat.push(Token::Value),
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ('(', ')'),
                    Delimiter::Brace => ('{', '}'),
                    Delimiter::Bracket => ('[', ']'),
                    Delimiter::None => (' ', ' '),
                };
                flat.push(Token::Mark(open));
                flatten(group.stream(), derives, imports, flat);
                flat.push(Token::Mark(close));
            }
        }
    }
}

/// Adds the names that the word at an index refers to.
fn token(flat: &[Token], index: usize, imports: &Imports, names: &mut Names) {
    let Some(Token::Word(word)) = flat.get(index) else { return };
    let is = |index: usize, c: char| flat.get(index) == Some(&Token::Mark(c));
    let is_before = |back: usize, c: char| index >= back && is(index - back, c);
    let is_path = |index: usize| is(index, ':') && is(index + 1, ':');
    let is_behind_path = is_before(1, ':') && is_before(2, ':');
    let is_call = is(index + 1, '(') || (is_path(index + 1) && is(index + 3, '<'));
    if is_before(1, '.') && !is_before(2, '.') {
        let set = if is_call { &mut names.methods } else { &mut names.fields };
        set.insert(word.clone());
        return;
    }
    if is_behind_path {
        // Of `<T as Trait>::Name`; other paths are read from their first word.
        if is_before(3, '>') {
            names.tails.insert(word.clone());
        }
        return;
    }
    let is_single_colon = is(index + 1, ':') && !is(index + 2, ':');
    let ends_entry = |index: usize| is(index, ',') || is(index, '}');
    let begins_entry = is_before(1, ',') || is_before(1, '{');
    if is_single_colon || (begins_entry && ends_entry(index + 1)) {
        names.fields.insert(word.clone());
    }
    let is_definition = index > 0
        && ["fn", "const", "type"]
            .iter()
            .any(|keyword| flat[index - 1] == Token::Word((*keyword).to_owned()));
    if is_definition || (is(index + 1, '=') && !is(index + 2, '=')) {
        names.defined.insert(word.clone());
    }
    let is_known = imports.paths.contains_key(word);
    let mut path = imports.resolve(word);
    let mut next = index + 1;
    while is_path(next) {
        next += 2;
        if is(next, '<') {
            next = after_generics(flat, next);
        } else if let Some(Token::Word(segment)) = flat.get(next) {
            path.push(segment.clone());
            next += 1;
        }
    }
    if !is_known {
        names.tails.extend(path[1..].iter().cloned());
    }
    names.add(&path);
}

/// Returns the index after the `>` that belongs to the `<` at an index.
fn after_generics(flat: &[Token], mut index: usize) -> usize {
    let mut depth = 0;
    while let Some(token) = flat.get(index) {
        match token {
            Token::Mark('<') => depth += 1,
            Token::Mark('>') if flat[index - 1] != Token::Mark('-') => depth -= 1,
            _ => {}
        }
        index += 1;
        if depth == 0 {
            break;
        }
    }
    index
}

#[test]
fn names_of_a_block() {
    let code = "
        use bpfmap::{BpfType, Map, kind::{self, Hash as H}};
        use bpfmap::Plain as _;
        #[derive(Clone, BpfType)]
        struct Key { port: u16 }
        fn f<S: bpfmap::MapSpec<Kind = H>>(map: &Map<S>) {
            let key = Key { port: 1 };
            Map::<S>::options().create();
            map.lookup(&key).unwrap().count;
            let Stage { holder, .. } = S::Kind::FACTS;
            kind::Array::def::<u8>();
        }";
    let names = names(code).unwrap();
    for path in [
        "bpfmap::Map::options",
        "bpfmap::MapSpec",
        "bpfmap::Plain",
        "bpfmap::kind::Array::def",
        "bpfmap::kind::Hash",
    ] {
        assert!(names.paths.contains(path), "{path}: {names:?}");
    }
    assert!(names.derives.contains("bpfmap::BpfType"));
    assert!(!names.paths.contains("bpfmap::BpfType"), "the trait is not named");
    assert!(["create", "lookup", "unwrap"].iter().all(|name| names.methods.contains(*name)));
    assert!(!names.methods.contains("options"), "this is a path");
    assert!(["count", "holder", "port"].iter().all(|name| names.fields.contains(*name)));
    assert!(["Kind", "FACTS"].iter().all(|name| names.tails.contains(*name)));
    assert!(["Kind", "f"].iter().all(|name| names.defined.contains(*name)));
}
