//! Chooses the names of types in a schema.

use bpfmap_btf::TypeId;

use super::{Enclosing, Made, Types};
use crate::front::btf::sources::same;
use crate::rules;

/// The maximum length of a name in a schema.
const MAX_NAME: usize = 127;

/// The maximum number of types of the same name with which a type is compared if there is a single
/// source. The BTF of a linked program can contain the same type several times. The limit protects
/// against malicious files with a very large number of such types.
const MOST_NAMESAKES: u32 = 8;

impl Types<'_> {
    /// Returns a unique name for the type `id`.
    pub(super) fn name(&mut self, id: TypeId, wanted: &str, place: Enclosing<'_>) -> Made<String> {
        let mut name: String = wanted
            .chars()
            .map(|char| if char.is_ascii_alphanumeric() || char == '_' { char } else { '_' })
            .take(MAX_NAME - 8)
            .collect();
        if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
            name.insert(0, '_');
        }
        name = self.free(name);
        self.spend(name.len() * 2)?;
        if name != wanted {
            let message = format!("the type `{wanted}` is renamed to `{name}`");
            self.spend(message.len())?;
            let help = "check the new name: another type has the old name, or the old name is not \
                        valid in C";
            self.report(&rules::IMPORT_RENAMED, place.span, message, help);
        }
        self.taken.insert(name.clone());
        self.names.insert((self.source, id), name.clone());
        self.named.insert(name.clone(), (self.source, id));
        Ok(name)
    }

    /// Returns the schema name of an equal type with the name `wanted`, or `None` if there is no such type. The equal
    /// type can be in a different source. It can also be in the same source, if the program was linked without libbpf's
    /// `btf__dedup`.
    pub(super) fn shared(&mut self, id: TypeId, wanted: &str) -> Made<Option<String>> {
        let last = self.numbers.get(wanted).copied().unwrap_or(1);
        let last = if self.sources.len() == 1 { last.min(MOST_NAMESAKES) } else { last };
        for number in 1..=last {
            let name = if number == 1 { wanted.to_owned() } else { format!("{wanted}_{number}") };
            let Some((source, other)) = self.named.get(&name).copied() else { continue };
            if (source, other) != (self.source, id)
                && same((&self.sources[source], other), (&self.sources[self.source], id))
            {
                self.spend(name.len())?;
                self.names.insert((self.source, id), name.clone());
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Returns `stem`. If this name is already used, appends a number.
    pub(super) fn free(&mut self, stem: String) -> String {
        if !self.taken.contains(&stem) {
            return stem;
        }
        let number = self.numbers.entry(stem.clone()).or_insert(2);
        loop {
            let name = format!("{stem}_{number}");
            if !self.taken.contains(&name) {
                return name;
            }
            *number = number.saturating_add(1);
        }
    }
}

pub(super) fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
