//! `bpfmap verify`.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use bpfmap::TypeDesc;
use bpfmap::verify::{Attributes, Difference, attributes, event, live, types};
use bpfmap::{LayoutCheck, LiveMap, MapDef, MapFlags};
use bpfmap_core::map_type::{MAP_TYPES, MapFlag};
use bpfmap_schema::check::Checked;
use bpfmap_schema::describe::map_def;
use bpfmap_schema::diagnostics::printable;
use bpfmap_schema::front::btf::{Definitions, MapDefinition, definitions};
use bumpalo::Bump;
use clap::Args;

use crate::options::{BuildOptions, DiagnosticOptions};
use crate::schemas::{Findings, read_one};
use crate::{Failed, Outcome, complain, kernel_btf, manual, print};

/// Compare a schema with a compiled object or with a live map.
///
/// Prints a line for each difference. The line contains the path of the part that differs, what the
/// object or the map contains, and what the schema says.
#[derive(Debug, Args)]
#[command(after_long_help = manual::VERIFY)]
pub(crate) struct VerifyOptions {
    /// A schema in TOML or Rust; `-` is TOML on standard input
    schema: PathBuf,
    #[command(flatten)]
    real: Real,
    /// Compare only this map of the schema; needed if the schema has several maps, and no map has
    /// the name of the live map or of its pin
    #[arg(long, value_name = "NAME")]
    map: Option<String>,
    #[command(flatten)]
    build: BuildOptions,
    #[command(flatten)]
    diagnostics: DiagnosticOptions,
}

/// The object or the live map that the schema is compared with.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Real {
    /// An object file that clang compiled, or `-` for standard input; maps are matched by name
    #[arg(long, value_name = "FILE")]
    object: Option<PathBuf>,
    /// The pin of a map
    #[arg(long, value_name = "PATH")]
    pinned: Option<PathBuf>,
    /// The id of a map, which `bpftool map` shows
    #[arg(long, value_name = "NUMBER")]
    id: Option<u32>,
}

pub(crate) fn run(options: &VerifyOptions) -> Outcome {
    let VerifyOptions { build, diagnostics, .. } = options;
    let schema = read_one(&options.schema, Findings::new(build, diagnostics.message_format))?;
    let arena = Bump::new();
    let declared: Vec<MapDef<'_>> =
        schema.schema().maps.iter().map(|map| map_def(&arena, &schema, map)).collect();
    let name = options.map.as_deref();
    if let Some(name) = name
        && !declared.iter().any(|map| map.name == name)
    {
        complain(&format!("error: the schema has no map `{name}`{}\n", others(&schema)));
        return Err(Failed::Usage);
    }
    let found = match &options.real {
        Real { object: Some(object), .. } => {
            let asked = declared.iter().filter(|map| name.is_none_or(|name| map.name == name));
            of_object(object, &schema, &asked.collect::<Vec<_>>())?
        }
        Real { pinned: Some(pin), .. } => {
            let map = LiveMap::from_pinned(pin).map_err(|error| fail(&error.to_string()))?;
            let pin = pin.file_name().and_then(|name| name.to_str());
            of_live(
                &map,
                choose(&declared, name, &[pin, Some(map.info().name.as_str())], &schema)?,
            )?
        }
        Real { id: Some(id), .. } => {
            let map = LiveMap::from_id(*id).map_err(|error| fail(&error.to_string()))?;
            of_live(&map, choose(&declared, name, &[Some(map.info().name.as_str())], &schema)?)?
        }
        // clap requires one of the above.
        Real { .. } => return Err(Failed::Usage),
    };
    if found.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = found.iter().map(Difference::to_string).collect();
    print(&(printable(&lines.join("\n")) + "\n"))?;
    complain(&match found.len() {
        1 => "1 difference\n".to_owned(),
        more => format!("{more} differences\n"),
    });
    Err(Failed::Found)
}

/// The number of the map type `struct_ops`.
const STRUCT_OPS: u32 = bpfmap_core::map_type::STRUCT_OPS.number;

/// Returns the differences between these maps of the schema and the maps with the same names in an
/// object.
fn of_object(
    path: &Path,
    schema: &Checked,
    maps: &[&MapDef<'_>],
) -> Result<Vec<Difference>, Failed> {
    let unread =
        |error: &dyn std::fmt::Display| fail(&format!("can't read `{}`: {error}", path.display()));
    let data = kernel_btf::read_file(path)?;
    let Definitions { maps: defined, unread, btf } =
        definitions(&data).map_err(|error| unread(&error))?;
    let mut found = vec![];
    for declared in maps {
        let Some(map) = defined.iter().find(|map| map.name == declared.name) else {
            let refused = unread.iter().find(|(map, _)| map == declared.name);
            let text = match refused {
                Some((_, why)) => format!("can't be compared: {why}"),
                None => "missing, schema has it".to_owned(),
            };
            found.push(Difference::new(declared.name, text));
            continue;
        };
        if map.map_type == Some(STRUCT_OPS) && declared.map_type == STRUCT_OPS {
            let said = schema.schema().maps.iter().find(|map| map.name.value == declared.name);
            let said = said.and_then(|map| map.ops.as_ref()).map(|ops| ops.value.as_str());
            found.extend(of_struct_ops(map, declared, said));
            continue;
        }
        let real = attributes_of(map, &btf);
        let differences = attributes(declared, &real).map_err(|error| fail(&error.to_string()))?;
        let ids = (map.key_type(&btf).unwrap_or(0), map.value_type(&btf).unwrap_or(0));
        let events = map.event.map(|defined| event(declared, &btf, defined.ty));
        if events.is_none() && !matches!(declared.event, TypeDesc::Void) {
            complain(&format!(
                "note: the object has no type for the records of `{}`, so their layout was not compared\n",
                declared.name
            ));
        }
        let events = events.unwrap_or_default();
        let differences = differences.into_iter().chain(types(declared, &btf, ids)).chain(events);
        found.extend(differences.map(|difference| of_map(declared, difference)));
    }
    Ok(found)
}

/// Returns the differences between a `struct_ops` map of the schema and the variable for which
/// libbpf creates this map. The type of the variable is the kernel's struct, and the section of the
/// variable determines the flags of the map.
fn of_struct_ops(map: &MapDefinition, declared: &MapDef<'_>, ops: Option<&str>) -> Vec<Difference> {
    let mut found = vec![];
    let mut differ = |what: &str, real: String, said: String| {
        if real != said {
            let text = format!("{real}, schema says {said}");
            found.push(Difference::new(&format!("{}.{what}", declared.name), text));
        }
    };
    let name = |ops: Option<&str>| ops.unwrap_or("nothing").to_owned();
    differ("ops", name(map.ops.as_deref()), name(ops));
    // If a module defines the struct, libbpf adds this flag by itself.
    let by_libbpf = MapFlag::by_name("vtype_btf_obj_fd").map_or(0, MapFlag::value);
    let flags = |flags: u32| MapFlags::from_bits_retain(flags & !by_libbpf).to_string();
    differ("flags", flags(map.flags.unwrap_or(0)), flags(declared.flags.bits()));
    found
}

/// Returns the attributes of the map that a loader creates from a definition. If the definition
/// does not contain a size, and the map type allows only one size, the result contains this size,
/// because some loaders fill it in.
fn attributes_of(map: &MapDefinition, btf: &bpfmap_btf::Btf<'_>) -> Attributes {
    let (mut key_size, mut value_size) = map.sizes(btf);
    if let Some(row) = MAP_TYPES.iter().find(|row| Some(row.number) == map.map_type) {
        if key_size == 0 && row.key.is_implied() {
            key_size = 4;
        }
        if value_size == 0 {
            let implied = row.value.implied_size().and_then(|size| u32::try_from(size).ok());
            value_size = implied.unwrap_or(0);
        }
    }
    let mut attributes = Attributes::new(map.map_type.unwrap_or(0), key_size, value_size);
    attributes.max_entries = map.max_entries;
    attributes.flags = MapFlags::from_bits_retain(map.flags.unwrap_or(0));
    attributes.map_extra = map.map_extra.unwrap_or(0);
    attributes
}

fn of_live(map: &LiveMap, declared: &MapDef<'_>) -> Result<Vec<Difference>, Failed> {
    let verified = live(declared, map.as_fd()).map_err(|error| fail(&error.to_string()))?;
    match verified.layout_check {
        LayoutCheck::NoBtf if declared.btf => {
            complain("note: the map has no BTF, so only its sizes were compared\n");
        }
        LayoutCheck::NotPermitted => complain(
            "note: the map's BTF can't be read without CAP_SYS_ADMIN, so only its sizes were compared\n",
        ),
        _ => {}
    }
    let named = bpfmap::verify::name(declared, &map.info().name);
    let all = verified.differences.into_iter().chain(named);
    Ok(all.map(|difference| of_map(declared, difference)).collect())
}

fn of_map(declared: &MapDef<'_>, difference: Difference) -> Difference {
    Difference::new(&format!("{}.{}", declared.name, difference.path), difference.text)
}

/// Returns the map of the schema with the name `asked`. If `asked` is `None`, returns the map that
/// has one of the names `names`, or the only map of the schema.
fn choose<'a>(
    declared: &'a [MapDef<'a>],
    asked: Option<&str>,
    names: &[Option<&str>],
    schema: &Checked,
) -> Result<&'a MapDef<'a>, Failed> {
    let called = |name: &str| declared.iter().find(|map| map.name == name);
    let found = match (asked, declared) {
        (Some(name), _) => called(name),
        (None, [only]) => Some(only),
        (None, _) => names.iter().flatten().find_map(|name| called(name)).or_else(|| {
            // The kernel keeps only 15 bytes of a name.
            let fits = |map: &&MapDef<'_>| {
                names.iter().flatten().any(|name| name.len() == 15 && map.name.starts_with(name))
            };
            declared.iter().find(fits)
        }),
    };
    found.ok_or_else(|| {
        complain(&format!(
            "error: can't determine which map of the schema this is: use `--map`{}\n",
            others(schema)
        ));
        Failed::Usage
    })
}

fn others(schema: &Checked) -> String {
    let names: Vec<String> =
        schema.schema().maps.iter().map(|map| format!("`{}`", map.name.value)).collect();
    if names.is_empty() {
        String::new()
    } else {
        format!("; the maps of the schema are {}", names.join(", "))
    }
}

fn fail(error: &str) -> Failed {
    complain(&format!("error: {error}\n"));
    Failed::Found
}
