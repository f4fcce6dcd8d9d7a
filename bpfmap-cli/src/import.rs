//! `bpfmap import`.

use std::path::{Path, PathBuf};

use bpfmap::LiveMap;
use bpfmap_btf::Btf;
use bpfmap_schema::diagnostics::Finding;
use bpfmap_schema::front::btf::{Imported, read_live, read_object};
use bpfmap_schema::layout::Layouts;
use bpfmap_schema::print;
use clap::{Arg, ArgGroup, ArgMatches, Command, value_parser};

use crate::live::LiveMaps;
use crate::schemas::show_findings;
use crate::{
    Failed, Outcome, complain, convert, flag, kernel_btf, message_format_argument, standard_input,
};

pub(crate) fn command() -> Command {
    Command::new("import")
        .about("Write a schema of the maps of a compiled program, or of live maps")
        .long_about(
            "Write a schema of the maps of a compiled program, or of live maps.\n\n\
             For a program, the schema has the maps in its sections .maps, maps and .struct_ops, with the types of \
             their keys and values from BTF. What a schema can't express is reported, and becomes bytes or is left \
             out; the exit status is 1 if a map was left out. The maps that libbpf creates for .data, .bss and \
             .rodata are variables, and not part of a schema.\n\n\
             For a live map, the schema has the kernel's information about it; the template of a map of maps comes \
             from the first map in it. A map without BTF has bytes for key and value. With --all-live, duplicate \
             names get numbers, and so do different types with the same name; this needs CAP_SYS_ADMIN.",
        )
        .arg(
            Arg::new("object")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("An object file that clang compiled for the BPF target with -g; `-` is standard input"),
        )
        .arg(
            Arg::new("pinned")
                .long("pinned")
                .value_name("PATH")
                .value_parser(value_parser!(PathBuf))
                .help("The pin of a live map"),
        )
        .arg(
            Arg::new("id")
                .long("id")
                .value_name("NUMBER")
                .value_parser(value_parser!(u32))
                .help("The id of a live map, which `bpftool map` shows"),
        )
        .arg(flag("all-live").help("Every map of the machine, as one schema"))
        .group(ArgGroup::new("what").args(["object", "pinned", "id", "all-live"]).required(true))
        .arg(
            Arg::new("out")
                .long("out")
                .short('o')
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("The file to write, .rs or .toml; the default is standard output"),
        )
        .arg(
            Arg::new("emit")
                .long("emit")
                .value_name("LANGUAGE")
                .value_parser(["toml", "rust"])
                .help("The language to write if FILE does not determine it; the default is toml"),
        )
        .arg(kernel_btf::argument("leave its types to vmlinux.h"))
        .arg(flag("force").help("Overwrite an existing file"))
        .arg(message_format_argument())
}

pub(crate) fn run(matches: &ArgMatches) -> Outcome {
    let kernel = kernel_btf::read(matches)?;
    let kernel = kernel.as_deref().map(kernel_btf::parse).transpose()?;
    let (pinned, id) = (matches.get_one::<PathBuf>("pinned"), matches.get_one::<u32>("id"));
    let live = match (pinned, id) {
        (Some(pin), _) => Some((pin.clone(), LiveMap::from_pinned(pin))),
        (_, Some(id)) => Some((PathBuf::from(format!("map {id}")), LiveMap::from_id(*id))),
        _ => None,
    };
    if let Some((path, map)) = live {
        let mut live = LiveMaps::default();
        live.add(&map.map_err(|error| fail(&error))?)?;
        let name = live.maps[0].name.clone();
        return finish(matches, &import_live(&path, &name, &live, kernel.as_ref()));
    }
    if matches.get_flag("all-live") {
        let live = LiveMaps::all()?;
        return finish(
            matches,
            &import_live(Path::new("live maps"), "live", &live, kernel.as_ref()),
        );
    }
    let Some(path) = matches.get_one::<PathBuf>("object") else { return Err(Failed::Usage) };
    let data = kernel_btf::read_file(path)?;
    let path = if standard_input::is_meant(path) { Path::new(standard_input::NAME) } else { path };
    finish(matches, &read_object(path, &data, kernel.as_ref()))
}

fn fail(error: &bpfmap::Error) -> Failed {
    complain(&format!("error: {error}\n"));
    Failed::Found
}

/// Imports maps as the kernel describes them. Diagnostics refer to them as `path`.
fn import_live(path: &Path, name: &str, live: &LiveMaps, kernel: Option<&Btf<'_>>) -> Imported {
    read_live(path, name, &live.maps, &live.btfs(), kernel)
}

/// Shows the diagnostics, and writes the schema.
fn finish(matches: &ArgMatches, imported: &Imported) -> Outcome {
    let findings: &[Finding] = &imported.findings;
    show_findings(matches, findings, &imported.schema.sources);
    if imported.schema.maps.is_empty() && imported.is_partial() {
        return Err(Failed::Found);
    }
    let to_rust = |out: Option<&PathBuf>| convert::language(matches, "emit", out, false);
    let out = matches.get_one::<PathBuf>("out");
    let text = if to_rust(out)? {
        print::rust::print(&imported.schema, &Layouts::new(&imported.schema))
    } else {
        print::toml::print(&imported.schema)
    };
    convert::put(matches, out, text)?;
    if imported.is_partial() { Err(Failed::Found) } else { Ok(()) }
}
