//! Converts map definitions to maps of a schema.

use std::collections::HashMap;

use bpfmap_btf::TypeId;

use super::Failed;
use super::definition::MapDefinition;
use super::places::Owner;
use super::types::{Enclosing, Types};
use crate::check::left_out;
use crate::diagnostics::Finding;
use crate::ir::{InnerMap, KeyValue, MapDecl, Pinning, Type};
use crate::rules::{self, Rule};
use crate::source::{Span, Spanned};
use bpfmap_core::map_type::{BtfRule, KernelObject, MAP_FLAGS, MAP_TYPES, MapType, ValueRule};

/// Converts the maps that a schema can express.
pub(super) fn convert(
    types: &mut Types<'_>,
    maps: &[MapDefinition],
) -> Result<Vec<MapDecl>, Failed> {
    // If the template of a map of maps and another map have the same struct, the schema uses the name of the other map
    // as the template.
    let mut by_structure: HashMap<TypeId, &str> = HashMap::new();
    for map in maps.iter().filter(|map| map.variable != 0) {
        by_structure.entry(map.structure).or_insert(&map.name);
    }
    let mut made = Vec::with_capacity(maps.len());
    for map in maps {
        let span = types.places.begin(Owner::Map(map.name.clone()));
        let mut maker = Maker { types: &mut *types, name: &map.name, span, wrong: None };
        let def = maker.map(map, &by_structure)?;
        match maker.wrong {
            None => made.push(def),
            Some((rule, why)) => {
                let message = format!("the map `{}` is left out: {why}", map.name);
                types.leave_out(&map.name, rule, span, message);
            }
        }
        if let Some(called) = &map.called {
            let message = format!("the map {called} is renamed to `{}`", map.name);
            let help = "check the new name: another map has the old name, or the old name is not \
                        valid in C";
            types.findings.push(Finding::new(&rules::IMPORT_RENAMED, span, message).help(help));
        }
        if map.is_weak {
            let message =
                format!("the definition of `{}` is weak, which a schema can't express", map.name);
            let help = "add `__weak` in the C source, or include the header in only one of the \
                        linked files";
            types.findings.push(Finding::new(&rules::IMPORT_WEAK, span, message).help(help));
        }
    }
    Ok(made)
}

struct Maker<'t, 'a, 'm> {
    types: &'t mut Types<'a>,
    name: &'m str,
    span: Span,
    /// The reason why a schema can't express the map.
    wrong: Option<(&'static Rule, String)>,
}

impl Maker<'_, '_, '_> {
    fn map(
        &mut self,
        map: &MapDefinition,
        by_structure: &HashMap<TypeId, &str>,
    ) -> Result<MapDecl, Failed> {
        let row = self.row(map.map_type);
        self.types.enter(map.source);
        let mut key = self.described("key", map.key, map.key_size)?;
        let mut value = self.described("value", map.value, map.value_size)?;
        // Otherwise, the check would add a key and a value with types. The original definition has no types, so sizes
        // without types are closer to it.
        let holds = map.inner.is_some() || map.holds_programs;
        if let Some(row) = row {
            if map.ops.is_none() {
                let no_key = key.is_none() && row.key.is_implied();
                if no_key {
                    key = Some(self.size(4));
                }
                let implied = row.value.implied_size().and_then(|size| u32::try_from(size).ok());
                let implied = implied.filter(|_| value.is_none());
                if let Some(size) = implied {
                    value = Some(self.size(size));
                }
                // libbpf adds the size of a value that is a map or a program. If the value type is the type of the
                // records, there is a separate diagnostic.
                let is_told = holds || map.event.is_some_and(|event| event.is_value);
                let no_value = implied.is_some() && !is_told;
                if !map.is_live && (no_key || no_value) {
                    self.sizes_unsaid(row, no_key, no_value);
                }
            }
        }
        if let Some(row) = row {
            self.live(map, row);
        }
        let event = self.event(map)?;
        let inner = match &map.inner {
            None => None,
            Some(inner) => Some(match by_structure.get(&inner.structure) {
                Some(name) if *name != map.name => InnerMap::Named((*name).to_owned()),
                _ => InnerMap::Template(Box::new(self.map(inner, &HashMap::new())?)),
            }),
        };
        let span = self.span;
        let spanned = |number| Spanned::new(number, span);
        let text = |text: &str| Spanned::new(text.to_owned(), span);
        self.types.spend(map.values.len() * 64 + map.name.len() + 64)?;
        let mut def = MapDecl {
            name: text(&map.name),
            doc: None,
            map_type: text(row.map_or("", |row| row.name)),
            key,
            value,
            event,
            ops: map.ops.as_deref().map(text),
            // libbpf treats 0 as not set.
            max_entries: map.max_entries.filter(|entries| *entries != 0).map(spanned),
            flags: self.flags(map.flags.unwrap_or_default()),
            pinning: map
                .pinning
                .filter(|pinning| *pinning != 0)
                .map(|pinning| Spanned::new(Pinning::from_number(pinning), self.span)),
            numa_node: map.numa_node.map(spanned),
            map_extra: map.map_extra.map(|extra| Spanned::new(extra, self.span)),
            inner: inner.map(|inner| Spanned::new(inner, self.span)),
            values: map.values.iter().map(|(index, name)| (spanned(*index), text(name))).collect(),
            btf: None,
            set_by_loader: vec![],
            optional: false.into(),
            renamed_from: None,
            decl_tags: if map.variable == 0 {
                vec![]
            } else {
                self.types.tags().of(map.variable, None, self.span)
            },
            span: self.span,
        };
        // A loader can't set the attributes of a template.
        let is_pattern = map.name.is_empty();
        if let Some(row) = row.filter(|_| !is_pattern) {
            let open = left_out(&def, row).into_iter();
            def.set_by_loader = open.map(|attribute| Spanned::new(attribute, span)).collect();
        }
        Ok(def)
    }

    /// Reports sizes that the definition leaves out although libbpf needs them. The map type allows
    /// only one size, which the importer uses.
    fn sizes_unsaid(&mut self, row: &MapType, no_key: bool, no_value: bool) {
        let what = match (no_key, no_value) {
            (true, true) => "key and value",
            (true, false) => "its key",
            _ => "its value",
        };
        let (name, ty) = (self.name, row.name);
        let message = format!(
            "`{name}` does not declare the size of {what}, so the importer uses the size that a \
             `{ty}` requires"
        );
        let help = "add the size in the program, such as `__uint(key_size, 4)`; without the size, \
                    libbpf can't create the map";
        let finding = Finding::new(&rules::IMPORT_SIZE, self.span, message).help(help);
        self.types.findings.push(finding);
    }

    /// Reports information that is missing for a live map.
    fn live(&mut self, map: &MapDefinition, row: &MapType) {
        let name = self.name;
        match row.value {
            ValueRule::Object(KernelObject::Map) if map.is_live && map.inner.is_none() => {
                let message = format!(
                    "the template of `{name}` is unknown, because the map contains no inner map \
                     at the moment"
                );
                let help = "import the map again when it contains an inner map, or import the \
                            program's object file";
                let finding = Finding::new(&rules::IMPORT_INNER, self.span, message).help(help);
                self.types.findings.push(finding);
            }
            ValueRule::StructOps if map.is_live && map.ops.is_none() => {
                let why = "its struct is not in the BTF of the running kernel";
                self.wrong.get_or_insert((&rules::IMPORT_STRUCT_OPS, why.to_owned()));
            }
            _ => {}
        }
        if let Some(why) = &map.opaque {
            if matches!(row.btf, BtfRule::Optional | BtfRule::Required) {
                let what = if map.name.is_empty() { "of a map in " } else { "of " };
                let message = format!("the key and the value {what}`{name}` become bytes: {why}");
                let help = "declare their types in the schema; their sizes are unchanged";
                let finding = Finding::new(&rules::IMPORT_OPAQUE, self.span, message).help(help);
                self.types.findings.push(finding);
            }
        }
    }

    /// Returns the type of the map's records, or `None` if the definition does not declare it.
    fn event(&mut self, map: &MapDefinition) -> Result<Option<Spanned<Type>>, Failed> {
        let Some(event) = map.event else { return Ok(None) };
        let span = self.types.places.line(&format!("{}.event", self.name));
        let name = format!("{}_event", self.name);
        self.types.spend(name.len() * 2)?;
        let ty = self.types.ty(event.ty, Enclosing { span, name: &name, depth: 0, nested: 0 })?;
        if event.is_value {
            let message = format!(
                "the map `{}` declares the type of its records as the type of its value",
                self.name
            );
            let help = "libbpf can't create a map with such a value; the header that is generated from the \
                 schema declares the type in a form that libbpf, aya and cilium/ebpf accept";
            let finding = Finding::new(&rules::IMPORT_EVENT, span, message).help(help);
            self.types.findings.push(finding);
        }
        Ok(Some(ty))
    }

    fn row(&mut self, number: Option<u32>) -> Option<&'static MapType> {
        let row = MAP_TYPES.iter().find(|row| Some(row.number) == number);
        if row.is_none() {
            let why = match number {
                None => "the definition does not contain the map type".to_owned(),
                Some(number) => format!("its map type has the unknown number {number}"),
            };
            self.wrong.get_or_insert((&rules::IMPORT_MAP_TYPE, why));
        }
        row
    }

    fn size(&self, size: u32) -> KeyValue {
        KeyValue::Size(Spanned::new(size, self.span))
    }

    /// Returns the type of a key or a value, or the size if there is no type.
    fn described(
        &mut self,
        what: &str,
        ty: Option<TypeId>,
        size: Option<u32>,
    ) -> Result<Option<KeyValue>, Failed> {
        // `__uint(key, 0)` looks like a key whose type has size 0.
        let typed = ty.map(|id| (id, self.types.btf().size(id).unwrap_or_default()));
        match (typed, size.filter(|size| *size != 0)) {
            (Some((_, bytes)), Some(size)) if bytes != u64::from(size) && bytes != 0 => {
                let why =
                    format!("the type of its {what} has {bytes} bytes, but its size is {size}");
                self.wrong.get_or_insert((&rules::IMPORT_MAP, why));
                Ok(Some(self.size(size)))
            }
            (Some((id, bytes)), _) if bytes != 0 => {
                let span = self.types.places.line(&format!("{}.{what}", self.name));
                let name = format!("{}_{what}", self.name);
                self.types.spend(name.len() * 2)?;
                let ty = self.types.ty(id, Enclosing { span, name: &name, depth: 0, nested: 0 })?;
                Ok(Some(KeyValue::Type(ty)))
            }
            (_, Some(size)) => Ok(Some(self.size(size))),
            (_, None) => Ok(None),
        }
    }

    fn flags(&mut self, bits: u32) -> Vec<Spanned<String>> {
        let known = MAP_FLAGS.iter().filter(|flag| bits & flag.value() != 0);
        let unknown = MAP_FLAGS.iter().fold(bits, |bits, flag| bits & !flag.value());
        if unknown != 0 {
            let why = format!("the map has unknown flags: {unknown:#x}");
            self.wrong.get_or_insert((&rules::IMPORT_FLAG, why));
        }
        known.map(|flag| Spanned::new(flag.name.to_owned(), self.span)).collect()
    }
}
