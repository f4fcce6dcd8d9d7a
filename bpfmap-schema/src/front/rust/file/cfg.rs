//! Evaluates `cfg` and `cfg_attr`, as far as their conditions are known.

use proc_macro2::{Span as TokenSpan, TokenStream};
use quote::ToTokens as _;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Attribute, DeriveInput, Fields, Ident, Meta, Token};

use crate::front::rust::cfg::{Cfg, Truth};

/// A condition whose value is unknown.
pub(super) struct Doubt {
    /// The first token of the condition.
    pub(super) first: TokenSpan,
    pub(super) last: TokenSpan,
    /// The unknown part of the condition, such as `feature = "ipv6"`.
    pub(super) unknown: String,
}

/// The conditions of one build, and the unknown conditions that were found.
pub(super) struct Conditions<'c> {
    cfg: &'c Cfg,
    doubts: Vec<Doubt>,
}

impl<'c> Conditions<'c> {
    pub(super) fn new(cfg: &'c Cfg) -> Self {
        Self { cfg, doubts: Vec::new() }
    }

    /// Returns the unknown conditions that were found so far.
    pub(super) fn into_doubts(self) -> Vec<Doubt> {
        self.doubts
    }

    /// Replaces each `cfg_attr` with its attributes if its condition is not false, and removes it otherwise. Returns
    /// whether the item with the attributes is a part of the build. Unknown conditions count as true and are recorded.
    pub(super) fn apply(&mut self, attributes: &mut Vec<Attribute>) -> bool {
        let mut applied = Vec::with_capacity(attributes.len());
        for attribute in attributes.drain(..) {
            if attribute.path().is_ident("cfg_attr") {
                let Ok((condition, conditional)) =
                    attribute.parse_args_with(|input: ParseStream<'_>| self.cfg_attr(input))
                else {
                    continue;
                };
                if condition.truth == Truth::Unknown && conditional.iter().any(matters) {
                    self.doubt(&attribute, &condition);
                }
                if condition.truth != Truth::False {
                    let conditional = conditional.into_iter();
                    applied.extend(conditional.map(|meta| Attribute { meta, ..attribute.clone() }));
                }
            } else {
                applied.push(attribute);
            }
        }
        *attributes = applied;
        let mut is_there = true;
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")) {
            let Ok(condition) =
                attribute.parse_args_with(|input: ParseStream<'_>| self.condition(input))
            else {
                continue;
            };
            is_there &= condition.truth != Truth::False;
            if condition.truth == Truth::Unknown {
                self.doubt(attribute, &condition);
            }
        }
        is_there
    }

    fn doubt(&mut self, attribute: &Attribute, condition: &Condition) {
        let mut tokens = attribute.to_token_stream().into_iter().map(|token| token.span());
        let first = tokens.next().unwrap_or_else(TokenSpan::call_site);
        let last = tokens.last().unwrap_or(first);
        self.doubts.push(Doubt { first, last, unknown: condition.unknown.clone() });
    }

    /// Removes the fields and variants of `input` that are not a part of the build.
    pub(super) fn apply_inside(&mut self, input: &mut DeriveInput) {
        match &mut input.data {
            syn::Data::Struct(body) => self.apply_to_fields(&mut body.fields),
            syn::Data::Union(body) => {
                body.fields.named = self.kept(&mut body.fields.named, |field| &mut field.attrs);
            }
            syn::Data::Enum(body) => {
                body.variants = self.kept(&mut body.variants, |variant| &mut variant.attrs);
            }
        }
    }

    fn apply_to_fields(&mut self, fields: &mut Fields) {
        match fields {
            Fields::Named(fields) => {
                fields.named = self.kept(&mut fields.named, |field| &mut field.attrs);
            }
            Fields::Unnamed(fields) => {
                fields.unnamed = self.kept(&mut fields.unnamed, |field| &mut field.attrs);
            }
            Fields::Unit => {}
        }
    }

    fn kept<T>(
        &mut self,
        all: &mut Punctuated<T, Token![,]>,
        attributes: impl Fn(&mut T) -> &mut Vec<Attribute>,
    ) -> Punctuated<T, Token![,]> {
        let all = std::mem::take(all).into_iter();
        all.filter_map(|mut one| {
            let before = self.doubts.len();
            let is_there = self.apply(attributes(&mut one));
            // If the item is certainly not a part of the build, its unknown conditions do not matter.
            if !is_there {
                self.doubts.truncate(before);
            }
            is_there.then_some(one)
        })
        .collect()
    }

    fn cfg_attr(
        &self,
        input: ParseStream<'_>,
    ) -> syn::Result<(Condition, Punctuated<Meta, Token![,]>)> {
        let condition = self.condition(input)?;
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        Ok((condition, Punctuated::parse_terminated(input)?))
    }

    fn condition(&self, input: ParseStream<'_>) -> syn::Result<Condition> {
        if input.peek(syn::LitBool) {
            let truth = Truth::of(input.parse::<syn::LitBool>()?.value);
            return Ok(Condition { truth, unknown: String::new() });
        }
        let word = input.call(<Ident as syn::ext::IdentExt>::parse_any)?;
        if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            let value = input.parse::<syn::LitStr>()?.value();
            let word = word.to_string();
            let truth = self.cfg.truth(&word, Some(&value));
            return Ok(Condition { truth, unknown: format!("{word} = {value:?}") });
        }
        if !input.peek(syn::token::Paren) {
            let word = word.to_string();
            return Ok(Condition { truth: self.cfg.truth(&word, None), unknown: word });
        }
        let content;
        syn::parenthesized!(content in input);
        let tokens: TokenStream = content.parse()?;
        let text = format!("{word}({tokens})");
        let Ok(parts) = (|input: ParseStream<'_>| self.conditions(input)).parse2(tokens) else {
            return Ok(Condition { truth: Truth::Unknown, unknown: text });
        };
        let has = |truth| parts.iter().any(|part| part.truth == truth);
        let truth = match word.to_string().as_str() {
            "any" if has(Truth::True) => Truth::True,
            "any" if has(Truth::Unknown) => Truth::Unknown,
            "any" => Truth::False,
            "all" if has(Truth::False) => Truth::False,
            "all" if has(Truth::Unknown) => Truth::Unknown,
            "all" => Truth::True,
            "not" if has(Truth::False) => Truth::True,
            "not" if has(Truth::True) => Truth::False,
            _ => Truth::Unknown,
        };
        let unknown = parts.into_iter().find(|part| part.truth == Truth::Unknown);
        let unknown = unknown.map_or(text, |part| part.unknown);
        Ok(Condition { truth, unknown })
    }

    fn conditions(&self, input: ParseStream<'_>) -> syn::Result<Vec<Condition>> {
        let mut all = Vec::new();
        while !input.is_empty() {
            all.push(self.condition(input)?);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(all)
    }
}

/// The value of a condition as far as it is known, and the unknown part of the condition.
struct Condition {
    truth: Truth,
    unknown: String,
}

/// Returns whether an attribute affects the schema.
fn matters(meta: &Meta) -> bool {
    const DECIDE: &[&str] = &["bpf", "bpf_map", "bpf_type", "cfg", "cfg_attr", "path", "repr"];
    let path = meta.path();
    if DECIDE.iter().any(|word| path.is_ident(word)) {
        return true;
    }
    let Meta::List(list) = meta else { return false };
    path.is_ident("derive")
        && list.tokens.clone().into_iter().any(|token| {
            matches!(&token, proc_macro2::TokenTree::Ident(word) if word == "BpfType" || word == "BpfMap")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cfg: &Cfg, text: &str) -> (bool, Vec<String>) {
        let mut attributes = Attribute::parse_outer.parse_str(text).unwrap();
        let mut conditions = Conditions::new(cfg);
        let there = conditions.apply(&mut attributes);
        (there, conditions.into_doubts().into_iter().map(|doubt| doubt.unknown).collect())
    }

    #[test]
    fn unknown_conditions_count_as_true_and_are_recorded() {
        for (text, there, unknown) in [
            ("#[cfg(test)]", false, ""),
            ("#[cfg(not(test))]", true, ""),
            ("#[cfg(feature = \"x\")]", true, "feature = \"x\""),
            ("#[cfg(not(feature = \"x\"))]", true, "feature = \"x\""),
            ("#[cfg(all(unix, test))]", false, ""),
            ("#[cfg(any(unix, test))]", true, ""),
            ("#[cfg(all(debug_assertions, test))]", false, ""),
            ("#[cfg(any(test, all(unix, own)))]", true, "own"),
            ("#[cfg(target_os = \"linux\")]", true, ""),
            ("#[cfg(target_os = \"macos\")]", false, ""),
            ("#[cfg(target_arch = \"x86_64\")]", true, "target_arch = \"x86_64\""),
            ("#[cfg(any())]", false, ""),
            ("#[cfg(all())]", true, ""),
            ("#[cfg(false)]", false, ""),
            ("#[cfg_attr(unix, cfg(test))]", false, ""),
            ("#[cfg_attr(test, cfg(test))]", true, ""),
            ("#[cfg_attr(feature = \"x\", derive(Serialize), doc = \"x\")]", true, ""),
            (
                "#[cfg_attr(feature = \"x\", derive(Clone, bpfmap::BpfType))]",
                true,
                "feature = \"x\"",
            ),
            ("#[cfg_attr(feature = \"x\", repr(C))]", true, "feature = \"x\""),
            ("#[cfg(nonsense +)]", true, ""),
        ] {
            let unknown: Vec<&str> =
                Some(unknown).filter(|text| !text.is_empty()).into_iter().collect();
            assert_eq!(
                read(&Cfg::default(), text),
                (there, unknown.iter().map(ToString::to_string).collect()),
                "{text}"
            );
        }
    }

    #[test]
    fn conditions_that_were_set_are_known() {
        let mut cfg = Cfg::default();
        cfg.features(["a-b"]);
        for said in ["own", "not(other)", "key = \"one\"", "target_arch = \"x86_64\"", "not(unix)"]
        {
            cfg.set(said).unwrap();
        }
        for (text, there) in [
            ("feature = \"a-b\"", true),
            ("feature = \"b\"", false),
            ("own", true),
            ("other", false),
            ("unix", false),
            ("key = \"one\"", true),
            ("target_arch = \"aarch64\"", false),
        ] {
            assert_eq!(read(&cfg, &format!("#[cfg({text})]")), (there, vec![]), "{text}");
        }
        // A key can have several values.
        assert_eq!(read(&cfg, "#[cfg(key = \"two\")]").1, ["key = \"two\""]);
        for wrong in ["", "a b", "all(a, b)", "a = b", "not(a", "1"] {
            assert!(cfg.set(wrong).is_err(), "{wrong}");
        }
    }
}
