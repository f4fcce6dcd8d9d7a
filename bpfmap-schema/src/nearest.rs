//! Suggestions for misspelled words.

use bpfmap_core::map_type::OTHER_NAMES;

/// Returns a help that says what to write instead of `wrong`: the most similar of `words`, or all
/// of them if there are only a few.
#[must_use]
pub fn nearest<'w>(wrong: &str, words: impl IntoIterator<Item = &'w str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    let lower = wrong.to_lowercase();
    let best = words
        .iter()
        .map(|word| (strsim::damerau_levenshtein(&lower, &word.to_lowercase()), *word))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, word)| *distance <= 1 + word.len() / 4)
        .or_else(|| longest_start(&lower, &words))
        .or_else(|| only_longer(&lower, &words));
    let several = several_longer(&lower, &words);
    // For a word of a different tool, the most similar word may have an unrelated meaning.
    let best = other_word(&lower, &words).or(best);
    let all = || words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    match best {
        Some((_, word)) => format!("did you mean `{word}`?"),
        None if !several.is_empty() => {
            let several: Vec<String> = several.iter().map(|word| format!("`{word}`")).collect();
            format!("did you mean one of {}?", several.join(", "))
        }
        None if words.is_empty() => "none is declared".to_owned(),
        None if words.len() <= 24 => format!("choose one of {}", all()),
        None => format!("none of the {} known names is similar", words.len()),
    }
}

/// Returns the same help for the keys of a map or a type. `by_name` is the spelling of the value
/// for pinning by name.
#[must_use]
pub fn nearest_key<'w>(
    wrong: &str,
    keys: impl IntoIterator<Item = &'w str>,
    by_name: &str,
) -> String {
    let keys: Vec<&str> = keys.into_iter().collect();
    if matches!(wrong, "pin" | "pinned") && keys.contains(&"pinning") {
        return format!("write `pinning = {by_name}` for a pin with the map's name");
    }
    nearest(wrong, keys)
}

/// Returns the longest of `words` that `wrong` starts with: `hash` of `hashmap`.
fn longest_start<'w>(wrong: &str, words: &[&'w str]) -> Option<(usize, &'w str)> {
    let starts = words.iter().filter(|word| word.len() > 2 && wrong.starts_with(**word));
    starts.max_by_key(|word| word.len()).map(|word| (wrong.len() - word.len(), *word))
}

/// Returns the only one of `words` that contains `wrong`: `lpm_trie` of `lpm`.
fn only_longer<'w>(wrong: &str, words: &[&'w str]) -> Option<(usize, &'w str)> {
    let mut longer = words.iter().filter(|word| wrong.len() > 2 && word.contains(wrong));
    let found = longer.next()?;
    longer.next().is_none().then(|| (found.len() - wrong.len(), *found))
}

/// The maximum number of suggestions that are still helpful.
const FEW: usize = 6;

/// Returns those of `words` that contain `wrong`, if they are few: `array-key-size` and `array-key-type` of `array-key`.
fn several_longer<'w>(wrong: &str, words: &[&'w str]) -> Vec<&'w str> {
    let longer = words.iter().copied().filter(|word| wrong.len() > 2 && word.contains(wrong));
    let longer: Vec<&str> = longer.collect();
    if longer.len() <= FEW { longer } else { vec![] }
}

/// Names of keys in other loaders and languages, with the corresponding names here.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("size", "max_entries"),
    ("entries", "max_entries"),
    ("capacity", "max_entries"),
    ("fields", "members"),
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
    fn finds_a_slip_of_the_keyboard() {
        let words = ["max_entries", "map_extra", "key"];
        assert_eq!(nearest("max_entires", words), "did you mean `max_entries`?");
        assert_eq!(nearest("MAX_ENTRIES", words), "did you mean `max_entries`?");
        assert_eq!(nearest("kye", words), "did you mean `key`?");
    }

    #[test]
    fn finds_what_a_longer_word_starts_with() {
        assert_eq!(nearest("hashmap", ["array", "hash"]), "did you mean `hash`?");
    }

    #[test]
    fn finds_what_starts_with_a_shorter_word() {
        let words = ["percpu_hash", "percpu_array", "lpm_trie"];
        assert_eq!(nearest("lpm", words), "did you mean `lpm_trie`?");
        let both = "did you mean one of `percpu_hash`, `percpu_array`?";
        assert_eq!(nearest("percpu", words), both);
        assert_eq!(nearest("cpu_array", words), "did you mean `percpu_array`?");
        // All of them contain it.
        let many =
            ["a_1", "a_2", "a_3", "a_4", "a_5", "a_6", "a_7"].map(|word| format!("xxx{word}"));
        assert!(nearest("xxx", many.iter().map(String::as_str)).starts_with("choose one of"));
    }

    #[test]
    fn finds_what_others_call_it() {
        let words = ["inner", "pinning", "max_entries"];
        assert_eq!(nearest("size", words), "did you mean `max_entries`?");
        assert_eq!(nearest("size", ["inner"]), "choose one of `inner`");
        let help = "write `pinning = by_name` for a pin with the map's name";
        assert_eq!(nearest_key("pinned", words, "by_name"), help);
        assert_eq!(nearest_key("pinned", ["name"], "by_name"), "choose one of `name`");
    }

    #[test]
    fn lists_the_choice_where_nothing_is_near() {
        assert_eq!(nearest("colour", ["key", "value"]), "choose one of `key`, `value`");
    }
}
