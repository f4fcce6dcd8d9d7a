//! Code blocks, and the meaning of their info strings.

use pulldown_cmark::{CodeBlockKind, Event, Tag, TagEnd};

use crate::chapter::Chapter;
use crate::markdown::parser;
use crate::problem::{Problem, Problems};

/// A code block of a chapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The line of the block's fence in the file.
    pub line: usize,
    /// How the tests of the book treat the block.
    pub kind: Kind,
    /// The content of the block.
    pub text: String,
}

/// How the tests of the book treat a code block. The info string of the block determines the kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `toml`: a schema without errors.
    Schema,
    /// `toml error=RULE`: a schema that breaks this rule and no other.
    BrokenSchema {
        /// The id of the rule.
        rule: String,
    },
    /// `rust`: a documentation test, with attributes such as `no_run`.
    Rust {
        /// The attributes of rustdoc.
        attributes: Vec<String>,
    },
    /// `c`: a BPF program.
    Program,
    /// `c user`: an application.
    Application,
    /// `sh`: commands that must succeed.
    Commands(Place),
    /// `console`: commands with their output.
    Session(Place),
    /// `yaml`: a document in YAML.
    Yaml,
    /// `text`: anything else.
    Text,
    /// `LANGUAGE file=NAME`: a file in the directory of the chapter, for the chapter's commands.
    File {
        /// The language.
        language: String,
        /// The path of the file in the directory.
        name: String,
    },
}

/// The place where commands run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The commands run on this machine, in a directory for the chapter.
    Here,
    /// `vm`: the commands run on this machine and boot kernels.
    Kernels,
    /// `install`: the commands would change the machine, so only their syntax is checked.
    Nowhere,
}

/// The attributes of rustdoc that a Rust block can have, in addition to an error code such as
/// `E0277`.
const RUST_ATTRIBUTES: &[&str] = &["no_run", "compile_fail", "should_panic"];

/// The beginning of an HTML comment whose content is run, but not shown to readers: `<!-- run sh`.
const HIDDEN: &str = "<!-- run ";

/// Returns the code blocks of a chapter in their order, including hidden blocks.
///
/// # Errors
///
/// Fails if a block has no info string, or an unknown info string.
pub fn blocks(chapter: &Chapter) -> Result<Vec<Block>, Problems> {
    let (mut found, mut problems) = (vec![], vec![]);
    let mut open: Option<(usize, Result<Kind, String>, String)> = None;
    let mut comment: Option<(usize, String)> = None;
    for (event, range) in parser(&chapter.text).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                open = Some((range.start, kind(&info), String::new()));
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => {
                let message = "an indented code block has no info string: use a fenced code block";
                problems.push(chapter.problem(range.start, message));
            }
            Event::Text(text) => {
                if let Some((_, _, content)) = &mut open {
                    content.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((start, kind, text)) = open.take() {
                    push(chapter, start, kind, text, &mut found, &mut problems);
                }
            }
            Event::Start(Tag::HtmlBlock) => comment = Some((range.start, String::new())),
            Event::Html(html) => {
                if let Some((_, content)) = &mut comment {
                    content.push_str(&html);
                }
            }
            Event::End(TagEnd::HtmlBlock) => {
                let hidden = comment.take().and_then(|(start, html)| {
                    let (info, rest) = html.strip_prefix(HIDDEN)?.split_once('\n')?;
                    let text = rest.trim_end().strip_suffix("-->")?;
                    Some((start, kind(info), text.to_owned()))
                });
                if let Some((start, kind, text)) = hidden {
                    push(chapter, start, kind, text, &mut found, &mut problems);
                }
            }
            _ => {}
        }
    }
    Problems(problems).into_result()?;
    Ok(found)
}

/// Returns whether an HTML comment is a hidden block.
pub(crate) fn is_hidden(html: &str) -> bool {
    html.starts_with(HIDDEN)
}

fn push(
    chapter: &Chapter,
    start: usize,
    kind: Result<Kind, String>,
    text: String,
    found: &mut Vec<Block>,
    problems: &mut Vec<Problem>,
) {
    match kind {
        Ok(kind) => found.push(Block { line: chapter.line(start), kind, text }),
        Err(message) => problems.push(chapter.problem(start, message)),
    }
}

/// Returns the meaning of an info string.
fn kind(info: &str) -> Result<Kind, String> {
    let mut words = info.split_whitespace();
    let first = words.next().ok_or(
        "a code block needs an info string, such as `toml`, `rust`, `c`, `sh`, `console` or `text`",
    )?;
    let mut attributes = first.split(',');
    let language = attributes.next().unwrap_or_default().to_owned();
    let attributes: Vec<String> = attributes.map(str::to_owned).collect();
    let options: Vec<&str> = words.collect();
    if let Some(name) = options.iter().find_map(|option| option.strip_prefix("file=")) {
        let is_inside = !name.is_empty()
            && !name.starts_with('/')
            && name.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !is_inside {
            return Err(format!("`file={name}` is not a path in the directory of the chapter"));
        }
        if options.len() > 1 || !attributes.is_empty() {
            return Err(format!("`file={name}` can't be combined with other words or attributes"));
        }
        return Ok(Kind::File { language, name: name.to_owned() });
    }
    if language != "rust" && !attributes.is_empty() {
        return Err(format!(
            "a `{language}` block can't have attributes after a comma: only `rust` can"
        ));
    }
    let unknown = || {
        Err(format!("unknown info string `{info}`; CONTRIBUTING.md lists the known info strings"))
    };
    let place = match options[..] {
        [] => Some(Place::Here),
        ["vm"] => Some(Place::Kernels),
        ["install"] => Some(Place::Nowhere),
        _ => None,
    };
    Ok(match (language.as_str(), &options[..], place) {
        ("toml", [], _) => Kind::Schema,
        ("toml", [option], _) => match option.strip_prefix("error=") {
            Some(rule) => Kind::BrokenSchema { rule: rule.to_owned() },
            None => return unknown(),
        },
        ("rust", [], _) => {
            let known = |attribute: &String| {
                let code = attribute.strip_prefix('E').unwrap_or_default();
                RUST_ATTRIBUTES.contains(&attribute.as_str())
                    || code.len() == 4 && code.bytes().all(|byte| byte.is_ascii_digit())
            };
            if let Some(attribute) = attributes.iter().find(|attribute| !known(attribute)) {
                return Err(format!("a Rust block can't have the attribute `{attribute}`"));
            }
            Kind::Rust { attributes }
        }
        ("c", [], _) => Kind::Program,
        ("c", ["user"], _) => Kind::Application,
        ("sh", _, Some(place)) => Kind::Commands(place),
        ("console", _, Some(place)) => Kind::Session(place),
        ("yaml", [], _) => Kind::Yaml,
        ("text", [], _) => Kind::Text,
        _ => return unknown(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn of(text: &str) -> Result<Vec<Block>, Problems> {
        blocks(&Chapter::new(Path::new("."), "docs/page.md", text).unwrap())
    }

    #[test]
    fn each_info_string_has_its_meaning() {
        let place = [("", Place::Here), (" vm", Place::Kernels), (" install", Place::Nowhere)];
        let mut expected = vec![
            ("toml".to_owned(), Kind::Schema),
            ("toml error=key-size".to_owned(), Kind::BrokenSchema { rule: "key-size".to_owned() }),
            ("rust".to_owned(), Kind::Rust { attributes: vec![] }),
            (
                "rust,compile_fail,E0277".to_owned(),
                Kind::Rust { attributes: vec!["compile_fail".to_owned(), "E0277".to_owned()] },
            ),
            ("c".to_owned(), Kind::Program),
            ("c user".to_owned(), Kind::Application),
            ("yaml".to_owned(), Kind::Yaml),
            ("text".to_owned(), Kind::Text),
            (
                "make file=Makefile".to_owned(),
                Kind::File { language: "make".to_owned(), name: "Makefile".to_owned() },
            ),
        ];
        for (option, place) in place {
            expected.push((format!("sh{option}"), Kind::Commands(place)));
            expected.push((format!("console{option}"), Kind::Session(place)));
        }
        for (info, expected) in expected {
            assert_eq!(kind(&info), Ok(expected), "{info}");
        }
    }

    #[test]
    fn other_info_strings_are_errors() {
        for info in [
            "",
            "python",
            "toml warning=x",
            "rust,ignore",
            "rust,no_run file=x.rs",
            "c,user",
            "c kernel",
            "sh root",
            "text vm",
            "toml file=/etc/x",
            "toml file=../x",
            "toml file=",
        ] {
            assert!(kind(info).is_err(), "{info}");
        }
        let problems = of("# Page\n\n```\nx\n```\n\n    indented\n").unwrap_err().0;
        assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [3, 7]);
    }

    #[test]
    fn blocks_are_found_with_their_lines_and_texts() {
        let text = "# Page\n\n```text\n# no title\n```\n\n<!-- run sh\ntrue\n-->\n\n- item\n\n  ```sh\n  ls\n  ```\n\n<!-- a comment -->\n";
        let found = of(text).unwrap();
        let expected = [
            Block { line: 3, kind: Kind::Text, text: "# no title\n".to_owned() },
            Block { line: 7, kind: Kind::Commands(Place::Here), text: "true\n".to_owned() },
            Block { line: 13, kind: Kind::Commands(Place::Here), text: "ls\n".to_owned() },
        ];
        assert_eq!(found, expected);
    }
}
