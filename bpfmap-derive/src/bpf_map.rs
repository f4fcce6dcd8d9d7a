//! Implements `#[derive(BpfMap)]`.

use bpfmap_core::map_type::{INSTRUCTION_SIZE, KeyRule, MapFlag, MapType, ValueRule};
use bpfmap_schema::draft::Draft;
use bpfmap_schema::front::rust::{MapItem, read_map};
use bpfmap_schema::ir::{Attribute, InnerMap, KeyValue, MapDecl, Pinning, Schema, Type};
use bpfmap_schema::naming::upper_camel_case;
use bpfmap_schema::source::Span;
use bpfmap_schema::taken::{Namespace, Taken};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::{ToTokens as _, format_ident, quote};
use syn::DeriveInput;

use crate::alone::Alone;
use crate::definition::Definition;
use crate::findings;
use crate::layout::{LayoutWriter, runtime};
use crate::limits::{Limits, Size, frame_size_of, size_of};
use crate::methods::fields;

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return findings::syntax(&error),
    };
    let alone = Alone::new();
    let item = read_map(&alone, &input);
    alone.check(draft(&item));
    let runtime = runtime(&input.attrs, "bpf_map");
    let mut code = findings::report(alone);
    if let Some(row) = MapType::by_name(&item.def.map_type.value) {
        let expansion = Expansion { input: &input, item: &item, row, runtime: &runtime };
        code.extend(expansion.spec());
        let definition = Definition { input: &input, item: &item, row, runtime: &runtime };
        code.extend(definition.expand());
    }
    code
}

/// Returns a schema that contains only the item.
fn draft(item: &MapItem) -> Draft {
    let mut draft = Draft::default();
    let name = &item.def.name.value;
    let mut def = item.def.clone();
    if item.template {
        // A template is only valid with a map of maps, so the draft contains one.
        let outer = name.strip_suffix("_inner").unwrap_or(name);
        // The draft does not use the name of the real map of maps, which is checked where that map
        // is declared.
        let is_taken = Taken::default().why(outer, Namespace::Variable).is_some();
        let outer = if is_taken { name } else { outer }.to_owned();
        def = outer_of(def, outer);
    }
    if !item.complete {
        draft.incomplete.maps.insert(def.name.value.clone());
    }
    if item.later.iter().any(|(key, _)| *key == "max_entries") {
        draft.incomplete.max_entries.insert(def.name.value.clone());
        draft.incomplete.max_entries.insert(format!("{}.inner", def.name.value));
    }
    // A size that only the compiler knows is replaced by a size that breaks no rule.
    if let Some(row) = MapType::by_name(&def.map_type.value) {
        let is_later = |key: &str| item.later.iter().any(|(later, _)| *later == key);
        if is_later("key_size") && def.key.is_none() {
            def.key = Some(KeyValue::Size(any_key_size(row).into()));
        }
        if is_later("value_size") && def.value.is_none() {
            def.value = Some(KeyValue::Size(any_value_size(row, &def).into()));
        }
    }
    // An array of unknown length is replaced by an array with one element, and its size counts as
    // unknown.
    if item.has_later {
        let parts = [&mut def.key, &mut def.value].into_iter().flatten();
        let types = parts.filter_map(|part| match part {
            KeyValue::Type(ty) => Some(ty),
            KeyValue::Size(_) => None,
        });
        for ty in types.chain(&mut def.event) {
            if matches!(ty.value, Type::Array(..)) && is_elsewhere(&ty.value) {
                ty.value = Type::Named(String::new());
            }
        }
    }
    draft.schema = Schema { maps: vec![def], ..Schema::default() };
    draft
}

/// Returns a valid key size for a map of this type.
fn any_key_size(row: &MapType) -> u32 {
    match row.key {
        KeyRule::Keyless | KeyRule::Any { .. } => 1,
        KeyRule::Index | KeyRule::Number | KeyRule::Descriptor(_) => 4,
        KeyRule::CgroupStorage | KeyRule::LpmPrefix => 8,
    }
}

/// Returns a valid value size for the map `def`.
fn any_value_size(row: &MapType, def: &MapDecl) -> u32 {
    match row.value {
        ValueRule::Plain { .. } | ValueRule::StructOps | ValueRule::Valueless => 1,
        ValueRule::Stack => frame_size_of(def),
        ValueRule::Object(object) => match object.value_sizes() {
            [8, ..] => 8,
            _ => 4,
        },
        ValueRule::Instruction => INSTRUCTION_SIZE,
    }
}

/// Returns a map of maps with the template `template`.
fn outer_of(template: MapDecl, name: String) -> MapDecl {
    MapDecl {
        name: name.into(),
        doc: None,
        map_type: bpfmap_core::map_type::ARRAY_OF_MAPS.name.to_owned().into(),
        key: None,
        value: None,
        event: None,
        ops: None,
        max_entries: Some(1.into()),
        flags: Vec::new(),
        pinning: None,
        numa_node: None,
        map_extra: None,
        inner: Some(InnerMap::Template(Box::new(template)).into()),
        values: Vec::new(),
        btf: None,
        set_by_loader: Vec::new(),
        optional: false.into(),
        decl_tags: Vec::new(),
        renamed_from: None,
        span: Span::NONE,
    }
}

struct Expansion<'a> {
    input: &'a DeriveInput,
    item: &'a MapItem,
    row: &'static MapType,
    runtime: &'a TokenStream,
}

impl Expansion<'_> {
    fn spec(&self) -> TokenStream {
        let (ident, runtime, def) = (&self.input.ident, self.runtime, &self.item.def);
        let kind = Ident::new(&upper_camel_case(self.row.name), ident.span());
        let name = &def.name.value;
        let (key, key_layout) =
            self.part("key", def.key.as_ref(), self.row.key.is_implied().then_some(4));
        let (value, value_layout) = self.value();
        let settings = self.settings();
        let fields = self.use_fields();
        let limits = self.limits();
        let inner = self
            .field("inner")
            .map(|inner| quote!(.inner(const { &<#inner as #runtime::MapSpec>::DEF })));
        let (bounded, parameters, _) = self.input.generics.split_for_impl();
        let bounds = self.bounds();
        let outer = self.field("inner").map(|inner| {
            quote! {
                #[automatically_derived]
                impl #bounded #runtime::OuterMapSpec for #ident #parameters #bounds {
                    type Inner = #inner;
                }
            }
        });
        let event = def.event.as_ref().zip(self.field("event"));
        let event_layout = event.as_ref().map(|(event, ty)| {
            let layout = self.writer().of(&event.value, ty);
            quote!(.event(const { #layout }))
        });
        let event = event.map(|(_, ty)| {
            quote! {
                #[automatically_derived]
                impl #bounded #runtime::EventSpec for #ident #parameters #bounds {
                    type Event = #ty;
                }
            }
        });
        let form = Literal::u32_unsuffixed(bpfmap_core::CODE_FORM);
        quote! {
            const _: () = #runtime::__private::written_in_form(#form);
            #[automatically_derived]
            impl #bounded #runtime::MapSpec for #ident #parameters #bounds {
                type Kind = #runtime::kind::#kind;
                type Key = #key;
                type Value = #value;
                const DEF: #runtime::MapDef<'static> =
                    #runtime::kind::#kind::def(#name, const { #key_layout }, const { #value_layout })
                        #settings
                        #event_layout
                        #inner;
            }
            #event
            #outer
            #limits
            #fields
        }
    }

    /// Returns the bounds of the type parameters. These are the bounds that the author wrote, and
    /// the bounds that `MapSpec` needs for types that the loader sets.
    fn bounds(&self) -> TokenStream {
        let runtime = self.runtime;
        let own = self.input.generics.where_clause.iter().flat_map(|bounds| &bounds.predicates);
        let mut bounds: Vec<_> = own.map(quote::ToTokens::to_token_stream).collect();
        for part in self.item.def.open_parts() {
            let Some(ty) = self.field(part.name()) else { continue };
            let bound = if part == Attribute::Inner { quote!(MapSpec) } else { quote!(Plain) };
            bounds.push(quote!(#ty: #runtime::#bound));
        }
        if bounds.is_empty() { TokenStream::new() } else { quote!(where #(#bounds,)*) }
    }

    fn writer(&self) -> LayoutWriter<'_> {
        LayoutWriter { runtime: self.runtime, pointees: &self.item.pointees }
    }

    /// Returns the Rust type of a field.
    fn field(&self, name: &str) -> Option<TokenStream> {
        let fields = fields(self.input);
        let field =
            fields.iter().find(|field| field.ident.as_ref().is_some_and(|ident| ident == name));
        field.map(|field| field.ty.to_token_stream())
    }

    /// Returns the expression of the attribute `key` if only the compiler can evaluate the
    /// expression.
    fn later(&self, key: &str) -> Option<&TokenStream> {
        let mut later = self.item.later.iter();
        later.find(|(known, _)| *known == key).map(|(_, expression)| expression)
    }

    /// Returns the type and the layout of a key or value. If the declaration can omit the key or
    /// value, `implied` is the size of the key or value in bytes.
    fn part(
        &self,
        name: &str,
        described: Option<&KeyValue>,
        implied: Option<u64>,
    ) -> (TokenStream, TokenStream) {
        let layout = {
            let runtime = self.runtime;
            quote!(#runtime::TypeDesc)
        };
        let is_open = self.item.def.open_parts().iter().any(|open| open.name() == name);
        match (described, self.field(name), self.later(&format!("{name}_size"))) {
            (_, Some(rust), _) if is_open => {
                let size = quote!(::core::mem::size_of::<#rust>() as u32);
                (rust, quote!(&#layout::Opaque { size: #size }))
            }
            (Some(KeyValue::Type(ty)), Some(rust), _) => {
                let layout = self.writer().of(&ty.value, &rust);
                (rust, layout)
            }
            (Some(KeyValue::Size(size)), ..) => {
                let size = Literal::u32_unsuffixed(size.value);
                (quote!([u8; #size]), quote!(&#layout::Opaque { size: #size }))
            }
            (_, _, Some(size)) => {
                (quote!([u8; (#size) as usize]), quote!(&#layout::Opaque { size: (#size) as u32 }))
            }
            _ => match implied {
                Some(8) => (quote!(u64), quote!(#layout::U64)),
                Some(_) => (quote!(u32), quote!(#layout::U32)),
                None => (quote!(()), quote!(#layout::VOID)),
            },
        }
    }

    /// Returns the type and the layout of the value. If the value represents a kernel object, the
    /// type is the integer of the same size, even if the schema declares a different type. The
    /// integer type determines which objects the runtime accepts and returns.
    fn value(&self) -> (TokenStream, TokenStream) {
        let runtime = self.runtime;
        let implied = match self.row.value {
            ValueRule::Object(object) => object.value_sizes().first().copied(),
            _ => None,
        };
        let (ty, layout) = self.part("value", self.item.def.value.as_ref(), implied);
        let ty = match (self.row.value, &self.item.def.value) {
            (ValueRule::Instruction, _) => {
                let opaque = quote!(&#runtime::TypeDesc::Opaque { size: 16 });
                return (quote!(#runtime::InsnOffsets), opaque);
            }
            (ValueRule::Object(_), Some(_)) => quote! {
                <[(); ::core::mem::size_of::<#ty>()] as #runtime::__private::NumberOfSize>::Number
            },
            _ => ty,
        };
        (ty, layout)
    }

    /// Returns the method calls that set the attributes of the map definition, except for key and
    /// value.
    fn settings(&self) -> TokenStream {
        let (runtime, def) = (self.runtime, &self.item.def);
        let mut settings = TokenStream::new();
        let numbers = [("max_entries", &def.max_entries), ("numa_node", &def.numa_node)];
        for (key, known) in numbers {
            let number = match (known, self.later(key)) {
                (Some(number), _) => Literal::u32_unsuffixed(number.value).into_token_stream(),
                (None, Some(expression)) => quote!((#expression) as u32),
                (None, None) => continue,
            };
            let setter = format_ident!("{key}");
            settings.extend(quote!(.#setter(#number)));
        }
        // The check has already reported unknown flags, so they are skipped here to avoid a second
        // error from the compiler.
        let known = def.flags.iter().filter_map(|flag| MapFlag::by_name(&flag.value));
        let flags = known.map(|flag| format_ident!("{}", flag.name.to_uppercase()));
        let flags = flags.map(|flag| quote!(#runtime::MapFlags::#flag));
        if let Some(flags) = flags.reduce(|all, flag| quote!(#all.union(#flag))) {
            settings.extend(quote!(.flags(#flags)));
        }
        let extra = match (&def.map_extra, self.later("map_extra")) {
            (Some(extra), _) => Some(Literal::u64_unsuffixed(extra.value).into_token_stream()),
            (None, later) => later.map(|expression| quote!((#expression) as u64)),
        };
        settings.extend(extra.map(|extra| quote!(.map_extra(#extra))));
        let pinning = match def.pinning.as_ref().map(|pinning| pinning.value) {
            None | Some(Pinning::None) => {
                self.later("pinning").map(|number| quote!(from_number((#number) as u32)))
            }
            Some(Pinning::ByName) => Some(quote!(ByName)),
            Some(Pinning::Other(number)) => Some(quote!(Other(#number))),
        };
        settings.extend(pinning.map(|pinning| quote!(.pinning(#runtime::Pinning::#pinning))));
        if def.btf.as_ref().is_some_and(|btf| !btf.value) {
            settings.extend(quote!(.btf(false)));
        }
        if def.optional.value {
            settings.extend(quote!(.optional()));
        }
        if let Some(kernel) = self.item.min_kernel {
            let [major, minor] = [kernel.major, kernel.minor].map(Literal::u16_unsuffixed);
            settings.extend(quote!(.min_kernel(#runtime::KernelVersion::new(#major, #minor))));
        }
        settings
    }

    /// Returns code that uses each field. Other code never uses the fields, because they only
    /// declare the contents of the map.
    fn use_fields(&self) -> TokenStream {
        let ident = &self.input.ident;
        let fields = fields(self.input);
        if fields.is_empty() {
            return TokenStream::new();
        }
        let (names, types): (Vec<_>, Vec<_>) =
            fields.iter().map(|field| (&field.ident, &field.ty)).unzip();
        let (bounded, parameters, _) = self.input.generics.split_for_impl();
        let bounds = self.bounds();
        // The generated function is never called. It uses the fields, so that rustc does not report
        // them as dead code.
        quote! {
            const _: () = {
                #[allow(dead_code)]
                fn fields #bounded(map: #ident #parameters) -> (#(#types,)*) #bounds {
                    (#(map.#names,)*)
                }
            };
        }
    }

    /// Returns the checks of types and numbers that are declared elsewhere. Only the compiler can
    /// perform these checks.
    fn limits(&self) -> TokenStream {
        let (def, row) = (&self.item.def, self.row);
        let has_bare_key = self.later("key_size").is_some();
        let limits = Limits { row, def, runtime: self.runtime, has_bare_key };
        let mut checks = TokenStream::new();
        let key = self.sized("key", def.key.as_ref());
        let value = self.sized("value", def.value.as_ref());
        let types = [&key, &value].map(|part| match part {
            Some((TypeOrSize::Type(ty), true)) => Some(ty.clone()),
            _ => None,
        });
        let bytes = |part: &Option<(TypeOrSize, bool)>| {
            let (part, is_elsewhere) = part.as_ref()?;
            Some((part.place().clone(), part.bytes(), *is_elsewhere))
        };
        let (key, value) = (bytes(&key), bytes(&value));
        if let Some((place, bytes, true)) = &key {
            checks.extend(limits.key_size(Size::new(place, bytes)));
        }
        if let Some((place, bytes, true)) = &value {
            checks.extend(limits.value_size(Size::new(place, bytes)));
        }
        let [key_type, value_type] = types;
        checks.extend(key_type.map(|ty| limits.key(&ty)));
        checks.extend(value_type.map(|ty| limits.value(&ty)));
        if let (Some((place, key, one)), Some((_, value, other))) = (&key, &value) {
            if *one || *other {
                checks.extend(limits.key_and_value(Size::new(place, key), value));
            }
        }
        let max_entries = self.later("max_entries");
        if let Some(event) = &def.event {
            if is_elsewhere(&event.value) || max_entries.is_some() {
                checks.extend(self.field("event").map(|ty| limits.event(&ty, max_entries)));
            }
        }
        for key in ["key_size", "value_size", "max_entries", "numa_node", "pinning"] {
            checks.extend(self.later(key).map(|number| limits.fits_u32(key, number)));
        }
        checks.extend(max_entries.map(|number| limits.max_entries(number)));
        let known = def
            .max_entries
            .as_ref()
            .map(|entries| Literal::u32_unsuffixed(entries.value).into_token_stream());
        if let Some((place, bytes, is_elsewhere)) = &value {
            if *is_elsewhere || max_entries.is_some() {
                let entries = max_entries.map(|number| quote!((#number) as u64)).or(known.clone());
                checks.extend(entries.map(|entries| limits.contiguous(place, bytes, &entries)));
            }
        }
        if def.inner.is_some() {
            checks.extend(self.field("inner").map(|ty| limits.inner(&ty)));
        }
        let max_entries = max_entries.or(known.as_ref());
        checks.extend(self.later("map_extra").map(|extra| limits.map_extra(extra, max_entries)));
        checks
    }

    /// Returns the declared type or size of a key or value, and whether only the compiler knows the
    /// size. Returns `None` if neither is declared.
    fn sized(&self, name: &str, described: Option<&KeyValue>) -> Option<(TypeOrSize, bool)> {
        match (described, self.later(&format!("{name}_size"))) {
            (Some(KeyValue::Type(ty)), _) => {
                Some((TypeOrSize::Type(self.field(name)?), is_elsewhere(&ty.value)))
            }
            (Some(KeyValue::Size(size)), _) => {
                let size = Literal::u64_unsuffixed(size.value.into());
                Some((TypeOrSize::Known(size.into_token_stream()), false))
            }
            (None, Some(size)) => Some((TypeOrSize::Size(size.clone()), true)),
            (None, None) => None,
        }
    }
}

/// The type of a key or value, or an expression for its size.
enum TypeOrSize {
    Type(TokenStream),
    Size(TokenStream),
    /// A literal.
    Known(TokenStream),
}

impl TypeOrSize {
    fn place(&self) -> &TokenStream {
        let (Self::Type(tokens) | Self::Size(tokens) | Self::Known(tokens)) = self;
        tokens
    }

    /// Returns an expression of the type `u64` for the size in bytes.
    fn bytes(&self) -> TokenStream {
        match self {
            Self::Type(ty) => size_of(ty),
            Self::Size(size) => quote!((#size) as u64),
            Self::Known(size) => size.clone(),
        }
    }
}

/// Returns whether only the compiler knows the definition of `ty`.
fn is_elsewhere(ty: &Type) -> bool {
    match ty {
        Type::Named(_) => true,
        // The code replaces an unknown length by 1, so a length of 1 can stand for an unknown
        // length.
        Type::Array(element, len) => is_elsewhere(&element.value) || len.value == 1,
        _ => false,
    }
}
