//! The end of the long help of each command: exit statuses, and examples. The test `guests` runs each example.

/// The end of the help of the program itself.
pub(crate) const TOP: &str = "\
Exit status:
  0    Success; `run` and `shell` exit with the status of their program.
  1    A test failed or was not run.
  2    The command line is wrong, or names an unknown kernel.
  125  The harness or the guest failed.

Examples:
  Run a program on Linux 6.1:
    $ bpfmap-vmtest run --kernel 6.1 -- uname -r
  Build the tests of a package and run them on the oldest and the newest kernel:
    $ bpfmap-vmtest test --kernel 5.10 --kernel 7.3
  Explain the name of a failure in a report:
    $ bpfmap-vmtest explain fetch-failed
  Print a script that completes the command line:
    $ bpfmap-vmtest completions bash > bpfmap-vmtest.bash
";

pub(crate) const RUN: &str = "\
Exit status:
  0    The program succeeded. Otherwise, the exit status is that of the program, or 128
       plus the number of the signal that ended it.
  2    The command line is wrong, or names an unknown kernel.
  125  The harness or the guest failed.

Examples:
  Run a program on Linux 6.1:
    $ bpfmap-vmtest run --kernel 6.1 -- uname -r
  Give the guest a root file system made of Debian's packages, and run one of its programs:
    $ bpfmap-vmtest run --kernel 6.12 --root debian:bookworm/iproute2 -- ip -V
  Give the guest two processors, a file and a variable:
    $ bpfmap-vmtest run --kernel 6.12 --cpus 2 --file notes.txt:/tmp/n --env LANG=C -- cat /tmp/n
";

pub(crate) const SHELL: &str = "\
Exit status:
  0    The shell exited with 0. Otherwise, the exit status is that of the shell.
  2    The command line is wrong, or names an unknown kernel.
  125  The harness or the guest failed.

Examples:
  Look around in a guest, and give it an additional program:
    $ bpfmap-vmtest shell --kernel 6.12 --file /usr/bin/dmesg
";

pub(crate) const TEST: &str = "\
Exit status:
  0    Every test passed on every kernel.
  1    A test failed or was not run.
  2    The command line is wrong, or names an unknown kernel.
  125  The tests could not be built, or the harness failed.

Examples:
  Run the tests of the package in this directory on two kernels:
    $ bpfmap-vmtest test --kernel 5.10 --kernel 7.3
  Run the tests of one test target whose names contain `adds`:
    $ bpfmap-vmtest test --package sums --test sums --kernel 6.12 -- adds
";

pub(crate) const MATRIX: &str = "\
Exit status:
  0    Every test passed on every kernel.
  1    A test failed or was not run.
  2    The command line is wrong, or names an unknown kernel.
  125  The harness failed.

Examples:
  Run a test binary on two kernels, and write a report for continuous integration:
    $ bpfmap-vmtest matrix --kernel 5.10 --kernel 7.3 --junit report.xml ./sums
  Divide a matrix into the jobs of a workflow on GitHub:
    $ bpfmap-vmtest matrix --print github --shards 4
";

pub(crate) const KERNELS: &str = "\
Exit status:
  0    Success.
  2    The command line is wrong, or names an unknown kernel.
  125  A kernel can't be fetched, or the cache can't be used.

Examples:
  List the kernels:
    $ bpfmap-vmtest kernels list
  Fetch two kernels before they are needed:
    $ bpfmap-vmtest kernels fetch 5.10 7.3
  Remove snapshots, root file systems, and kernels that are no longer used:
    $ bpfmap-vmtest kernels prune
";

pub(crate) const EXPLAIN: &str = "\
Exit status:
  0  The explanation was printed.
  2  No failure has this name.

Examples:
  List all failures that reports can name:
    $ bpfmap-vmtest explain
  Explain a failure:
    $ bpfmap-vmtest explain fetch-failed
";

pub(crate) const COMPLETIONS: &str = "\
Exit status:
  0  The script was printed.
  2  The command line is wrong.

Examples:
  Write the completions of bash to a file:
    $ bpfmap-vmtest completions bash > bpfmap-vmtest.bash
";
