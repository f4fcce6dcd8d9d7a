//! The nearest right word to a wrong one.

/// What to write instead of `wrong`: the nearest of `words`, and all of them if they are few.
#[must_use]
pub fn nearest<'w>(wrong: &str, words: impl IntoIterator<Item = &'w str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    let lower = wrong.to_lowercase();
    let best = words
        .iter()
        .map(|word| (strsim::damerau_levenshtein(&lower, &word.to_lowercase()), *word))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, word)| *distance <= 1 + word.len() / 4)
        .or_else(|| longest_start(&lower, &words));
    let all = || words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    match best {
        Some((_, word)) => format!("did you mean `{word}`?"),
        None if words.is_empty() => "there is none to choose from".to_owned(),
        None if words.len() <= 24 => format!("choose one of {}", all()),
        None => format!("none of the {} known names is near", words.len()),
    }
}

/// The longest of `words` that `wrong` starts with: `hash` of `hashmap`.
fn longest_start<'w>(wrong: &str, words: &[&'w str]) -> Option<(usize, &'w str)> {
    let starts = words.iter().filter(|word| word.len() > 2 && wrong.starts_with(**word));
    starts.max_by_key(|word| word.len()).map(|word| (wrong.len() - word.len(), *word))
}

#[cfg(test)]
mod tests {
    use super::nearest;

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
    fn lists_the_choice_where_nothing_is_near() {
        assert_eq!(nearest("colour", ["key", "value"]), "choose one of `key`, `value`");
    }
}
