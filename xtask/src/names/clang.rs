//! Determines the words in a header, and the declarations that clang rejects after this header.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use bpfmap_schema::taken::Namespace;

use crate::Error;
use crate::step::output;

/// A compiler, and the headers that it includes.
pub(super) struct Clang {
    program: &'static str,
    /// The directories of the headers.
    folders: Vec<PathBuf>,
    prelude: String,
}

/// A macro.
pub(super) struct Macro {
    /// Whether it has parameters.
    pub(super) has_parameters: bool,
    /// Whether it only expands to its own name.
    pub(super) is_itself: bool,
}

impl Clang {
    pub(super) fn new(program: &'static str, folders: &[PathBuf], prelude: &str) -> Self {
        Self { program, folders: folders.to_vec(), prelude: prelude.to_owned() }
    }

    /// Returns the version of the compiler.
    pub(super) fn version(&self) -> Result<String, Error> {
        let version = output(Command::new(self.program).arg("-dumpversion"))?;
        Ok(version.trim().to_owned())
    }

    /// Returns the macros that are defined after the headers.
    pub(super) fn macros(&self) -> Result<BTreeMap<String, Macro>, Error> {
        let text = self.preprocess(&["-dM"])?;
        Ok(text.lines().filter_map(read_macro).collect())
    }

    /// Returns every word in the headers, including the names of macros.
    pub(super) fn words(&self) -> Result<BTreeSet<String>, Error> {
        let text = self.preprocess(&["-P"])?;
        let mut words: BTreeSet<String> = identifiers(&text).map(str::to_owned).collect();
        words.extend(self.macros()?.into_keys());
        Ok(words)
    }

    fn preprocess(&self, options: &[&str]) -> Result<String, Error> {
        let mut command = self.command();
        command.arg("-E").args(options);
        let (text, said) = feed(command, &self.prelude)?;
        if text.is_empty() { Err(said.into()) } else { Ok(text) }
    }

    /// Returns the words in `words` that can't be declared in `space`.
    pub(super) fn refused(
        &self,
        space: Namespace,
        words: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>, Error> {
        self.failing(words, |at, word| declaration(space, at, word))
    }

    /// Returns the words in `words` for which the code from `line` does not compile.
    pub(super) fn failing(
        &self,
        words: &BTreeSet<String>,
        line: impl Fn(usize, &str) -> String,
    ) -> Result<BTreeSet<String>, Error> {
        let mut failed = BTreeSet::new();
        let mut rest: Vec<&String> = words.iter().collect();
        loop {
            // An error may swallow the next line, so a declaration that belongs to no word follows
            // each line.
            let mut lines = String::new();
            for (at, word) in rest.iter().enumerate() {
                let _ = writeln!(lines, "{}\nextern int bpfmap_between_{at};", line(at, word));
            }
            let text = format!("{}\n#line 1 \"words\"\n{lines}", self.prelude);
            let mut command = self.command();
            command.args(["-fsyntax-only", "-ferror-limit=0", "-fno-caret-diagnostics"]);
            let (_, said) = feed(command, &text)?;
            let at: BTreeSet<usize> =
                said.lines().filter_map(error_line).map(|line| (line - 1) / 2).collect();
            if at.is_empty() {
                return if said.contains("error") { Err(said.into()) } else { Ok(failed) };
            }
            failed.extend(at.iter().filter_map(|at| rest.get(*at)).map(|word| (*word).clone()));
            // An error may have hidden other errors.
            rest.retain(|word| !failed.contains(*word));
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command.args(["-target", "bpf", "-D__TARGET_ARCH_x86", "-O2", "-g", "-nostdlibinc"]);
        command.args(["-Wall", "-Wextra", "-Werror", "-x", "c"]);
        for folder in &self.folders {
            command.arg("-I").arg(folder);
        }
        command
    }
}

/// Returns a declaration of `word` in the form that generated headers use.
fn declaration(space: Namespace, at: usize, word: &str) -> String {
    match space {
        Namespace::Tag => format!("struct {word} {{ int bpfmap_member; }};"),
        Namespace::Variable => {
            format!(
                "struct {{ int (*type)[1]; }} {word} __attribute__((section(\".maps\"), used));"
            )
        }
        Namespace::Constant => format!("enum bpfmap_enum_{at} {{ {word} = 1 }};"),
        Namespace::Typedef => format!("typedef struct bpfmap_struct {word};"),
        Namespace::Function => format!(
            "static inline __attribute__((always_inline, unused)) int {word}(void) {{ return 0; }}"
        ),
        Namespace::Member => format!("struct bpfmap_struct_{at} {{ int {word}; }};"),
    }
}

/// Runs a compiler on `text`. Returns its standard output and its messages.
fn feed(mut command: Command, text: &str) -> Result<(String, String), Error> {
    let mut child = command
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let mut input = child.stdin.take().ok_or("clang has no standard input")?;
    let output = std::thread::scope(|scope| {
        // clang may write before it has read everything.
        let writer = scope.spawn(move || input.write_all(text.as_bytes()));
        let output = child.wait_with_output();
        // If clang gives up early, its output contains the reason.
        let _ = writer.join();
        output
    })?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok((text(output.stdout), text(output.stderr)))
}

/// Returns the line number of an error such as `words:12:8: error: …`.
fn error_line(text: &str) -> Option<usize> {
    let (line, rest) = text.strip_prefix("words:")?.split_once(':')?;
    rest.contains(" error: ").then(|| line.parse().ok())?
}

/// Parses `#define NAME(parameters) body`.
fn read_macro(line: &str) -> Option<(String, Macro)> {
    let rest = line.strip_prefix("#define ")?;
    let name = identifiers(rest).next()?;
    let rest = &rest[name.len()..];
    let is_itself = rest.trim() == name;
    Some((name.to_owned(), Macro { has_parameters: rest.starts_with('('), is_itself }))
}

fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_'))
}

/// Returns every string in a compiler that could be a word. These include the names of everything
/// that is built in.
pub(super) fn strings(program: &str) -> Result<BTreeSet<String>, Error> {
    let path =
        output(Command::new("sh").args(["-c", "readlink -f \"$(command -v \"$0\")\"", program]))?;
    let path = path.trim();
    let libraries = output(Command::new("ldd").arg(path))?;
    let libraries = libraries.lines().filter_map(|line| line.split_whitespace().nth(2));
    let libraries = libraries.filter(|library| library.contains("clang"));
    let mut words = BTreeSet::new();
    for file in std::iter::once(path).chain(libraries) {
        let data = fs::read(file).map_err(|error| format!("{file}: {error}"))?;
        let strings =
            data.split(|byte| *byte == 0).filter_map(|text| std::str::from_utf8(text).ok());
        let strings = strings.filter(|text| text.len() < 64 && identifiers(text).eq([*text]));
        words.extend(strings.map(str::to_owned));
    }
    Ok(words)
}
