//! The end of the long help of each command: exit statuses, and examples. The test `guests` runs each example.

/// The end of the help of the program itself.
pub(crate) const TOP: &str = "\
Exit status:
  0    Success; `run` and `shell` exit with the status of their program.
  1    A test failed, or did not run.
  2    The command line is wrong.
  125  The harness or the guest failed.

Examples:
  Run a program on Linux 6.1:
    $ bpfmap-vmtest run --kernel 6.1 -- uname -r
  Build the tests of a package and run them on the oldest and the newest kernel:
    $ bpfmap-vmtest test --kernel 5.10 --kernel 7.3
  Print a script that completes the command line:
    $ bpfmap-vmtest completions bash > bpfmap-vmtest.bash
";

pub(crate) const RUN: &str = "\
Exit status:
  0    The program succeeded. Its status is the exit status; it is 128 and the signal if a signal ended it.
  125  The harness or the guest failed.

Examples:
  Run a program on Linux 6.1:
    $ bpfmap-vmtest run --kernel 6.1 -- uname -r
  Give the guest a root file system made of Debian's packages, and run a program of it:
    $ bpfmap-vmtest run --kernel 6.12 --root debian:bookworm/iproute2 -- ip -V
  Give the guest two processors, a file and a variable:
    $ bpfmap-vmtest run --kernel 6.12 --cpus 2 --file notes.txt:/tmp/n --env LANG=C -- cat /tmp/n
";

pub(crate) const SHELL: &str = "\
Exit status:
  0    The shell's status is the exit status.
  125  The harness or the guest failed.

Examples:
  Look around in a guest, which has the programs that are handed to it:
    $ bpfmap-vmtest shell --kernel 6.12 --file /usr/bin/dmesg
";

pub(crate) const TEST: &str = "\
Exit status:
  0    Every test passed on every kernel.
  1    A test failed, or did not run.
  125  The tests do not build, or the harness failed.

Examples:
  Run the tests of the package in this folder on two kernels:
    $ bpfmap-vmtest test --kernel 5.10 --kernel 7.3
  Run one test target, and of it the tests that have `adds` in their names:
    $ bpfmap-vmtest test --package sums --test sums --kernel 6.12 -- adds
";

pub(crate) const MATRIX: &str = "\
Exit status:
  0    Every test passed on every kernel.
  1    A test failed, or did not run.
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
  125  A kernel can't be fetched, or the cache can't be used.

Examples:
  Show which kernels there are:
    $ bpfmap-vmtest kernels list
  Fetch two kernels before they are needed:
    $ bpfmap-vmtest kernels fetch 5.10 7.3
  Remove snapshots, and kernels that nothing names any more:
    $ bpfmap-vmtest kernels prune
";

pub(crate) const COMPLETIONS: &str = "\
Exit status:
  0  The script was printed.
  2  The command line is wrong.

Examples:
  Write the completions of bash to a file:
    $ bpfmap-vmtest completions bash > bpfmap-vmtest.bash
";
