//! Reads dependency files in Make's format. A dependency file lists the files that a compiler has
//! read.

use std::path::PathBuf;

/// Returns the prerequisites of the only rule in `text`, in the order of the rule. `text` is a
/// dependency file that clang wrote because of the option `-MD`, or the file that Cargo writes for
/// each binary. Cargo writes `\` only before a space.
///
/// clang writes `\` before a space or `#` in a name, doubles `$`, and ends a line with `\` if the
/// rule continues on the next line.
pub(super) fn prerequisites(text: &str) -> Vec<PathBuf> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('\\', Some(' ' | '#')) | ('$', Some('$')) => name.extend(letters.next()),
            ('\\', Some('\n' | '\r')) => {}
            (letter, _) if letter.is_ascii_whitespace() => names.push(std::mem::take(&mut name)),
            (letter, _) => name.push(letter),
        }
    }
    names.push(name);
    let mut names = names.into_iter().filter(|name| !name.is_empty());
    // Skips the target, which ends in a colon. The caller sets clang's target with `-MT`.
    names.find(|name| name.ends_with(':'));
    names.map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::prerequisites;

    #[test]
    fn escaped_names_of_clang_are_read() {
        let text = "program: src/a\\ b.bpf.c \\\n  /usr/include/bpf/bpf_helpers.h \\\r\n  c\\#.h d$$.h \\\n  e\\f.h\n";
        let found: Vec<_> =
            prerequisites(text).into_iter().map(|name| name.display().to_string()).collect();
        assert_eq!(
            found,
            ["src/a b.bpf.c", "/usr/include/bpf/bpf_helpers.h", "c#.h", "d$.h", "e\\f.h"]
        );
        assert!(prerequisites("").is_empty());
        assert!(prerequisites("program:\n").is_empty());
    }
}
