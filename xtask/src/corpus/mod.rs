//! `cargo xtask corpus`: whether maps that others compiled come back the same.
//!
//! The objects are those of the kernel's own BPF selftests, in Debian's package of its source. Each is
//! imported, the schema is generated as C, that is compiled, and the BTF of its maps is held against
//! the original's. None of that source enters this repository.

mod compare;
mod compile;
mod source;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bpfmap_btf::Btf;
use bpfmap_codegen::backend::c;
use bpfmap_codegen::check::check;
use bpfmap_codegen::front::btf::{Definitions, Imported, definitions, read_object};
use bpfmap_codegen::front::toml::read_str;
use bpfmap_codegen::print;

use crate::Error;
use crate::packages;
use crate::step::Steps;
use compile::{Compiler, Program};

/// How many of a hundred maps have to come back the same.
const WANTED: usize = 99;

/// Runs the round trip.
///
/// # Errors
///
/// When fewer than 99 of 100 maps come back the same, or one comes back otherwise without a word.
pub(crate) fn run() -> Result<(), Error> {
    let mut steps = Steps::new(4);
    steps.next("Packages");
    packages::ensure(packages::BUILD_AND_BOOT)?;
    packages::ensure(packages::TESTS)?;
    let cache = cache()?;

    steps.next("The kernel's source, and the types of a kernel");
    let source = source::ensure(&cache)?;
    let compiler = Compiler::new(&source, &cache)?;
    let kernel = fs::read(&source.vmlinux)?;
    let kernel = Btf::parse(&kernel)?;

    steps.next("Programs");
    let programs = compiler.programs()?;
    println!("{} of {} programs compile", programs.objects.len(), programs.tried);

    steps.next("Import, generate, compile, compare");
    let mut report = Report::default();
    for program in &programs.objects {
        round_trip(&compiler, program, &kernel, &mut report)?;
    }
    report.print();
    report.verdict()
}

/// The folder for what is fetched and compiled.
fn cache() -> Result<PathBuf, Error> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(std::env::home_dir()?.join(".cache")))
        .ok_or("there is no directory for a cache: set HOME or XDG_CACHE_HOME")?;
    let cache = base.join("bpfmap-corpus");
    fs::create_dir_all(&cache)?;
    Ok(cache)
}

/// What became of the maps.
#[derive(Default)]
struct Report {
    objects: usize,
    maps: usize,
    equal: usize,
    /// Maps that did not come back the same: the rule that says why, and which they are.
    named: BTreeMap<&'static str, Vec<String>>,
    /// Those of which nothing says why.
    unnamed: Vec<String>,
}

impl Report {
    fn print(&self) {
        println!("{} objects, {} maps, {} come back the same", self.objects, self.maps, self.equal);
        for (rule, maps) in &self.named {
            println!("\n{rule}: {} maps", maps.len());
            print_all(maps);
        }
        if !self.unnamed.is_empty() {
            println!("\nwithout a named reason: {} maps", self.unnamed.len());
            print_all(&self.unnamed);
        }
    }

    fn verdict(&self) -> Result<(), Error> {
        if !self.unnamed.is_empty() {
            return Err(format!("{} maps changed without a word", self.unnamed.len()).into());
        }
        if self.maps == 0 || self.equal * 100 < self.maps * WANTED {
            return Err(format!("fewer than {WANTED} of 100 maps came back the same").into());
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
    program: &Program,
    kernel: &Btf<'_>,
    report: &mut Report,
) -> Result<(), Error> {
    let data = fs::read(&program.object)?;
    let name = program.name();
    let Ok(Definitions { maps, unread, btf: original_btf }) = definitions(&data) else {
        return Ok(());
    };
    // Who includes vmlinux.h gets a header that leaves the kernel's types to it.
    let kernel = program.has_vmlinux.then_some(kernel);
    let imported = read_object(Path::new(&format!("{name}.bpf.o")), &data, kernel);
    // A struct of programs is a variable, whose members stay in C: there is nothing to compare.
    let originals: Vec<_> = maps.into_iter().filter(|map| map.ops.is_none()).collect();
    let refused: Vec<_> = unread
        .iter()
        .filter_map(|(name, _)| imported.left_out.iter().find(|left_out| left_out.map == *name))
        .filter(|left_out| left_out.rule.id != "import-struct-ops")
        .collect();
    if originals.is_empty() && refused.is_empty() {
        return Ok(());
    }
    report.objects += 1;
    report.maps += originals.len() + refused.len();
    for left_out in refused {
        let maps = report.named.entry(left_out.rule.id).or_default();
        maps.push(format!("{name}: {}", left_out.map));
    }
    let made = match regenerated(compiler, program, &imported) {
        Ok(object) => fs::read(object)?,
        Err(why) => {
            let why = why.lines().next().unwrap_or_default().to_owned();
            report
                .unnamed
                .extend(originals.iter().map(|map| format!("{name}: {}: {why}", map.name)));
            return Ok(());
        }
    };
    // Where every map was left out, there is nothing to describe.
    let Definitions { maps: copies, btf: copied_btf, .. } = definitions(&made).unwrap_or_default();
    for original in &originals {
        let map = format!("{name}: {}", original.name);
        if let Some(left_out) =
            imported.left_out.iter().find(|left_out| left_out.map == original.name)
        {
            report.named.entry(left_out.rule.id).or_default().push(map);
            continue;
        }
        let Some(copy) = copies.iter().find(|copy| copy.name == original.name) else {
            report.unnamed.push(format!("{map}: it is gone"));
            continue;
        };
        let difference = compare::maps((&original_btf, original), (&copied_btf, copy));
        match difference {
            None => report.equal += 1,
            Some(difference) => {
                let reason = difference
                    .rules
                    .iter()
                    .find(|rule| imported.findings.iter().any(|finding| finding.rule.id == **rule));
                match reason {
                    Some(rule) => {
                        let maps = report.named.entry(rule).or_default();
                        maps.push(format!("{map}: {}", difference.text));
                    }
                    None => report.unnamed.push(format!("{map}: {}", difference.text)),
                }
            }
        }
    }
    Ok(())
}

/// Generates the schema as C and compiles that, by way of its TOML, as a user would.
fn regenerated(
    compiler: &Compiler<'_>,
    program: &Program,
    imported: &Imported,
) -> Result<PathBuf, String> {
    let text = print::toml::print(&imported.schema);
    let draft = read_str(Path::new("imported.toml"), &text);
    let checked = check(draft).map_err(|rejected| {
        let first = rejected.findings.first();
        first.map_or(String::new(), |finding| format!("{}: {}", finding.rule.id, finding.message))
    })?;
    let header = c::emit(&checked);
    compiler.compile_header(program, &header.contents)
}
