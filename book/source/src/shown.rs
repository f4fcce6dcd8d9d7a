//! Code blocks that show a file of the repository.
//!
//! A page contains the text of such a block, so that it can also be read outside the book. A comment
//! before the block names the file:
//!
//! - `<!-- from PATH -->`: the block consists of the lines of the file.
//! - `<!-- contains PATH -->`: the block contains these lines, and others.
//!
//! `PATH:ANCHOR` means the lines between `ANCHOR: ANCHOR` and `ANCHOR_END: ANCHOR`.

use std::path::Path;

use crate::include::included;
use crate::problem::Problem;

const WHOLE: &str = "<!-- from ";
const PART: &str = "<!-- contains ";
const END: &str = " -->";
const FENCE: &str = "```";

/// Returns the text of a page in which each block after `<!-- from PATH -->` has the current lines
/// of its file.
///
/// `file` is the path of the page, relative to `root`. The paths in comments are relative to the
/// directory of the page.
///
/// # Errors
///
/// Fails if a file can't be read, if no code block follows a comment, or if a block does not contain
/// the lines of the file in `<!-- contains PATH -->`.
pub fn refresh(root: &Path, file: &str, text: &str) -> Result<String, Problem> {
    let page = root.join(file);
    let folder = page.parent().unwrap_or(root);
    let mut refreshed = String::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        push(&mut refreshed, line);
        let Some((path, is_whole)) = shown(line) else { continue };
        let problem = |message: String| Problem { file: file.to_owned(), line: index + 1, message };
        let source = included(path, folder).map_err(problem)?;
        let (_, fence) = lines
            .next()
            .filter(|(_, line)| line.starts_with(FENCE))
            .ok_or_else(|| problem("no code block follows on the next line".to_owned()))?;
        push(&mut refreshed, fence);
        let block: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| *line != FENCE).collect();
        if is_whole {
            for line in &source {
                push(&mut refreshed, line);
            }
        } else if block.windows(source.len()).any(|part| part == source) {
            for line in block {
                push(&mut refreshed, line);
            }
        } else {
            return Err(problem(format!(
                "the code block does not contain the current lines of `{path}`: copy these lines"
            )));
        }
        push(&mut refreshed, FENCE);
    }
    Ok(refreshed)
}

/// Returns the path in a comment, and whether the block consists of the lines of this file.
fn shown(line: &str) -> Option<(&str, bool)> {
    let line = line.strip_suffix(END)?;
    let whole = line.strip_prefix(WHOLE).map(|path| (path, true));
    whole.or_else(|| line.strip_prefix(PART).map(|path| (path, false)))
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const PROGRAM: &str = "int before;\n/* ANCHOR: part */\nint x;\n/* ANCHOR_END: part */\n";

    fn refreshed(text: &str) -> Result<String, Problem> {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("docs")).unwrap();
        fs::write(root.path().join("docs/program.c"), PROGRAM).unwrap();
        refresh(root.path(), "docs/page.md", text)
    }

    #[test]
    fn blocks_get_the_lines_of_their_file() {
        for (path, expected) in
            [("program.c", "int before;\nint x;\n"), ("program.c:part", "int x;\n")]
        {
            let old = format!("# Page\n\n<!-- from {path} -->\n```c\nint old;\n```\n\nText.\n");
            let new = format!("# Page\n\n<!-- from {path} -->\n```c\n{expected}```\n\nText.\n");
            assert_eq!(refreshed(&old).unwrap(), new);
            assert_eq!(refreshed(&new).unwrap(), new);
        }
    }

    #[test]
    fn blocks_with_other_lines_stay_unchanged() {
        let text = "<!-- contains program.c:part -->\n```c\n#include <a.h>\nint x;\n```\n";
        assert_eq!(refreshed(text).unwrap(), text);
    }

    #[test]
    fn mistakes_are_errors_with_their_line() {
        for (text, reason) in [
            ("\n<!-- contains program.c:part -->\n```c\nint y;\n```\n", "copy these lines"),
            ("\n<!-- from program.c:part -->\n\n```c\nint x;\n```\n", "no code block follows"),
            ("\n<!-- from absent.c -->\n```c\n```\n", "can't include `absent.c`"),
        ] {
            let problem = refreshed(text).unwrap_err();
            assert_eq!((problem.line, problem.file.as_str()), (2, "docs/page.md"));
            assert!(problem.message.contains(reason), "{problem}");
        }
    }
}
