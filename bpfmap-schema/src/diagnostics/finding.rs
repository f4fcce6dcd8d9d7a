//! A mistake, where it stands, and what to do about it.

use std::fmt;

use crate::rules::Rule;
use crate::source::{SourceMap, Span};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The schema stands, but it may not do what its author wants.
    Warning,
    /// The schema can't be used.
    Error,
}

impl Severity {
    /// Returns its name: `warning`, `error`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A place in a source and what is to be said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What it has to do with the finding; may be empty.
    pub text: String,
}

/// One thing that a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that was broken.
    pub rule: &'static Rule,
    /// What is wrong. One line, which names the thing it speaks of.
    pub message: String,
    /// Where.
    pub place: Label,
    /// Other places that take part: where the same name was defined first, say.
    pub related: Vec<Label>,
    /// Why it is wrong, where the message alone leaves that open.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
}

impl Finding {
    /// Returns a finding of `rule` at `span`.
    pub fn new(rule: &'static Rule, span: Span, message: impl Into<String>) -> Self {
        Self {
            rule,
            message: message.into(),
            place: Label { span, text: String::new() },
            related: Vec::new(),
            notes: Vec::new(),
            help: None,
        }
    }

    /// Writes `text` beside the underlined place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.place.text = text.into();
        self
    }

    /// Shows another place.
    #[must_use]
    pub fn related(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push(Label { span, text: text.into() });
        self
    }

    /// Says why.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Returns how bad it is: as bad as its rule says.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.rule.severity
    }
}

/// Why a schema can't be used: all that was found in it, warnings too, and the texts that the
/// findings point into.
///
/// Its `Display` shows each finding with the underlined source line.
#[derive(Debug, Clone)]
pub struct Rejected {
    /// The texts.
    pub sources: SourceMap,
    /// What was found, in the order of the text. At least one is an error.
    pub findings: Vec<Finding>,
}

impl fmt::Display for Rejected {
    #[cfg(feature = "render")]
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&super::render(&self.findings, &self.sources, super::Style::Plain))
    }

    #[cfg(not(feature = "render"))]
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(
                formatter,
                "{}[{}]: {}",
                finding.severity().name(),
                finding.rule.id,
                finding.message
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for Rejected {}
