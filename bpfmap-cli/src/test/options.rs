//! The command line of `bpfmap test`.

use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, value_parser};

use crate::{build_arguments, flag, message_format_argument, schemas_argument};

pub(crate) fn command() -> Command {
    let file = |name: &'static str, help: &'static str| {
        let path = Arg::new(name).long(name).value_parser(value_parser!(PathBuf));
        path.value_name(if name == "report-dir" { "DIR" } else { "FILE" }).help(help)
    };
    Command::new("test")
        .about("Test maps on real kernels")
        .long_about(
            "Test maps on real kernels.\n\n\
             Compiles a BPF program that uses each map, boots the kernels in QEMU, and runs the program and user space \
             against each other. Each member that one side writes has to arrive in the same member on the other side. \
             Each operation has to answer what the facts say for the map type and the kernel, as `bpfmap kernels` shows \
             them. An expected refusal passes the test, and the table says what is refused.\n\n\
             It takes clang and, without `--host`, QEMU. No Rust is compiled.",
        )
        .arg(schemas_argument())
        .arg(
            file(
                "object",
                "Test the maps of an object file that clang made for the BPF target, with -g, as `bpfmap import` reads them",
            )
            .action(ArgAction::Append),
        )
        .arg(
            Arg::new("kernel")
                .long("kernel")
                .value_name("KERNEL")
                .action(ArgAction::Append)
                .conflicts_with_all(["matrix", "host"])
                .help("A kernel: a line such as 6.1, or a name in bpfmap-vmtest.toml [default: those of bpfmap.toml, or the newest line and the oldest one that `min_kernel` allows]"),
        )
        .arg(
            flag("matrix")
                .conflicts_with("host")
                .help("Run on every kernel line, or on the matrix of bpfmap-vmtest.toml"),
        )
        .arg(flag("host").help("Run on the kernel of this machine, as root, without QEMU"))
        .arg(
            Arg::new("filter")
                .long("filter")
                .value_name("TEXT")
                .action(ArgAction::Append)
                .help("Run only tests with this in their names, which are SCHEMA::MAP::TEST"),
        )
        .arg(
            Arg::new("jobs")
                .long("jobs")
                .value_name("N")
                .value_parser(value_parser!(usize))
                .help("How many kernels run side by side [default: the number of cores]"),
        )
        .arg(file("json", "Write events to a file, as JSON lines"))
        .arg(file("junit", "Write a report for continuous integration to a file, as JUnit XML"))
        .arg(file("html", "Write a report for people to a file, as one HTML page"))
        .arg(
            file("github-summary", "Add a report to a file, as Markdown")
                .env("GITHUB_STEP_SUMMARY"),
        )
        .arg(file("report-dir", "Keep the console logs of the kernels in a folder"))
        .args(build_arguments())
        .arg(message_format_argument())
}
