//! `bpfmap completions` and `bpfmap man`: the descriptions of the command for shells and for `man`.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::Shell;

use crate::{Failed, Outcome, command, complain, print};

/// `bpfmap completions`.
pub(crate) fn completions_command() -> Command {
    Command::new("completions")
        .about("Print a script that completes the command line in a shell")
        .arg(
            Arg::new("shell")
                .value_name("SHELL")
                .value_parser(value_parser!(Shell))
                .required(true)
                .help("The shell"),
        )
}

/// `bpfmap man`, which writes the man pages for a package of bpfmap.
pub(crate) fn man_command() -> Command {
    Command::new("man").hide(true).about("Write man pages into a folder").arg(
        Arg::new("folder")
            .value_name("DIR")
            .value_parser(value_parser!(PathBuf))
            .required(true)
            .help("The folder, which must exist"),
    )
}

pub(crate) fn completions(matches: &ArgMatches) -> Outcome {
    let Some(shell) = matches.get_one::<Shell>("shell") else { return Err(Failed::Usage) };
    let mut script = vec![];
    clap_complete::generate(*shell, &mut command(), "bpfmap", &mut script);
    print(&String::from_utf8_lossy(&script))
}

pub(crate) fn man(matches: &ArgMatches) -> Outcome {
    let Some(folder) = matches.get_one::<PathBuf>("folder") else { return Err(Failed::Usage) };
    clap_mangen::generate_to(command(), folder).map_err(|error| {
        complain(&format!("error: can't write man pages to `{}`: {error}\n", folder.display()));
        Failed::Found
    })
}
