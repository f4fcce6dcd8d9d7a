//! `bpfmap`: schemas of BPF maps on the command line.
//!
//! Exit status: 0 for success; 1 if there are diagnostics or the command failed; 2 if the command
//! line is wrong, or if `bpfmap diff` can't compare the schemas; 128 plus the number of a signal that
//! stopped `bpfmap test`.

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
mod options;
mod output_folder;
mod project;
mod revision;
mod schemas;
mod shell;
mod standard_input;
mod test;
mod verify;

pub use fmt::format_text;
pub use output_folder::OutputFolder;
pub use project::Project;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};

use bpfmap_schema::diagnostics::{Style, printable};
use clap::Parser as _;
use options::{AnyCommand, Command, CommandLine};

/// The result of a command.
type Outcome = Result<(), Failed>;

/// The reason why a command failed. The command has already printed the error message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// There are errors, a file is stale, or the command failed.
    Found,
    /// The command line refers to something that does not exist.
    Usage,
    /// A signal with this number stopped the command.
    Stopped(i32),
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
    let outcome = match CommandLine::parse_from(arguments).command {
        AnyCommand::Man { folder } => shell::man(&folder),
        AnyCommand::Listed(command) => match *command {
            Command::Init(options) => init::run(&options),
            Command::Generate(options) => generate::run(&options),
            Command::Check(options) => schemas::check(&options),
            Command::Fmt(options) => fmt::run(&options),
            Command::Kernels(options) => kernels::run(&options),
            Command::Convert(options) => convert::run(&options),
            Command::Diff(options) => diff::run(&options),
            Command::Verify(options) => verify::run(&options),
            Command::Migrate(options) => migrate::run(&options),
            Command::Import(options) => import::run(&options),
            Command::Explain { rule } => explain::run(rule.as_deref()),
            Command::Test(options) => test::run(&options),
            Command::Schema => json_schema::run(),
            Command::Completions { shell } => shell::completions(shell),
        },
    };
    match outcome {
        Ok(()) => 0,
        Err(Failed::Found) => 1,
        Err(Failed::Usage) => 2,
        Err(Failed::Stopped(signal)) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
    }
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
