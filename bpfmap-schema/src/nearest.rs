//! Suggests words for a misspelled word.

use bpfmap_core::map_type::OTHER_NAMES;

/// Returns a help text with suggestions for the unknown word `wrong`. It suggests the most similar
/// word in `words`. If no word is similar, it lists all words if there are only a few.
#[must_use]
pub fn nearest<'w>(wrong: &str, words: impl IntoIterator<Item = &'w str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    let lower = wrong.to_lowercase();
    let several = several_longer(&lower, &words);
    let all = || words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    match similar(wrong, &words) {
        Some(word) => format!("did you mean `{word}`?"),
        None if !several.is_empty() => {
            let several: Vec<String> = several.iter().map(|word| format!("`{word}`")).collect();
            format!("did you mean one of {}?", several.join(", "))
        }
        None if words.is_empty() => "declare it first, because nothing is declared yet".to_owned(),
        None if words.len() <= 24 => format!("use one of {}", all()),
        None => format!("use one of the {} known names; none of them is similar", words.len()),
    }
}

/// Returns the word in `words` that the user probably means with the unknown word `wrong`.
pub(crate) fn similar<'w>(wrong: &str, words: &[&'w str]) -> Option<&'w str> {
    let lower = wrong.to_lowercase();
    // Of two words with the same distance, the one with the same letters is more likely: `u64` for
    // `u46`, and not `u16`.
    let best = words
        .iter()
        .map(|word| (strsim::damerau_levenshtein(&lower, &word.to_lowercase()), *word))
        .min_by_key(|(distance, word)| (*distance, sorted(word) != sorted(&lower)))
        .filter(|(distance, word)| *distance <= 1 + word.len() / 4)
        .or_else(|| longest_start(&lower, words))
        .or_else(|| only_longer(&lower, words));
    // If `wrong` is a word of a different tool, the most similar word can have an unrelated meaning.
    other_word(&lower, words).or(best).map(|(_, word)| word)
}

/// Returns a help text with suggestions for an unknown key of a map or a type, like [`nearest`].
/// `by_name` is the value of `pinning` that pins a map by name, in the syntax of the schema.
#[must_use]
pub fn nearest_key<'w>(
    wrong: &str,
    keys: impl IntoIterator<Item = &'w str>,
    by_name: &str,
) -> String {
    let keys: Vec<&str> = keys.into_iter().collect();
    if matches!(wrong, "pin" | "pinned") && keys.contains(&"pinning") {
        return format!("write `pinning = {by_name}` to pin the map under its name");
    }
    nearest(wrong, keys)
}

/// Returns the letters of a word in lower case, sorted.
fn sorted(word: &str) -> Vec<char> {
    let mut letters: Vec<char> = word.to_lowercase().chars().collect();
    letters.sort_unstable();
    letters
}

/// Returns the longest word in `words` that is a prefix of `wrong`, such as `hash` for `hashmap`.
fn longest_start<'w>(wrong: &str, words: &[&'w str]) -> Option<(usize, &'w str)> {
    let starts = words.iter().filter(|word| word.len() > 2 && wrong.starts_with(**word));
    starts.max_by_key(|word| word.len()).map(|word| (wrong.len() - word.len(), *word))
}

/// Returns the word in `words` that contains `wrong`, such as `lpm_trie` for `lpm`. Returns `None` if several words
/// contain it.
fn only_longer<'w>(wrong: &str, words: &[&'w str]) -> Option<(usize, &'w str)> {
    let mut longer = words.iter().filter(|word| wrong.len() > 2 && word.contains(wrong));
    let found = longer.next()?;
    longer.next().is_none().then(|| (found.len() - wrong.len(), *found))
}

/// The maximum number of suggestions in a help text.
const FEW: usize = 6;

/// Returns the words in `words` that contain `wrong`, such as `array-key-size` and `array-key-type` for `array-key`.
/// Returns an empty list if there are too many.
fn several_longer<'w>(wrong: &str, words: &[&'w str]) -> Vec<&'w str> {
    let longer = words.iter().copied().filter(|word| wrong.len() > 2 && word.contains(wrong));
    let longer: Vec<&str> = longer.collect();
    if longer.len() <= FEW { longer } else { vec![] }
}

/// The names that other loaders and languages use for keys, each with the corresponding name in a schema.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("size", "max_entries"),
    ("entries", "max_entries"),
    ("capacity", "max_entries"),
    ("fields", "members"),
    ("record", "event"),
];

fn other_word<'w>(wrong: &str, words: &[&'w str]) -> Option<(usize, &'w str)> {
    let types = OTHER_NAMES.iter().map(|(other, row)| (*other, row.name));
    let (_, right) = OTHER_WORDS.iter().copied().chain(types).find(|(other, _)| *other == wrong)?;
    words.iter().find(|word| **word == right).map(|word| (0, *word))
}

#[cfg(test)]
mod tests {
    use super::{nearest, nearest_key};

    #[test]
    fn finds_the_word_for_a_typing_mistake() {
        let words = ["max_entries", "map_extra", "key"];
        assert_eq!(nearest("max_entires", words), "did you mean `max_entries`?");
        assert_eq!(nearest("MAX_ENTRIES", words), "did you mean `max_entries`?");
        assert_eq!(nearest("kye", words), "did you mean `key`?");
        let integers = ["u8", "u16", "u32", "u64", "i16"];
        assert_eq!(nearest("u46", integers), "did you mean `u64`?");
        assert_eq!(nearest("U46", integers), "did you mean `u64`?");
        assert_eq!(nearest("u61", integers), "did you mean `u16`?");
    }

    #[test]
    fn finds_a_word_that_is_a_prefix() {
        assert_eq!(nearest("hashmap", ["array", "hash"]), "did you mean `hash`?");
    }

    #[test]
    fn finds_a_word_that_contains_the_wrong_one() {
        let words = ["percpu_hash", "percpu_array", "lpm_trie"];
        assert_eq!(nearest("lpm", words), "did you mean `lpm_trie`?");
        let both = "did you mean one of `percpu_hash`, `percpu_array`?";
        assert_eq!(nearest("percpu", words), both);
        assert_eq!(nearest("cpu_array", words), "did you mean `percpu_array`?");
        // All of these words contain `xxx`.
        let many =
            ["a_1", "a_2", "a_3", "a_4", "a_5", "a_6", "a_7"].map(|word| format!("xxx{word}"));
        assert!(nearest("xxx", many.iter().map(String::as_str)).starts_with("use one of"));
    }

    #[test]
    fn finds_the_word_for_a_name_in_other_tools() {
        let words = ["inner", "pinning", "max_entries"];
        assert_eq!(nearest("size", words), "did you mean `max_entries`?");
        assert_eq!(nearest("size", ["inner"]), "use one of `inner`");
        assert_eq!(nearest("record", ["renamed_from", "event"]), "did you mean `event`?");
        let help = "write `pinning = by_name` to pin the map under its name";
        assert_eq!(nearest_key("pinned", words, "by_name"), help);
        assert_eq!(nearest_key("pinned", ["name"], "by_name"), "use one of `name`");
    }

    #[test]
    fn lists_all_words_if_no_word_is_similar() {
        assert_eq!(nearest("colour", ["key", "value"]), "use one of `key`, `value`");
    }
}
