//! What a map type asks of types and numbers that only the compiler knows.

use bpfmap_codegen::facts::{KeyRule, MapTypeFacts, MaxEntriesRule, ValueRule};
use bpfmap_codegen::ir::{MapDef, SpecialField};
use bpfmap_codegen::rules::{self, Rule};
use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use crate::layout::{lints, spanned};

/// The bit that stands for a special field in the constant `FIELDS` of a type.
pub(crate) fn bit(field: SpecialField) -> u32 {
    let place = SpecialField::ALL.iter().position(|known| *known == field).unwrap_or(31);
    1 << place
}

/// A map whose parts are held against the rules of its type when it is compiled.
pub(crate) struct Limits<'a> {
    pub(crate) row: &'static MapTypeFacts,
    pub(crate) def: &'a MapDef,
    pub(crate) runtime: &'a TokenStream,
}

impl Limits<'_> {
    /// Of a key that is declared elsewhere.
    pub(crate) fn key(&self, ty: &TokenStream) -> TokenStream {
        let name = self.row.name;
        let mut checks = self.fields(
            ty,
            0,
            &rules::SPECIAL_FIELD_IN_KEY,
            "a key can't hold fields that belong to the kernel",
            "move them to the value",
        );
        checks.extend(match self.row.key {
            KeyRule::Any { max_size } => self.size(
                ty,
                (1, max_size.into()),
                1,
                &rules::KEY_SIZE,
                &format!("a key has 1 to {max_size} bytes"),
                "take a smaller key, such as a hash of the large one",
            ),
            KeyRule::Index | KeyRule::Number | KeyRule::Descriptor(_) => {
                let mut checks = self.size(
                    ty,
                    (4, 4),
                    1,
                    &rules::ARRAY_KEY_SIZE,
                    &format!("the key of a map of type `{name}` has 4 bytes"),
                    "write `key: u32`, or leave it out",
                );
                let text = text(
                    &rules::ARRAY_KEY_TYPE,
                    &format!("the key of a map of type `{name}` is a 32-bit integer"),
                    "write `key: u32`, or leave it out",
                );
                checks.extend(self.call(ty, &quote!(integer::<#ty>(#text))));
                checks
            }
            KeyRule::CgroupStorage => self.size(
                ty,
                (8, 16),
                8,
                &rules::KEY_SIZE,
                "the key of a cgroup's storage has 8 or 16 bytes",
                "write `key: u64`: the cgroup's inode number; or a struct of it and the `u32` attach type",
            ),
            KeyRule::LpmPrefix => {
                let help = "make it a struct of `prefix_len: u32` and 1 to 256 bytes of data, most significant byte first";
                let text = text(
                    &rules::LPM_KEY_SHAPE,
                    "the key of an LPM trie is a struct that starts with the prefix length, a `u32`",
                    help,
                );
                let mut checks = self.call(ty, &quote!(starts_with_u32::<#ty>(#text)));
                checks.extend(self.size(
                    ty,
                    (5, 260),
                    1,
                    &rules::LPM_KEY_SHAPE,
                    "the key of an LPM trie has 5 to 260 bytes",
                    help,
                ));
                checks
            }
            KeyRule::Keyless => TokenStream::new(),
        });
        checks
    }

    /// Of a value that is declared elsewhere.
    pub(crate) fn value(&self, ty: &TokenStream) -> TokenStream {
        let name = self.row.name;
        let is_described = self.def.btf.as_ref().is_none_or(|btf| btf.value);
        let mut checks = if is_described {
            let allowed = self.row.special_fields.iter().map(|(field, _)| bit(*field)).sum();
            self.fields(
                ty,
                allowed,
                &rules::SPECIAL_FIELD_NOT_FOR_TYPE,
                &format!("a map of type `{name}` can't have such a field of the kernel's in its value"),
                "take a map type that has it; `bpfmap explain special-field-not-for-type` names them",
            )
        } else {
            self.fields(
                ty,
                0,
                &rules::SPECIAL_FIELD_NEEDS_BTF,
                "the kernel finds its fields in a value by BTF",
                "leave `btf = false` out",
            )
        };
        let closed = ["rdonly_prog", "wronly_prog"];
        let flag = self.def.flags.iter().find(|flag| closed.contains(&flag.value.as_str()));
        if let Some(flag) = flag {
            checks.extend(self.fields(
                ty,
                0,
                &rules::FLAG_CONFLICT,
                &format!("the flag `{}` excludes the kernel's fields in the value", flag.value),
                "leave the flag out",
            ));
        }
        match self.row.value {
            ValueRule::Plain { max_size } => {
                let each = if self.row.per_cpu { " for each CPU" } else { "" };
                checks.extend(self.size(
                    ty,
                    (1, max_size.into()),
                    1,
                    &rules::VALUE_SIZE,
                    &format!("the value of a map of type `{name}` has 1 to {max_size} bytes{each}"),
                    "split it over several entries or maps",
                ));
            }
            ValueRule::Stack => {
                let build_ids = self.def.flags.iter().any(|flag| flag.value == "stack_build_id");
                let frame = if build_ids { 32 } else { 8 };
                checks.extend(self.size(
                    ty,
                    (frame, u64::from(u32::MAX)),
                    frame,
                    &rules::VALUE_SIZE,
                    &format!(
                        "the value of a map of type `{name}` has {frame} bytes for each frame"
                    ),
                    "take `[u64; 127]`, the most that kernels keep by default",
                ));
            }
            // The number that stands for an object is of a size that there is, or does not compile.
            ValueRule::Object(_)
            | ValueRule::Instruction
            | ValueRule::StructOps
            | ValueRule::Valueless => {}
        }
        checks
    }

    /// Of an event that is declared elsewhere.
    pub(crate) fn event(&self, ty: &TokenStream) -> TokenStream {
        let rule = &rules::EVENT_SHAPE;
        let mut checks = self.fields(
            ty,
            0,
            rule,
            "fields of the kernel's are no plain data",
            "leave them out: an event is plain data",
        );
        let bytes = match (self.row.max_entries, &self.def.max_entries) {
            (MaxEntriesRule::Bytes, Some(bytes)) => u64::from(bytes.value).saturating_sub(8),
            (MaxEntriesRule::Bytes, None) => u64::from(u32::MAX >> 2),
            _ => 65_528 - 8 - 4,
        };
        checks.extend(self.size(
            ty,
            (1, bytes),
            1,
            rule,
            &format!("an event of this map has 1 to {bytes} bytes"),
            "take a smaller event, or a larger buffer",
        ));
        if self.row.max_entries == MaxEntriesRule::Bytes {
            let text = text(
                rule,
                "a record is aligned to 8 bytes, and this event to more",
                "take members of 8 bytes at most, and no `align`",
            );
            checks.extend(self.call(
                ty,
                &quote!(within(::core::mem::align_of::<#ty>() as u64, (1, 8), 1, #text)),
            ));
        }
        checks
    }

    /// Of a `max_entries` that is no literal.
    pub(crate) fn max_entries(&self, number: &TokenStream) -> TokenStream {
        let name = self.row.name;
        let help = "take another number";
        let (rule, message, bounds) = match self.row.max_entries {
            MaxEntriesRule::AtLeastOne { max } | MaxEntriesRule::Pages { max } => (
                if max == u32::MAX {
                    &rules::MAX_ENTRIES_ZERO
                } else {
                    &rules::MAX_ENTRIES_TOO_BIG
                },
                format!("a map of type `{name}` has 1 to {max} entries"),
                (1, max.into()),
            ),
            MaxEntriesRule::PerCpu => (
                &rules::MAX_ENTRIES_ZERO,
                format!("a map of type `{name}` has at least one entry"),
                (1, u64::from(u32::MAX)),
            ),
            MaxEntriesRule::One => (
                &rules::MAX_ENTRIES_FORM,
                format!("a map of type `{name}` has exactly one entry"),
                (1, 1),
            ),
            MaxEntriesRule::Zero => (
                &rules::MAX_ENTRIES_FORM,
                format!("a map of type `{name}` has no number of entries"),
                (0, 0),
            ),
            MaxEntriesRule::Bytes => (
                &rules::MAX_ENTRIES_FORM,
                format!("`max_entries` of a map of type `{name}` is its size in bytes"),
                (1, 1 << 31),
            ),
        };
        let text = text(rule, &message, help);
        let (min, max) = (Literal::u64_unsuffixed(bounds.0), Literal::u64_unsuffixed(bounds.1));
        self.call(number, &quote!(within((#number) as u64, (#min, #max), 1, #text)))
    }

    fn size(
        &self,
        ty: &TokenStream,
        (min, max): (u64, u64),
        unit: u64,
        rule: &Rule,
        message: &str,
        help: &str,
    ) -> TokenStream {
        let text = text(rule, message, help);
        let [min, max, unit] = [min, max, unit].map(Literal::u64_unsuffixed);
        let size = quote!(::core::mem::size_of::<#ty>() as u64);
        self.call(ty, &quote!(within(#size, (#min, #max), #unit, #text)))
    }

    fn fields(
        &self,
        ty: &TokenStream,
        allowed: u32,
        rule: &Rule,
        message: &str,
        help: &str,
    ) -> TokenStream {
        let text = text(rule, message, help);
        let allowed = Literal::u32_unsuffixed(allowed);
        self.call(ty, &quote!(fields_among::<#ty>(#allowed, #text)))
    }

    /// A call that the compiler makes, and blames on `place`.
    fn call(&self, place: &TokenStream, call: &TokenStream) -> TokenStream {
        let (runtime, span) = (self.runtime, place.span());
        let (lints, runtime) = (lints(runtime), spanned(runtime.clone(), span));
        let call = spanned(call.clone(), span);
        quote_spanned!(span=> #lints const _: () = #runtime::__private::#call;)
    }
}

/// What is said when a rule is broken, as of any finding.
fn text(rule: &Rule, message: &str, help: &str) -> String {
    crate::findings::sentence(message, help, rule)
}
