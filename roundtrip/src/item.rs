//! Types for a schema under test, for the stages of the test, and for a failure in a stage.

use std::fmt;
use std::path::PathBuf;

use bpfmap_schema::check::{Checked, check};
use bpfmap_schema::front::toml::read_str;
use bpfmap_schema::ir::Schema;
use bpfmap_schema::print;

/// The stages, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Stage {
    Check,
    Program,
    Verify,
    Import,
    Convert,
    HeaderOfRust,
    FixtureProgram,
    Shared,
    SharedPrograms,
    Rust,
    SharedRust,
    SharedFixtures,
    RustDocs,
    DocTests,
    Derives,
    FixtureTests,
    FixtureTestsOfDerives,
    Kernel,
}

impl Stage {
    pub(crate) const ALL: &'static [Self] = &[
        Self::Check,
        Self::Program,
        Self::Verify,
        Self::Import,
        Self::Convert,
        Self::HeaderOfRust,
        Self::FixtureProgram,
        Self::Shared,
        Self::SharedPrograms,
        Self::Rust,
        Self::SharedRust,
        Self::SharedFixtures,
        Self::RustDocs,
        Self::DocTests,
        Self::Derives,
        Self::FixtureTests,
        Self::FixtureTestsOfDerives,
        Self::Kernel,
    ];
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Check => "the printed schema can be read and checked",
            Self::Program => "the header compiles in a program",
            Self::Verify => "`verify` finds no difference in the object",
            Self::Import => "`import` of the object returns the schema",
            Self::Convert => "`convert` writes Rust that can be read and checked",
            Self::HeaderOfRust => "the Rust schema has the same header",
            Self::FixtureProgram => "the fixture's program compiles",
            Self::Shared => {
                "the schema breaks no rule when it is divided into schemas that include each other"
            }
            Self::SharedPrograms => {
                "the headers of the divided schemas compile in one program, in C and C++"
            }
            Self::Rust => "the generated Rust compiles",
            Self::SharedRust => "the Rust modules of the divided schemas compile in one program",
            Self::SharedFixtures => "the fixture tests of the divided schemas compile",
            Self::RustDocs => "rustdoc accepts the generated Rust without warnings",
            Self::DocTests => "the docs contain no failing doctest",
            Self::Derives => "the converted Rust compiles with the derives",
            Self::FixtureTests => "the fixture's tests compile",
            Self::FixtureTestsOfDerives => "the fixture's tests compile with the derives",
            Self::Kernel => "the fixture passes on this kernel",
        })
    }
}

/// The reason why a schema fails in a stage.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) stage: Stage,
    pub(crate) text: String,
}

impl Failure {
    pub(crate) fn new(stage: Stage, text: impl Into<String>) -> Self {
        Self { stage, text: text.into() }
    }

    /// Returns a text that is the same for all failures with the same cause. The text consists of
    /// the stage and the first line that contains an error. Names and numbers in this line are left
    /// out.
    pub(crate) fn signature(&self) -> String {
        let first = |line: &&str| line.contains("error") || line.contains("panicked");
        let lines: Vec<&str> = self.text.lines().collect();
        let at = lines.iter().position(first).unwrap_or_default();
        // The first line of a panic contains the location, and the next line contains the message.
        let at = if lines.get(at).is_some_and(|line| line.contains("panicked at")) {
            at + 1
        } else {
            at
        };
        let line = lines.get(at).unwrap_or(&"");
        // A compiler's message follows `error:` or `error[E0308]:`.
        let is_a_compilers = |at: &usize| line[at + "error".len()..].starts_with([':', '[']);
        let at = line.match_indices("error").map(|(at, _)| at).filter(is_a_compilers).last();
        let line = at.map_or(*line, |at| &line[at + "error".len()..]);
        let mut text = String::new();
        let mut quoted = false;
        let mut before = ' ';
        for (at, character) in line.char_indices() {
            let in_word = before.is_alphanumeric()
                && line[at + character.len_utf8()..].starts_with(char::is_alphanumeric);
            match character {
                '\'' if in_word => text.push(character),
                '`' | '\'' | '"' => quoted = !quoted,
                _ if quoted || character.is_ascii_digit() => {}
                _ => text.push(character),
            }
            before = character;
        }
        format!("{}: {}", self.stage, text.trim())
    }
}

/// A schema, and the directory with all files that are generated from it.
pub(crate) struct Item {
    /// The name of the schema in reports and file names.
    pub(crate) id: String,
    pub(crate) folder: PathBuf,
    /// The schema as TOML, from which all files are generated.
    pub(crate) text: String,
    /// The schema as it was written, before the check added defaults.
    pub(crate) written: Schema,
    pub(crate) checked: Checked,
}

impl Item {
    /// Prints a schema as TOML, and reads the text again.
    pub(crate) fn new(id: String, folder: PathBuf, schema: &Schema) -> Result<Self, Failure> {
        let text = print::toml::print(schema);
        let draft = read_str(&folder.join("schema.toml"), &text);
        let written = draft.schema.clone();
        match check(draft) {
            Ok(checked) => Ok(Self { id, folder, text, written, checked }),
            Err(rejected) => Err(Failure::new(Stage::Check, format!("{rejected}"))),
        }
    }

    /// Returns the path of the file `name` in the directory of the schema.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn name(&self) -> &str {
        &self.checked.schema().name.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_with_the_same_cause_have_the_same_signature() {
        let failure = |text: &str| Failure::new(Stage::Rust, text).signature();
        let clang = |name: &str| {
            format!("exit status: 1: in {name}.h\n{name}.h:7:1: error: `{name}` is no type")
        };
        assert_eq!(failure(&clang("one")), failure(&clang("two")));
        assert_ne!(failure(&clang("one")), failure("error: something else"));
        let panic = |line: u32, what: &str| {
            format!("thread 's{line}' panicked at src/a.rs:{line}:1:\n{what}\n")
        };
        assert_eq!(failure(&panic(1, "no entry")), failure(&panic(2, "no entry")));
        assert_ne!(failure(&panic(1, "no entry")), failure(&panic(1, "no map")));
        // The signature contains the message of the panic. An apostrophe is not a quotation mark,
        // and "os error 2" is not a compiler error.
        let said = failure(&panic(1, "the fixture's maps load: Error: No such file (os error 2)"));
        assert!(
            said.ends_with("the fixture's maps load: Error: No such file (os error )"),
            "{said}"
        );
    }
}
