//! `cargo xtask demo`: generates code from schemas, and prints a table of the results on three
//! kernels.

use std::path::PathBuf;

use crate::cargo::{build_tests, cargo, root};
use crate::step::{Steps, run as run_command};
use crate::table::by_map;
use crate::{Error, matrix, packages};

/// The oldest kernel of the matrix, a kernel in the middle, and the newest kernel.
const KERNELS: &[&str] = &["5.10", "6.12", "7.3"];

/// Runs the demo.
///
/// # Errors
///
/// Fails if a step fails, or if a kernel gives a result that was not expected.
pub(crate) fn run() -> Result<(), Error> {
    let mut steps = Steps::new(5);
    steps.next("Packages");
    packages::ensure(packages::BUILD_AND_BOOT)?;

    steps.next("The harness, and kernels to boot");
    let harness = matrix::build_harness()?;
    let fetching = matrix::start_fetching(&harness, KERNELS)?;

    steps.next("Schemas to C, Rust and fixtures");
    let generated = root().join("target/demo");
    generate(&generated)?;

    steps.next("Fixtures compiled, by clang for the kernel and by rustc");
    let binaries = build_tests(&["--package", "bpfmap-fixtures", "--test", "fixtures"])?;
    let binaries: Vec<PathBuf> = binaries.into_iter().map(|binary| binary.path).collect();
    matrix::finish_fetching(fetching)?;

    steps.next("Fixtures run on real kernels");
    let report = matrix::run(&harness, KERNELS, &binaries, "matrix")?;
    println!("\n{}", bpfmap_vmtest::report::draw(&report.tests, by_map));
    println!("Generated: {}", generated.display());
    println!("Reports:   {}", report.folder.display());
    if report.green { Ok(()) } else { Err("some tests failed: see above".into()) }
}

/// Makes the command-line tool write every kind of file that it can generate from the schemas.
fn generate(folder: &std::path::Path) -> Result<(), Error> {
    let schemas = root().join("schemas");
    let mut files: Vec<PathBuf> = vec![];
    for entry in std::fs::read_dir(&schemas)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    let mut command = cargo();
    command.args(["run", "--package", "bpfmap-cli", "--", "generate"]).args(&files);
    run_command(command.args(["--emit", "c,rust,fixtures,docs", "--out"]).arg(folder))?;
    println!("{} schemas, in {}", files.len(), folder.display());
    Ok(())
}
