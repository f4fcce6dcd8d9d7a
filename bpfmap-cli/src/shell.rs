//! The commands `bpfmap completions` and `bpfmap man`, which describe the command line to shells
//! and to `man`.

use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::options::{Command, CommandLine};
use crate::{Failed, Outcome, complain, print};

pub(crate) fn completions(shell: Shell) -> Outcome {
    let mut script = vec![];
    clap_complete::generate(shell, &mut CommandLine::<Command>::command(), "bpfmap", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// `bpfmap man`, which writes the man pages for a package of bpfmap.
pub(crate) fn man(folder: &Path) -> Outcome {
    clap_mangen::generate_to(CommandLine::<Command>::command(), folder).map_err(|error| {
        complain(&format!("error: can't write man pages to `{}`: {error}\n", folder.display()));
        Failed::Found
    })
}
