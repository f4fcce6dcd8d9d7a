//! The importer, which reads schemas from compiled objects and live maps.
//!
//! It finds maps and the types of their keys and values in the BTF of an object file or of loaded
//! maps. From an object file it reads the section `.maps`, the section `maps` that libbpf supported
//! before 1.0, and the relocations that fill maps of maps and program arrays. The maps that libbpf
//! creates for `.data`, `.bss`, `.rodata` and `.kconfig` contain the program's variables and are
//! not part of a schema.
//!
//! The data is untrusted. Any error in it gives a diagnostic and never a panic, and the memory use
//! is bounded by the size of the data.
//!
//! The importer can't recover what BTF does not contain: macros, comments, and `packed` or an
//! alignment without effect. A part that a schema can't express gives a diagnostic and becomes
//! bytes of the same size. A map that a schema can't express is left out.

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
    /// A schema that follows all rules.
    pub schema: Schema,
    /// Diagnostics about parts that were changed, and about maps that were left out.
    pub findings: Vec<Finding>,
    /// The maps that are left out.
    pub left_out: Vec<LeftOut>,
    /// The maps to which each diagnostic belongs.
    owners: Vec<Option<Owner>>,
}

/// A map that a schema can't express.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name.
    pub map: String,
    /// The rule that it breaks.
    pub rule: &'static Rule,
}

impl Imported {
    /// Returns the diagnostics about a map: about its definition, the types of its key and value, and its inner map.
    #[must_use]
    pub fn findings_of(&self, map: &str) -> Vec<&Finding> {
        let about = trim::About::new(&self.schema, map);
        let found = self.findings.iter().zip(&self.owners);
        let found = found.filter(|(_, owner)| owner.as_ref().is_some_and(|it| about.is(it)));
        found.map(|(finding, _)| finding).collect()
    }

    /// Returns whether a map was left out.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity() == Severity::Error)
    }
}

/// The file needs far more memory than its size suggests.
#[derive(Debug, Clone, Copy)]
struct Failed;

/// Declaration tags, by the type and the member that have them.
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

/// Imports the maps of an object file. Diagnostics name it `path`. `kernel` is the BTF of a kernel: its types are
/// marked as the kernel's, so that the header works with its `vmlinux.h`.
///
/// Never fails: a file that can't be read gives a diagnostic.
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

/// The definitions of maps in an object file.
#[derive(Debug, Clone, Default)]
pub struct Definitions<'a> {
    /// Those that could be read.
    pub maps: Vec<MapDefinition>,
    /// The maps that can't be compared: name and reason.
    pub unread: Vec<(String, String)>,
    /// Their types, or empty BTF if the file has none.
    pub btf: Btf<'a>,
}

/// Returns the definitions of maps in an object file, and its BTF.
///
/// # Errors
///
/// Fails if it is not an object file, or its BTF can't be read.
pub fn definitions(data: &[u8]) -> Result<Definitions<'_>, String> {
    let object = ObjectFile::parse(data)?;
    let btf = object.section(".BTF").map(Btf::parse).transpose();
    let btf = btf.map_err(|error| error.to_string())?;
    let (maps, unread) = definition::read(&object, btf.as_ref());
    let unread = unread.into_iter().map(|unread| (unread.map, unread.why)).collect();
    Ok(Definitions { maps, unread, btf: btf.unwrap_or_default() })
}

/// Memory in bytes that an import may use in addition to a multiple of the file's size, so that the
/// types of a small file fit.
const ROOM: usize = 1 << 20;

/// The memory that a schema may use, as a multiple of the size of its source.
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
        let mut none = unreadable(path, "its types need far more memory than the size of the file");
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
        .help("name an object file that clang compiled for the BPF target with `-g`");
    Imported { schema, findings: vec![finding], left_out: vec![], owners: vec![None] }
}

/// Returns the name of the schema for a file. `filter.bpf.o` becomes the schema `filter`.
fn name_of(path: &Path) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = file.strip_suffix(".o").unwrap_or(&file);
    let stem = stem.strip_suffix(".bpf").unwrap_or(stem);
    identifier(stem)
}

/// Returns `text` as an identifier.
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
