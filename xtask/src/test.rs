//! `cargo xtask test`: every test of the repository.

use bpfmap_vmtest::Binary;

use crate::cargo::{build_tests, cargo};
use crate::step::{Steps, run as run_command};
use crate::table::{by_binary, by_map_type};
use crate::{
    Error, api, arm64, book, deny, ebpf, fuzz, make_c, matrix, names, package, packages, roundtrip,
    sanitize, suites,
};

/// The tests that need a kernel: packages, each with the test targets that run in the matrix. An
/// empty list means all test targets of the package. All other tests run on this machine.
const IN_KERNELS: &[(&str, &[&str])] = &[
    ("bpfmap", &["kernel", "soundness"]),
    ("bpfmap-cli", &["live"]),
    ("bpfmap-fixtures", &[]),
    ("ratelimit", &["packets"]),
    ("execsnoop", &["processes"]),
    ("tailcalls", &["packets"]),
    ("firewall", &["packets"]),
    ("syscalls", &[]),
    ("routes", &["lookups"]),
    ("lockstep", &["contention"]),
    ("hotswap", &["swaps"]),
    ("upgrade", &["migration"]),
    ("tour", &["answers"]),
    ("profiler", &["busy_loops"]),
    ("aya-loader", &["packets"]),
    ("rust-program", &["packets"]),
    ("bpfmap-programs", &["operations", "examples"]),
    ("bpfmap-program-fixtures", &["fixtures"]),
];

/// The test binaries that run on only the oldest and the newest kernel. The binary `fixtures` tests
/// the same maps on all kernels.
const AT_ENDS: &[&str] = &["bpfmap-fixtures::derived", "bpfmap-fixtures::interpreted"];
const ENDS: &[&str] = &["5.10", "7.3"];

/// The other tests of these packages, which run on this machine. Each item contains the arguments
/// of a `cargo test` command.
const ON_HOST: &[&[&str]] = &[
    &["--package", "bpfmap-core", "--features", "serde", "--lib"],
    &["--package", "bpfmap", "--all-features", "--lib"],
    // The compiler's messages list the implementations of a trait, and features add to these.
    &[
        "--package",
        "bpfmap",
        "--test",
        "build_script",
        "--test",
        "compile_fail",
        "--test",
        "oldest_kernel",
        "--test",
        "trust",
    ],
    &["--package", "bpfmap", "--all-features", "--test", "soundness_refused"],
    &["--package", "bpfmap", "--all-features", "--doc"],
    &[
        "--package",
        "bpfmap-cli",
        "--lib",
        "--test",
        "cli",
        "--test",
        "diff",
        "--test",
        "fmt",
        "--test",
        "help",
        "--test",
        "imported",
        "--test",
        "includes",
        "--test",
        "init",
        "--test",
        "json_schema",
        "--test",
        "kernel_test",
        "--test",
        "make",
        "--test",
        "project",
        "--test",
        "verify",
    ],
    // A feature that no other test needs.
    &["--package", "bpfmap-codegen", "--features", "libbpf", "--test", "libbpf"],
    &["--package", "bpfmap-programs", "--test", "code_size", "--test", "import"],
    &["--package", "ratelimit", "--lib"],
    &["--package", "execsnoop", "--lib"],
    &["--package", "tailcalls", "--lib"],
    &["--package", "routes", "--lib"],
    &["--package", "profiler", "--lib"],
];

/// The builds that clippy checks: everything, and builds with fewer features. The `rust-version` of
/// each package is taken into account (`incompatible_msrv`).
const LINTED: &[&[&str]] = &[
    &["--workspace", "--all-targets", "--all-features"],
    &["--package", "bpfmap", "--no-default-features", "--all-targets"],
    &["--package", "bpfmap-codegen", "--no-default-features"],
    &["--package", "bpfmap-codegen", "--no-default-features", "--features", "rust"],
    &["--package", "bpfmap-codegen", "--no-default-features", "--features", "toml"],
    &["--package", "bpfmap-codegen", "--no-default-features", "--features", "toml,c-user"],
    &["--package", "bpfmap-codegen", "--no-default-features", "--features", "toml,docs"],
    &["--package", "bpfmap-codegen", "--no-default-features", "--features", "toml,fixtures"],
    &["--package", "bpfmap-codegen", "--no-default-features", "--features", "toml,migrations"],
    &["--package", "bpfmap-schema", "--no-default-features", "--features", "derive"],
];

/// The time for which each target is fuzzed.
const FUZZ_SECONDS: u32 = 10;

/// Runs every test.
///
/// # Errors
///
/// Fails if a step fails, or if a kernel gives a result that was not expected.
pub(crate) fn run() -> Result<(), Error> {
    let mut steps = Steps::new(16);
    steps.next("Packages");
    packages::ensure(packages::BUILD_AND_BOOT)?;
    packages::ensure(packages::TESTS)?;
    ebpf::ensure_tools()?;

    steps.next("Format");
    run_command(cargo().args(["fmt", "--all", "--check"]))?;

    steps.next("The harness, and kernels to boot");
    let harness = matrix::build_harness()?;
    let fetching = matrix::start_fetching(&harness, &[])?;

    steps.next("Lints");
    for selection in LINTED {
        let mut lints = cargo();
        lints.arg("clippy").args(*selection).args(["--", "--deny", "warnings"]);
        run_command(&mut lints)?;
    }
    let documents = ["doc", "--workspace", "--lib", "--no-deps", "--all-features"];
    run_command(cargo().env("RUSTDOCFLAGS", "--deny warnings").args(documents))?;

    steps.next("Public interfaces and dependencies");
    api::check()?;
    deny::run(false)?;

    steps.next("The book");
    book::run()?;

    steps.next("Tests on this machine");
    on_host()?;

    steps.next("Packages of the crates, built and installed");
    package::run()?;

    steps.next("The runtime under AddressSanitizer");
    sanitize::run()?;

    steps.next("A little fuzzing");
    fuzz::every_target(FUZZ_SECONDS)?;
    matrix::finish_fetching(fetching)?;

    steps.next("The names that kernels have taken");
    names::check()?;

    steps.next("Schemas through every stage");
    roundtrip::daily()?;

    steps.next("The example in C on every kernel");
    make_c::on_every_kernel(&harness)?;

    steps.next("Tests on every kernel");
    let binaries = for_kernels()?;
    let (at_ends, binaries): (Vec<_>, Vec<_>) =
        binaries.into_iter().partition(|binary| AT_ENDS.contains(&binary.name.as_str()));
    let [at_ends, binaries] = [at_ends, binaries]
        .map(|binaries| binaries.into_iter().map(|binary| binary.path).collect::<Vec<_>>());
    let report = matrix::run(&harness, &[], &binaries, "matrix")?;
    let ends = matrix::run(&harness, ENDS, &at_ends, "matrix-ends")?;
    println!("\n{}", bpfmap_vmtest::report::draw(&report.tests, by_map_type));
    println!("{}", bpfmap_vmtest::report::draw(&report.tests, by_binary));
    println!("{}", bpfmap_vmtest::report::draw(&ends.tests, by_binary));
    println!("Reports: {}, {}", report.folder.display(), ends.folder.display());
    if !(report.green && ends.green) {
        return Err("some tests failed: see above".into());
    }

    steps.next("Test suites of other crates on every kernel");
    suites::daily()?;

    steps.next("Fixtures on kernels for arm64");
    arm64::daily(&harness)
}

fn on_host() -> Result<(), Error> {
    let mut others = vec!["--workspace"];
    for (package, _) in IN_KERNELS {
        others.extend(["--exclude", package]);
    }
    for arguments in std::iter::once(others.as_slice()).chain(ON_HOST.iter().copied()) {
        // An outdated golden file is an error here, and must not be overwritten.
        run_command(cargo().env("INSTA_UPDATE", "no").arg("test").args(arguments))?;
    }
    Ok(())
}

fn for_kernels() -> Result<Vec<Binary>, Error> {
    let mut binaries = vec![];
    for (package, targets) in IN_KERNELS {
        let mut arguments = vec!["--all-features", "--package", package];
        targets.iter().for_each(|target| arguments.extend(["--test", target]));
        if targets.is_empty() {
            arguments.push("--tests");
        }
        binaries.extend(build_tests(&arguments)?);
    }
    Ok(binaries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// Fails if a package has a test target that is neither in [`IN_KERNELS`] nor in [`ON_HOST`].
    /// These lists contain each test target of a package.
    #[test]
    fn each_test_target_runs_somewhere() {
        let output = cargo().args(["metadata", "--no-deps", "--format-version", "1"]).output();
        let metadata: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
        let mut missing = Vec::new();
        for (package, targets) in IN_KERNELS.iter().filter(|(_, targets)| !targets.is_empty()) {
            let all = metadata["packages"].as_array().unwrap();
            let found = all.iter().find(|it| it["name"] == *package).unwrap();
            for target in found["targets"].as_array().unwrap() {
                let name = target["name"].as_str().unwrap();
                let on_host = ON_HOST.iter().filter(|arguments| arguments.contains(package));
                let mut named = on_host.flat_map(|arguments| arguments.windows(2));
                let runs = targets.contains(&name) || named.any(|pair| pair == ["--test", name]);
                // The other targets are run by hand, as their declarations say.
                if target["kind"][0] == "test" && target["test"] == true && !runs {
                    missing.push(format!("{package}: {name}"));
                }
            }
        }
        assert_eq!(missing, Vec::<String>::new(), "in neither IN_KERNELS nor ON_HOST");
    }
}
