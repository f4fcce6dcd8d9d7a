//! `bpfmap init`: creates a new project, or adds bpfmap to an existing one.

mod clone;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bpfmap_codegen::backend::GeneratedFile;
use bpfmap_codegen::output::{plan, write};
use clap::Args;

use crate::{Failed, Outcome, complain, manual, print};
use clone::LocalClone;

/// Whether a package registry has the crates and the tools of bpfmap.
///
/// Set this to `true` when the first version is published. Projects without `--path` then use the
/// published crates and tools. Until then, `--path` is necessary.
const PUBLISHED: bool = false;

/// Create a project: a schema, a BPF program, an application, a test, a build, and a workflow for
/// continuous integration.
///
/// The command does not change existing files. If the folder already contains a Cargo.toml, the
/// command creates only the schema, the program, the build script, bpfmap.toml and the workflow,
/// and prints the lines that you need to add to Cargo.toml.
#[derive(Debug, Args)]
#[command(about = "Create a project, or add bpfmap to an existing one")]
#[command(after_long_help = manual::INIT)]
pub(crate) struct InitOptions {
    /// The folder of the project, which is created if it does not exist
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Use the crates and tools in a clone of bpfmap's repository; necessary until bpfmap is
    /// published
    #[arg(long, value_name = "CLONE")]
    path: Option<PathBuf>,
    /// Declare the maps in Rust instead of TOML
    #[arg(long, conflicts_with = "c")]
    derive: bool,
    /// Write the program in Rust too, and load it with aya: three crates, with the maps in the
    /// crate that the program and the application share
    #[arg(long, conflicts_with_all = ["c", "derive"])]
    aya: bool,
    /// Create an application in C with a Makefile, instead of an application in Rust
    #[arg(long)]
    c: bool,
}

/// A kind of project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variant {
    Toml,
    Derive,
    Aya,
    C,
}

/// A file of a project: its path, and the template.
type Template = (&'static str, &'static str);

const WORKFLOW: &str = ".github/workflows/bpfmap.yml";
const MANIFEST: &str = "Cargo.toml";
/// The manifest of a program in Rust, which is not in the workspace of the application.
const EBPF_MANIFEST: &str = "ebpf/Cargo.toml";
const BUILD_SCRIPT: &str = "build.rs";
const PROGRAM: Template = ("src/program.bpf.c", include_str!("shared/program.bpf.c"));
const MAPS: Template = ("maps.toml", include_str!("shared/maps.toml"));
const GIT_IGNORE: &str = ".gitignore";

impl Variant {
    fn of(options: &InitOptions) -> Self {
        match (options.derive, options.aya, options.c) {
            (true, ..) => Self::Derive,
            (_, true, _) => Self::Aya,
            (.., true) => Self::C,
            _ => Self::Toml,
        }
    }

    /// Returns the files of this kind of project that the command also adds to an existing crate.
    fn parts(self) -> &'static [Template] {
        match self {
            Self::Toml => &[
                MAPS,
                ("bpfmap.toml", include_str!("toml/bpfmap.toml")),
                (BUILD_SCRIPT, include_str!("toml/build.rs")),
                PROGRAM,
            ],
            Self::Derive => &[
                ("bpfmap.toml", include_str!("derive/bpfmap.toml")),
                (BUILD_SCRIPT, include_str!("derive/build.rs")),
                PROGRAM,
            ],
            Self::Aya => &[
                ("bpfmap.toml", include_str!("aya/bpfmap.toml")),
                (BUILD_SCRIPT, include_str!("aya/build.rs")),
                ("common/Cargo.toml", include_str!("aya/common_manifest.toml")),
                ("common/src/lib.rs", include_str!("aya/common.rs")),
                (EBPF_MANIFEST, include_str!("aya/ebpf_manifest.toml")),
                ("ebpf/src/main.rs", include_str!("aya/ebpf.rs")),
            ],
            Self::C => &[
                MAPS,
                ("bpfmap.toml", include_str!("c/bpfmap.toml")),
                ("Makefile", include_str!("c/Makefile")),
                ("src/main.c", include_str!("c/main.c")),
                (GIT_IGNORE, include_str!("c/gitignore")),
                PROGRAM,
            ],
        }
    }

    /// Returns the files that the command creates only for a new crate.
    fn krate(self) -> &'static [Template] {
        match self {
            Self::Toml => &[
                (MANIFEST, include_str!("toml/manifest.toml")),
                ("src/lib.rs", include_str!("toml/lib.rs")),
                ("src/main.rs", include_str!("toml/main.rs")),
                ("tests/counts.rs", include_str!("toml/counts.rs")),
                (GIT_IGNORE, include_str!("shared/gitignore")),
            ],
            Self::Derive => &[
                (MANIFEST, include_str!("derive/manifest.toml")),
                ("src/lib.rs", include_str!("derive/lib.rs")),
                ("src/main.rs", include_str!("derive/main.rs")),
                ("tests/counts.rs", include_str!("derive/counts.rs")),
                (GIT_IGNORE, include_str!("shared/gitignore")),
            ],
            Self::Aya => &[
                (MANIFEST, include_str!("aya/manifest.toml")),
                ("src/lib.rs", include_str!("aya/lib.rs")),
                ("src/main.rs", include_str!("derive/main.rs")),
                ("tests/counts.rs", include_str!("derive/counts.rs")),
                (GIT_IGNORE, include_str!("aya/gitignore")),
            ],
            Self::C => &[],
        }
    }

    /// Returns the commands that build and test the project.
    fn commands(self) -> (&'static str, &'static str) {
        match self {
            Self::Toml | Self::Derive | Self::Aya => {
                ("cargo build", "bpfmap test && bpfmap-vmtest test")
            }
            Self::C => ("make", "make test"),
        }
    }
}

pub(crate) fn run(options: &InitOptions) -> Outcome {
    let folder = &options.folder;
    let variant = Variant::of(options);
    let is_crate = folder.join(MANIFEST).exists() && variant != Variant::C;
    let name = package_name(folder, is_crate || variant == Variant::C)?;
    let clone = options.path.as_deref().map(|clone| LocalClone::find(clone, folder)).transpose()?;
    if clone.is_none() && !PUBLISHED {
        return Err(fail(
            "bpfmap is not published yet, so a project can only use a clone of bpfmap's repository\n\
             help: add `--path CLONE` with the path of your clone",
        ));
    }
    let patch = clone.as_ref().filter(|_| variant != Variant::C).map(LocalClone::patch);
    let patch = patch.unwrap_or_default();
    let workflow = (WORKFLOW, include_str!("shared/workflow.yml"));
    let krate = if is_crate { &[] } else { variant.krate() };

    let mut said = String::new();
    let mut kept = vec![];
    let mut files = vec![];
    for (path, template) in variant.parts().iter().chain(krate).chain([&workflow]) {
        // A broken symbolic link also counts as an existing file.
        if folder.join(path).symlink_metadata().is_ok() {
            kept.push(*path);
            let _ = writeln!(said, "kept    {}", folder.join(path).display());
        } else {
            let mut contents = fill(template, &name, variant);
            match *path {
                MANIFEST => contents.push_str(&patch),
                EBPF_MANIFEST => {
                    let patch = clone.as_ref().map(LocalClone::patch_of_program);
                    contents.push_str(&patch.unwrap_or_default());
                }
                WORKFLOW => contents = with_tools(&contents, clone.as_ref()),
                _ => {}
            }
            files.push(GeneratedFile { name: (*path).to_owned(), contents });
        }
    }
    let planned = plan(folder, files).map_err(|error| fail(&error.to_string()))?;
    write(&planned, false).map_err(|error| fail(&error.to_string()))?;
    for file in &planned {
        let _ = writeln!(said, "created {}", file.path.display());
    }
    said.push_str(&next_steps(folder, &name, variant, is_crate.then_some(&patch), &kept));
    if clone.is_some() && !kept.contains(&WORKFLOW) {
        let _ = writeln!(
            said,
            "\nBefore you use {WORKFLOW}, set `BPFMAP_REPOSITORY` in it to the address of bpfmap's repository."
        );
    }
    print(&said)
}

/// Returns the workflow with the commands that install bpfmap's tools.
fn with_tools(workflow: &str, clone: Option<&LocalClone>) -> String {
    let (variable, commands) = match clone {
        Some(clone) => {
            let commands = include_str!("shared/install_from_clone.sh");
            let commands = commands.replace("CLONE", &clone.shell_word());
            let lines = commands.lines().map(|line| format!("\n          {line}"));
            let variable = include_str!("shared/repository.yml").to_owned();
            (variable, format!("|{}", lines.collect::<String>()))
        }
        None => (String::new(), "cargo install --locked bpfmap-cli bpfmap-vmtest".to_owned()),
    };
    workflow.replace("VARIABLE\n", &variable).replace("run: INSTALL", &format!("run: {commands}"))
}

/// The steps of the workflow that install the tools for programs in Rust.
const EBPF_TOOLS: &str = include_str!("aya/tools.yml");

/// Returns a template with the name of the package, the version of bpfmap and the commands filled
/// in.
fn fill(template: &str, name: &str, variant: Variant) -> String {
    let (build, test) = variant.commands();
    template
        .replace("\"NAME\"", &format!("\"{name}\""))
        .replace("\"NAME-", &format!("\"{name}-"))
        .replace("use CRATE::", &format!("use {}::", name.replace('-', "_")))
        .replace("\"VERSION\"", &format!("\"{}\"", env!("CARGO_PKG_VERSION")))
        .replace("TOOLS\n", if variant == Variant::Aya { EBPF_TOOLS } else { "" })
        .replace("run: BUILD", &format!("run: {build}"))
        .replace("run: TEST", &format!("run: {test}"))
}

/// Returns the name of the package, which is the name of the directory.
fn package_name(folder: &Path, is_unused: bool) -> Result<String, Failed> {
    let path = std::path::absolute(folder)
        .map_err(|error| fail(&format!("can't find the folder `{}`: {error}", folder.display())))?;
    let path = path.canonicalize().unwrap_or(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '-' || sign == '_');
    if !is_name && !is_unused {
        return Err(fail(&format!(
            "the folder `{name}` can't be the name of a package: choose a name that starts with a letter and has \
             only letters, digits, `-` and `_`"
        )));
    }
    Ok(name)
}

/// Returns the next steps for the user.
///
/// `name` is the name of the package. `patch` is the text to append to the manifest of an existing
/// crate.
fn next_steps(
    folder: &Path,
    name: &str,
    variant: Variant,
    patch: Option<&String>,
    kept: &[&str],
) -> String {
    let template = |wanted: &str| {
        let mut templates = variant.parts().iter().chain(variant.krate());
        let found = templates.find(|(path, _)| *path == wanted);
        found.map(|(_, template)| fill(template, name, variant))
    };
    let mut steps = String::from("\n");
    let mentions = |path: &str, name: &str| {
        std::fs::read_to_string(folder.join(path)).is_ok_and(|text| text.contains(name))
    };
    // The command may run again in a project that it has created.
    if let Some(patch) = patch.filter(|_| !mentions(MANIFEST, "bpfmap-codegen")) {
        // The package's own keys come first.
        let manifest = template(MANIFEST).unwrap_or_default() + patch;
        let dependencies = manifest.split_once("\n\n").map_or("", |(_, tables)| tables);
        let _ = writeln!(steps, "Add to {MANIFEST}:\n\n{}", indented(dependencies));
    }
    if kept.contains(&BUILD_SCRIPT) && !mentions(BUILD_SCRIPT, "bpfmap_codegen") {
        let script = template(BUILD_SCRIPT).unwrap_or_default();
        let _ = writeln!(steps, "Add to {BUILD_SCRIPT}:\n\n{}", indented(&script));
    }
    if patch.is_some() && variant == Variant::Derive {
        steps.push_str("Declare maps in src/lib.rs with `#[derive(BpfMap)]`.\n\n");
    }
    steps.push_str("Then run:\n\n");
    if folder != Path::new(".") {
        let _ = writeln!(steps, "    cd {}", folder.display());
    }
    let (build, tests) = variant.commands();
    let _ = writeln!(steps, "    {build}\n    {tests}");
    steps
}

/// Indents each line that is not empty by four spaces.
fn indented(text: &str) -> String {
    let lines = text.lines();
    let lines =
        lines.map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") });
    lines.collect()
}

fn fail(error: &str) -> Failed {
    complain(&format!("error: {error}\n"));
    Failed::Found
}
