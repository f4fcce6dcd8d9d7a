//! Reports findings as compiler errors and warnings.

use bpfmap_schema::diagnostics::{Finding, Severity};
use bpfmap_schema::rules::Rule;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use crate::alone::{Alone, Tokens};

/// Returns code that makes the compiler report the findings.
pub(crate) fn report(alone: Alone) -> TokenStream {
    let (findings, tokens) = alone.into_findings();
    findings.iter().map(|finding| say(finding, &tokens)).collect()
}

/// Returns code that makes the compiler report the findings of a refused item. The code does not
/// compile even if another macro with the name `compile_error!` is in scope, because it also
/// contains a constant that fails. The compiler does not report the failing constant if
/// `compile_error!` has already reported an error. `runtime` is the path of the crate `bpfmap`.
pub(crate) fn refuse(alone: Alone, runtime: &TokenStream) -> TokenStream {
    let said = report(alone);
    quote! {
        const _: () = {
            #said
            <() as #runtime::Plain>::PROVER.refused();
        };
    }
}

fn say(finding: &Finding, tokens: &Tokens) -> TokenStream {
    let (first, last) = tokens.at(finding.place.span);
    let text = text(finding);
    match finding.severity() {
        Severity::Error => {
            let mut error = quote_spanned!(first=> ::core::compile_error!);
            error.extend(quote_spanned!(last=> { #text }));
            error
        }
        // A derive macro can only cause a warning by using a deprecated item.
        Severity::Warning => {
            let name = Ident::new(&finding.rule.id.replace('-', "_"), Span::call_site());
            let used = Ident::new(&name.to_string(), first);
            // The constant has the name of the rule, because rustc shows the name in the warning.
            quote! {
                const _: () = {
                    #[allow(non_upper_case_globals)]
                    #[deprecated(note = #text)]
                    const #name: () = ();
                    #used
                };
            }
        }
    }
}

/// Returns the message, notes and help of a finding. The command `bpfmap` prints the same text.
fn text(finding: &Finding) -> String {
    let mut text = finding.message.clone();
    for note in &finding.notes {
        push(&mut text, "note", note);
    }
    if let Some(help) = &finding.help {
        push(&mut text, "help", help);
    }
    push(&mut text, "rule", &format!("{0} (`bpfmap explain {0}`)", finding.rule.id));
    text
}

/// Returns a message, followed by its help and its rule.
pub(crate) fn sentence(message: &str, help: &str, rule: &Rule) -> String {
    let mut text = message.to_owned();
    push(&mut text, "help", help);
    push(&mut text, "rule", &format!("{0} (`bpfmap explain {0}`)", rule.id));
    text
}

/// Appends a line in the format that the compiler uses for notes and help.
fn push(text: &mut String, word: &str, line: &str) {
    text.push_str("\n  = ");
    text.push_str(word);
    text.push_str(": ");
    text.push_str(line);
}

/// Returns code that makes the compiler report that syn could not parse the item.
pub(crate) fn syntax(error: &syn::Error) -> TokenStream {
    error.to_compile_error()
}
