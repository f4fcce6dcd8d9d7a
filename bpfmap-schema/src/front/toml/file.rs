//! Reads the tables of a TOML file key by key. Each mistake becomes a diagnostic with the position of the mistake.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned as TomlSpanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use super::grammar::{Presence, Table};
use crate::diagnostics::Finding;
use crate::nearest::{nearest, nearest_key, similar};
use crate::rules;
use crate::source::{SourceId, Span, Spanned};

/// A key and its byte range.
type Key<'t> = TomlSpanned<DeString<'t>>;

/// A value and its byte range.
pub(super) type Value<'t> = TomlSpanned<DeValue<'t>>;

/// Returns the keys and values of a table in the order of the text. The order in the parsed table is alphabetical.
pub(super) fn as_written<'v, 't>(
    table: &'v DeTable<'t>,
) -> impl Iterator<Item = (&'v Key<'t>, &'v Value<'t>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| key.span().start);
    entries.into_iter()
}

/// A file that is being read, and the diagnostics so far.
pub(super) struct File<'s> {
    id: SourceId,
    text: &'s str,
    findings: RefCell<Vec<Finding>>,
}

impl<'s> File<'s> {
    pub(super) fn new(id: SourceId, text: &'s str) -> Self {
        Self { id, text, findings: RefCell::default() }
    }

    pub(super) fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.id, range)
    }

    pub(super) fn report(&self, finding: Finding) {
        self.findings.borrow_mut().push(finding);
    }

    /// Returns the number of diagnostics so far. If reading a part of the file increases this number, the part contains
    /// mistakes.
    pub(super) fn findings_count(&self) -> usize {
        self.findings.borrow().len()
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings.into_inner()
    }

    /// Returns whether the string at `span` has no escapes. If so, an offset in the string
    /// corresponds to an offset in the file.
    pub(super) fn is_verbatim(&self, span: Span, string: &str) -> bool {
        self.text.get(span.start + 1..span.end.saturating_sub(1)) == Some(string)
    }

    pub(super) fn wrong_kind(&self, value: &Value<'_>, key: &str, expected: &str) -> Finding {
        let found = value.get_ref().type_str();
        let article = if found.starts_with(['a', 'i']) { "an" } else { "a" };
        Finding::new(
            &rules::WRONG_KIND_OF_VALUE,
            self.span(value.span()),
            format!("`{key}` must be {expected}, found {article} {found}"),
        )
        .label(format!("expected {expected}"))
    }

    pub(super) fn string(&self, value: &Value<'_>, key: &str) -> Option<Spanned<String>> {
        let Some(text) = value.get_ref().as_str() else {
            self.report(self.wrong_kind(value, key, "a string").help("write a string in quotes"));
            return None;
        };
        Some(Spanned::new(text.to_owned(), self.span(value.span())))
    }

    pub(super) fn bool(&self, value: &Value<'_>, key: &str) -> Option<Spanned<bool>> {
        let Some(truth) = value.get_ref().as_bool() else {
            self.report(
                self.wrong_kind(value, key, "`true` or `false`")
                    .help("write `true` or `false` without quotes"),
            );
            return None;
        };
        Some(Spanned::new(truth, self.span(value.span())))
    }

    pub(super) fn integer<T: Number>(&self, value: &Value<'_>, key: &str) -> Option<Spanned<T>> {
        let span = self.span(value.span());
        let DeValue::Integer(digits) = value.get_ref() else {
            self.report(
                self.wrong_kind(value, key, "an integer")
                    .help("write a whole number, without quotes"),
            );
            return None;
        };
        let number = i128::from_str_radix(digits.as_str(), digits.radix()).ok();
        let number = number.filter(|number| (T::MIN..=T::MAX).contains(number));
        let fitting = number.and_then(|number| T::try_from(number).ok());
        if fitting.is_none() {
            let (min, max) = (T::MIN, T::MAX);
            self.report(
                Finding::new(
                    &rules::NUMBER_RANGE,
                    span,
                    format!("`{key}` must be a number from {min} to {max}"),
                )
                .label("out of range")
                .help("write a number in this range"),
            );
        }
        fitting.map(|number| Spanned::new(number, span))
    }

    pub(super) fn array<'v, 't>(&self, value: &'v Value<'t>, key: &str) -> Option<&'v DeArray<'t>> {
        let array = value.get_ref().as_array();
        if array.is_none() {
            self.report(
                self.wrong_kind(value, key, "an array").help("write an array in brackets: `[…]`"),
            );
        }
        array
    }

    pub(super) fn table<'v, 't>(&self, value: &'v Value<'t>, key: &str) -> Option<&'v DeTable<'t>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.report(
                self.wrong_kind(value, key, "a table").help("write a table in braces: `{ … }`"),
            );
        }
        table
    }

    /// Returns the strings of an array. Reports elements that are not strings.
    pub(super) fn strings(&self, value: &Value<'_>, key: &str) -> Vec<Spanned<String>> {
        let Some(items) = self.array(value, key) else { return Vec::new() };
        items.iter().filter_map(|item| self.string(item, key)).collect()
    }

    /// Returns the value that belongs to the word in the string, like [`Self::word`]. If a known word is similar to a
    /// misspelled word, returns its value, so that the mistakes after this word are reported too.
    pub(super) fn word_or_similar<T: Copy>(
        &self,
        text: &Spanned<String>,
        key: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        self.word(text, key, words).or_else(|| {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let name = similar(&text.value, &names)?;
            words.iter().find(|(word, _)| *word == name).map(|(_, meaning)| *meaning)
        })
    }

    /// Returns the value that belongs to the word in the string. `words` contains the possible words with their values.
    /// Reports an unknown word.
    pub(super) fn word<T: Copy>(
        &self,
        text: &Spanned<String>,
        key: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let known = words.iter().find(|(word, _)| *word == text.value);
        if known.is_none() {
            let names = words.iter().map(|(word, _)| *word);
            self.report(
                Finding::new(
                    &rules::UNKNOWN_WORD,
                    text.span,
                    format!("unknown value `{}` for `{key}`", text.value),
                )
                .help(nearest(&text.value, names)),
            );
        }
        known.map(|(_, meaning)| *meaning)
    }
}

/// An integer type for a number of a schema.
pub(super) trait Number: TryFrom<i128> {
    const MIN: i128;
    const MAX: i128;
}

macro_rules! number {
    ($($ty:ident)*) => {
        $(impl Number for $ty {
            const MIN: i128 = $ty::MIN as i128;
            const MAX: i128 = $ty::MAX as i128;
        })*
    };
}

number!(u32 u64);

/// The number of an enum variant. A rule checks the range when the integer type of the enum is known.
impl Number for i128 {
    const MIN: Self = i64::MIN as Self;
    const MAX: Self = u64::MAX as Self;
}

/// A table of the file. The code that reads the table requests its keys one by one.
pub(super) struct Fields<'v, 't, 's> {
    pub(super) file: &'v File<'s>,
    table: &'v DeTable<'t>,
    /// The keys that the table can have.
    grammar: &'static Table,
    /// The position of the table or of its declaration.
    pub(super) span: Span,
}

impl<'v, 't, 's> Fields<'v, 't, 's> {
    pub(super) fn new(
        file: &'v File<'s>,
        table: &'v DeTable<'t>,
        span: Span,
        grammar: &'static Table,
    ) -> Self {
        Self { file, table, grammar, span }
    }

    /// Sets the grammar of the table as soon as the kind of the table is known.
    pub(super) fn is(&mut self, grammar: &'static Table) {
        self.grammar = grammar;
    }

    /// Returns the value of a key, which must be a key of the grammar. Reports a missing key if it is required.
    pub(super) fn get(&self, key: &str) -> Option<&'v Value<'t>> {
        let value = self.present(key);
        let what = self.grammar.what;
        let declared = self.grammar.key(key);
        debug_assert!(declared.is_some(), "the grammar of {what} has no key `{key}`");
        let is_required = match declared?.presence {
            Presence::Required => true,
            Presence::Unless(other) => self.present(other).is_none(),
            Presence::Optional | Presence::InsteadOf(_) => false,
        };
        if value.is_none() && is_required {
            self.file.report(
                Finding::new(&rules::MISSING_KEY, self.span, format!("{what} needs `{key}`"))
                    .label(format!("`{key}` is missing"))
                    .help(format!("add `{key} = …`")),
            );
        }
        value
    }

    fn present(&self, key: &str) -> Option<&'v Value<'t>> {
        // Tables have few keys, so a linear search is faster than hashing.
        self.table.iter().find(|(known, _)| known.get_ref() == key).map(|(_, value)| value)
    }

    pub(super) fn string(&self, key: &str) -> Option<Spanned<String>> {
        let value = self.get(key)?;
        self.file.string(value, key)
    }

    pub(super) fn doc(&self) -> Option<String> {
        self.string("doc").map(|doc| doc.value)
    }

    pub(super) fn bool(&self, key: &str) -> Option<Spanned<bool>> {
        let value = self.get(key)?;
        self.file.bool(value, key)
    }

    pub(super) fn integer<T: Number>(&self, key: &str) -> Option<Spanned<T>> {
        let value = self.get(key)?;
        self.file.integer(value, key)
    }

    pub(super) fn strings(&self, key: &str) -> Vec<Spanned<String>> {
        self.get(key).map(|value| self.file.strings(value, key)).unwrap_or_default()
    }

    /// Reports each key that is not in the grammar.
    pub(super) fn finish(self) {
        for (key, _) in as_written(self.table) {
            let name = key.get_ref();
            if self.grammar.key(name).is_none() {
                self.file.report(
                    Finding::new(
                        &rules::UNKNOWN_KEY,
                        self.file.span(key.span()),
                        format!("{} has no key `{name}`", self.grammar.what),
                    )
                    .label("unknown key")
                    .help(nearest_key(
                        name,
                        self.grammar.keys().map(|key| key.name),
                        "\"by_name\"",
                    )),
                );
            }
        }
    }
}
