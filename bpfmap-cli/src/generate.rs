//! `bpfmap generate`.

use std::path::{Path, PathBuf};

use bpfmap_codegen::Emit;
use bpfmap_codegen::backend::GeneratedFile;
use bpfmap_codegen::backend::rust::emit_modules;
use bpfmap_codegen::generate::{Options, generate};
use bpfmap_codegen::output::{OutputError, PlannedFile, plan, write};
use bpfmap_schema::check::Checked;
use clap::{ArgAction, Args};

use crate::depfile::Besides;
use crate::options::{BuildOptions, DiagnosticOptions, KernelBtfOption, SchemasOption, one_of};
use crate::output_folder::{OutputFolder, file_name};
use crate::project::{FILE, Project};
use crate::schemas::{Findings, Inputs, read_with_includes};
use crate::{Failed, Outcome, complain, depfile, manual, print};

/// Generate C and Rust from schemas
#[derive(Debug, Args)]
#[command(after_long_help = manual::GENERATE)]
pub(crate) struct GenerateOptions {
    #[command(flatten)]
    schemas: SchemasOption,
    #[command(flatten)]
    build: BuildOptions,
    /// The output folder, which is created if it does not exist; the default is the folders in
    /// bpfmap.toml
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What to generate; the default is c,rust, or c for schemas written in Rust
    #[arg(long, value_name = "KINDS", value_delimiter = ',', action = ArgAction::Set)]
    #[arg(value_parser = one_of(Emit::ALL), requires = "out")]
    emit: Option<Vec<Emit>>,
    /// Generate `struct bpf_map_def SEC("maps")`, for libbpf before 1.0; libbpf 1.0 and newer
    /// refuse it, and aya does not need it
    #[arg(long, requires = "out")]
    legacy: bool,
    /// Write nothing; show what would change, and fail if there are changes
    #[arg(long)]
    check: bool,
    /// Overwrite files that bpfmap did not generate
    #[arg(long)]
    force: bool,
    /// Also write a Rust file with this name, such as `mod.rs`, that declares a module for each
    /// schema
    #[arg(long, value_name = "NAME", requires = "out", value_parser = file_name)]
    modules: Option<String>,
    /// Also write a list of all files that the command read, in the format of Make
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    depfile: Option<PathBuf>,
    /// Also write this empty file whenever the command succeeds, for build systems that compare
    /// times (the command does not write the other files if their content stays the same)
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    stamp: Option<PathBuf>,
    #[command(flatten)]
    kernel: KernelBtfOption,
    #[command(flatten)]
    diagnostics: DiagnosticOptions,
}

pub(crate) fn run(options: &GenerateOptions) -> Outcome {
    let outputs = outputs(options)?;
    let kernel_btf = options.kernel.kernel_btf.as_deref();
    let findings = Findings::new(&options.build, options.diagnostics.message_format);
    let findings = findings.with_kernel(kernel_btf)?;
    let Inputs { roots, includes } = read_with_includes(&options.schemas.schemas, findings)?;
    let mut planned = vec![];
    for (out, outputs) in by_folder(&outputs) {
        let files = outputs.iter().flat_map(|output| files(output, &roots, &includes)).collect();
        planned.extend(plan(out, files).map_err(|error| fail(&error))?);
    }
    if options.check {
        return compare(&planned, "is stale");
    }
    let besides = Besides { depfile: options.depfile.as_deref(), stamp: options.stamp.as_deref() };
    let read = depfile::read(&roots, kernel_btf);
    besides.check(&read, &planned)?;
    write(&planned, options.force).map_err(|error| fail(&error))?;
    besides.write(&read, &planned).map_err(|error| fail(&error))?;
    let written = planned.iter().filter(|file| file.is_stale());
    let lines: Vec<String> =
        written.map(|file| format!("wrote {}\n", file.path.display())).collect();
    print(&lines.concat())
}

/// Returns the files to generate. If the command line has no `--out`, the project file describes
/// these files.
fn outputs(options: &GenerateOptions) -> Result<Vec<OutputFolder>, Failed> {
    let GenerateOptions { out, emit, legacy, modules, .. } = options;
    let Some(out) = out else {
        let project = Project::needed("`--out` is missing")?;
        if project.outputs.is_empty() {
            complain(&format!(
                "error: `--out` is missing, and `{FILE}` has no `[[generate]]` table\n"
            ));
            return Err(Failed::Usage);
        }
        return Ok(project.outputs);
    };
    Ok(vec![OutputFolder {
        out: out.clone(),
        emit: emit.clone(),
        legacy: *legacy,
        modules: modules.clone(),
    }])
}

/// Groups the outputs by folder, so that [`plan`] notices if two outputs contain the same file.
fn by_folder(outputs: &[OutputFolder]) -> Vec<(&Path, Vec<&OutputFolder>)> {
    let mut folders: Vec<(&Path, Vec<&OutputFolder>)> = vec![];
    for output in outputs {
        match folders.iter_mut().find(|(out, _)| *out == output.out) {
            Some((_, outputs)) => outputs.push(output),
            None => folders.push((&output.out, vec![output])),
        }
    }
    folders
}

fn files(output: &OutputFolder, roots: &[Checked], includes: &[Checked]) -> Vec<GeneratedFile> {
    let OutputFolder { emit: asked, legacy, modules, .. } = output;
    if *legacy && asked.as_ref().is_none_or(|kinds| kinds.contains(&Emit::C)) {
        complain(
            "warning: `--legacy` writes `struct bpf_map_def SEC(\"maps\")`, which libbpf before \
             1.0 loads; libbpf 1.0 and newer refuse it, and aya does not need it\n",
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

/// Shows the changes to files that are not up to date. `wrong` is the message for such a file.
pub(crate) fn compare(planned: &[PlannedFile], wrong: &str) -> Outcome {
    let stale: Vec<&PlannedFile> = planned.iter().filter(|file| file.is_stale()).collect();
    if stale.is_empty() {
        return Ok(());
    }
    print(&stale.iter().map(|file| diff(file)).collect::<String>())?;
    for file in &stale {
        let what = if file.present.is_some() { wrong } else { "does not exist" };
        complain(&format!("error: `{}` {what}\n", file.path.display()));
    }
    complain("help: to update the files, run the same command without `--check`\n");
    Err(Failed::Found)
}

/// Returns the changes to a file as a unified diff.
fn diff(file: &PlannedFile) -> String {
    let present = String::from_utf8_lossy(file.present.as_deref().unwrap_or_default());
    let path = file.path.display().to_string();
    let old = if file.present.is_some() { path.as_str() } else { "/dev/null" };
    unified_diff((old, &present), (&path, &file.contents))
}

/// Returns the changes from one file to the other. Each parameter contains the path and the text of
/// a file.
pub(crate) fn unified_diff(old: (&str, &str), new: (&str, &str)) -> String {
    similar::TextDiff::from_lines(old.1, new.1).unified_diff().header(old.0, new.0).to_string()
}

fn fail(error: &OutputError) -> Failed {
    complain(&format!("error: {error}\n"));
    Failed::Found
}
