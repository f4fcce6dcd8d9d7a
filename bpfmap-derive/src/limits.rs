//! What a map type asks of types and numbers that only the compiler knows.

use bpfmap_core::SpecialField;
use bpfmap_core::map_type::{
    INSTRUCTION_SIZE, KeyRule, LARGEST_BUFFER, MapExtraRule, MapType, MaxEntriesRule, PAGE_SIZE,
    RECORD_ALIGN, ValueRule,
};
use bpfmap_schema::check::without_btf;
use bpfmap_schema::ir::MapDecl;
use bpfmap_schema::rules::{self, Rule};
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
    pub(crate) row: &'static MapType,
    pub(crate) def: &'a MapDecl,
    pub(crate) runtime: &'a TokenStream,
    /// Whether the key has no type, but a size that the compiler alone knows.
    pub(crate) has_bare_key: bool,
}

/// The size of a key, a value or an event that only the compiler knows.
#[derive(Clone, Copy)]
pub(crate) struct Size<'a> {
    /// What the compiler blames.
    place: &'a TokenStream,
    /// The bytes, an expression of a `u64`.
    bytes: &'a TokenStream,
}

impl<'a> Size<'a> {
    pub(crate) fn new(place: &'a TokenStream, bytes: &'a TokenStream) -> Self {
        Self { place, bytes }
    }
}

/// The size of a type, an expression of a `u64`.
pub(crate) fn size_of(ty: &TokenStream) -> TokenStream {
    quote!(::core::mem::size_of::<#ty>() as u64)
}

impl Limits<'_> {
    /// Of the type of a key, beside its size.
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
            KeyRule::Index | KeyRule::Number | KeyRule::Descriptor(_) if self.is_described() => {
                let text = text(
                    &rules::ARRAY_KEY_TYPE,
                    &format!("the key of a map of type `{name}` is a 32-bit integer"),
                    "write `key: u32`, or leave it out",
                );
                self.call(ty, &quote!(integer::<#ty>(#text)))
            }
            KeyRule::LpmPrefix => {
                let text = text(
                    &rules::LPM_KEY_SHAPE,
                    "the key of an LPM trie is a struct that starts with the prefix length, a `u32`",
                    LPM_KEY,
                );
                self.call(ty, &quote!(starts_with_u32::<#ty>(#text)))
            }
            _ => TokenStream::new(),
        });
        checks
    }

    /// Of the size of a key.
    pub(crate) fn key_size(&self, size: Size<'_>) -> TokenStream {
        let name = self.row.name;
        match self.row.key {
            KeyRule::Any { max_size } => self.size(
                size,
                (1, max_size.into()),
                1,
                &rules::KEY_SIZE,
                &format!("a key has 1 to {max_size} bytes"),
                "take a smaller key, such as a hash of the large one",
            ),
            KeyRule::Index | KeyRule::Number | KeyRule::Descriptor(_) => self.size(
                size,
                (4, 4),
                1,
                &rules::ARRAY_KEY_SIZE,
                &format!("the key of a map of type `{name}` has 4 bytes"),
                "write `key: u32`, or leave it out",
            ),
            KeyRule::CgroupStorage => self.size(
                size,
                (8, 16),
                8,
                &rules::KEY_SIZE,
                "the key of a cgroup's storage has 8 or 16 bytes",
                "write `key: u64`: the cgroup's inode number; or a struct of it and the `u32` attach type",
            ),
            KeyRule::LpmPrefix => self.size(
                size,
                (5, 260),
                1,
                &rules::LPM_KEY_SHAPE,
                "the key of an LPM trie has 5 to 260 bytes",
                LPM_KEY,
            ),
            KeyRule::Keyless => TokenStream::new(),
        }
    }

    /// Of the sizes of a key and a value together, of which one is known to the compiler alone.
    pub(crate) fn key_and_value(&self, key: Size<'_>, value: &TokenStream) -> TokenStream {
        let (KeyRule::Any { .. }, ValueRule::Plain { max_size }) = (self.row.key, self.row.value)
        else {
            return TokenStream::new();
        };
        if self.row.per_cpu {
            return TokenStream::new();
        }
        let bytes = key.bytes;
        let together = quote!(#bytes + #value);
        self.size(
            Size::new(key.place, &together),
            (0, u64::from(max_size).saturating_sub(1)),
            1,
            &rules::KEY_SIZE,
            &format!("key and value together have less than {max_size} bytes"),
            "take a smaller key, such as a hash of the large one",
        )
    }

    /// Of the maps in a map of maps.
    pub(crate) fn inner(&self, ty: &TokenStream) -> TokenStream {
        let text = text(
            &rules::INNER_ATTRIBUTE,
            "libbpf refuses this map as a template, since it says how it is pinned",
            "leave `pinning` out there, or describe a template of its own",
        );
        self.call(ty, &quote!(unpinned::<#ty>(#text)))
    }

    /// Whether BTF describes key and value.
    fn is_described(&self) -> bool {
        self.def.btf.as_ref().is_none_or(|btf| btf.value)
    }

    /// Of the type of a value, beside its size.
    pub(crate) fn value(&self, ty: &TokenStream) -> TokenStream {
        let name = self.row.name;
        let row = self.row.special_fields.iter().map(|(field, _)| bit(*field)).sum();
        let mut checks = self.fields(
            ty,
            row,
            &rules::SPECIAL_FIELD_NOT_FOR_TYPE,
            &format!("a map of type `{name}` can't have such a field of the kernel's in its value"),
            "take a map type that has it; `bpfmap explain special-field-not-for-type` names them",
        );
        if self.has_bare_key || without_btf(self.def).is_some() {
            checks.extend(self.fields(
                ty,
                !row,
                &rules::SPECIAL_FIELD_NEEDS_BTF,
                "the kernel finds its fields in a value by BTF",
                "describe key and value by their types, with BTF",
            ));
        }
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
        checks
    }

    /// Of the size of a value.
    pub(crate) fn value_size(&self, size: Size<'_>) -> TokenStream {
        let name = self.row.name;
        match self.row.value {
            ValueRule::Plain { max_size } => {
                let each = if self.row.per_cpu { " for each CPU" } else { "" };
                self.size(
                    size,
                    (1, max_size.into()),
                    1,
                    &rules::VALUE_SIZE,
                    &format!("the value of a map of type `{name}` has 1 to {max_size} bytes{each}"),
                    "split it over several entries or maps",
                )
            }
            ValueRule::Stack => {
                let frame = frame_size(self.def).into();
                self.size(
                    size,
                    (frame, u64::from(u32::MAX)),
                    frame,
                    &rules::VALUE_SIZE,
                    &format!(
                        "the value of a map of type `{name}` has {frame} bytes for each frame"
                    ),
                    "take `[u64; 127]`, the most that kernels keep by default",
                )
            }
            ValueRule::Object(object) => {
                let sizes = object.value_sizes();
                let bounds = sizes
                    .iter()
                    .fold((u64::MAX, 0), |(least, most), size| (least.min(*size), most.max(*size)));
                let words: Vec<String> = sizes.iter().map(u64::to_string).collect();
                self.size(
                    size,
                    bounds,
                    4,
                    &rules::VALUE_SIZE,
                    &format!(
                        "the value of a map of type `{name}` has {} bytes",
                        words.join(" or ")
                    ),
                    "leave the value out, or take such a size",
                )
            }
            ValueRule::Instruction => self.size(
                size,
                (INSTRUCTION_SIZE.into(), INSTRUCTION_SIZE.into()),
                1,
                &rules::VALUE_SIZE,
                &format!("the value of a map of type `{name}` has {INSTRUCTION_SIZE} bytes"),
                "leave the value out",
            ),
            ValueRule::StructOps | ValueRule::Valueless => TokenStream::new(),
        }
    }

    /// Of an event, and of how much room `max_entries` leaves it, which may be an expression.
    pub(crate) fn event(&self, ty: &TokenStream, max_entries: Option<&TokenStream>) -> TokenStream {
        let rule = &rules::EVENT_SHAPE;
        let mut checks = self.fields(
            ty,
            0,
            rule,
            "fields of the kernel's are no plain data",
            "leave them out: an event is plain data",
        );
        let bytes = size_of(ty);
        let size = Size::new(ty, &bytes);
        let help = "take a smaller event, or a larger buffer";
        let is_buffer = self.row.max_entries == MaxEntriesRule::Bytes;
        if let Some(number) = max_entries.filter(|_| is_buffer) {
            let text =
                text(rule, "an event of this map is larger than its buffer has room for", help);
            let [page, header] = [PAGE_SIZE.into(), RECORD_ALIGN].map(Literal::u64_unsuffixed);
            let runtime = self.runtime;
            let room = quote!(#runtime::__private::room((#number) as u64, #page, #header));
            let bounds = quote!((1, #room));
            checks.extend(self.call(ty, &quote!(within(#bytes, #bounds, 1, #text))));
        } else {
            let entries = self.def.max_entries.as_ref().map(|entries| entries.value);
            let room = self.row.largest_event(entries);
            let message = format!("an event of this map has 1 to {room} bytes");
            checks.extend(self.size(size, (1, room), 1, rule, &message, help));
        }
        if is_buffer {
            let text = text(
                rule,
                "a record is aligned to 8 bytes, and this event to more",
                "take members of 8 bytes at most, and no `align`",
            );
            let align = Literal::u64_unsuffixed(RECORD_ALIGN);
            checks.extend(self.call(
                ty,
                &quote!(within(::core::mem::align_of::<#ty>() as u64, (1, #align), 1, #text)),
            ));
        }
        checks
    }

    /// Of a `max_entries` that is no literal.
    pub(crate) fn max_entries(&self, number: &TokenStream) -> TokenStream {
        let name = self.row.name;
        let at_least_one = format!("a map of type `{name}` has at least one entry");
        let zero = (
            &rules::MAX_ENTRIES_ZERO,
            at_least_one.as_str(),
            (1, u64::MAX),
            "write how many it has, or leave `max_entries` out if the loader sets it",
        );
        let bound = |max: u32, unit: &str| {
            let message = format!("a map of type `{name}` has at most {max} {unit}");
            let mut checks = self.within(number, zero);
            let most = (&rules::MAX_ENTRIES_TOO_BIG, message.as_str(), (0, max.into()));
            checks.extend(self.within(number, (most.0, most.1, most.2, "take a smaller number")));
            checks
        };
        match self.row.max_entries {
            MaxEntriesRule::AtLeastOne { max } => bound(max, "entries"),
            MaxEntriesRule::Pages { max } => bound(max, "pages"),
            MaxEntriesRule::PerCpu => {
                let help = "leave `max_entries` out: libbpf then takes the number of possible CPUs";
                self.within(number, (zero.0, zero.1, zero.2, help))
            }
            MaxEntriesRule::One => {
                let message = format!("a map of type `{name}` has exactly one entry");
                let help = "write `max_entries = 1`, or leave it out";
                self.within(number, (&rules::MAX_ENTRIES_FORM, &message, (1, 1), help))
            }
            MaxEntriesRule::Zero => {
                let message = format!(
                    "a map of type `{name}` has no number of entries: they come and go with what they belong to"
                );
                let help = "leave `max_entries` out";
                self.within(number, (&rules::MAX_ENTRIES_FORM, &message, (0, 0), help))
            }
            MaxEntriesRule::Bytes => {
                let message = format!(
                    "`max_entries` of a map of type `{name}` is its size in bytes: a power of two, and whole pages of {PAGE_SIZE} bytes"
                );
                let help = format!("take {PAGE_SIZE} to {LARGEST_BUFFER}");
                let bounds = (1, LARGEST_BUFFER.into());
                self.within(number, (&rules::MAX_ENTRIES_FORM, &message, bounds, &help))
            }
        }
    }

    /// Of a `map_extra` that is no literal. `max_entries` is that of the map, where it says one.
    pub(crate) fn map_extra(
        &self,
        number: &TokenStream,
        max_entries: Option<&TokenStream>,
    ) -> TokenStream {
        let name = self.row.name;
        let smaller = "take a smaller number, or leave it out";
        let rule = &rules::MAP_EXTRA_RANGE;
        match self.row.map_extra {
            MapExtraRule::Zero => {
                let message = format!("a map of type `{name}` takes no `map_extra`");
                let rule = &rules::MAP_EXTRA_NOT_FOR_TYPE;
                self.within(number, (rule, &message, (0, 0), "leave it out"))
            }
            MapExtraRule::HashFunctions { max } => {
                let message = format!(
                    "`map_extra` of a map of type `{name}` is its number of hash functions, at most {max}"
                );
                self.within(number, (rule, &message, (0, max), smaller))
            }
            MapExtraRule::Address => {
                let text = text(
                    rule,
                    &format!(
                        "`map_extra` of a map of type `{name}` is an address, a multiple of the page size"
                    ),
                    "take another address, or leave it out",
                );
                let page = Literal::u64_unsuffixed(PAGE_SIZE.into());
                self.call(number, &quote!(within((#number) as u64, (0, u64::MAX), #page, #text)))
            }
            MapExtraRule::ExpectedEntries { max } => {
                let message = format!(
                    "`map_extra` of a map of type `{name}` is how many entries are expected, at most {max}"
                );
                let mut checks = self.within(number, (rule, &message, (0, max), smaller));
                if let Some(entries) = max_entries {
                    let text = text(
                        rule,
                        &format!(
                            "`map_extra` of a map of type `{name}` is how many entries are expected, at most `max_entries`"
                        ),
                        smaller,
                    );
                    let bounds = quote!((0, (#entries) as u64));
                    checks.extend(
                        self.call(number, &quote!(within((#number) as u64, #bounds, 1, #text))),
                    );
                }
                checks
            }
        }
    }

    /// Of a number that is no literal, and that 32 bits hold.
    pub(crate) fn fits_u32(&self, key: &str, number: &TokenStream) -> TokenStream {
        let max = u32::MAX;
        let message = format!("`{key}` is a number from 0 to {max}");
        let help = "write a number in that range";
        self.within(number, (&rules::NUMBER_RANGE, &message, (0, max.into()), help))
    }

    fn within(
        &self,
        number: &TokenStream,
        (rule, message, (min, max), help): (&Rule, &str, (u64, u64), &str),
    ) -> TokenStream {
        let bytes = quote!((#number) as u64);
        self.size(Size::new(number, &bytes), (min, max), 1, rule, message, help)
    }

    /// Of a value and a `max_entries` of which one is known to the compiler alone, where all values have to take less than
    /// 4 GiB.
    pub(crate) fn contiguous(
        &self,
        place: &TokenStream,
        bytes: &TokenStream,
        entries: &TokenStream,
    ) -> TokenStream {
        if !self.row.memory.is_contiguous() {
            return TokenStream::new();
        }
        let text = text(
            &rules::MAX_ENTRIES_TOO_BIG,
            &format!(
                "the values of a map of type `{}`, and room for one more, have to take less than 4 GiB",
                self.row.name
            ),
            "take a smaller number, or a smaller value",
        );
        let max = Literal::u64_unsuffixed(u64::from(u32::MAX));
        let all = quote!(u64::saturating_mul(#bytes, #entries + 1));
        self.call(place, &quote!(within(#all, (0, #max), 1, #text)))
    }

    fn size(
        &self,
        size: Size<'_>,
        (min, max): (u64, u64),
        unit: u64,
        rule: &Rule,
        message: &str,
        help: &str,
    ) -> TokenStream {
        let text = text(rule, message, help);
        let [min, max, unit] = [min, max, unit].map(Literal::u64_unsuffixed);
        let bytes = size.bytes;
        self.call(size.place, &quote!(within(#bytes, (#min, #max), #unit, #text)))
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

/// What each frame of a stack takes in the value of `def`, in bytes.
pub(crate) fn frame_size(def: &MapDecl) -> u32 {
    let build_ids = def.flags.iter().any(|flag| flag.value == "stack_build_id");
    if build_ids { 32 } else { 8 }
}

/// What to do about the key of an LPM trie.
const LPM_KEY: &str =
    "make it a struct of `prefix_len: u32` and 1 to 256 bytes of data, most significant byte first";

/// What is said when a rule is broken, as of any finding.
fn text(rule: &Rule, message: &str, help: &str) -> String {
    crate::findings::sentence(message, help, rule)
}
