//! `bpfmap import`.

use std::path::{Path, PathBuf};

use bpfmap::LiveMap;
use bpfmap_btf::Btf;
use bpfmap_schema::front::btf::{Imported, read_live, read_object};
use clap::Args;

use crate::convert::{chosen, put};
use crate::live::LiveMaps;
use crate::options::{DiagnosticOptions, Language};
use crate::schemas::show_findings;
use crate::{Failed, Outcome, complain, kernel_btf, manual, standard_input};

/// The description of the command. It is not a doc comment, because some of its words would need
/// backticks there.
const ABOUT: &str = "\
Generate a schema from the maps of a compiled program, or from live maps.

For a program, the schema contains the maps in the sections .maps, maps and .struct_ops. The types of their \
keys and values come from BTF. If a schema can't express a type or a map, the command reports it, and writes \
bytes instead of the type or leaves out the map. The exit status is 1 if a map was left out. The schema does \
not contain the maps that libbpf creates for .data, .bss and .rodata, because they contain variables.

For a live map, the schema contains the information that the kernel has about the map. The template of a map \
of maps comes from the first map that it contains. The key and the value of a map without BTF are bytes. \
--all-live needs CAP_SYS_ADMIN. With --all-live, the command adds numbers to the names of maps that have the \
same name, and of different types that have the same name.";

/// Generate a schema from the maps of a compiled program, or from live maps
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_long_help = manual::IMPORT)]
pub(crate) struct ImportOptions {
    #[command(flatten)]
    from: ImportFrom,
    /// The file to write, .rs or .toml; the default is standard output
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The language of the schema; the default is the language of the output file, or toml
    #[arg(long, value_name = "LANGUAGE")]
    emit: Option<Language>,
    /// The BTF of a kernel, such as /sys/kernel/btf/vmlinux; the schema does not declare the types
    /// that this BTF contains, because vmlinux.h declares them
    #[arg(long, value_name = "FILE")]
    kernel_btf: Option<PathBuf>,
    /// Overwrite an existing file
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    diagnostics: DiagnosticOptions,
}

/// The maps to import.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct ImportFrom {
    /// An object file that clang compiled for the BPF target with -g; `-` is standard input
    #[arg(value_name = "FILE")]
    object: Option<PathBuf>,
    /// The pin of a live map
    #[arg(long, value_name = "PATH")]
    pinned: Option<PathBuf>,
    /// The id of a live map, which `bpftool map` shows
    #[arg(long, value_name = "NUMBER")]
    id: Option<u32>,
    /// Import every live map on this machine into one schema
    #[arg(long)]
    all_live: bool,
}

pub(crate) fn run(options: &ImportOptions) -> Outcome {
    let kernel = options.kernel_btf.as_deref().map(kernel_btf::read_file).transpose()?;
    let kernel = kernel.as_deref().map(kernel_btf::parse).transpose()?;
    let live = match &options.from {
        ImportFrom { pinned: Some(pin), .. } => Some((pin.clone(), LiveMap::from_pinned(pin))),
        ImportFrom { id: Some(id), .. } => {
            Some((PathBuf::from(format!("map {id}")), LiveMap::from_id(*id)))
        }
        _ => None,
    };
    if let Some((path, map)) = live {
        let mut live = LiveMaps::default();
        live.add(&map.map_err(|error| fail(&error))?)?;
        let name = live.maps[0].name.clone();
        return finish(options, &import_live(&path, &name, &live, kernel.as_ref()));
    }
    let Some(path) = &options.from.object else {
        let live = LiveMaps::all()?;
        return finish(
            options,
            &import_live(Path::new("live maps"), "live", &live, kernel.as_ref()),
        );
    };
    let data = kernel_btf::read_file(path)?;
    let path = if standard_input::is_meant(path) { Path::new(standard_input::NAME) } else { path };
    finish(options, &read_object(path, &data, kernel.as_ref()))
}

fn fail(error: &bpfmap::Error) -> Failed {
    complain(&format!("error: {error}\n"));
    Failed::Found
}

/// Imports maps as the kernel describes them. Diagnostics show `path` as their source.
fn import_live(path: &Path, name: &str, live: &LiveMaps, kernel: Option<&Btf<'_>>) -> Imported {
    read_live(path, name, &live.maps, &live.btfs(), kernel)
}

/// Shows the diagnostics, and writes the schema.
fn finish(options: &ImportOptions, imported: &Imported) -> Outcome {
    let Imported { findings, schema, .. } = imported;
    show_findings(options.diagnostics.message_format, findings, &schema.sources);
    if schema.maps.is_empty() && imported.is_partial() {
        return Err(Failed::Found);
    }
    let out = options.out.as_deref();
    let language = chosen(options.emit, "--emit", out)?.unwrap_or(Language::Toml);
    put(schema, language, out, options.force)?;
    if imported.is_partial() { Err(Failed::Found) } else { Ok(()) }
}
