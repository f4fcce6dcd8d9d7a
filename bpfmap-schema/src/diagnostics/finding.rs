//! A diagnostic: a mistake, its position, and what to do about it.

use std::fmt;

use crate::rules::Rule;
use crate::source::{SourceMap, Span};

/// The severity of a diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The schema is valid, but may not do what its author wants.
    Warning,
    /// The schema is not valid.
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

/// A position in a source, with a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// The label, which may be empty.
    pub text: String,
}

/// A diagnostic of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that was broken.
    pub rule: &'static Rule,
    /// The message: one line with the names in it.
    pub message: String,
    /// Where.
    pub place: Label,
    /// Related positions, such as the first definition of a name.
    pub related: Vec<Label>,
    /// The reason, if the message does not explain it.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
}

impl Finding {
    /// Returns a diagnostic of `rule` at `span`.
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

    /// Sets the label of the underlined text.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.place.text = text.into();
        self
    }

    /// Adds a related position.
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

    /// Returns the severity of its rule.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.rule.severity
    }
}

/// The error for an invalid schema: all its diagnostics, including warnings, and the source texts.
///
/// Its `Display` shows each diagnostic with the underlined source line.
#[derive(Debug, Clone)]
pub struct Rejected {
    /// The texts.
    pub sources: SourceMap,
    /// The diagnostics, in the order of the text. At least one is an error.
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
