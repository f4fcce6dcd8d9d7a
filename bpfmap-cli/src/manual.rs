//! The end of the long help: exit statuses and examples. A test runs each example.

use std::fmt::Write as _;

use clap::Command;

/// The end of the long help of a command.
struct Manual {
    /// The meanings of the exit statuses 0 and 1, and of 2 if it means more than a wrong command
    /// line.
    statuses: &'static [&'static str],
    /// What each example does, and its command line.
    examples: &'static [(&'static str, &'static str)],
}

const USAGE: &str = "The command line is wrong.";

/// The help of `bpfmap` itself.
const TOP: Manual = Manual {
    statuses: &["Success.", "The input has an error, or the command failed."],
    examples: &[
        (
            "Write the C header and the Rust module of a schema",
            "bpfmap generate maps.toml --out generated",
        ),
        ("Show what a command does, with examples", "bpfmap diff --help"),
    ],
};

/// The help of each command.
const COMMANDS: &[(&str, Manual)] = &[
    (
        "init",
        Manual {
            statuses: &["The project was created.", "A file can't be written."],
            examples: &[
                ("Create a project in a new folder", "bpfmap init calls"),
                ("Create one with maps declared in Rust", "bpfmap init calls-derive --derive"),
                ("Create one in C", "bpfmap init calls-c --c"),
            ],
        },
    ),
    (
        "generate",
        Manual {
            statuses: &[
                "The files are up to date.",
                "A schema has an error, or a file is stale or can't be written.",
            ],
            examples: &[
                (
                    "Write the C header and the Rust module of a schema",
                    "bpfmap generate maps.toml --out generated",
                ),
                (
                    "Write C headers and reference pages",
                    "bpfmap generate schemas/*.toml --out docs --emit c,docs",
                ),
                ("Write what bpfmap.toml says", "bpfmap generate"),
                (
                    "Fail if a generated file is stale, for continuous integration",
                    "bpfmap generate --check",
                ),
            ],
        },
    ),
    (
        "check",
        Manual {
            statuses: &["No schema has an error.", "A schema has an error, or can't be read."],
            examples: &[
                ("Check a schema", "bpfmap check maps.toml"),
                ("Check a schema on standard input", "bpfmap check - < maps.toml"),
                (
                    "Write diagnostics for tools",
                    "bpfmap check schemas/*.toml --message-format json",
                ),
                ("Check the schemas of bpfmap.toml", "bpfmap check"),
            ],
        },
    ),
    (
        "fmt",
        Manual {
            statuses: &[
                "The schemas are formatted.",
                "With --check, a schema is not formatted; or one is not TOML.",
            ],
            examples: &[
                ("Format a schema", "bpfmap fmt maps.toml"),
                ("Format standard input", "bpfmap fmt - < maps.toml"),
                ("Fail if a schema of bpfmap.toml is not formatted", "bpfmap fmt --check"),
            ],
        },
    ),
    (
        "kernels",
        Manual {
            statuses: &["The table was printed.", "A schema has an error, or can't be read."],
            examples: &[
                ("Show which kernels a schema needs", "bpfmap kernels maps.toml"),
                ("Write the same for tools", "bpfmap kernels maps.toml --format json"),
            ],
        },
    ),
    (
        "convert",
        Manual {
            statuses: &[
                "The schema was written.",
                "The schema has an error, or the file can't be written.",
            ],
            examples: &[
                ("Write a schema in TOML as Rust", "bpfmap convert maps.toml maps.rs"),
                ("Print a schema in Rust as TOML", "bpfmap convert maps.rs --to toml"),
            ],
        },
    ),
    (
        "diff",
        Manual {
            statuses: &[
                "There is no change of the kinds that --fail-on names.",
                "There is such a change.",
                "The schemas can't be compared, or the command line is wrong.",
            ],
            examples: &[
                ("Compare two schemas", "bpfmap diff old.toml maps.toml --fail-on wrong-data"),
                (
                    "Compare a schema with a revision of git",
                    "bpfmap diff maps.toml --against main --fail-on none",
                ),
                (
                    "Compare the schemas of bpfmap.toml with their last commit, on GitHub",
                    "bpfmap diff --format github",
                ),
            ],
        },
    ),
    (
        "verify",
        Manual {
            statuses: &["Schema and maps match.", "They differ, or one of them can't be read."],
            examples: &[
                (
                    "Compare a schema with a compiled program",
                    "bpfmap verify maps.toml --object program.bpf.o",
                ),
                (
                    "Compare a schema with a pinned map",
                    "bpfmap verify maps.toml --pinned /sys/fs/bpf/counters",
                ),
            ],
        },
    ),
    (
        "migrate",
        Manual {
            statuses: &[
                "The pin is a map of the new layout.",
                "The map can't be migrated. The pin and its map are unchanged.",
            ],
            examples: &[(
                "Give a pinned map the layout of a newer schema",
                "bpfmap migrate --from old.toml --to maps.toml --pinned /sys/fs/bpf/counters",
            )],
        },
    ),
    (
        "import",
        Manual {
            statuses: &[
                "The schema has every map.",
                "A map is missing in the schema, or nothing could be read.",
            ],
            examples: &[
                (
                    "Write a schema of a compiled program",
                    "bpfmap import program.bpf.o --out imported.toml",
                ),
                ("Print a schema of a pinned map", "bpfmap import --pinned /sys/fs/bpf/counters"),
            ],
        },
    ),
    (
        "test",
        Manual {
            statuses: &[
                "Every map passed on every kernel.",
                "A map did not pass, or could not be tested.",
            ],
            examples: &[
                ("Test a schema on Linux 6.1", "bpfmap test maps.toml --kernel 6.1"),
                (
                    "Test the maps of a compiled program",
                    "bpfmap test --object program.bpf.o --kernel 6.1",
                ),
                ("Test the schemas of bpfmap.toml on the kernels that it names", "bpfmap test"),
            ],
        },
    ),
    (
        "explain",
        Manual {
            statuses: &[
                "The page was printed.",
                "Standard output can't be written.",
                "No rule has this name.",
            ],
            examples: &[
                ("List all rules", "bpfmap explain"),
                ("Explain a rule", "bpfmap explain unknown-key"),
            ],
        },
    ),
    (
        "test",
        Manual {
            statuses: &["Every test passed.", "A test failed, or could not be run."],
            examples: &[
                (
                    "Test a schema on the newest kernel and on the oldest that min_kernel allows",
                    "bpfmap test maps.toml",
                ),
                ("Test a schema on one kernel", "bpfmap test maps.toml --kernel 6.1"),
                (
                    "Test the schemas of bpfmap.toml on every kernel, and write a report",
                    "bpfmap test --matrix --html report.html",
                ),
                (
                    "Test the maps of a compiled program",
                    "bpfmap test --object program.bpf.o --kernel 6.1",
                ),
            ],
        },
    ),
    (
        "schema",
        Manual {
            statuses: &["The JSON Schema was printed.", "Standard output can't be written."],
            examples: &[("Write the JSON Schema to a file", "bpfmap schema > bpfmap.schema.json")],
        },
    ),
    (
        "completions",
        Manual {
            statuses: &["The script was printed.", "Standard output can't be written."],
            examples: &[
                (
                    "Write the completions of bash to a file",
                    "bpfmap completions bash > bpfmap.bash",
                ),
                ("Write those of zsh", "bpfmap completions zsh > _bpfmap"),
            ],
        },
    ),
];

/// Adds exit statuses and examples to the long help of the command and its subcommands.
pub(crate) fn add_to(command: Command) -> Command {
    COMMANDS.iter().fold(command.after_long_help(text(&TOP)), |command, (name, manual)| {
        command.mut_subcommand(name, |command| command.after_long_help(text(manual)))
    })
}

fn text(manual: &Manual) -> String {
    let mut text = String::from("Exit status:\n");
    let usage = [USAGE];
    let statuses = manual.statuses.iter().chain(&usage).take(3);
    for (status, meaning) in statuses.enumerate() {
        let _ = writeln!(text, "  {status}  {meaning}");
    }
    text.push_str("\nExamples:\n");
    for (what, command) in manual.examples {
        let _ = writeln!(text, "  {what}:\n    $ {command}");
    }
    text
}
