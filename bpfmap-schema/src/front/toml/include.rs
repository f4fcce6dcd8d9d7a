//! Reads files and the files that they include.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::memory::is_too_much;
use super::schema::{self, Top};
use crate::diagnostics::Finding;
use crate::draft::Draft;
use crate::input;
use crate::ir::Include;
use crate::rules;
use crate::source::{SourceId, Span};

/// The maximum size of a schema file, in bytes. A schema with a thousand maps and a thousand structs has about 300,000
/// bytes.
pub const MAX_FILE_SIZE: u64 = 4 << 20;

/// The maximum total size of a schema and all files that it includes, in bytes.
const MAX_TEXT: u64 = 16 << 20;

/// The maximum nesting depth of includes.
const MAX_INCLUDE_DEPTH: usize = 32;

/// Reads a file and all files that it includes into one draft.
#[derive(Default)]
pub(super) struct Reader {
    draft: Draft,
    /// The files that are being read. Each file is included by the previous file in the list.
    stack: Vec<Including>,
    /// The files that have been read completely. The key is the canonical path of a file, and the value is the index of
    /// the file among the included schemas.
    done: HashMap<PathBuf, Option<usize>>,
    /// The number of bytes read so far.
    taken: u64,
}

struct Including {
    canonical: PathBuf,
    /// The path of the file, as shown to the user.
    path: PathBuf,
    /// The position of the `include` in the previous file.
    span: Span,
}

impl Reader {
    pub(super) fn read_file(mut self, path: &Path) -> Draft {
        self.file(path, Span::NONE);
        self.draft
    }

    pub(super) fn read_str(mut self, path: &Path, text: &str) -> Draft {
        let canonical = canonical(path);
        self.stack.push(Including { canonical, path: path.to_owned(), span: Span::NONE });
        self.text(path, text);
        self.draft
    }

    /// Reads the file `path`, which is included at `span`. Returns the index of the file among the included schemas.
    fn file(&mut self, path: &Path, span: Span) -> Option<usize> {
        let canonical = canonical(path);
        let is_direct = self.stack.len() == 1;
        if let Some(include) = self.done.get(&canonical) {
            if let Some(index) = include {
                self.draft.schema.includes[*index].is_direct |= is_direct;
            }
            return *include;
        }
        if let Some(first) = self.stack.iter().position(|file| file.canonical == canonical) {
            self.report_cycle(first, path, span);
            return None;
        }
        if self.stack.len() >= MAX_INCLUDE_DEPTH {
            self.draft.findings.push(
                Finding::new(
                    &rules::INCLUDE_CYCLE,
                    span,
                    format!("includes are nested more than {MAX_INCLUDE_DEPTH} levels deep"),
                )
                .help("include the files directly instead of through other files"),
            );
            return None;
        }
        // A schema must not make bpfmap read arbitrary files, because its author might not be allowed to read them.
        let read = if self.stack.is_empty() {
            input::read_given(path, MAX_FILE_SIZE)
        } else {
            input::read_named(path, "toml", MAX_FILE_SIZE)
        };
        let bytes = match read.and_then(|bytes| self.take(bytes)) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.draft.findings.push(
                    Finding::new(
                        &rules::UNREADABLE_SOURCE,
                        span,
                        format!("can't read `{}`: {error}", path.display()),
                    )
                    .help("write the path of a readable file"),
                );
                return None;
            }
        };
        self.stack.push(Including { canonical: canonical.clone(), path: path.to_owned(), span });
        let include = match String::from_utf8(bytes) {
            Ok(text) => self.text(path, &text),
            Err(error) => {
                self.report_not_utf8(path, &error);
                None
            }
        };
        self.stack.pop();
        self.done.insert(canonical, include);
        include
    }

    fn take(&mut self, bytes: Vec<u8>) -> std::io::Result<Vec<u8>> {
        self.taken += bytes.len() as u64;
        if self.taken <= MAX_TEXT {
            return Ok(bytes);
        }
        let limit = MAX_TEXT >> 20;
        Err(std::io::Error::other(format!(
            "a schema and its includes can have at most {limit} MiB of TOML"
        )))
    }

    pub(super) fn read_syntax(mut self, path: &Path, text: &str) -> Draft {
        if let Some(id) = self.source(path, text) {
            self.draft.findings.extend(schema::read_syntax(id, text));
        }
        self.draft
    }

    /// Adds a text to the sources of the draft. If reading the text would take too much memory,
    /// reports an error and returns `None`.
    fn source(&mut self, path: &Path, text: &str) -> Option<SourceId> {
        let id = self.draft.schema.sources.add(path, text);
        if is_too_much(text) {
            self.draft.findings.push(
                Finding::new(
                    &rules::UNREADABLE_SOURCE,
                    Span::new(id, 0..0),
                    "this file is too large for a schema",
                )
                .label("this file is not read")
                .help(
                    "split the file into several schemas that include a schema with the shared \
                     types",
                ),
            );
            return None;
        }
        Some(id)
    }

    /// Reads a file and then the files that it includes. Returns the index of the file among the included schemas.
    fn text(&mut self, path: &Path, text: &str) -> Option<usize> {
        let id = self.source(path, text)?;
        let is_root = self.stack.len() == 1;
        let types_before = self.draft.schema.types.len();
        let Top { name, includes } = schema::read(&mut self.draft, id, path, text, is_root);
        // In the schema, the types of an included file come first. But a file is read before the files that it
        // includes.
        let mut own = self.draft.schema.types.split_off(types_before);
        let folder = path.parent().unwrap_or(Path::new(""));
        let includes: Vec<usize> = includes
            .iter()
            .filter_map(|include| self.file(&folder.join(&include.value), include.span))
            .collect();
        let include = (!is_root).then(|| {
            let Including { span, .. } = self.stack[self.stack.len() - 1];
            let is_direct = self.stack.len() == 2;
            let include = Include { name, source: id, span, is_direct, includes };
            self.draft.schema.includes.push(include);
            self.draft.schema.includes.len() - 1
        });
        for def in &mut own {
            def.include = include;
        }
        self.draft.schema.types.extend(own);
        include
    }

    fn report_cycle(&mut self, first: usize, path: &Path, span: Span) {
        let chain: Vec<String> = self.stack[first..]
            .iter()
            .map(|file| file.path.display().to_string())
            .chain([path.display().to_string()])
            .collect();
        let mut finding = Finding::new(
            &rules::INCLUDE_CYCLE,
            span,
            format!("`{}` includes itself", self.stack[first].path.display()),
        )
        .label("closes the cycle")
        .note(format!("the cycle is {}", chain.join(" -> ")))
        .help("move the shared types to a separate file without includes");
        for file in &self.stack[first + 1..] {
            finding = finding.related(file.span, "included here");
        }
        self.draft.findings.push(finding);
    }

    fn report_not_utf8(&mut self, path: &Path, error: &std::string::FromUtf8Error) {
        let start = error.utf8_error().valid_up_to();
        // Up to the first invalid byte, offsets in the text and in the bytes are the same.
        let text = String::from_utf8_lossy(error.as_bytes());
        let end = start + char::REPLACEMENT_CHARACTER.len_utf8();
        let id = self.draft.schema.sources.add(path, text);
        self.draft.findings.push(
            Finding::new(
                &rules::UNREADABLE_SOURCE,
                Span::new(id, start..end),
                format!("`{}` is not UTF-8 text", path.display()),
            )
            .label(format!("byte {start} of the file is not part of a character"))
            .help("save the file as UTF-8"),
        );
    }
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
