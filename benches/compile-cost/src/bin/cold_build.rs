//! Measures by how much bpfmap slows down the build of a user's crate. The measured crate has a
//! schema with 50 maps and 50 structs, a build script that uses `Builder`, and the generated Rust
//! code. Like most applications that load BPF programs, the crate also depends on libbpf-rs, and
//! its build script depends on libbpf-cargo.
//!
//! Usage: `cargo run -p bpfmap-compile-cost --bin cold_build [-- REPOSITORY[=FEATURES]…]`. Each
//! argument is a checkout of this repository. Without arguments, the command measures this checkout
//! with the features `derive` and `libbpf-rs`. The command prints the processor time of a cold
//! build, and of `cargo check` after a change of the crate's source. It first prints these times
//! for the crate without bpfmap, and then for each checkout. For each checkout, it also prints the
//! ratio of the cold build to the cold build without bpfmap. The builds take turns in several
//! rounds, and the command prints the best time of each.
//!
//! The command measures the cold build in two ways. `as published` compiles without incremental
//! compilation, as Cargo compiles packages from a registry. `from a checkout` compiles with
//! incremental compilation, as Cargo compiles path dependencies.

#[path = "../../../children.rs"]
mod children;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use children::{MICROS_A_TICK, ticks_of_children};

const ROUNDS: u32 = 2;
const ITEMS: u32 = 50;
/// The name of the crate without bpfmap in the output.
const WITHOUT: &str = "without bpfmap";

type Error = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cold_build: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Error> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let mut checkouts: Vec<String> = env::args().skip(1).collect();
    if checkouts.is_empty() {
        checkouts.push(format!("{}=derive,libbpf-rs", here.display()));
    }
    checkouts.insert(0, WITHOUT.to_owned());
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| here.join("target"), PathBuf::from);
    let folder = target.join("cold-build");
    let mut best = vec![[u64::MAX; 3]; checkouts.len()];
    for _ in 0..ROUNDS {
        for (checkout, best) in checkouts.iter().zip(&mut best) {
            if checkout == WITHOUT {
                write_package(&folder, &here, None)?;
            } else {
                let (path, features) = checkout.split_once('=').unwrap_or((checkout, ""));
                write_package(&folder, path.as_ref(), Some(features))?;
            }
            for (best, ticks) in best.iter_mut().zip(build(&folder)?) {
                *best = (*best).min(ticks);
            }
        }
    }
    let [published_without, path_without, _] = best[0];
    for (checkout, [published, path, check]) in checkouts.iter().zip(best) {
        let millis = |ticks: u64| ticks * MICROS_A_TICK / 1000;
        let ratio = |ticks: u64, without: u64| {
            format!("{}.{:02}", ticks / without, ticks * 100 / without % 100)
        };
        println!(
            "{checkout}: cold build {} ms as published ({}), {} ms from a checkout ({}); check after a change {} ms",
            millis(published),
            ratio(published, published_without),
            millis(path),
            ratio(path, path_without),
            millis(check)
        );
    }
    Ok(())
}

/// Writes the measured crate. It depends on bpfmap with `features`, or does not depend on bpfmap if
/// `features` is `None`. Its dependencies have the versions in the checkout's lock file.
fn write_package(folder: &Path, checkout: &Path, features: Option<&str>) -> Result<(), Error> {
    let checkout = checkout.canonicalize()?;
    fs::create_dir_all(folder.join("src"))?;
    fs::copy(checkout.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let path = checkout.display();
    let (runtime, generator) = features.map_or_else(Default::default, |features| {
        let features: Vec<String> =
            features.split(',').filter(|it| !it.is_empty()).map(|it| format!("{it:?}")).collect();
        let features = features.join(", ");
        (
            format!(
                "bpfmap = {{ path = '{path}/bpfmap', default-features = false, features = [{features}] }}\n"
            ),
            format!(
                "bpfmap-codegen = {{ path = '{path}/bpfmap-codegen', default-features = false, features = [\"toml\"] }}\n"
            ),
        )
    });
    let manifest = format!(
        "[package]\nname = \"cold-build\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         libbpf-rs = \"0.27\"\n{runtime}\n[build-dependencies]\nlibbpf-cargo = \"0.27\"\n{generator}"
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    let generate = if features.is_some() {
        "bpfmap_codegen::Builder::new().schema(\"maps.toml\").generate()?;"
    } else {
        ""
    };
    let script = format!(
        "fn main() -> Result<(), Box<dyn std::error::Error>> {{\n    {generate}\n    \
         libbpf_cargo::SkeletonBuilder::new();\n    Ok(())\n}}\n"
    );
    fs::write(folder.join("build.rs"), script)?;
    fs::write(folder.join("maps.toml"), schema())?;
    let maps = if features.is_some() {
        "include!(concat!(env!(\"OUT_DIR\"), \"/maps.rs\"));\n"
    } else {
        "pub const NO_MAPS: () = ();\n"
    };
    fs::write(folder.join("src/maps.rs"), maps)?;
    Ok(fs::write(folder.join("src/lib.rs"), source(0))?)
}

fn source(number: u32) -> String {
    format!("mod maps;\npub use maps::*;\npub const NUMBER: u32 = {number};\n")
}

fn schema() -> String {
    let mut schema = String::new();
    for index in 0..ITEMS {
        let _ = write!(
            schema,
            "[types.record_{index}]\nkind = \"struct\"\nmembers = [{{ name = \"address\", type = \"u32\" }}, \
             {{ name = \"port\", type = \"u16\" }}, {{ name = \"flags\", type = \"u16\" }}, \
             {{ name = \"packets\", type = \"u64\" }}]\n\n\
             [maps.map_{index}]\ntype = \"hash\"\nkey = \"u32\"\nvalue = \"record_{index}\"\nmax_entries = 64\n\n"
        );
    }
    schema
}

/// Returns three processor times in ticks: of a cold build as published, of a cold build from a
/// checkout, and of a check after a change.
fn build(folder: &Path) -> Result<[u64; 3], Error> {
    let cold = |incremental| {
        let target = folder.join("target");
        if target.exists() {
            fs::remove_dir_all(&target)?;
        }
        cargo(folder, "build", incremental)
    };
    let published = cold(false)?;
    let path = cold(true)?;
    // The first check is not measured, because it also checks the dependencies.
    cargo(folder, "check", true)?;
    fs::write(folder.join("src/lib.rs"), source(1))?;
    Ok([published, path, cargo(folder, "check", true)?])
}

fn cargo(folder: &Path, command: &str, incremental: bool) -> Result<u64, Error> {
    let before = ticks_of_children()?;
    let output = Command::new(env!("CARGO"))
        .args([command, "--quiet", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env("CARGO_INCREMENTAL", if incremental { "1" } else { "0" })
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(ticks_of_children()? - before)
}
