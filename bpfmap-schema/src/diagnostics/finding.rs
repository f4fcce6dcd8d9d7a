//! A diagnostic, which consists of a message, a position and a help.

use std::fmt;

use crate::rules::Rule;
use crate::source::{SourceMap, Span};

/// The severity of a diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The schema is valid, but it probably does not do what its author wants.
    Warning,
    /// The schema is invalid.
    Error,
}

impl Severity {
    /// Returns the name of the severity: `warning` or `error`.
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
    /// The position.
    pub span: Span,
    /// The text of the label, which can be empty.
    pub text: String,
}

/// A diagnostic, which reports that a schema breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that the schema breaks.
    pub rule: &'static Rule,
    /// The message, which is one line of text.
    pub message: String,
    /// The position of the mistake, with a label.
    pub place: Label,
    /// Related positions, each with a label, such as the first declaration of a name.
    pub related: Vec<Label>,
    /// Notes that explain the reason.
    pub notes: Vec<String>,
    /// An instruction that corrects the mistake.
    pub help: Option<String>,
}

impl Finding {
    /// Creates a diagnostic of `rule` at `span`.
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

    /// Sets the label of the position.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.place.text = text.into();
        self
    }

    /// Adds a related position with a label.
    #[must_use]
    pub fn related(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push(Label { span, text: text.into() });
        self
    }

    /// Adds a note that explains the reason.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Sets the help, which is an instruction that corrects the mistake.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Returns the severity of the rule that the schema breaks.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.rule.severity
    }
}

/// The error for an invalid schema. It contains all diagnostics, including warnings, and the source texts.
///
/// The `Display` implementation shows each diagnostic with the source line, in which the position is underlined.
#[derive(Debug, Clone)]
pub struct Rejected {
    /// The source texts of the schema.
    pub sources: SourceMap,
    /// The diagnostics, in the order of their positions. At least one of them is an error.
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
