//! `bpfmap verify`.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use bpfmap::verify::{Difference, live};
use bpfmap::{Declaration, LayoutCheck, LiveMap};
use bpfmap_codegen::check::Checked;
use bumpalo::Bump;
use clap::{Arg, ArgGroup, ArgMatches, Command, value_parser};

use crate::declared::declare;
use crate::{Failed, Outcome, complain, message_format_argument, print, schemas};

pub(crate) fn command() -> Command {
    Command::new("verify")
        .about("Hold a schema against a map that is live")
        .long_about(
            "Hold a schema against a map that is live.\n\n\
             Each difference is a line on standard output, with its path. The order of reading is what is there, \
             then what the schema says.\n\n\
             Exit status: 0 when all agrees, 1 when something differs or can't be read, 2 when the command line is \
             wrong.",
        )
        .arg(
            Arg::new("schema")
                .value_name("SCHEMA")
                .value_parser(value_parser!(PathBuf))
                .required(true)
                .help("A schema in TOML or Rust"),
        )
        .arg(
            Arg::new("pinned")
                .long("pinned")
                .value_name("PATH")
                .value_parser(value_parser!(PathBuf))
                .help("The pin of a map"),
        )
        .arg(
            Arg::new("id")
                .long("id")
                .value_name("NUMBER")
                .value_parser(value_parser!(u32))
                .help("The id of a map, as `bpftool map` shows it"),
        )
        .group(ArgGroup::new("what").args(["pinned", "id"]).required(true))
        .arg(Arg::new("map").long("map").value_name("NAME").help(
            "Only this map of the schema; of a live map, which one it is, unless its name tells",
        ))
        .arg(message_format_argument())
}

pub(crate) fn run(matches: &ArgMatches) -> Outcome {
    let path = |name: &str| matches.get_one::<PathBuf>(name);
    let schema =
        schemas::read_one(matches, path("schema").map_or(Path::new(""), PathBuf::as_path))?;
    let arena = Bump::new();
    let declared: Vec<Declaration<'_>> =
        schema.schema().maps.iter().map(|map| declare(&arena, &schema, map)).collect();
    let name = matches.get_one::<String>("map").map(String::as_str);
    if let Some(name) = name
        && !declared.iter().any(|map| map.name == name)
    {
        complain(&format!("error: the schema has no map `{name}`{}\n", others(&schema)));
        return Err(Failed::Usage);
    }
    let found = match (path("pinned"), matches.get_one::<u32>("id")) {
        (Some(pin), _) => {
            let map = LiveMap::from_pinned(pin).map_err(|error| fail(&error.to_string()))?;
            let pin = pin.file_name().and_then(|name| name.to_str());
            of_live(
                &map,
                choose(&declared, name, &[pin, Some(map.info().name.as_str())], &schema)?,
            )?
        }
        (_, Some(id)) => {
            let map = LiveMap::from_id(*id).map_err(|error| fail(&error.to_string()))?;
            of_live(&map, choose(&declared, name, &[Some(map.info().name.as_str())], &schema)?)?
        }
        _ => return Err(Failed::Usage),
    };
    if found.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = found.iter().map(Difference::to_string).collect();
    print(
        &(lines.join(
            "
",
        ) + "
"),
    )?;
    complain(&match found.len() {
        1 => "1 difference\n".to_owned(),
        more => format!("{more} differences\n"),
    });
    Err(Failed::Found)
}

fn of_live(map: &LiveMap, declared: &Declaration<'_>) -> Result<Vec<Difference>, Failed> {
    let verified = live(declared, map.as_fd()).map_err(|error| fail(&error.to_string()))?;
    match verified.layout_check {
        LayoutCheck::NoBtf if declared.btf => {
            complain("note: the map has no BTF: its sizes were compared, and no members\n");
        }
        LayoutCheck::NotPermitted => complain(
            "note: the map's BTF can't be read without CAP_SYS_ADMIN: its sizes were compared, and no members\n",
        ),
        _ => {}
    }
    let named = bpfmap::verify::name(declared, &map.info().name);
    let all = verified.differences.into_iter().chain(named);
    Ok(all.map(|difference| of_map(declared, difference)).collect())
}

fn of_map(declared: &Declaration<'_>, difference: Difference) -> Difference {
    Difference { path: format!("{}.{}", declared.name, difference.path), ..difference }
}

/// The map of the schema that is asked for, or that one of these is the name of.
fn choose<'a>(
    declared: &'a [Declaration<'a>],
    asked: Option<&str>,
    names: &[Option<&str>],
    schema: &Checked,
) -> Result<&'a Declaration<'a>, Failed> {
    let called = |name: &str| declared.iter().find(|map| map.name == name);
    let found = match (asked, declared) {
        (Some(name), _) => called(name),
        (None, [only]) => Some(only),
        (None, _) => names.iter().flatten().find_map(|name| called(name)).or_else(|| {
            // The kernel keeps 15 bytes of a name.
            let fits = |map: &&Declaration<'_>| {
                names.iter().flatten().any(|name| name.len() == 15 && map.name.starts_with(name))
            };
            declared.iter().find(fits)
        }),
    };
    found.ok_or_else(|| {
        complain(&format!("error: which map of the schema is it? say `--map`{}\n", others(schema)));
        Failed::Usage
    })
}

fn others(schema: &Checked) -> String {
    let names: Vec<String> =
        schema.schema().maps.iter().map(|map| format!("`{}`", map.name.value)).collect();
    if names.is_empty() { String::new() } else { format!(", one of {}", names.join(", ")) }
}

fn fail(error: &str) -> Failed {
    complain(&format!("error: {error}\n"));
    Failed::Found
}
