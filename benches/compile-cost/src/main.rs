//! What generated Rust costs the compiler: `cargo check` of 1,000 structs of five members, beside the same structs with
//! bytemuck's two derives, and beside the bare structs.
//!
//! `cargo run -p bpfmap-compile-cost [-- ROUNDS]`. Prints processor time a struct, the best of the rounds, and its ratio
//! to bytemuck's; the contenders take turns, so that other work on the machine meets all of them. What the compiler
//! needs for a file without items is taken off.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use bpfmap_codegen::{Builder, Emit};

const STRUCTS: u32 = 1000;
const ROUNDS: u32 = 5;

type Error = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bpfmap-compile-cost: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Names and types of the members, which leave no padding.
const MEMBERS: [(&str, &str); 5] =
    [("address", "u32"), ("port", "u16"), ("flags", "u16"), ("packets", "u64"), ("mac", "[u8; 8]")];

fn run() -> Result<(), Error> {
    let rounds = match env::args().nth(1) {
        Some(text) => text.parse().map_err(|_| format!("{text} is no number of rounds"))?,
        None => ROUNDS,
    };
    let package = package()?;
    let contenders = [
        ("nothing", String::new()),
        ("bare structs", structs("")),
        (
            "bytemuck's derives",
            structs("#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]\n"),
        ),
        ("bpfmap", generated(&package)?),
    ];
    let mut best = [u64::MAX; 4];
    // The first check builds the dependencies.
    check(&package, "")?;
    for _ in 0..rounds {
        for ((_, code), best) in contenders.iter().zip(&mut best) {
            *best = (*best).min(check(&package, code)?);
        }
    }
    let cost = best.map(|ticks| ticks - best[0].min(ticks));
    for ((name, _), ticks) in contenders.iter().zip(cost).skip(1) {
        let micros = ticks * MICROS_A_TICK / u64::from(STRUCTS);
        let percent = (ticks * 100).checked_div(cost[2]).unwrap_or(0);
        println!("{name:20} {micros:6} us a struct   {percent:4} % of bytemuck's derives");
    }
    Ok(())
}

fn structs(derive: &str) -> String {
    let mut code = String::new();
    for index in 0..STRUCTS {
        let _ = writeln!(code, "{derive}#[repr(C)]\npub struct Record{index} {{");
        for (name, ty) in MEMBERS {
            let _ = writeln!(code, "    pub {name}: {ty},");
        }
        code.push_str("}\n");
    }
    code
}

fn generated(package: &Path) -> Result<String, Error> {
    let members = MEMBERS.map(|(name, ty)| format!("{{ name = \"{name}\", type = \"{ty}\" }}"));
    let mut schema = String::new();
    for index in 0..STRUCTS {
        let _ = writeln!(
            schema,
            "[types.record_{index}]\nkind = \"struct\"\nmembers = [{}]",
            members.join(", ")
        );
    }
    let file = package.join("many.toml");
    fs::write(&file, schema)?;
    Builder::new().schema(&file).out_dir(package).emit([Emit::Rust]).generate()?;
    Ok(fs::read_to_string(package.join("many.rs"))?)
}

/// Checks the package with this code, and returns the processor time of it and its parts, in ticks.
fn check(package: &Path, code: &str) -> Result<u64, Error> {
    fs::write(package.join("src/lib.rs"), code)?;
    let before = ticks_of_children()?;
    let output = Command::new(env!("CARGO"))
        .args(["check", "--quiet", "--manifest-path"])
        .arg(package.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", package.join("target"))
        // The whole cost each time, not what changed since the last.
        .env("CARGO_INCREMENTAL", "0")
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(ticks_of_children()? - before)
}

/// `USER_HZ`, in which Linux shows times, is 100 on all architectures that bpfmap knows.
const MICROS_A_TICK: u64 = 10_000;

/// User and system time of the processes that this one waited for: `cutime` and `cstime` of `proc_pid_stat(5)`.
fn ticks_of_children() -> Result<u64, Error> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("/proc/self/stat has no name")?;
    let times = fields.split_whitespace().skip(13).take(2);
    times.map(|field| Ok(field.parse::<u64>()?)).sum()
}

/// A package beside the build's other files, with the versions of this repository's lock file.
fn package() -> Result<PathBuf, Error> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let package = target.join("compile-cost");
    fs::create_dir_all(package.join("src"))?;
    fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock"))?;
    let manifest = format!(
        "[package]\nname = \"compile-cost\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         bpfmap = {{ path = '{}', default-features = false }}\n\
         bytemuck = {{ version = \"1.25\", features = [\"derive\"] }}\n",
        root.join("bpfmap").display(),
    );
    fs::write(package.join("Cargo.toml"), manifest)?;
    Ok(package)
}
