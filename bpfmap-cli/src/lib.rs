//! `bpfmap`: schemas of BPF maps on the command line.
//!
//! Exit status: 0 for success; 1 if there are diagnostics or the command failed; 2 if the command
//! line is wrong, or if `bpfmap diff` can't compare the schemas.

mod convert;
mod depfile;
mod diff;
mod explain;
mod fmt;
mod generate;
mod import;
mod init;
mod json_schema;
mod kernel_btf;
mod kernels;
mod live;
mod manual;
mod migrate;
mod project;
mod revision;
mod schemas;
mod shell;
mod standard_input;
mod target;
mod test;
mod verify;
mod wrap;

pub use fmt::format_text;
pub use project::Project;
pub use target::Target;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use bpfmap_schema::diagnostics::{Style, printable};
use bpfmap_schema::front::rust::{Cfg, CfgError};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

/// The result of a command.
type Outcome = Result<(), Failed>;

/// Why a command failed. The message is on standard error already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// There are errors, a file is stale, or the command failed.
    Found,
    /// The command line refers to something that does not exist.
    Usage,
}

/// Runs the command line, whose first argument is the name of the program, and returns the exit
/// status.
///
/// If the arguments are wrong or ask for help, the process ends here.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Some(status) = test::main_if_test(&arguments) {
        return status;
    }
    // Hidden commands are added here, so that they are not in completions and man pages.
    let whole = command().subcommand(shell::man_command());
    let matches = whole.get_matches_from(arguments);
    let outcome = match matches.subcommand() {
        Some(("init", matches)) => init::run(matches),
        Some(("generate", matches)) => generate::run(matches),
        Some(("check", matches)) => schemas::check(matches),
        Some(("fmt", matches)) => fmt::run(matches),
        Some(("convert", matches)) => convert::run(matches),
        Some(("import", matches)) => import::run(matches),
        Some(("kernels", matches)) => kernels::run(matches),
        Some(("diff", matches)) => diff::run(matches),
        Some(("verify", matches)) => verify::run(matches),
        Some(("migrate", matches)) => migrate::run(matches),
        Some(("explain", matches)) => explain::run(matches),
        Some(("schema", _)) => json_schema::run(),
        Some(("completions", matches)) => shell::completions(matches),
        Some(("man", matches)) => shell::man(matches),
        Some(("test", matches)) => test::run(matches),
        // clap requires one of the above.
        _ => Err(Failed::Usage),
    };
    match outcome {
        Ok(()) => 0,
        Err(Failed::Found) => 1,
        Err(Failed::Usage) => 2,
    }
}

fn command() -> Command {
    let command = Command::new("bpfmap")
        .version(env!("CARGO_PKG_VERSION"))
        .about("One schema for both sides of a BPF map")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(init::command())
        .subcommand(generate::command())
        .subcommand(
            Command::new("check")
                .about("Check schemas")
                .arg(schemas_argument())
                .arg(kernel_btf_argument())
                .args(build_arguments())
                .arg(message_format_argument()),
        )
        .subcommand(fmt::command())
        .subcommand(
            Command::new("kernels")
                .about("Show which kernel each part of a schema needs")
                .arg(schemas_argument())
                .args(build_arguments())
                .arg(
                    Arg::new("format")
                        .long("format")
                        .value_name("FORMAT")
                        .value_parser(["text", "json"])
                        .default_value("text")
                        .help("A table, or one JSON object for each schema"),
                ),
        )
        .subcommand(
            Command::new("convert")
                .about("Write a schema in TOML as Rust with the derives, or the other way round")
                .arg(
                    Arg::new("schema")
                        .value_name("SCHEMA")
                        .value_parser(value_parser!(PathBuf))
                        .required(true)
                        .help("A schema in TOML or Rust; the output contains the schemas that it includes"),
                )
                .arg(
                    Arg::new("out")
                        .value_name("FILE")
                        .value_parser(value_parser!(PathBuf))
                        .help("The file to write, .rs or .toml; the default is standard output"),
                )
                .arg(
                    Arg::new("to")
                        .long("to")
                        .value_name("LANGUAGE")
                        .value_parser(["toml", "rust"])
                        .help("The language to write if FILE does not determine it; the default is the other language"),
                )
                .arg(flag("force").help("Overwrite an existing file"))
                .args(build_arguments())
                .arg(message_format_argument()),
        )
        .subcommand(diff::command())
        .subcommand(verify::command())
        .subcommand(migrate::command())
        .subcommand(import::command())
        .subcommand(
            Command::new("explain").about("Explain a rule, or list all rules").arg(
                Arg::new("rule").value_name("RULE").help("The rule; without it, list all rules"),
            ),
        )
        .subcommand(test::command())
        .subcommand(
            Command::new("schema")
                .about("Print the JSON Schema of schemas in TOML, for editors")
                .long_about(
                    "Print the JSON Schema (2020-12) of schemas in TOML.\n\n\
                     Editors complete and check schemas with it. Taplo and the extension Even Better TOML take it \
                     from a comment in the first line of a schema, such as `#:schema ./bpfmap.schema.json`.",
                ),
        )
        .subcommand(shell::completions_command());
    manual::add_to(command)
}

/// Returns the argument for schemas. Without any, those of the project are used.
fn schemas_argument() -> Arg {
    Arg::new("schemas")
        .value_name("SCHEMA")
        .value_parser(value_parser!(PathBuf))
        .action(ArgAction::Append)
        .num_args(1..)
        .help(
            "Schemas, in TOML or in Rust with the derives; `-` is TOML on standard input; the default is the schemas of bpfmap.toml",
        )
}

/// Returns the arguments that describe the build of a schema in Rust.
fn build_arguments() -> [Arg; 3] {
    [
        Arg::new("features")
            .long("features")
            .value_name("NAMES")
            .value_delimiter(',')
            .action(ArgAction::Append)
            .help("All enabled features, for `#[cfg(…)]` in a schema in Rust; '' for none"),
        Arg::new("cfg")
            .long("cfg")
            .value_name("CONDITION")
            .action(ArgAction::Append)
            .value_parser(condition)
            .help("A condition that is met, for `#[cfg(…)]` in a schema in Rust: `NAME`, `KEY=\"VALUE\"`, or `not(…)` of these"),
        Arg::new("extern")
            .long("extern")
            .value_name("CRATE=FILE")
            .action(ArgAction::Append)
            .value_parser(extern_crate)
            .help("The root file of a crate whose types a schema in Rust uses: `net_types=../net-types/src/lib.rs`"),
    ]
}

fn condition(text: &str) -> Result<String, CfgError> {
    Cfg::default().set(text).map(|()| text.to_owned())
}

/// Parses the name of a crate and its root file.
fn extern_crate(text: &str) -> Result<(String, PathBuf), &'static str> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok((name.to_owned(), path.into()))
        }
        _ => Err("expected the name of the crate, `=`, and its root file"),
    }
}

/// Returns the facts about the build from the command line.
fn build(matches: &ArgMatches) -> Cfg {
    let words = |name| matches.try_get_many::<String>(name).ok().flatten();
    let mut cfg = Cfg::default();
    if matches.try_contains_id("features").unwrap_or(false) {
        cfg.features(words("features").into_iter().flatten().filter(|name| !name.is_empty()));
    }
    for condition in words("cfg").into_iter().flatten() {
        // The condition was checked when the command line was parsed.
        let _ = cfg.set(condition);
    }
    let crates = matches.try_get_many::<(String, PathBuf)>("extern").ok().flatten();
    for (name, path) in crates.into_iter().flatten() {
        cfg.extern_crate(name, path);
    }
    cfg
}

fn kernel_btf_argument() -> Arg {
    kernel_btf::argument(
        "names in its vmlinux.h are errors, and names that only other kernels have are allowed",
    )
}

fn message_format_argument() -> Arg {
    Arg::new("message-format")
        .long("message-format")
        .value_name("FORMAT")
        .value_parser(["human", "json"])
        .default_value("human")
        .help("The format of diagnostics: text on standard error, or JSON lines on standard output")
}

fn flag(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

fn paths<'m>(matches: &'m ArgMatches, name: &str) -> impl Iterator<Item = &'m PathBuf> {
    matches.get_many::<PathBuf>(name).into_iter().flatten()
}

fn word<'m>(matches: &'m ArgMatches, name: &str) -> &'m str {
    matches.get_one::<String>(name).map_or("", String::as_str)
}

/// Writes `text` to standard output. Fails silently if the reader has closed it.
fn print(text: &str) -> Outcome {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failed::Found),
        Err(error) => {
            complain(&format!("error: can't write to standard output: {error}\n"));
            Err(Failed::Found)
        }
    }
}

/// Writes `text`, parts of which may come from untrusted sources, to standard error.
fn complain(text: &str) {
    complain_as_is(&printable(text));
}

/// Writes `text`, which may contain control sequences for terminals, to standard error. Errors are
/// ignored, because nobody could see them.
fn complain_as_is(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Uses colour if the output is a terminal and the user has not disabled it: see
/// <https://no-color.org>.
fn style() -> Style {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    if io::stderr().is_terminal() && !refused && !dumb { Style::Ansi } else { Style::Plain }
}
