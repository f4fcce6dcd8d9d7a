//! Assembles a schema from the declarations of a crate.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use proc_macro2::Span as TokenSpan;
use syn::Expr;
use syn::ext::IdentExt as _;

use super::constants::{self, Deeper, Depth, Why};
use super::in_place;
use super::items::Alias;
use super::krate::{Crate, Declaration, DeclarationId, Entry, Kind, Module, ModuleId, span};
use super::resolve::{self, Space, resolve};
use super::{enums, fields};
use super::{nothing, schema};
use crate::diagnostics::Finding;
use crate::draft::Draft;
use crate::front::rust::attributes::doc;
use crate::front::rust::{
    Constant, Context, MapItem, Meaning, TypeItem, by_last_segment, read_alias, read_map,
    read_type, string_word,
};
use crate::ir::{Int, Schema, Type, TypeDef, TypeDefKind};
use crate::layout::{Layouts, TypeLayout};
use crate::naming::snake_case;
use crate::rules;
use crate::source::{Span, Spanned};
use crate::syntax::Syntax;

/// The parts of the crate that were read so far.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) constants: RefCell<HashMap<(ModuleId, String), i128>>,
    /// The types. `None` marks a type that is being read.
    pub(super) types: RefCell<HashMap<DeclarationId, Option<Rc<TypeItem>>>>,
    pub(super) maps: RefCell<HashMap<DeclarationId, Rc<MapItem>>>,
    /// The types to which the schema refers, in the order of their first use.
    reached: RefCell<Vec<DeclarationId>>,
    is_reached: RefCell<HashSet<DeclarationId>>,
    /// The maps to which the schema refers. An inner map must be a part of the schema.
    named_maps: RefCell<Vec<DeclarationId>>,
    /// The types to which the schema refers, by their names in C.
    pub(super) by_name: RefCell<HashMap<String, DeclarationId>>,
    /// The number of types whose layouts were computed for constants.
    laid_out: Cell<usize>,
    layouts: RefCell<HashMap<DeclarationId, Option<TypeLayout>>>,
    depth: Depth,
}

impl Memory {
    pub(super) fn deeper(&self, what: &str) -> Result<Deeper<'_>, Why> {
        self.depth.deeper(what)
    }
}

/// Reads the schema of the module `root`.
pub(super) fn assemble(krate: Crate, root: ModuleId) -> Draft {
    let mut draft = Draft { syntax: Syntax::Rust, ..Draft::default() };
    let mut paths = Vec::new();
    own_declarations(&krate, root, "", &mut paths, &mut HashSet::new());
    let own: Vec<DeclarationId> = paths.iter().map(|(id, _)| *id).collect();
    let mut maps = Vec::new();
    for id in &own {
        match &krate.declaration(*id).kind {
            Kind::Declared(declared) if declared.is_map => maps.push(*id),
            Kind::Declared(_) => {
                type_item(&krate, *id);
            }
            Kind::Alias(_) | Kind::Foreign => {}
        }
    }
    for id in &maps {
        map_item(&krate, *id);
    }
    let maps = with_named(&krate, maps);
    read_what_is_reached(&krate);
    add_pointees(&krate, &own);
    read_what_is_reached(&krate);

    let reached: HashSet<DeclarationId> = krate.memory.reached.borrow().iter().copied().collect();
    let is_own: HashSet<DeclarationId> = own.iter().copied().collect();
    let outside = krate.memory.reached.borrow().clone().into_iter();
    let outside = outside.filter(|id| !is_own.contains(id));
    let own_types = own.iter().copied().filter(|id| match &krate.declaration(*id).kind {
        Kind::Declared(declared) => !declared.is_map,
        Kind::Alias(_) => reached.contains(id),
        Kind::Foreign => false,
    });
    let mut places = in_place::Places::default();
    let (mut whole, mut in_place_types) = (Vec::new(), Vec::new());
    for id in outside.chain(own_types) {
        let Some(item) = type_item(&krate, id) else { continue };
        if item.in_place {
            in_place_types.push((id, item));
            continue;
        }
        let mut def = item.def.clone();
        if !places.fill(&krate, &mut def, &item) || !item.complete {
            draft.incomplete.types.insert(def.name.value.clone());
        } else {
            whole.push((item, def.clone()));
        }
        draft.schema.types.push(def);
    }
    fields::check(&krate, whole, in_place_types);
    enums::check(&krate);
    for id in maps {
        let item = map_item(&krate, id);
        if item.template {
            continue;
        }
        let mut def = item.def.clone();
        if !in_place::fill_map(&krate, &mut def, 0) || !item.complete || !item.later.is_empty() {
            draft.incomplete.maps.insert(def.name.value.clone());
        }
        if let Some((_, path)) = paths.iter().find(|(own, _)| *own == id) {
            draft.schema.specs.insert(def.name.value.clone(), path.clone());
        }
        draft.schema.maps.push(def);
    }
    schema::read(&krate, root, &mut draft.schema);
    if draft.schema.types.is_empty() && draft.schema.maps.is_empty() {
        draft.instead = nothing::instead(&krate, &own);
    }
    draft.schema.sources = krate.sources.into_inner();
    draft.findings = krate.findings.into_inner();
    draft
}

/// Adds the declarations of a module and of its submodules, in the order of the source. Each declaration gets its path,
/// which begins with `prefix`.
fn own_declarations(
    krate: &Crate,
    module: ModuleId,
    prefix: &str,
    own: &mut Vec<(DeclarationId, String)>,
    seen: &mut HashSet<ModuleId>,
) {
    // If a file is used as two modules, its types are added only once.
    if !seen.insert(module) {
        return;
    }
    for entry in &krate.module(module).order {
        match entry {
            Entry::Declaration(id) => {
                own.push((*id, format!("{prefix}{}", krate.declaration(*id).name)));
            }
            Entry::Module(name) => {
                if let Some(child) = krate.child(module, name) {
                    let raw = if syn::parse_str::<syn::Ident>(name).is_ok() { "" } else { "r#" };
                    let prefix = format!("{prefix}{raw}{name}::");
                    own_declarations(krate, child, &prefix, own, seen);
                }
            }
        }
    }
}

/// Returns the maps in `own`, preceded by the inner maps of other modules to which they refer. The C header needs these
/// inner maps too.
fn with_named(krate: &Crate, own: Vec<DeclarationId>) -> Vec<DeclarationId> {
    let mut seen: HashSet<DeclarationId> = own.iter().copied().collect();
    let mut maps = Vec::new();
    for next in 0.. {
        let id = krate.memory.named_maps.borrow().get(next).copied();
        let Some(id) = id else { break };
        if seen.insert(id) {
            map_item(krate, id);
            maps.push(id);
        }
    }
    maps.extend(own);
    maps
}

/// Reads all types to which the schema refers. These types can refer to more types, which are read as well.
fn read_what_is_reached(krate: &Crate) {
    for next in 0.. {
        let id = krate.memory.reached.borrow().get(next).copied();
        let Some(id) = id else { break };
        type_item(krate, id);
    }
}

/// Adds the aliases in `own` to which only pointers refer. Such a pointer contains the C name of
/// the alias.
fn add_pointees(krate: &Crate, own: &[DeclarationId]) {
    let mut named = HashSet::new();
    for item in krate.memory.types.borrow().values().flatten() {
        each_type(&item.def, &mut |ty| pointee_names(ty, &mut named));
    }
    for map in krate.memory.maps.borrow().values() {
        map.def.types().for_each(|ty| pointee_names(&ty.value, &mut named));
    }
    for id in own {
        let declaration = krate.declaration(*id);
        if matches!(declaration.kind, Kind::Alias(_)) && named.contains(&c_name(&declaration)) {
            reach(krate, *id);
        }
    }
}

fn each_type(def: &TypeDef, each: &mut dyn FnMut(&Type)) {
    match &def.kind {
        TypeDefKind::Struct(body) | TypeDefKind::Union(body) => {
            for member in &body.members {
                if let crate::ir::MemberType::Type(ty) = &member.ty {
                    each(&ty.value);
                }
            }
        }
        TypeDefKind::Alias(target) => each(&target.value),
        TypeDefKind::Enum(_) => {}
    }
}

fn pointee_names(ty: &Type, names: &mut HashSet<String>) {
    match ty {
        Type::Array(element, _) => pointee_names(&element.value, names),
        Type::Pointer(Some(target)) => {
            let mut target = &target.value;
            while let Type::Array(inner, _) | Type::Pointer(Some(inner)) = target {
                target = &inner.value;
            }
            if let Type::Named(name) = target {
                names.insert(name.clone());
            }
        }
        _ => {}
    }
}

fn reach(krate: &Crate, id: DeclarationId) {
    if krate.memory.is_reached.borrow_mut().insert(id) {
        krate.memory.reached.borrow_mut().push(id);
        let name = c_name(&krate.declaration(id));
        krate.memory.by_name.borrow_mut().entry(name).or_insert(id);
    }
}

/// Reports the unknown conditions of a type or map.
fn report_doubts(krate: &Crate, declaration: &Declaration) {
    let doubts = match &declaration.kind {
        Kind::Declared(declared) => &declared.doubts,
        Kind::Alias(alias) => &alias.doubts,
        Kind::Foreign => return,
    };
    krate.report_module(declaration.module);
    krate.report_doubts(declaration.module, doubts);
}

/// Returns a type. Reads the type at the first call. Returns `None` if the declaration is not a type, or if the type is
/// being read at the moment.
pub(super) fn type_item(krate: &Crate, id: DeclarationId) -> Option<Rc<TypeItem>> {
    if let Some(known) = krate.memory.types.borrow().get(&id) {
        return known.clone();
    }
    let declaration = krate.declaration(id);
    let context = Around { krate, module: declaration.module };
    krate.memory.types.borrow_mut().insert(id, None);
    report_doubts(krate, &declaration);
    let item = match &declaration.kind {
        Kind::Declared(declared) if declared.is_map => None,
        Kind::Declared(declared) => Some(read_type(&context, &declared.input)),
        Kind::Alias(alias) => Some(alias_item(&context, alias)),
        Kind::Foreign => None,
    };
    let item = item.map(Rc::new);
    krate.memory.types.borrow_mut().insert(id, item.clone());
    item
}

fn alias_item(context: &Around<'_>, alias: &Alias) -> TypeItem {
    let place = context.span(alias.name.span(), alias.name.span());
    let name = Spanned::new(snake_case(&alias.name.unraw().to_string()), place);
    if alias.has_parameters {
        context.report(
            Finding::new(
                &rules::RUST_TYPE,
                place,
                "a type of a schema can't be generic, because C has no generic types",
            )
            .help("write a separate type for each type argument"),
        );
    }
    let mut item = match syn::parse2(alias.target.clone()) {
        Ok(target) => read_alias(context, name, &target),
        Err(error) => {
            context.report(
                Finding::new(
                    &rules::RUST_SYNTAX,
                    context.span(error.span(), error.span()),
                    format!("invalid Rust: {error}"),
                )
                .help("run `cargo check` for details"),
            );
            let nothing: syn::Type = syn::parse_quote!(u8);
            TypeItem { complete: false, ..read_alias(context, name, &nothing) }
        }
    };
    item.def.doc = doc(&alias.attributes);
    item.complete &= !alias.has_parameters;
    item
}

/// Returns a map. Reads the map at the first call.
pub(super) fn map_item(krate: &Crate, id: DeclarationId) -> Rc<MapItem> {
    if let Some(known) = krate.memory.maps.borrow().get(&id) {
        return Rc::clone(known);
    }
    let declaration = krate.declaration(id);
    let Kind::Declared(declared) = &declaration.kind else {
        unreachable!("the declaration is a map")
    };
    let context = Around { krate, module: declaration.module };
    report_doubts(krate, &declaration);
    let item = Rc::new(read_map(&context, &declared.input));
    krate.memory.maps.borrow_mut().insert(id, Rc::clone(&item));
    item
}

/// Returns the number of a variant.
pub(super) fn variant(krate: &Crate, id: DeclarationId, variant: &str) -> Option<i128> {
    let declaration = krate.declaration(id);
    let Kind::Declared(declared) = &declaration.kind else { return None };
    let syn::Data::Enum(body) = &declared.input.data else { return None };
    let index = body.variants.iter().position(|one| one.ident.unraw() == variant)?;
    let item = type_item(krate, id)?;
    let TypeDefKind::Enum(body) = &item.def.kind else { return None };
    if !item.complete {
        return None;
    }
    Some(body.variants.get(index)?.value.value)
}

/// Returns the size and alignment in C of the type `ty` in `module`.
pub(super) fn layout(krate: &Crate, module: ModuleId, ty: &syn::Type) -> Option<TypeLayout> {
    let meaning = match ty {
        syn::Type::Path(path) => resolve(krate, module, &path.path, Space::Types),
        _ => None,
    };
    if let Some(resolve::Meaning::Declaration(id)) = meaning {
        if let Some(known) = krate.memory.layouts.borrow().get(&id) {
            return *known;
        }
        let layout = declared_layout(krate, id);
        krate.memory.layouts.borrow_mut().insert(id, layout);
        return layout;
    }
    let name = Spanned::from("size_of".to_owned());
    let context = Around { krate, module };
    let item = Rc::new(read_alias(&context, name, ty));
    layout_of_item(krate, &item)
}

fn declared_layout(krate: &Crate, id: DeclarationId) -> Option<TypeLayout> {
    let item = type_item(krate, id)?;
    layout_of_item(krate, &item)
}

/// The maximum number of types whose layouts are computed to evaluate constants. All constants
/// share this limit.
const MAX_LAID_OUT: usize = 100_000;

/// Computes the layout of `item` and of the types that it contains. Returns `None` if a size
/// depends on itself.
fn layout_of_item(krate: &Crate, item: &Rc<TypeItem>) -> Option<TypeLayout> {
    let mut places = in_place::Places::default();
    let mut schema = Schema::default();
    let mut done = HashSet::new();
    let name = &item.def.name.value;
    let mut pending = vec![Rc::clone(item)];
    while let Some(item) = pending.pop() {
        let mut def = item.def.clone();
        if !item.complete || !places.fill(krate, &mut def, &item) {
            return None;
        }
        let mut held = Vec::new();
        in_place::each_named(&def, &mut |name| held.push(name.to_owned()));
        for name in held {
            if !done.insert(name.clone()) {
                continue;
            }
            let laid_out = krate.memory.laid_out.get();
            krate.memory.laid_out.set(laid_out + 1);
            let id = krate.memory.by_name.borrow().get(&name).copied();
            if laid_out >= MAX_LAID_OUT {
                return None;
            }
            let item = type_item(krate, id?)?;
            pending.push(item);
        }
        schema.types.push(def);
    }
    let layouts = Layouts::new(&schema);
    layouts.named(name)
}

/// Returns the name of a declaration in the schema.
pub(super) fn c_name(declaration: &Declaration) -> String {
    let own = match &declaration.kind {
        Kind::Declared(declared) => {
            let attribute = if declared.is_map { "bpf_map" } else { "bpf_type" };
            string_word(&declared.input.attrs, attribute, "name")
        }
        Kind::Alias(_) | Kind::Foreign => None,
    };
    own.unwrap_or_else(|| snake_case(&declaration.name.unraw().to_string()))
}

/// The code around an item in a module.
pub(super) struct Around<'a> {
    pub(super) krate: &'a Crate,
    pub(super) module: ModuleId,
}

impl Around<'_> {
    fn this(&self) -> Rc<Module> {
        self.krate.module(self.module)
    }

    fn declared(&self, id: DeclarationId, path: &syn::Path) -> Meaning {
        let declaration = self.krate.declaration(id);
        match &declaration.kind {
            Kind::Foreign => {
                let name = &declaration.name;
                let there = self.krate.module(declaration.module).source;
                let last = path.segments.last().map_or(name.span(), |last| last.ident.span());
                self.report(
                    Finding::new(
                        &rules::DERIVE_MISSING,
                        self.span(last, last),
                        format!("the type `{name}` needs a derive"),
                    )
                    .related(span(there, name.span(), name.span()), "has no derive")
                    .help(format!("write `#[derive(BpfType)]` before `{name}`")),
                );
                Meaning::Nothing
            }
            Kind::Declared(declared) if in_place::has_no_name(declared) => {
                if !declared.is_map {
                    reach(self.krate, id);
                }
                Meaning::Schema(in_place::key(id))
            }
            kind => {
                let is_map = matches!(kind, Kind::Declared(declared) if declared.is_map);
                if is_map {
                    self.krate.memory.named_maps.borrow_mut().push(id);
                } else {
                    reach(self.krate, id);
                }
                Meaning::Schema(c_name(&declaration))
            }
        }
    }
}

impl Context for Around<'_> {
    fn span(&self, first: TokenSpan, last: TokenSpan) -> Span {
        span(self.this().source, first, last)
    }

    fn resolve(&self, path: &syn::Path) -> Meaning {
        match resolve(self.krate, self.module, path, Space::Types) {
            Some(resolve::Meaning::Declaration(id)) => self.declared(id, path),
            Some(resolve::Meaning::External(words)) => {
                let last = words.last().map_or("", String::as_str);
                match C_INTEGERS.iter().find(|(name, _)| *name == last) {
                    Some((_, word)) => Meaning::Primitive((*word).to_owned()),
                    None => by_last_segment(&external(path, last)),
                }
            }
            _ => by_last_segment(path),
        }
    }

    fn constant(&self, expression: &Expr, int: Option<Int>) -> Constant {
        match constants::value(self.krate, self.module, expression, int) {
            Ok(value) => Constant::Known(value),
            Err(why) => {
                let tokens = quote::ToTokens::to_token_stream(expression);
                let mut tokens = tokens.into_iter().map(|token| token.span());
                let first = tokens.next().unwrap_or_else(TokenSpan::call_site);
                let last = tokens.last().unwrap_or(first);
                self.report(
                    Finding::new(
                        &rules::UNKNOWN_CONSTANT,
                        self.span(first, last),
                        "bpfmap can't compute the value of this expression",
                    )
                    .note(why)
                    .help(
                        "write a number, or the name of a constant that is computed from numbers",
                    ),
                );
                Constant::Nothing
            }
        }
    }

    fn report(&self, finding: Finding) {
        self.krate.report(finding);
    }
}

/// Returns `path` with its last segment replaced by `name`, which is the name of the item in its own crate.
fn external(path: &syn::Path, name: &str) -> syn::Path {
    let mut path = path.clone();
    if let (Some(last), Ok(ident)) = (path.segments.last_mut(), syn::parse_str::<syn::Ident>(name))
    {
        last.ident = syn::Ident::new(&ident.to_string(), last.ident.span());
    }
    path
}

/// The C integer types of `core::ffi` and `libc`. Each is listed with the equivalent Rust type,
/// which is the same on all targets that bpfmap supports.
const C_INTEGERS: &[(&str, &str)] = &[
    ("c_schar", "i8"),
    ("c_uchar", "u8"),
    ("c_short", "i16"),
    ("c_ushort", "u16"),
    ("c_int", "i32"),
    ("c_uint", "u32"),
    ("c_long", "i64"),
    ("c_ulong", "u64"),
    ("c_longlong", "i64"),
    ("c_ulonglong", "u64"),
];
