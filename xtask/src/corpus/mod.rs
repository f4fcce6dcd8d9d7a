//! `cargo xtask corpus`: tests whether the maps of other projects are unchanged after a round trip.
//!
//! The objects are those of the kernel's own BPF selftests, from Debian's package of the kernel's
//! source. Each object is imported as a schema. C is generated from the schema and compiled. Then
//! the BTF of the compiled maps is compared with the BTF of the original maps. `bpfmap verify` must
//! find no difference between the schema and the original. None of that source is added to this
//! repository.

mod compare;
mod compile;
mod source;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bpfmap_btf::Btf;
use bpfmap_codegen::backend::c;
use bpfmap_schema::check::check;
use bpfmap_schema::front::btf::{Imported, definitions, read_object};
use bpfmap_schema::front::toml::read_str;
use bpfmap_schema::print;

use crate::packages;
use crate::step::Steps;
use crate::{Error, cargo};
use compile::{Compiler, Program};

/// The percentage of maps that must be unchanged after the round trip.
const WANTED: usize = 99;

/// Runs the round trip for the kernel's tests, or for the objects in a directory.
///
/// # Errors
///
/// Fails if fewer than 99 of 100 maps are unchanged, or if a map has changed without a diagnostic.
pub(crate) fn run(objects: Option<&Path>) -> Result<(), Error> {
    let mut steps = Steps::new(4);
    steps.next("Packages");
    packages::ensure(packages::BUILD_AND_BOOT)?;
    packages::ensure(packages::TESTS)?;
    let cache = cargo::cache("bpfmap-corpus")?;

    steps.next("The kernel's source, and the types of a kernel");
    let source = source::ensure(&cache)?;
    let compiler = Compiler::new(&source, &cache)?;
    let kernel = fs::read(&source.vmlinux)?;
    let kernel = Btf::parse(&kernel)?;

    steps.next("Programs");
    let programs = if let Some(folder) = objects {
        Program::all_in(folder)?
    } else {
        let programs = compiler.programs()?;
        println!("{} of {} programs compile", programs.objects.len(), programs.tried);
        programs.objects
    };

    steps.next("Import, generate, compile, compare");
    let built = cargo::build(&["--package", "bpfmap-cli"])?;
    let bpfmap = built.into_iter().find(|executable| executable.target == "bpfmap");
    let bpfmap = bpfmap.ok_or("cargo built no bpfmap")?.path;
    let mut report = Report::default();
    for program in &programs {
        round_trip(&compiler, &bpfmap, program, &kernel, &mut report)?;
    }
    report.print(objects.is_some());
    report.verdict()
}

/// The number of maps of a project, by result.
#[derive(Default, Clone, Copy)]
struct Count {
    objects: usize,
    maps: usize,
    equal: usize,
    named: usize,
}

/// The results of all maps.
#[derive(Default)]
struct Report {
    projects: BTreeMap<String, Count>,
    /// Maps that have changed, by the rule that reports the reason.
    named: BTreeMap<&'static str, Vec<String>>,
    /// Maps that have changed without a reported reason.
    unnamed: Vec<String>,
    /// The differences that `bpfmap verify` found between objects and the schemas that were
    /// imported from them.
    verified: Vec<String>,
    /// Files that are not objects, with the errors.
    unreadable: Vec<String>,
}

impl Report {
    fn count(&mut self, program: &Program) -> &mut Count {
        self.projects.entry(program.project.clone()).or_default()
    }

    /// Records a map that has changed, with the rule that reports the reason.
    fn differs(&mut self, program: &Program, map: String, rule: Option<&'static str>) {
        if let Some(rule) = rule {
            self.count(program).named += 1;
            self.named.entry(rule).or_default().push(map);
        } else {
            self.unnamed.push(map);
        }
    }

    fn total(&self) -> Count {
        self.projects.values().fold(Count::default(), |sum, count| Count {
            objects: sum.objects + count.objects,
            maps: sum.maps + count.maps,
            equal: sum.equal + count.equal,
            named: sum.named + count.named,
        })
    }

    fn print(&self, by_project: bool) {
        let Count { objects, maps, equal, named } = self.total();
        println!(
            "{objects} objects, {maps} maps: {equal} are unchanged, {named} changed with a diagnostic"
        );
        if by_project {
            println!("\n{:40} objects    maps    same changed", "project");
            for (project, count) in &self.projects {
                let Count { objects, maps, equal, named } = count;
                println!("{project:40} {objects:7} {maps:7} {equal:7} {named:7}");
            }
        }
        for (rule, maps) in &self.named {
            println!("\n{rule}: {} maps", maps.len());
            print_all(maps);
        }
        if !self.unreadable.is_empty() {
            println!("\nunreadable: {} files", self.unreadable.len());
            print_all(&self.unreadable);
        }
        if !self.verified.is_empty() {
            println!("\ndifferences that `bpfmap verify` found: {}", self.verified.len());
            print_all(&self.verified);
        }
        if !self.unnamed.is_empty() {
            println!("\nchanged without a diagnostic: {} maps", self.unnamed.len());
            print_all(&self.unnamed);
        }
    }

    fn verdict(&self) -> Result<(), Error> {
        if !self.unnamed.is_empty() {
            return Err(format!("{} maps changed without a diagnostic", self.unnamed.len()).into());
        }
        if !self.verified.is_empty() {
            return Err("`bpfmap verify` found differences between schemas and objects".into());
        }
        let Count { maps, equal, .. } = self.total();
        if maps == 0 || equal * 100 < maps * WANTED {
            return Err(format!("fewer than {WANTED} % of the maps are unchanged").into());
        }
        Ok(())
    }
}

fn print_all(maps: &[String]) {
    for map in maps {
        println!("  {map}");
    }
}

fn round_trip(
    compiler: &Compiler<'_>,
    bpfmap: &Path,
    program: &Program,
    kernel: &Btf<'_>,
    report: &mut Report,
) -> Result<(), Error> {
    let data = fs::read(&program.object)?;
    let name = &program.name;
    let defined = match definitions(&data) {
        Ok(defined) => defined,
        Err(why) => {
            report.unreadable.push(format!("{name}: {why}"));
            return Ok(());
        }
    };
    // A program that includes vmlinux.h gets a header without the kernel's types. For an object of
    // unknown origin, this is also tried if the header can't be compiled alone.
    let attempt = |has_vmlinux: bool| {
        let kernel = has_vmlinux.then_some(kernel);
        let imported = read_object(Path::new(&format!("{name}.bpf.o")), &data, kernel);
        let made = regenerated(compiler, name, &imported, has_vmlinux);
        (imported, made)
    };
    let (mut imported, mut made) = attempt(program.has_vmlinux.unwrap_or(false));
    if program.has_vmlinux.is_none() && made.is_err() {
        let again = attempt(true);
        if again.1.is_ok() {
            (imported, made) = again;
        }
    }
    // The members of a `struct_ops` variable stay in the C source, so there is nothing to compare.
    let originals: Vec<_> = defined.maps.iter().filter(|map| map.ops.is_none()).collect();
    let refused = defined.unread.iter().filter_map(|(name, _)| left_out(&imported, name));
    let refused: Vec<_> = refused.filter(|rule| *rule != "import-struct-ops").collect();
    if originals.is_empty() && refused.is_empty() {
        return Ok(());
    }
    let count = report.count(program);
    count.objects += 1;
    count.maps += originals.len() + refused.len();
    for (map, _) in &defined.unread {
        if let Some(rule) = left_out(&imported, map).filter(|rule| *rule != "import-struct-ops") {
            report.differs(program, format!("{name}: {map}"), Some(rule));
        }
    }
    let made = match made {
        Ok(object) => fs::read(object)?,
        Err(why) => {
            let why = why.lines().next().unwrap_or_default().to_owned();
            for map in originals {
                let rule = left_out(&imported, &map.name);
                report.differs(program, format!("{name}: {}: {why}", map.name), rule);
            }
            return Ok(());
        }
    };
    report.verified.extend(verify(bpfmap, &compiler.schema(name), program)?);
    // If every map was left out, there are no definitions.
    let copied = definitions(&made).unwrap_or_default();
    for original in originals {
        let map = format!("{name}: {}", original.name);
        if let Some(rule) = left_out(&imported, &original.name) {
            report.differs(program, map, Some(rule));
            continue;
        }
        let Some(copy) = copied.maps.iter().find(|copy| copy.name == original.name) else {
            report.differs(program, format!("{map}: the map is missing"), None);
            continue;
        };
        let difference = compare::maps((&defined.btf, original), (&copied.btf, copy));
        let Some(difference) = difference else {
            report.count(program).equal += 1;
            continue;
        };
        let text = format!("{map}: {}", difference.text);
        let said = imported.findings_of(&original.name);
        let said = |rule: &str| said.iter().any(|finding| finding.rule.id == rule);
        let rule = difference.rules.iter().copied().find(|rule| said(rule));
        report.differs(program, text, rule);
    }
    Ok(())
}

/// Returns the differences that `bpfmap verify` finds between an object and the schema that was
/// imported from it.
fn verify(bpfmap: &Path, schema: &Path, program: &Program) -> Result<Vec<String>, Error> {
    let mut command = Command::new(bpfmap);
    command.arg("verify").arg(schema).arg("--object").arg(&program.object);
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(vec![]);
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    Ok(said.lines().map(|line| format!("{}: {line}", program.name)).collect())
}

/// Returns the rule that reports why a map was left out, or `None` if the map was not left out.
fn left_out(imported: &Imported, map: &str) -> Option<&'static str> {
    let left_out = imported.left_out.iter().find(|left_out| left_out.map == map)?;
    Some(left_out.rule.id)
}

/// Writes the schema as TOML, generates C from this TOML text like a user would, and compiles the C
/// code.
fn regenerated(
    compiler: &Compiler<'_>,
    name: &str,
    imported: &Imported,
    has_vmlinux: bool,
) -> Result<PathBuf, String> {
    let text = print::toml::print(&imported.schema);
    fs::write(compiler.schema(name), &text).map_err(|error| error.to_string())?;
    let draft = read_str(Path::new("imported.toml"), &text);
    let checked = check(draft).map_err(|rejected| {
        let first = rejected.findings.first();
        first.map_or(String::new(), |finding| format!("{}: {}", finding.rule.id, finding.message))
    })?;
    let header = c::emit(&checked);
    compiler.compile_header(name, &header.contents, has_vmlinux)
}
