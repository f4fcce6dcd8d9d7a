//! Converts documentation from a schema to a form that is safe in comments of generated code.

use bpfmap_core::map_type::MapFlag;

use crate::ir::MapDecl;

/// Returns the lines of `doc`. Removes empty lines at both ends, and white space at the ends of lines. Also removes
/// control characters and characters that change the text direction, because compilers reject these in comments. If the
/// first line begins a Markdown code block, the line keeps its indentation.
pub fn lines(doc: &str) -> impl Iterator<Item = String> {
    let mut text = doc.trim();
    let indentation = doc[..doc.len() - doc.trim_start().len()].rsplit('\n').next();
    if let Some(indentation) =
        indentation.filter(|it| it.len() >= CODE && it.trim_matches(' ').is_empty())
    {
        let start = doc.len() - doc.trim_start().len() - indentation.len();
        text = doc[start..].trim_end();
    }
    text.lines().map(|line| {
        let line: String = line
            .chars()
            .map(|char| if char == '\t' { ' ' } else { char })
            .filter(|char| !char.is_control() && !turns_text(*char))
            .collect();
        line.trim_end().to_owned()
    })
}

/// Returns whether the character changes the text direction. Such a character can hide code.
fn turns_text(char: char) -> bool {
    matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns the lines of a doc comment in Rust.
///
/// rustdoc runs code blocks in documentation as tests, so each code block is marked as `text`. If the documentation has
/// lists or quotes, their code blocks can't be recognized without a full Markdown parser. In this case, an attribute
/// hides the whole comment from rustdoc's tests.
pub fn rust_doc(doc: &str) -> Vec<String> {
    let lines: Vec<String> = lines(doc).collect();
    match without_code(&lines) {
        Some(lines) => {
            lines.iter().map(|line| format!("/// {line}").trim_end().to_owned()).collect()
        }
        None => hidden_from_tests("", lines.iter().map(String::as_str)),
    }
}

/// Returns the lines as attributes that are hidden from rustdoc's tests. `inner` is `!` for inner attributes, which
/// document the enclosing module, and an empty string for other attributes.
pub fn hidden_from_tests<'a>(inner: &str, lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let lines = lines.map(|line| format!(" {line}"));
    lines
        .map(|line| format!("#{inner}[cfg_attr(not(doctest), doc = {:?})]", line.trim_end()))
        .collect()
}

/// Returns whether `doc` can contain code that rustdoc would run as a test.
#[must_use]
pub fn may_have_code(doc: &str) -> bool {
    doc.lines().any(|line| {
        let text = line.trim_start();
        line.len() - text.len() >= CODE
            || line.contains('\t')
            || ["```", "~~~", "    "].iter().any(|mark| text.contains(mark))
    })
}

/// The indentation in spaces that begins a code block in Markdown.
const CODE: usize = 4;

/// The languages of code blocks that are not changed to `text`, because rustdoc does not run code in these languages.
const LANGUAGES: &[&str] = &[
    "text", "txt", "plain", "none", "c", "cpp", "h", "asm", "sh", "shell", "bash", "console",
    "toml", "json", "yaml", "diff", "python", "markdown",
];

/// Returns the lines with each code block marked as `text`. Returns `None` if the code blocks can't be recognized for
/// certain.
fn without_code(lines: &[String]) -> Option<Vec<String>> {
    let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or(0);
    let own_fence = "`".repeat(3.max(longest + 1));
    let mut out: Vec<String> = Vec::with_capacity(lines.len());
    // The fence character of the open code block, and its number of repetitions.
    let mut fence: Option<(char, usize)> = None;
    let (mut indented, mut after_blank, mut nested) = (false, true, false);
    for line in lines {
        let text = line.trim_start();
        let indentation = line.len() - text.len();
        if let Some((mark, count)) = fence {
            out.push(line.clone());
            if indentation < CODE && text.len() >= count && text.chars().all(|it| it == mark) {
                (fence, after_blank) = (None, true);
            }
            continue;
        }
        if text.is_empty() {
            out.push(String::new());
            after_blank = true;
            continue;
        }
        if indentation >= CODE {
            // In a list, an indented line can belong to the list. After text, it can continue the paragraph.
            if nested || !after_blank && !indented {
                return None;
            }
            if !indented {
                out.push(format!("{own_fence}text"));
                indented = true;
            }
            out.push(line[CODE..].to_owned());
            after_blank = false;
            continue;
        }
        if indented {
            close(&mut out, &own_fence);
            indented = false;
        }
        if let Some(rest) = within(text) {
            nested = true;
            if ["```", "~~~", "    "].iter().any(|mark| rest.contains(mark)) {
                return None;
            }
        }
        if let Some((mark, count)) = opens_block(text) {
            if nested {
                return None;
            }
            let word = text[count..].trim();
            let word = if LANGUAGES.contains(&word) { word } else { "text" };
            out.push(format!("{}{}{word}", " ".repeat(indentation), &text[..count]));
            fence = Some((mark, count));
            continue;
        }
        out.push(line.clone());
        after_blank = false;
    }
    if indented {
        close(&mut out, &own_fence);
    }
    if let Some((mark, count)) = fence {
        out.push(mark.to_string().repeat(count));
    }
    Some(out)
}

/// Ends the code block before the blank lines that follow the block.
fn close(out: &mut Vec<String>, fence: &str) {
    let end = out.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    out.insert(end, fence.to_owned());
}

fn longest_run(line: &str) -> usize {
    line.split(|char| char != '`').map(str::len).max().unwrap_or(0)
}

/// If the line begins with the marker of a list, a quote, HTML or a footnote, returns the text after the marker. This
/// text can begin a code block.
fn within(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix(['>', '<']) {
        return Some(rest);
    }
    if text.starts_with('[') && text.contains("]:") {
        return Some(text);
    }
    let digits = text.len() - text.trim_start_matches(|char: char| char.is_ascii_digit()).len();
    let rest = if digits > 0 {
        text[digits..].strip_prefix(['.', ')'])?
    } else {
        text.strip_prefix(['-', '*', '+'])?
    };
    (rest.is_empty() || rest.starts_with(' ')).then_some(rest)
}

/// If the line opens a fenced code block, returns the fence character and the number of its repetitions.
fn opens_block(text: &str) -> Option<(char, usize)> {
    let mark = text.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let count = text.len() - text.trim_start_matches(mark).len();
    let is_inline = mark == '`' && text[count..].contains('`');
    (count >= 3 && !is_inline).then_some((mark, count))
}

/// Writes `doc` as a Rust doc comment. Writes nothing if `doc` is empty.
pub fn push_rust_doc(code: &mut String, indent: &str, doc: &str) {
    for line in rust_doc(doc) {
        code.push_str(indent);
        code.push_str(&line);
        code.push('\n');
    }
}

/// Returns a description of the effect of each flag of a map, such as `` `rdonly`: User space can't write … ``.
#[must_use]
pub fn flag_effects(map: &MapDecl) -> Vec<String> {
    let flags = map.flags.iter().filter_map(|flag| MapFlag::by_name(&flag.value));
    flags.map(|flag| format!("`{}`: {}", flag.name, flag.effect)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_compilers_refuse_in_comments_are_removed() {
        let doc = "\n one \u{0}two\r\n\tthree\u{202e} \n\nfour\n\n";
        assert_eq!(lines(doc).collect::<Vec<_>>(), ["one two", " three", "", "four"]);
    }

    #[test]
    fn a_block_of_code_keeps_its_indentation() {
        assert_eq!(lines("\n\n     a\n    b\n").collect::<Vec<_>>(), ["     a", "    b"]);
        assert_eq!(lines("   a\n    b").collect::<Vec<_>>(), ["a", "    b"]);
        assert_eq!(lines("").count(), 0);
    }

    #[test]
    fn blocks_of_code_become_text() {
        let shown = |doc| rust_doc(doc).join("\n");
        assert_eq!(
            shown("A.\n\n    b ```\n\n      c\n\nD."),
            "\
/// A.
///
/// ````text
/// b ```
///
///   c
/// ````
///
/// D."
        );
        assert_eq!(
            shown("```\na\n```\n~~~rust\nb\n~~~\n```c\nint c;"),
            "\
/// ```text
/// a
/// ```
/// ~~~text
/// b
/// ~~~
/// ```c
/// int c;
/// ```"
        );
        assert_eq!(shown("- a\n- b\n\n```a``` b"), "/// - a\n/// - b\n///\n/// ```a``` b");
    }

    #[test]
    fn docs_with_unrecognizable_code_blocks_are_hidden_from_tests() {
        for doc in
            ["- a\n\n      b", "> ```\n> b", "a\n    b", "<p>\n\n    b", "1. a\n   ```\n   b"]
        {
            let shown = rust_doc(doc);
            let hidden = |line: &String| line.starts_with("#[cfg_attr(not(doctest), doc = \"");
            assert!(shown.iter().all(hidden), "{shown:?}");
            assert!(may_have_code(doc));
        }
        assert!(!may_have_code("- a\n- `b`\n\n> c"));
    }
}
