//! Explanations of the named failures.

use crate::error::ErrorKind;
use crate::event::Outcome;
use crate::failure::FailureKind;
use crate::report::push_line;
use std::fmt::Write as _;

/// The explanation of a name that reports use for a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The name.
    pub name: &'static str,
    /// The thing that failed.
    pub of: Subject,
    /// The meaning of the name.
    pub meaning: &'static str,
    /// Advice on what to do about the failure.
    pub advice: &'static str,
}

/// The thing that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A step before the guest was started.
    Preparation,
    /// The guest.
    Guest,
    /// A test.
    Test,
}

impl Subject {
    /// Returns the words for the subject.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Preparation => "before the guest",
            Self::Guest => "guest",
            Self::Test => "test",
        }
    }
}

/// Returns the explanations of all failures. A name can have two explanations, if both a guest and a
/// test or a preparation can fail in that way.
///
/// ```
/// let fetch = bpfmap_vmtest::explain::all().into_iter().find(|it| it.name == "fetch-failed").unwrap();
/// assert_eq!(fetch.meaning, "A kernel or a package could not be fetched.");
/// ```
#[must_use]
pub fn all() -> Vec<Explanation> {
    let errors = ErrorKind::ALL.iter().map(|kind| Explanation {
        name: kind.name(),
        of: Subject::Preparation,
        meaning: kind.meaning(),
        advice: kind.advice(),
    });
    let failures = FailureKind::ALL.iter().map(|kind| Explanation {
        name: kind.name(),
        of: Subject::Guest,
        meaning: kind.meaning(),
        advice: kind.advice(),
    });
    let outcomes = Outcome::ALL.iter().filter(|outcome| !outcome.is_green());
    let tests = outcomes.map(|outcome| Explanation {
        name: outcome.name(),
        of: Subject::Test,
        meaning: outcome.meaning(),
        advice: outcome.advice(),
    });
    errors.chain(failures).chain(tests).collect()
}

/// Returns a list of all failures: a line with the name, the thing that failed, and the meaning. If
/// the standard output is a terminal, long lines are wrapped.
#[must_use]
pub fn list() -> String {
    let failures = all();
    let width = failures.iter().map(|failure| failure.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for Explanation { name, of, meaning, .. } in failures {
        push_line(&mut text, &format!("{name:width$}  {:16}  ", of.words()), meaning);
    }
    text
}

/// Returns the name that is most similar to an unknown name, if the two are similar enough to be
/// confused.
#[must_use]
pub fn nearest(name: &str) -> Option<&'static str> {
    let distance = |known: &str| strsim::damerau_levenshtein(name, known);
    let known = all().into_iter().map(|failure| failure.name);
    known.min_by_key(|known| distance(known)).filter(|known| distance(known) <= 1 + name.len() / 4)
}

/// Returns the page about a name, or `None` if no failure has this name. The name can be in capital
/// letters, as in the report on a terminal.
#[must_use]
pub fn page(name: &str) -> Option<String> {
    let name = name.to_lowercase();
    let mut text = String::new();
    for Explanation { of, meaning, advice, .. } in all().iter().filter(|it| it.name == name) {
        let _ = writeln!(text, "{name} ({}): {meaning}\n\nhelp: {advice}\n", of.words());
    }
    Some(text.trim_end().to_owned() + "\n").filter(|text| text.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_has_a_page_with_a_sentence_and_advice() {
        for Explanation { name, meaning, advice, .. } in all() {
            assert!(meaning.ends_with('.') && !meaning.contains('\n'), "{name}: {meaning}");
            assert!(!advice.is_empty() && !advice.ends_with('.'), "{name}: {advice}");
            assert!(page(name).unwrap().contains(advice), "{name}");
            assert_eq!(page(&name.to_uppercase()), page(name));
        }
        assert_eq!(page("no-such-failure"), None);
    }

    #[test]
    fn the_list_has_a_line_for_each_failure() {
        let list = list();
        assert_eq!(list.lines().count(), all().len());
        let line = list.lines().find(|line| line.starts_with("fetch-failed ")).unwrap();
        assert!(line.ends_with("before the guest  A kernel or a package could not be fetched."));
    }

    #[test]
    fn a_misspelled_name_is_recognized() {
        assert_eq!(nearest("fetch-faild"), Some("fetch-failed"));
        assert_eq!(nearest("panik"), Some("panic"));
        assert_eq!(nearest("banana"), None);
    }

    #[test]
    fn a_name_with_two_meanings_has_both_on_its_page() {
        let page = page("timed-out").unwrap();
        assert!(
            page.contains("timed-out (guest): ") && page.contains("timed-out (test): "),
            "{page}"
        );
    }
}
