//! Reads the properties of the whole schema: `bpfmap::schema!`, and the comment at the top of the file.

use std::path::Path;

use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Ident, LitStr, Token};

use super::krate::{Crate, ModuleId, span};
use crate::diagnostics::Finding;
use crate::front;
use crate::front::rust::attributes::doc;
use crate::ir::Schema;
use crate::nearest::nearest;
use crate::rules;
use crate::source::{SourceId, Span, Spanned};

/// Reads the properties of the whole schema from the file of the module `root`.
pub(super) fn read(krate: &Crate, root: ModuleId, schema: &mut Schema) {
    let module = krate.module(root);
    schema.doc = doc(&module.attributes);
    if let Some((place, body)) = &module.schema {
        match (|input: ParseStream<'_>| words(input)).parse2(body.clone()) {
            Ok(words) => {
                for (word, text) in words {
                    let text =
                        Spanned::new(text.value(), span(module.source, text.span(), text.span()));
                    set(krate, module.source, schema, &word, text);
                }
            }
            Err(error) => {
                let error_span = error.span();
                let at = span(module.source, error_span, error_span);
                let at = if at.start == 0 { span(module.source, *place, *place) } else { at };
                krate.report(
                    Finding::new(&rules::ATTRIBUTE_SYNTAX, at, error.to_string())
                        .help("write `bpfmap::schema!(name = \"maps\", min_kernel = \"5.10\");`"),
                );
            }
        }
    }
    if schema.name.value.is_empty() && schema.name.span.source.is_none() {
        let path = krate.sources.borrow().get(module.source).path.clone();
        match name_of(&path) {
            Some(name) => schema.name = name.into(),
            None => krate.report(
                Finding::new(
                    &rules::MISSING_KEY,
                    Span::new(module.source, 0..0),
                    format!(
                        "the schema needs a `name`, because the name of the file `{}` is not an identifier",
                        path.display()
                    ),
                )
                .help("write `bpfmap::schema!(name = \"…\");` at the top of the file"),
            ),
        }
    }
}

fn words(input: ParseStream<'_>) -> syn::Result<Vec<(Ident, LitStr)>> {
    let one = |input: ParseStream<'_>| {
        let word = input.parse::<Ident>()?;
        input.parse::<Token![=]>()?;
        Ok((word, input.parse::<LitStr>()?))
    };
    let all = Punctuated::<_, Token![,]>::parse_terminated_with(input, one)?;
    Ok(all.into_iter().collect())
}

fn set(krate: &Crate, source: SourceId, schema: &mut Schema, word: &Ident, text: Spanned<String>) {
    if word == "name" {
        schema.name = text;
    } else if word == "min_kernel" {
        let kernel = front::kernel_version(&text, |finding| krate.report(finding));
        schema.min_kernel = kernel.or(schema.min_kernel);
    } else {
        let name = word.to_string();
        krate.report(
            Finding::new(
                &rules::UNKNOWN_KEY,
                span(source, word.span(), word.span()),
                format!("a schema has no key `{name}`"),
            )
            .label("unknown key")
            .help(nearest(&name, ["name", "min_kernel"])),
        );
    }
}

/// Returns the name of a schema without an explicit name. This is the name of its file. For `lib.rs`, `main.rs` and
/// `mod.rs`, it is the name of the folder of the package or module.
fn name_of(path: &Path) -> Option<String> {
    let stem = path.file_stem()?.to_str()?;
    let canonical = || path.canonicalize().ok();
    match stem {
        "mod" => front::name_of(canonical()?.parent()?.file_name()?.to_str()?),
        "lib" | "main" => front::name_of(canonical()?.parent()?.parent()?.file_name()?.to_str()?),
        stem => front::name_of(stem),
    }
}
