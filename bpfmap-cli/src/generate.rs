//! `bpfmap generate`.

use std::path::{Path, PathBuf};

use bpfmap_codegen::Emit;
use bpfmap_codegen::backend::GeneratedFile;
use bpfmap_codegen::backend::rust::emit_modules;
use bpfmap_codegen::generate::{Options, generate};
use bpfmap_codegen::output::{OutputError, Planned, plan, write};
use bpfmap_schema::check::Checked;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command, value_parser};

use crate::depfile::Besides;
use crate::project::{FILE, Project};
use crate::schemas::Run;
use crate::target::{Target, file_name};
use crate::{
    Failed, Outcome, build_arguments, complain, depfile, flag, kernel_btf_argument,
    message_format_argument, print, schemas, schemas_argument,
};

pub(crate) fn command() -> Command {
    Command::new("generate")
        .about("Write C and Rust from schemas")
        .arg(schemas_argument())
        .args(build_arguments())
        .arg(
            Arg::new("out")
                .long("out")
                .short('o')
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .help("The folder to write to, which is created if it does not exist; the default is the folders of bpfmap.toml"),
        )
        .arg(
            Arg::new("emit")
                .long("emit")
                .value_name("KINDS")
                .value_delimiter(',')
                .requires("out")
                .value_parser(PossibleValuesParser::new(Emit::ALL.iter().map(|(name, _)| *name)))
                .help("What to write; the default is c,rust, or c for schemas written in Rust"),
        )
        .arg(flag("legacy").requires("out").help(
            "Write `struct bpf_map_def SEC(\"maps\")`, for libbpf before 1.0; \
             libbpf 1.0 and newer refuse it, and aya also loads the maps that are \
             written without this option",
        ))
        .arg(
            flag("check").help("Write nothing; show what would change, and fail if anything would"),
        )
        .arg(flag("force").help("Overwrite files that bpfmap did not generate"))
        .arg(
            Arg::new("modules")
                .long("modules")
                .value_name("NAME")
                .requires("out")
                .value_parser(file_name)
                .help("Also write a Rust file of this name with a module for each schema, such as `mod.rs`"),
        )
        .arg(
            file("depfile")
                .help("Also write a list of the files that were read, including schemas, in the format of Make"),
        )
        .arg(file("stamp").help(
            "Also write this file on each run that succeeds, for build systems that compare times (files whose \
             content stays the same are not written)",
        ))
        .arg(kernel_btf_argument())
        .arg(message_format_argument())
}

pub(crate) fn run(matches: &ArgMatches) -> Outcome {
    let targets = targets(matches)?;
    let Run { roots, includes } = schemas::read_with_includes(matches)?;
    let mut planned = vec![];
    for (out, targets) in by_folder(&targets) {
        let files = targets.iter().flat_map(|target| files(target, &roots, &includes)).collect();
        planned.extend(plan(out, files).map_err(|error| fail(&error))?);
    }
    if matches.get_flag("check") {
        return compare(&planned, "is stale");
    }
    let besides = Besides { depfile: matches.get_one("depfile"), stamp: matches.get_one("stamp") };
    let read = depfile::read(&roots, matches.get_one("kernel-btf"));
    besides.check(&read, &planned)?;
    write(&planned, matches.get_flag("force")).map_err(|error| fail(&error))?;
    besides.write(&read, &planned).map_err(|error| fail(&error))?;
    let written = planned.iter().filter(|file| file.is_stale());
    let lines: Vec<String> =
        written.map(|file| format!("wrote {}\n", file.path.display())).collect();
    print(&lines.concat())
}

/// Returns what to generate: from the command line, or else from the project file.
fn targets(matches: &ArgMatches) -> Result<Vec<Target>, Failed> {
    let Some(out) = matches.get_one::<PathBuf>("out") else {
        let project = Project::needed("`--out` names no folder")?;
        if project.targets.is_empty() {
            complain(&format!(
                "error: `--out` names no folder, and `{FILE}` has no `[[generate]]` table\n"
            ));
            return Err(Failed::Usage);
        }
        return Ok(project.targets);
    };
    Ok(vec![Target {
        out: out.clone(),
        emit: asked(matches),
        legacy: matches.get_flag("legacy"),
        modules: matches.get_one("modules").cloned(),
    }])
}

/// Groups the targets by directory, so that a file that two of them would create is found.
fn by_folder(targets: &[Target]) -> Vec<(&Path, Vec<&Target>)> {
    let mut folders: Vec<(&Path, Vec<&Target>)> = vec![];
    for target in targets {
        match folders.iter_mut().find(|(out, _)| *out == target.out) {
            Some((_, targets)) => targets.push(target),
            None => folders.push((&target.out, vec![target])),
        }
    }
    folders
}

fn files(target: &Target, roots: &[Checked], includes: &[Checked]) -> Vec<GeneratedFile> {
    let Target { emit: asked, legacy, modules, .. } = target;
    if *legacy && asked.as_ref().is_none_or(|kinds| kinds.contains(&Emit::C)) {
        complain(
            "warning: `--legacy` writes `struct bpf_map_def SEC(\"maps\")`, which libbpf before \
             1.0 loads; libbpf 1.0 and newer refuse it, and aya needs no `--legacy`\n",
        );
    }
    let options = |checked: &Checked| {
        let emit = asked.clone().unwrap_or_else(|| Emit::default_for(checked).to_vec());
        Options { emit, legacy: *legacy }
    };
    let own = roots.iter().flat_map(|root| generate(root, &options(root)));
    let shared =
        includes.iter().flat_map(|include| generate(include, &options(include).for_include()));
    let mut files: Vec<GeneratedFile> = own.chain(shared).collect();
    if let Some(name) = modules {
        let has_rust = |checked: &&Checked| options(checked).emit.contains(&Emit::Rust);
        let modules = includes.iter().chain(roots).filter(has_rust);
        let modules: Vec<String> =
            modules.map(|checked| checked.schema().name.value.clone()).collect();
        files.push(emit_modules(name, &modules));
    }
    files
}

/// Returns an option of `generate` that names an additional file to write.
fn file(name: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .conflicts_with("check")
}

/// Returns the kinds of files that the command line names, if it does.
fn asked(matches: &ArgMatches) -> Option<Vec<Emit>> {
    let named: Vec<&String> = matches.get_many("emit")?.collect();
    let kinds = Emit::ALL.iter().filter(|(name, _)| named.iter().any(|named| named == name));
    Some(kinds.map(|(_, kind)| *kind).collect())
}

/// Shows the changes to files that are not up to date. `wrong` is the message for such a file.
pub(crate) fn compare(planned: &[Planned], wrong: &str) -> Outcome {
    let stale: Vec<&Planned> = planned.iter().filter(|file| file.is_stale()).collect();
    if stale.is_empty() {
        return Ok(());
    }
    print(&stale.iter().map(|file| diff(file)).collect::<String>())?;
    for file in &stale {
        let what = if file.present.is_some() { wrong } else { "is not there" };
        complain(&format!("error: `{}` {what}\n", file.path.display()));
    }
    complain("the same command without `--check` brings them up to date\n");
    Err(Failed::Found)
}

/// Returns the changes to a file as a unified diff.
fn diff(file: &Planned) -> String {
    let present = String::from_utf8_lossy(file.present.as_deref().unwrap_or_default());
    let path = file.path.display().to_string();
    let old = if file.present.is_some() { path.as_str() } else { "/dev/null" };
    unified_diff((old, &present), (&path, &file.contents))
}

/// Returns the changes from one file to the other. Each is given by its path and its text.
pub(crate) fn unified_diff(old: (&str, &str), new: (&str, &str)) -> String {
    similar::TextDiff::from_lines(old.1, new.1).unified_diff().header(old.0, new.0).to_string()
}

fn fail(error: &OutputError) -> Failed {
    complain(&format!("error: {error}\n"));
    Failed::Found
}
