//! The code blocks of documentation, in Rust sources and in Markdown.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A code block.
pub(crate) struct Block {
    /// The file, and the number of the block in it.
    pub(crate) place: String,
    pub(crate) code: String,
}

/// The documentation of an item.
pub(crate) struct Doc {
    /// The name of the item, or nothing if the documentation is a module's or the item has no name.
    pub(crate) item: String,
    pub(crate) text: String,
}

/// Returns the documentation of all items in a Rust source, also of those within macros.
pub(crate) fn docs(source: &Path) -> Vec<Doc> {
    let text = read(source);
    let tokens: TokenStream =
        text.parse().unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let mut docs = vec![];
    collect(tokens, source, &mut docs);
    docs
}

fn collect(tokens: TokenStream, source: &Path, docs: &mut Vec<Doc>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut text = String::new();
    let mut index = 0;
    while index < tokens.len() {
        if let Some((attribute, after)) = attribute(&tokens, index) {
            if let Some(line) = doc_line(attribute, source) {
                text.push_str(&line);
                text.push('\n');
            }
            index = after;
            continue;
        }
        if !text.is_empty() {
            docs.push(Doc { item: item_name(&tokens[index..]), text: std::mem::take(&mut text) });
        }
        if let TokenTree::Group(group) = &tokens[index] {
            collect(group.stream(), source, docs);
        }
        index += 1;
    }
    if !text.is_empty() {
        docs.push(Doc { item: String::new(), text });
    }
}

/// Returns the content of the attribute at an index, and the index after it.
fn attribute(tokens: &[TokenTree], index: usize) -> Option<(TokenStream, usize)> {
    let is_punct = |index: usize, c: char| matches!(tokens.get(index), Some(TokenTree::Punct(punct)) if punct.as_char() == c);
    if !is_punct(index, '#') {
        return None;
    }
    let index = if is_punct(index + 1, '!') { index + 2 } else { index + 1 };
    match tokens.get(index) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => {
            Some((group.stream(), index + 1))
        }
        _ => None,
    }
}

/// Returns the text of `doc = "…"` or `doc = include_str!("…")`.
fn doc_line(attribute: TokenStream, source: &Path) -> Option<String> {
    let pair: syn::MetaNameValue = syn::parse2(attribute).ok()?;
    if !pair.path.is_ident("doc") {
        return None;
    }
    match pair.value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
        syn::Expr::Macro(call) if call.mac.path.is_ident("include_str") => {
            let file: syn::LitStr = call.mac.parse_body().unwrap();
            Some(read(&source.with_file_name("").join(file.value())))
        }
        // A line that a macro assembles contains no example.
        _ => None,
    }
}

/// Returns the name of the item that begins with these tokens, which is the first word that is not
/// a keyword. This also finds the names of items that a macro defines, as in `kind!(///
/// Documentation. Hash, …)`.
fn item_name(tokens: &[TokenTree]) -> String {
    const KEYWORDS: &[&str] = &[
        "const", "enum", "fn", "mod", "pub", "static", "struct", "trait", "type", "unsafe", "use",
    ];
    let words = tokens.iter().filter_map(|token| match token {
        TokenTree::Ident(word) => Some(word.to_string()),
        _ => None,
    });
    words.into_iter().find(|word| !KEYWORDS.contains(&word.as_str())).unwrap_or_default()
}

/// Returns the blocks that rustdoc compiles as examples.
pub(crate) fn rustdoc_blocks(source: &Path) -> Vec<Block> {
    let text: Vec<String> = docs(source).into_iter().map(|doc| doc.text).collect();
    // Without a language, a block is Rust.
    blocks(source, &text.join("\n"), |tags| tags.iter().all(|tag| is_compiled(tag)))
}

/// Returns the blocks of Rust in a page that are compiled somewhere.
pub(crate) fn markdown_blocks(page: &Path) -> Vec<Block> {
    let text = read(page);
    blocks(page, &text, |tags| tags.contains(&"rust") && tags.iter().all(|tag| is_compiled(tag)))
}

/// Returns whether the code of a block with this tag is compiled. It is not compiled if the tag
/// says so or if the code must not compile.
fn is_compiled(tag: &str) -> bool {
    matches!(tag, "" | "rust" | "no_run" | "should_panic") || tag.starts_with("edition")
}

fn blocks(file: &Path, text: &str, is_example: impl Fn(&[&str]) -> bool) -> Vec<Block> {
    let mut blocks = vec![];
    // The code of the current block, if it is an example.
    let mut current: Option<Option<String>> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        let fence = trimmed.strip_prefix("```");
        match (&mut current, fence) {
            (None, None) => {}
            (None, Some(info)) => {
                let tags: Vec<&str> = info.split([',', ' ']).collect();
                current = Some(is_example(&tags).then(String::new));
            }
            (Some(block), Some(_)) => {
                if let Some(code) = block.take() {
                    let place = format!("{}, block {}", file.display(), blocks.len() + 1);
                    blocks.push(Block { place, code });
                }
                current = None;
            }
            (Some(block), None) => {
                if let Some(code) = block {
                    // Lines that the page does not show.
                    let line = if trimmed == "#" { "" } else { trimmed };
                    code.push_str(line.strip_prefix("# ").unwrap_or(line));
                    code.push('\n');
                }
            }
        }
    }
    assert!(current.is_none(), "{}: a code block has no end", file.display());
    blocks
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the sorted files below a directory whose names end with `.extension`.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut found = vec![];
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|end| end == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn blocks_that_are_not_compiled_are_no_examples() {
    let text = "```\nfirst();\n# hidden();\n#[attribute]\n```\n```ignore\nsecond();\n```\n```text\nthird\n```\n```no_run\nfourth();\n```\n";
    let of_rustdoc =
        blocks(Path::new("file"), text, |tags| tags.iter().all(|tag| is_compiled(tag)));
    let codes: Vec<&str> = of_rustdoc.iter().map(|block| block.code.as_str()).collect();
    assert_eq!(codes, ["first();\nhidden();\n#[attribute]\n", "fourth();\n"]);
}
