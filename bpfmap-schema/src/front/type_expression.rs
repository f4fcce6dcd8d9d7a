//! Parses types in the syntax of schemas, such as `[T; N]`, `*T`, `be32` and the names of types.

use std::ops::Range;

use crate::diagnostics::Finding;
use crate::ir::{Target, Type};
use crate::rules::{self, Rule};
use crate::source::{Span, Spanned};
use crate::type_word::{self, builtin, pointing};
use bpfmap_core::SpecialField;

/// The maximum nesting depth of arrays and pointers in one expression. Source:
/// `MAX_RESOLVE_DEPTH` in the kernel's `kernel/bpf/btf.c`.
pub(super) const MAX_DEPTH: usize = 32;

/// Returns the message about a special field whose target is missing, and an example of a target.
pub(super) fn missing_target(field: SpecialField) -> (String, &'static str) {
    let name = field.name();
    match field.node() {
        Some(_) => (format!("a `{name}` must specify the struct of its elements"), "STRUCT.MEMBER"),
        None => (format!("a `{name}` must specify its target"), "STRUCT"),
    }
}

/// Parses the type in `text`. `place` returns the position of a range of bytes in `text`.
///
/// # Errors
///
/// Returns a diagnostic for the first part of `text` that is not valid in a type.
pub(super) fn read(
    text: &str,
    place: &dyn Fn(Range<usize>) -> Span,
) -> Result<Spanned<Type>, Box<Finding>> {
    Parser { text, at: 0, place }.whole()
}

struct Parser<'p> {
    text: &'p str,
    /// The offset of the next byte.
    at: usize,
    place: &'p dyn Fn(Range<usize>) -> Span,
}

type Parsed<T> = Result<T, Box<Finding>>;

impl<'p> Parser<'p> {
    fn whole(&mut self) -> Parsed<Spanned<Type>> {
        let ty = self.ty(0)?;
        self.skip_space();
        if self.at < self.text.len() {
            if type_word::of_c(self.text).is_some() {
                let message = format!("the type `{}` is in C syntax", self.text.trim());
                return Err(self.finding(&rules::TYPE_SYNTAX, 0, self.text.len(), message));
            }
            return Err(self.unexpected("the end of the type"));
        }
        Ok(ty)
    }

    fn ty(&mut self, depth: usize) -> Parsed<Spanned<Type>> {
        self.skip_space();
        let start = self.at;
        if depth > MAX_DEPTH {
            let message =
                format!("arrays and pointers are nested more than {MAX_DEPTH} levels deep");
            return Err(self.finding(&rules::TYPE_SYNTAX, start, start + 1, message));
        }
        let ty = match self.peek() {
            Some('[') => self.array(depth)?,
            Some('*') => self.pointer(depth)?,
            _ => {
                let word = self.word("a type")?;
                match pointing(word) {
                    Some(field) => self.pointing(field, start)?,
                    None => builtin(word).unwrap_or_else(|| Type::Named(word.to_owned())),
                }
            }
        };
        Ok(Spanned::new(ty, self.span_of(start, self.at)))
    }

    fn array(&mut self, depth: usize) -> Parsed<Type> {
        self.at += 1;
        let element = self.ty(depth + 1)?;
        self.expect(';')?;
        let length = self.number()?;
        self.expect(']')?;
        Ok(Type::Array(Box::new(element), length))
    }

    fn pointer(&mut self, depth: usize) -> Parsed<Type> {
        self.at += 1;
        let target = self.ty(depth + 1)?;
        Ok(match &target.value {
            Type::Named(name) if name == "void" => Type::Pointer(None),
            _ => Type::Pointer(Some(Box::new(target))),
        })
    }

    /// Parses `<STRUCT>` or `<STRUCT.MEMBER>` after the name of the special field `field`. The name begins at `start`.
    fn pointing(&mut self, field: SpecialField, start: usize) -> Parsed<Type> {
        self.skip_space();
        if self.peek() != Some('<') {
            let name = field.name();
            let (message, example) = missing_target(field);
            let mut finding = self.finding(&rules::TYPE_SYNTAX, start, self.at, message);
            finding.help = Some(format!("write `{name}<{example}>`"));
            return Err(finding);
        }
        self.expect('<')?;
        let name = self.spanned_word("the name of a struct")?;
        let member = if field.node().is_some() {
            self.expect('.')?;
            Some(self.spanned_word("the name of the member that is the node")?)
        } else {
            None
        };
        self.expect('>')?;
        Ok(Type::Special(field, Some(Box::new(Target { name, member }))))
    }

    fn spanned_word(&mut self, expected: &str) -> Parsed<Spanned<String>> {
        self.skip_space();
        let start = self.at;
        let word = self.word(expected)?.to_owned();
        Ok(Spanned::new(word, self.span_of(start, self.at)))
    }

    fn word(&mut self, expected: &str) -> Parsed<&'p str> {
        let rest = &self.text[self.at..];
        let length = rest
            .find(|character: char| !(character.is_alphanumeric() || character == '_'))
            .unwrap_or(rest.len());
        if length == 0 || rest.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(self.unexpected(expected));
        }
        self.at += length;
        Ok(&rest[..length])
    }

    fn number(&mut self) -> Parsed<Spanned<u32>> {
        self.skip_space();
        let start = self.at;
        let rest = &self.text[start..];
        let length = rest
            .find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
            .unwrap_or(rest.len());
        if !rest.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(self.unexpected("a number"));
        }
        let digits = rest[..length].replace('_', "");
        let (digits, radix) = match digits.strip_prefix("0x") {
            Some(hex) => (hex, 16),
            None => (digits.as_str(), 10),
        };
        self.at += length;
        if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
            let message = format!("`{}` is not a number", &rest[..length]);
            return Err(self.finding(&rules::TYPE_SYNTAX, start, self.at, message));
        }
        let span = self.span_of(start, self.at);
        u32::from_str_radix(digits, radix).map(|number| Spanned::new(number, span)).map_err(|_| {
            let message = format!("an array can have at most {} elements", u32::MAX);
            self.finding(&rules::NUMBER_RANGE, start, self.at, message)
        })
    }

    fn expect(&mut self, character: char) -> Parsed<()> {
        self.skip_space();
        if self.peek() != Some(character) {
            return Err(self.unexpected(&format!("`{character}`")));
        }
        self.at += 1;
        Ok(())
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.text[self.at..].trim_start().len();
    }

    fn unexpected(&self, expected: &str) -> Box<Finding> {
        let message = match self.peek() {
            Some(found) => format!("expected {expected}, found `{found}`"),
            None => format!("expected {expected}, found the end of the type"),
        };
        let end = self.at + self.peek().map_or(0, char::len_utf8);
        self.finding(&rules::TYPE_SYNTAX, self.at, end, message)
    }

    fn finding(
        &self,
        rule: &'static Rule,
        start: usize,
        end: usize,
        message: String,
    ) -> Box<Finding> {
        let first = self.text.split([' ', '\t']).find(|word| !word.is_empty()).unwrap_or_default();
        let help = match first {
            "struct" | "union" | "enum" => "write only the name of the type, without a keyword",
            "const" | "volatile" => "remove the qualifier",
            _ => {
                "write a type such as `u32`, `be16`, `[u8; 16]` or `*void`, or a name from `types`"
            }
        };
        let help = type_word::of_c(self.text).unwrap_or_else(|| help.to_owned());
        Box::new(Finding::new(rule, self.span_of(start, end), message).help(help))
    }

    fn span_of(&self, start: usize, end: usize) -> Span {
        (self.place)(start..end)
    }
}
