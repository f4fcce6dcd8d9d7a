//! The context of an item in a derive macro. A derive macro sees only its item and not the
//! surrounding code.

use std::cell::RefCell;

use bpfmap_schema::check::{Checked, check};
use bpfmap_schema::diagnostics::Finding;
use bpfmap_schema::draft::Draft;
use bpfmap_schema::front::rust::{Constant, Context, Meaning, by_its_literals, by_last_segment};
use bpfmap_schema::ir::Int;
use bpfmap_schema::source::{SourceId, SourceMap, Span};
use bpfmap_schema::syntax::Syntax;
use proc_macro2::Span as TokenSpan;

/// The context of an item in a derive macro. It records the positions of tokens, and the findings
/// about the item.
pub(crate) struct Alone {
    source: SourceId,
    /// The first and last tokens of each recorded position. A [`Span`] is an index into this list.
    tokens: RefCell<Vec<(TokenSpan, TokenSpan)>>,
    findings: RefCell<Vec<Finding>>,
}

impl Alone {
    pub(crate) fn new() -> Self {
        Self {
            source: SourceMap::default().add("", ""),
            tokens: RefCell::default(),
            findings: RefCell::default(),
        }
    }

    /// Checks a draft with the rules for schemas, and adds the results to the findings.
    pub(crate) fn check(&self, draft: Draft) -> Option<Checked> {
        let checked = check(Draft { open: true, syntax: Syntax::Rust, ..draft });
        let found = match &checked {
            Ok(checked) => checked.warnings(),
            Err(rejected) => &rejected.findings,
        };
        self.findings.borrow_mut().extend_from_slice(found);
        checked.ok()
    }

    pub(crate) fn into_findings(self) -> (Vec<Finding>, Tokens) {
        (self.findings.into_inner(), Tokens(self.tokens.into_inner()))
    }
}

/// The tokens of the item. A [`Span`] is an index into this list.
pub(crate) struct Tokens(Vec<(TokenSpan, TokenSpan)>);

impl Tokens {
    /// Returns the first and the last token at `span`.
    pub(crate) fn at(&self, span: Span) -> (TokenSpan, TokenSpan) {
        let nowhere = (TokenSpan::call_site(), TokenSpan::call_site());
        if span.source.is_none() {
            return nowhere;
        }
        let first = self.0.get(span.start).unwrap_or(&nowhere).0;
        let last = self.0.get(span.end.saturating_sub(1)).unwrap_or(&nowhere).1;
        (first, last)
    }
}

impl Context for Alone {
    fn span(&self, first: TokenSpan, last: TokenSpan) -> Span {
        let mut tokens = self.tokens.borrow_mut();
        let start = tokens.len();
        tokens.push((first, last));
        Span::new(self.source, start..start + 1)
    }

    fn resolve(&self, path: &syn::Path) -> Meaning {
        by_last_segment(path)
    }

    fn constant(&self, expression: &syn::Expr, int: Option<Int>) -> Constant {
        by_its_literals(expression, int)
    }

    fn report(&self, finding: Finding) {
        self.findings.borrow_mut().push(finding);
    }
}
