//! The end of the long help of each command: exit statuses and examples. A test runs each example.

/// The end of the help of `bpfmap` itself.
pub(crate) const TOP: &str = "\
Exit status:
  0  Success.
  1  The input has an error, or the command failed.
  2  The command line is wrong.

Examples:
  Write the C header and the Rust module of a schema:
    $ bpfmap generate maps.toml --out generated
  Show the help of a command, with examples:
    $ bpfmap diff --help
";

pub(crate) const INIT: &str = "\
Exit status:
  0  The project was created.
  1  `--path` is missing or names no clone of bpfmap, or a file can't be written.
  2  The command line is wrong.

Examples:
  Create a project in a new folder, next to the clone `bpfmap`:
    $ bpfmap init calls --path bpfmap
  Create a project that declares its maps in Rust:
    $ bpfmap init calls-derive --derive --path bpfmap
  Create a project in C:
    $ bpfmap init calls-c --c --path bpfmap
  Create a project whose program is also in Rust, loaded with aya:
    $ bpfmap init calls-aya --aya --path bpfmap
";

pub(crate) const GENERATE: &str = "\
Exit status:
  0  The files are up to date.
  1  A schema has an error, or a file is stale or can't be written.
  2  The command line is wrong.

Examples:
  Write the C header and the Rust module of a schema:
    $ bpfmap generate maps.toml --out generated
  Write C headers and reference pages:
    $ bpfmap generate schemas/*.toml --out docs --emit c,docs
  Generate the files that bpfmap.toml describes:
    $ bpfmap generate
  Fail if a generated file is stale, for continuous integration:
    $ bpfmap generate --check
";

pub(crate) const CHECK: &str = "\
Exit status:
  0  No schema has an error.
  1  A schema has an error, or can't be read.
  2  The command line is wrong.

Examples:
  Check a schema:
    $ bpfmap check maps.toml
  Check a schema on standard input:
    $ bpfmap check - < maps.toml
  Write diagnostics for tools:
    $ bpfmap check schemas/*.toml --message-format json
  Check the schemas of bpfmap.toml:
    $ bpfmap check
";

pub(crate) const FMT: &str = "\
Exit status:
  0  The schemas are formatted.
  1  A schema is not TOML, or a schema is not formatted and --check was given.
  2  The command line is wrong.

Examples:
  Format a schema:
    $ bpfmap fmt maps.toml
  Format standard input:
    $ bpfmap fmt - < maps.toml
  Fail if a schema of bpfmap.toml is not formatted:
    $ bpfmap fmt --check
";

pub(crate) const KERNELS: &str = "\
Exit status:
  0  The table was printed.
  1  A schema has an error, or can't be read.
  2  The command line is wrong.

Examples:
  Show which kernels a schema needs:
    $ bpfmap kernels maps.toml
  Print the same information for tools:
    $ bpfmap kernels maps.toml --format json
  Show which kernels for arm64 a schema needs:
    $ bpfmap kernels maps.toml --arch arm64
";

pub(crate) const CONVERT: &str = "\
Exit status:
  0  The schema was written.
  1  The schema has an error, or the file can't be written.
  2  The command line is wrong.

Examples:
  Convert a TOML schema to Rust:
    $ bpfmap convert maps.toml maps.rs
  Convert a Rust schema to TOML, and print it:
    $ bpfmap convert maps.rs --to toml
";

pub(crate) const DIFF: &str = "\
Exit status:
  0  No change belongs to a class or rule of --fail-on.
  1  A change belongs to a class or rule of --fail-on.
  2  The schemas can't be compared, or the command line is wrong.

Examples:
  Compare two schemas:
    $ bpfmap diff old.toml maps.toml --fail-on wrong-data
  Compare a schema with a revision of git:
    $ bpfmap diff maps.toml --against main --fail-on none
  Compare the schemas of bpfmap.toml with their last commit, on GitHub:
    $ bpfmap diff --format github
";

pub(crate) const VERIFY: &str = "\
Exit status:
  0  The schema and the maps match.
  1  The schema and the maps differ, or the schema or a map can't be read.
  2  The command line is wrong.

Examples:
  Compare a schema with a compiled program:
    $ bpfmap verify maps.toml --object program.bpf.o
  Compare a schema with a pinned map:
    $ bpfmap verify maps.toml --pinned /sys/fs/bpf/counters
";

pub(crate) const MIGRATE: &str = "\
Exit status:
  0  The pin refers to a map with the new layout.
  1  The map can't be migrated. The pin and its map are unchanged.
  2  The command line is wrong.

Examples:
  Give a pinned map the layout of a newer schema:
    $ bpfmap migrate --from old.toml --to maps.toml --pinned /sys/fs/bpf/counters
";

pub(crate) const IMPORT: &str = "\
Exit status:
  0  The schema contains every map.
  1  The schema does not contain every map, or nothing could be read.
  2  The command line is wrong.

Examples:
  Generate a schema from a compiled program:
    $ bpfmap import program.bpf.o --out imported.toml
  Print a schema that is generated from a pinned map:
    $ bpfmap import --pinned /sys/fs/bpf/counters
";

pub(crate) const EXPLAIN: &str = "\
Exit status:
  0  The page was printed.
  1  Writing to standard output failed.
  2  Neither a rule nor a failure has this name.

Examples:
  List all rules, and all failures that `bpfmap test` reports:
    $ bpfmap explain
  Explain a rule:
    $ bpfmap explain unknown-key
  Explain a failure of `bpfmap test`:
    $ bpfmap explain fetch-failed
";

pub(crate) const TEST: &str = "\
Exit status:
  0  Every test passed.
  1  A test failed, or a test could not be run.
  2  The command line is wrong, or names an unknown kernel.
  A signal that stops the command adds 128 to its number: 130 after Ctrl-C.

Examples:
  Test a schema on the newest kernel and on the oldest kernel that min_kernel allows:
    $ bpfmap test maps.toml
  Test a schema on one kernel:
    $ bpfmap test maps.toml --kernel 6.1
  Test the schemas of bpfmap.toml on every kernel, and write a report:
    $ bpfmap test --matrix --html report.html
  Test the maps of a compiled program:
    $ bpfmap test --object program.bpf.o --kernel 6.1
";

pub(crate) const SCHEMA: &str = "\
Exit status:
  0  The JSON Schema was printed.
  1  Writing to standard output failed.
  2  The command line is wrong.

Examples:
  Write the JSON Schema to a file:
    $ bpfmap schema > bpfmap.schema.json
";

pub(crate) const COMPLETIONS: &str = "\
Exit status:
  0  The script was printed.
  1  Writing to standard output failed.
  2  The command line is wrong.

Examples:
  Write the completion script for bash to a file:
    $ bpfmap completions bash > bpfmap.bash
  Write the completion script for zsh to a file:
    $ bpfmap completions zsh > _bpfmap
";
