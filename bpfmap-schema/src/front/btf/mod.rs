//! The importer, which reads schemas from compiled objects and live maps.
//!
//! The importer finds the types of keys and values in the BTF of an object file or of loaded maps. In an object file,
//! it reads the section `.maps`, the section `maps` that libbpf supported before version 1.0, and the relocations for
//! the initial contents of maps. The maps that libbpf creates for `.data`, `.bss`, `.rodata` and `.kconfig` contain the
//! variables of the program and are not a part of a schema.
//!
//! The data is untrusted. An error in the data results in a diagnostic and never in a panic. The memory use is
//! proportional to the size of the data.
//!
//! The importer can't recover information that is not in the BTF: macros, comments, and a `packed`
//! or `align` that does not change the layout. If a schema can't express a part of a map, there is
//! a diagnostic, and the part becomes bytes of the same size. A map that a schema can't express is
//! left out.

mod definition;
mod elf;
mod fit;
mod kernel;
mod live;
mod maps;
mod old;
mod places;
mod sources;
mod trim;
mod types;

use std::collections::HashMap;
use std::path::Path;

use bpfmap_btf::{Btf, Kind, TypeId};

pub use definition::{EventDefinition, MapDefinition};
pub use live::{LiveBtf, LiveMapInfo, read_live};

use definition::Unread;
use elf::ObjectFile;
use kernel::KernelTypes;
use places::{Owner, Places};
use sources::Source;
use types::Types;

use crate::diagnostics::{Finding, Severity};
use crate::ir::Schema;
use crate::rules::{self, Rule};
use crate::source::{Span, Spanned};

/// The result of an import.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The imported schema, which follows all rules.
    pub schema: Schema,
    /// The diagnostics about parts that were changed and about maps that were left out.
    pub findings: Vec<Finding>,
    /// The maps that were left out of the schema.
    pub left_out: Vec<LeftOut>,
    /// The map or type to which each diagnostic belongs.
    owners: Vec<Option<Owner>>,
}

/// A map that a schema can't express.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The name of the map.
    pub map: String,
    /// The rule that the map breaks.
    pub rule: &'static Rule,
}

impl Imported {
    /// Returns the diagnostics about a map. These are the diagnostics about its definition, the types of its key and
    /// value, and its inner map.
    #[must_use]
    pub fn findings_of(&self, map: &str) -> Vec<&Finding> {
        let about = trim::About::new(&self.schema, map);
        let found = self.findings.iter().zip(&self.owners);
        let found = found.filter(|(_, owner)| owner.as_ref().is_some_and(|it| about.is(it)));
        found.map(|(finding, _)| finding).collect()
    }

    /// Returns whether at least one map was left out.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity() == Severity::Error)
    }
}

/// The error for a file that needs far more memory than its size suggests.
#[derive(Debug, Clone, Copy)]
struct Failed;

/// The declaration tags, by the type and the member to which they belong.
#[derive(Default)]
struct Tags<'a>(HashMap<(TypeId, Option<u32>), Vec<&'a str>>);

impl<'a> Tags<'a> {
    fn new(btf: &Btf<'a>) -> Self {
        let mut tags = Self::default();
        for (_, ty) in btf.iter() {
            if let Kind::DeclTag { target, component } = ty.kind {
                tags.0.entry((target, component)).or_default().push(ty.name);
            }
        }
        tags
    }

    /// Returns whether two types, or two members of types, have the same tags.
    fn are_same(one: (&Self, TypeId), other: (&Self, TypeId), component: Option<u32>) -> bool {
        one.0.0.get(&(one.1, component)) == other.0.0.get(&(other.1, component))
    }

    fn of(&self, id: TypeId, component: Option<u32>, span: Span) -> Vec<Spanned<String>> {
        let tags = self.0.get(&(id, component)).into_iter().flatten();
        tags.map(|tag| Spanned::new((*tag).to_owned(), span)).collect()
    }
}

/// Imports the maps of an object file. Diagnostics show the file as `path`. `kernel` is the BTF of a kernel. Types that
/// this kernel defines are marked as kernel types, so that the header works with the `vmlinux.h` of this kernel.
///
/// Never fails, because a file that can't be read results in a diagnostic.
#[must_use]
pub fn read_object(path: &Path, data: &[u8], kernel: Option<&Btf<'_>>) -> Imported {
    let object = match ObjectFile::parse(data) {
        Ok(object) => object,
        Err(why) => return unreadable(path, &why),
    };
    let btf = object.section(".BTF").map(Btf::parse).transpose();
    let btf = match btf {
        Ok(btf) => btf,
        Err(error) => return unreadable(path, &error.to_string()),
    };
    let (maps, unread) = definition::read(&object, btf.as_ref());
    let btf = btf.unwrap_or_default();
    import(path, &name_of(path), data.len(), &[Source::new(btf)], kernel, &maps, &unread)
}

/// The map definitions in an object file.
#[derive(Debug, Clone, Default)]
pub struct Definitions<'a> {
    /// The definitions that could be read.
    pub maps: Vec<MapDefinition>,
    /// The names of the maps that could not be read, each with the reason.
    pub unread: Vec<(String, String)>,
    /// The BTF of the object file with the types of the maps. It has no types if the file has no BTF.
    pub btf: Btf<'a>,
}

/// Returns the map definitions in an object file, and the BTF of the file.
///
/// # Errors
///
/// Returns an error if `data` is not an object file, or if its BTF can't be read.
pub fn definitions(data: &[u8]) -> Result<Definitions<'_>, String> {
    let object = ObjectFile::parse(data)?;
    let btf = object.section(".BTF").map(Btf::parse).transpose();
    let btf = btf.map_err(|error| error.to_string())?;
    let (maps, unread) = definition::read(&object, btf.as_ref());
    let unread = unread.into_iter().map(|unread| (unread.map, unread.why)).collect();
    Ok(Definitions { maps, unread, btf: btf.unwrap_or_default() })
}

/// The memory that every import can use in addition to a multiple of the file's size, in bytes. It is sufficient for
/// the types of a small file.
const ROOM: usize = 1 << 20;

/// The memory that a schema can use, as a multiple of the size of its source.
const ROOM_FACTOR: usize = 12;

fn import(
    path: &Path,
    name: &str,
    size: usize,
    sources: &[Source<'_>],
    kernel: Option<&Btf<'_>>,
    maps: &[MapDefinition],
    unread: &[Unread],
) -> Imported {
    let mut schema = Schema { name: Spanned::from(name.to_owned()), ..Schema::default() };
    let kernel = kernel.map(KernelTypes::new);
    let places = Places::new(&mut schema.sources, path);
    let room = size.saturating_mul(ROOM_FACTOR).saturating_add(ROOM);
    let mut types = Types::new(sources, kernel.as_ref(), places, room);
    let read = maps::convert(&mut types, maps);
    for Unread { map, rule, why } in unread {
        let span = types.places.begin(Owner::Map(map.clone()));
        let message = format!("the map `{map}` is left out: {why}");
        types.leave_out(map, rule, span, message);
    }
    let Ok(maps) = read else {
        let mut none =
            unreadable(path, "its types need far more memory than the size of the file suggests");
        let rule = &rules::IMPORT_UNREADABLE;
        let names = maps.iter().map(|map| &map.name).chain(unread.iter().map(|unread| &unread.map));
        none.left_out = names.map(|name| LeftOut { map: name.clone(), rule }).collect();
        return none;
    };
    schema.maps = maps;
    schema.types = types.defs;
    let (mut findings, mut left_out) = (types.findings, types.left_out);
    let owners = types.places.finish(&mut schema.sources);
    trim::trim(&mut schema, &mut findings, &mut left_out, &owners);
    let owners = findings.iter().map(|finding| owners.of(finding.place.span).cloned()).collect();
    Imported { schema, findings, left_out, owners }
}

fn unreadable(path: &Path, why: &str) -> Imported {
    let mut schema = Schema { name: Spanned::from(name_of(path)), ..Schema::default() };
    let source = schema.sources.add(path, "");
    let span = Span::new(source, 0..0);
    let message = format!("`{}` can't be imported: {why}", path.display());
    let finding = Finding::new(&rules::IMPORT_UNREADABLE, span, message)
        .help("use an object file that clang compiled for the BPF target with `-g`");
    Imported { schema, findings: vec![finding], left_out: vec![], owners: vec![None] }
}

/// Returns the name of the schema for an object file. For example, `filter.bpf.o` becomes the schema `filter`.
fn name_of(path: &Path) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = file.strip_suffix(".o").unwrap_or(&file);
    let stem = stem.strip_suffix(".bpf").unwrap_or(stem);
    identifier(stem)
}

/// Converts `text` to an identifier.
fn identifier(text: &str) -> String {
    let mut name: String = text
        .chars()
        .map(|char| if char.is_ascii_alphanumeric() { char } else { '_' })
        .take(100)
        .collect();
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}
