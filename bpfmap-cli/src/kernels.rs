//! The command `bpfmap kernels`.

use std::fmt::Write;

use bpfmap_core::KernelVersion;
use bpfmap_core::map_type::{
    Answer, Architecture, ArchitectureException, Feature, MapFlag, MapType, ProgramOperation, Since,
};
use bpfmap_schema::check::{Checked, Requirement};
use bpfmap_schema::ir::MapDecl;
use bpfmap_vmtest::report::push_line;
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::options::{BuildOptions, MessageFormat, SchemasOption};
use crate::schemas::{Findings, read};
use crate::{Outcome, manual, print};

/// Show which kernel each part of a schema needs
#[derive(Debug, Args)]
#[command(after_long_help = manual::KERNELS)]
pub(crate) struct KernelsOptions {
    #[command(flatten)]
    schemas: SchemasOption,
    #[command(flatten)]
    build: BuildOptions,
    /// The architecture of the kernels: x86-64 or arm64
    #[arg(long, value_name = "ARCH", default_value = "x86-64", value_parser = architecture)]
    arch: Architecture,
    /// A table, or one JSON object for each schema
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(crate) fn run(options: &KernelsOptions) -> Outcome {
    let findings = Findings::new(&options.build, MessageFormat::Human);
    let checked = read(&options.schemas.schemas, findings)?;
    let show = match options.format {
        Format::Text => text,
        Format::Json => as_json,
    };
    print(&checked.iter().map(|checked| show(checked, options.arch)).collect::<String>())
}

fn architecture(name: &str) -> Result<Architecture, String> {
    Architecture::by_name(name).ok_or_else(|| {
        let known: Vec<&str> = Architecture::ALL.iter().map(|it| it.name()).collect();
        format!("the known architectures are {}", known.join(" and "))
    })
}

/// The name of the operation that reads or writes the value of a single CPU. The kernel has no
/// separate command for this operation.
const ONE_CPU: &str = "one_cpu";

/// Formats text and appends it to a `String`, which never fails.
macro_rules! push {
    ($text:expr, $($arguments:tt)*) => {
        write!($text, $($arguments)*).expect("writing to a `String` never fails")
    };
}

fn text(checked: &Checked, arch: Architecture) -> String {
    let (schema, resolved) = (checked.schema(), checked.resolved());
    let mut text = format!("schema {}", schema.name.value);
    if let Some(since) = needed(checked, arch) {
        push!(text, ": needs Linux {since}");
    }
    if arch != Architecture::X86_64 {
        push!(text, " on {}", arch.name());
    }
    if let Some(oldest) = &schema.min_kernel {
        push!(text, ", `min_kernel` is {}", oldest.value);
    }
    text.push('\n');
    for map in &schema.maps {
        push!(text, "\nmap {}\n", map.name.value);
        for requirement in resolved.requirements(map) {
            let since = since_on(&requirement, arch);
            push!(text, "  {:<40} {since}\n", requirement.to_string());
        }
        let created = needed_by(checked, map, arch);
        for (operation, answers) in resolved.operations(map) {
            let answers = from(answers, created);
            push!(text, "  {:<40} {}\n", operation.name(), timeline(&answers));
        }
        if let Some(answers) = resolved.one_cpu(map) {
            push!(text, "  {:<40} {}\n", ONE_CPU, timeline(&answers));
        }
        for operation in resolved.refused_to_programs(map) {
            let what = format!("{} (programs)", operation.name());
            push!(text, "  {what:<40} never (EACCES)\n");
        }
        for exception in exceptions(map, arch) {
            push_line(&mut text, &format!("  {}: ", arch.name()), &described(exception));
        }
        for flag in map.flags.iter().filter_map(|flag| MapFlag::by_name(&flag.value)) {
            push_line(&mut text, &format!("  `{}`: ", flag.name), flag.effect);
        }
    }
    text
}

/// Returns the results from the first kernel on that creates the map.
fn from(mut answers: Vec<Since>, created: Option<KernelVersion>) -> Vec<Since> {
    let Some(created) = created else { return answers };
    let first = answers.iter().rposition(|since| since.kernel <= created).unwrap_or(0);
    answers.drain(..first);
    if let Some(first) = answers.first_mut() {
        first.kernel = first.kernel.max(created);
    }
    answers
}

/// Describes the results of an operation across all kernel versions. Examples are `5.6`, `never
/// (EINVAL)` and `5.2, from 6.2 ENOTSUPP`.
fn timeline(answers: &[Since]) -> String {
    let Some(first) = answers.iter().position(succeeds) else {
        let refusal = answers.last().map(answer_names).unwrap_or_default();
        return format!("never ({refusal})");
    };
    let mut text = answers[first].kernel.to_string();
    for since in &answers[first + 1..] {
        push!(text, ", from {} {}", since.kernel, answer_names(since));
    }
    text
}

fn succeeds(since: &Since) -> bool {
    since.answers.contains(&Answer::Ok)
}

fn answer_names(since: &Since) -> String {
    let names: Vec<String> = since.answers.iter().map(|answer| answer_name(*answer)).collect();
    names.join(" or ")
}

fn answer_name(answer: Answer) -> String {
    match answer {
        Answer::Ok => "ok".to_owned(),
        Answer::Err(errno) => errno.to_string(),
    }
}

/// Returns the first kernel that supports all maps of the schema.
fn needed(checked: &Checked, arch: Architecture) -> Option<KernelVersion> {
    checked.schema().maps.iter().filter_map(|map| needed_by(checked, map, arch)).max()
}

/// Returns the first kernel that creates a map.
fn needed_by(checked: &Checked, map: &MapDecl, arch: Architecture) -> Option<KernelVersion> {
    let requirements = checked.resolved().requirements(map);
    requirements.iter().map(|requirement| since_on(requirement, arch)).max()
}

/// Returns the first kernel of an architecture that supports a part of a map.
fn since_on(requirement: &Requirement<'_>, arch: Architecture) -> KernelVersion {
    requirement.feature.since_on(requirement.since, arch)
}

/// Returns the facts about a map in which the architecture differs from x86-64.
fn exceptions(
    map: &MapDecl,
    arch: Architecture,
) -> impl Iterator<Item = &'static ArchitectureException> {
    let row = MapType::by_name(&map.map_type.value).into_iter();
    row.flat_map(MapType::architecture_exceptions).filter(move |it| it.architecture == arch)
}

fn described(exception: &ArchitectureException) -> String {
    let (feature, errno) = (exception.feature.name(), exception.refusal);
    format!("{feature} works from Linux {} on; before: {errno}", exception.since)
}

fn as_json(checked: &Checked, arch: Architecture) -> String {
    let (schema, resolved) = (checked.schema(), checked.resolved());
    let maps = schema.maps.iter().map(|map| {
        let parts = resolved.requirements(map).into_iter().map(|requirement| {
            let (kind, name) = part(&requirement);
            json!({ "part": kind, "name": name, "since": since_on(&requirement, arch).to_string() })
        });
        let operations = resolved.operations(map).into_iter();
        let created = needed_by(checked, map, arch);
        let operations =
            operations.map(|(operation, answers)| (operation.name(), from(answers, created)));
        let one_cpu = resolved.one_cpu(map).map(|answers| (ONE_CPU, answers));
        let operations = operations.chain(one_cpu).map(|(name, answers)| {
            let answers = answers.iter().map(|since| {
                let names = since.answers.iter().copied().map(answer_name);
                json!({ "from": since.kernel.to_string(), "answers": names.collect::<Vec<_>>() })
            });
            json!({ "operation": name, "answers": answers.collect::<Vec<_>>() })
        });
        let refused = resolved.refused_to_programs(map).into_iter();
        let exceptions = exceptions(map, arch).map(|exception| {
            json!({
                "feature": exception.feature.name(),
                "since": exception.since.to_string(),
                "answer": exception.refusal.to_string(),
            })
        });
        json!({
            "name": map.name.value,
            "type": map.map_type.value,
            "needs": version(created),
            "parts": parts.collect::<Vec<_>>(),
            "operations": operations.collect::<Vec<_>>(),
            "exceptions": exceptions.collect::<Vec<_>>(),
            "refused_to_programs": refused.map(ProgramOperation::name).collect::<Vec<_>>(),
        })
    });
    let json = json!({
        "schema": schema.name.value,
        "architecture": arch.name(),
        "needs": version(needed(checked, arch)),
        "min_kernel": version(schema.min_kernel.as_ref().map(|oldest| oldest.value)),
        "maps": maps.collect::<Vec<_>>(),
    });
    format!("{json}\n")
}

fn part(requirement: &Requirement<'_>) -> (&'static str, String) {
    match requirement.feature {
        Feature::MapType(name) => ("map_type", name.to_owned()),
        Feature::Flag(name) => ("flag", name.to_owned()),
        Feature::SpecialField(field) => ("special_field", field.name().to_owned()),
        Feature::NestedField(field) => ("nested_field", field.name().to_owned()),
        Feature::KeySize(size) => ("key_size", size.to_string()),
        Feature::ValueSize(size) | Feature::LargeValue(size) => ("value_size", size.to_string()),
        Feature::Memory(bytes) => ("memory", bytes.to_string()),
        Feature::LockInInnerMap => {
            ("lock_in_inner_map", requirement.member.unwrap_or_default().to_owned())
        }
    }
}

fn version(version: Option<KernelVersion>) -> Option<String> {
    version.map(|version| version.to_string())
}
