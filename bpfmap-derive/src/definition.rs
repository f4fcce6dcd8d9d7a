//! Generates the code that describes types and maps in the object file of a program in Rust. This
//! code is only compiled for the target `bpf`. `bpfmap/src/definition.rs` explains why types have a
//! second form in such an object file.

use bpfmap_core::map_type::{MapFlag, MapType, ValueRule};
use bpfmap_schema::front::rust::{FieldRole, MapItem, TypeItem};
use bpfmap_schema::ir::{Composite, Enum, KeyValue, MapDecl, Pinning};
use bpfmap_schema::print::rust::names;
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote};
use syn::DeriveInput;

use crate::methods::fields;

/// The largest number that loaders read from the length of an array.
const LONGEST: u64 = u32::MAX as u64;

/// Returns the description of a struct or union with the members `body`. Returns nothing if a field stores a member
/// that can't be a field in Rust.
pub(crate) fn composite(
    input: &DeriveInput,
    item: &TypeItem,
    body: &Composite,
    runtime: &TokenStream,
) -> TokenStream {
    let mut members = Vec::with_capacity(item.fields.len());
    for (role, field) in item.fields.iter().zip(fields(input)) {
        let Some(ident) = &field.ident else { return TokenStream::new() };
        let ty = &field.ty;
        members.push(match role {
            FieldRole::Member { index, .. } => {
                let name = match &body.members[*index].name {
                    Some(name) => identifier(&name.value),
                    None => format_ident!("__anonymous{index}"),
                };
                quote!(#name: <#ty as #runtime::__private::InBtf>::InBtf)
            }
            FieldRole::Bits { members, .. } => {
                let name = format_ident!("__bits{}", members.start);
                quote!(#name: #ty)
            }
            FieldRole::Padding(_) => quote!(#ident: #ty),
            FieldRole::Holds { .. } => return TokenStream::new(),
        });
    }
    let is_union = matches!(input.data, syn::Data::Union(_));
    let keyword = Ident::new(if is_union { "union" } else { "struct" }, Span::call_site());
    let reprs = input.attrs.iter().filter(|attribute| attribute.path().is_ident("repr"));
    let name = described_name(&input.ident, &item.def.name.value);
    described(
        &input.ident,
        &name,
        &quote! {
            #(#reprs)*
            pub #keyword #name {
                #(#members,)*
            }
        },
        runtime,
    )
}

/// Returns the description of a newtype. It is the same as the description of the member.
pub(crate) fn new_type(input: &DeriveInput, runtime: &TokenStream) -> TokenStream {
    let ident = &input.ident;
    let fields = fields(input);
    let Some(field) = fields.first() else { return TokenStream::new() };
    let ty = &field.ty;
    quote! {
        #[cfg(target_arch = "bpf")]
        #[automatically_derived]
        impl #runtime::__private::InBtf for #ident {
            type InBtf = <#ty as #runtime::__private::InBtf>::InBtf;
        }
    }
}

/// Returns the description of an enum. The variants have the same names as in C.
pub(crate) fn enumeration(
    input: &DeriveInput,
    name: &str,
    body: &Enum,
    (variants, number): (&[&Ident], &Ident),
    runtime: &TokenStream,
) -> TokenStream {
    let ident = &input.ident;
    let constants = body.variants.iter().map(|variant| body.c_constant(name, &variant.name.value));
    let constants = constants.map(|constant| identifier(&constant));
    let name = described_name(ident, name);
    if variants.is_empty() {
        return TokenStream::new();
    }
    described(
        ident,
        &name,
        &quote! {
            #[repr(#number)]
            pub enum #name {
                #(#constants = #ident::#variants as #number,)*
            }
        },
        runtime,
    )
}

fn described(
    ident: &Ident,
    name: &Ident,
    item: &TokenStream,
    runtime: &TokenStream,
) -> TokenStream {
    quote! {
        #[cfg(target_arch = "bpf")]
        const _: () = {
            #[derive(Clone, Copy)]
            // The type has the names of C, no code uses it, and only the compiler's BTF shows it.
            #[allow(
                dead_code,
                missing_debug_implementations,
                missing_docs,
                non_camel_case_types,
                non_snake_case,
                unreachable_pub
            )]
            #item
            #[automatically_derived]
            impl #runtime::__private::InBtf for #ident {
                type InBtf = #name;
            }
        };
    }
}

/// Returns the name of the type that describes `ident`. This is the C name. If the Rust type has
/// the same name, the result is the C name with the prefix `__`.
fn described_name(ident: &Ident, name: &str) -> Ident {
    if ident == name { format_ident!("__{name}") } else { identifier(name) }
}

/// Returns a C name as a Rust identifier, with the same spelling as in generated code.
fn identifier(name: &str) -> Ident {
    let name = names::identifier(name);
    match name.strip_prefix("r#") {
        Some(keyword) => Ident::new_raw(keyword, Span::call_site()),
        None => Ident::new(&name, Span::call_site()),
    }
}

/// The definition of a map.
pub(crate) struct Definition<'a> {
    pub(crate) input: &'a DeriveInput,
    pub(crate) item: &'a MapItem,
    pub(crate) row: &'static MapType,
    /// The path of the crate `bpfmap`.
    pub(crate) runtime: &'a TokenStream,
}

impl Definition<'_> {
    /// Returns the definition of the map and, unless the map is only a template, the variable.
    /// Returns nothing for maps that a program in Rust can't define.
    pub(crate) fn expand(&self) -> TokenStream {
        let (ident, runtime, def) = (&self.input.ident, self.runtime, &self.item.def);
        if !self.input.generics.params.is_empty() || self.row.has_kernel_value() {
            return TokenStream::new();
        }
        if let Some((_, first)) = def.values.first() {
            let message = format!(
                "a program in Rust can't declare initial `values` such as `{}`, because Rust has no flexible array \
                 members: remove `values` here, and set the entries from user space",
                first.value
            );
            return quote! {
                #[cfg(target_arch = "bpf")]
                const _: () = ::core::panic!(#message);
            };
        }
        let attributes = self.attributes();
        let (names, types): (Vec<_>, Vec<_>) = attributes.into_iter().unzip();
        let variable = (!self.item.template).then(|| {
            let name = &def.name.value;
            let values = names.iter().map(|name| {
                if name == "values" { quote!([]) } else { quote!(::core::ptr::null()) }
            });
            quote! {
                // SAFETY: loaders read the variable. Programs only pass its address to the kernel.
                unsafe impl ::core::marker::Sync for Definition {}

                #[unsafe(export_name = #name)]
                #[unsafe(link_section = ".maps")]
                static DEFINITION: Definition = Definition { #(#names: #values,)* };

                // SAFETY: the address is the address of the variable above.
                #[automatically_derived]
                unsafe impl #runtime::__private::InObject for #ident {
                    const ADDRESS: *mut ::core::ffi::c_void =
                        (&raw const DEFINITION).cast_mut().cast();
                }
            }
        });
        quote! {
            #[cfg(target_arch = "bpf")]
            const _: () = {
                /// Loaders read the attributes from the types of the members.
                // No code uses the members, and only the object file shows the type.
                #[allow(
                    dead_code,
                    missing_debug_implementations,
                    missing_docs,
                    unreachable_pub
                )]
                #[repr(C)]
                pub struct Definition {
                    #(#names: #types,)*
                }

                #[automatically_derived]
                impl #runtime::__private::Defined for #ident {
                    type Definition = Definition;
                }
                #variable
            };
        }
    }

    /// Returns the members of the struct, in the same order as in C.
    fn attributes(&self) -> Vec<(Ident, TokenStream)> {
        let (runtime, def) = (self.runtime, &self.item.def);
        let mut members = vec![];
        let mut add = |name: &str, ty: TokenStream| members.push((identifier(name), ty));
        let number = Literal::u32_unsuffixed(self.row.number);
        // Loaders read only the length of the array. If the map has records, the elements have the
        // type of the records, as in C.
        let event = self.field("event");
        let element = event.map_or_else(
            || quote!(i32),
            |event| quote!(<#event as #runtime::__private::InBtf>::InBtf),
        );
        add("type", quote!(*const [#element; #number]));
        let implied_key = self.row.key.is_implied().then(|| quote!(u32));
        let implied_value = match self.row.value {
            ValueRule::Object(object) => match object.value_sizes() {
                [8, ..] => Some(quote!(u64)),
                _ => Some(quote!(u32)),
            },
            ValueRule::Instruction => Some(quote!(#runtime::InsnOffsets)),
            _ => None,
        };
        let parts = [("key", &def.key, implied_key), ("value", &def.value, implied_value)];
        for (name, described, implied) in parts {
            let size = format!("{name}_size");
            match (described, self.field(name), self.later(&size)) {
                (Some(KeyValue::Type(_)), Some(ty), _) if has_btf(def) => {
                    add(name, quote!(*const <#ty as #runtime::__private::InBtf>::InBtf));
                }
                (Some(KeyValue::Type(_)), Some(ty), _) => {
                    add(&size, array(&quote!(::core::mem::size_of::<#ty>())));
                }
                (Some(KeyValue::Size(bytes)), ..) => {
                    add(&size, array(&Literal::u32_unsuffixed(bytes.value).into_token_stream()));
                }
                (_, _, Some(bytes)) => add(&size, array(&quote!({ (#bytes) as usize }))),
                _ => {
                    if let Some(ty) = implied {
                        add(name, quote!(*const <#ty as #runtime::__private::InBtf>::InBtf));
                    }
                }
            }
        }
        let number = |known: Option<u64>, name: &str| {
            let later = self.later(name);
            known
                .map(|number| Literal::u64_unsuffixed(number).into_token_stream())
                .or_else(|| later.map(|number| quote!({ (#number) as usize })))
        };
        if let Some(entries) =
            number(def.max_entries.as_ref().map(|entries| entries.value.into()), "max_entries")
        {
            add("max_entries", array(&entries));
        }
        let flags = def.flags.iter().filter_map(|flag| MapFlag::by_name(&flag.value));
        let flags = flags.fold(0, |flags, flag| flags | flag.value());
        if flags != 0 {
            add("map_flags", array(&Literal::u32_unsuffixed(flags).into_token_stream()));
        }
        let pinning = def.pinning.as_ref().map(|pinning| match pinning.value {
            Pinning::None => 0,
            Pinning::ByName => 1,
            Pinning::Other(number) => number.into(),
        });
        if let Some(pinning) = number(pinning, "pinning") {
            add("pinning", array(&pinning));
        }
        if let Some(node) =
            number(def.numa_node.as_ref().map(|node| node.value.into()), "numa_node")
        {
            add("numa_node", array(&node));
        }
        let extra = def.map_extra.as_ref().map(|extra| extra.value);
        if let Some(number) = number(extra, "map_extra") {
            // A number that does not fit causes an error and is not truncated.
            let fits = quote!({
                let extra: u64 = (#number) as u64;
                ::core::assert!(
                    extra <= #LONGEST,
                    "a program in Rust can declare a `map_extra` of at most 32 bits"
                );
                extra as usize
            });
            add("map_extra", array(&fits));
        }
        if let Some(inner) = self.field("inner") {
            add("values", quote!([*const <#inner as #runtime::__private::Defined>::Definition; 0]));
        }
        members
    }

    /// Returns the expression of a number that only the compiler can evaluate.
    fn later(&self, key: &str) -> Option<&TokenStream> {
        let mut later = self.item.later.iter();
        later.find(|(known, _)| *known == key).map(|(_, expression)| expression)
    }

    /// Returns the Rust type of a field.
    fn field(&self, name: &str) -> Option<TokenStream> {
        let fields = fields(self.input);
        let field =
            fields.iter().find(|field| field.ident.as_ref().is_some_and(|ident| ident == name));
        field.map(|field| field.ty.to_token_stream())
    }
}

fn has_btf(def: &MapDecl) -> bool {
    def.btf.as_ref().is_none_or(|btf| btf.value)
}

/// Returns the type that stores a numeric attribute. The type is a pointer to an array, and the
/// number is the length of the array. Loaders ignore the type of the elements. The kernel refuses an
/// array of 4 GiB or more, so the elements are single bytes.
fn array(length: &TokenStream) -> TokenStream {
    quote!(*const [u8; #length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_spelled_as_in_generated_code() {
        // `gen` is a keyword only from Rust 2024 on.
        for (name, spelled) in
            [("word", "word"), ("type", "r#type"), ("gen", "r#gen"), ("self", "self_")]
        {
            assert_eq!(identifier(name).to_string(), spelled);
        }
    }
}
