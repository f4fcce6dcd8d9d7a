//! Measures the processor time that `bpfmap import` needs for an object with 500 maps and 1,000
//! structs, and compares it with the processor time of `bpftool gen skeleton` for the same object.
//!
//! Usage: `cargo run --release -p bpfmap-import-cost [-- ROUNDS [MAPS]]`. The benchmark needs clang
//! and bpftool. For each command, it prints the processor time per run in the best round, and the
//! ratio to the time of bpftool. The commands take turns, so that other work on the machine affects
//! both. The benchmark also checks the number of imported maps and structs, so that an import that
//! fails quickly does not count as fast.

#[path = "../../children.rs"]
mod children;

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs};

use children::{MICROS_A_TICK, ticks_of_children};

const ROUNDS: u32 = 10;
/// The default number of maps. The object contains twice as many structs.
const MAPS: u32 = 500;
/// The number of runs in a round. A round needs several runs because the kernel reports the times
/// of processes in hundredths of a second.
const RUNS: u32 = 20;

/// The environment variable that makes a child process run the command `bpfmap`.
const IS_BPFMAP: &str = "BPFMAP_IMPORT_COST";

type Error = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    if env::var_os(IS_BPFMAP).is_some() {
        return bpfmap_cli::run(env::args_os()).into();
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bpfmap-import-cost: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Error> {
    let mut arguments = env::args().skip(1);
    let mut number = |otherwise: u32| match arguments.next() {
        Some(text) => text.parse().map_err(|_| format!("`{text}` is not a number")),
        None => Ok(otherwise),
    };
    let (rounds, maps) = (number(ROUNDS)?, number(MAPS)?);
    let folder = tempfile::tempdir()?;
    compile(folder.path(), &program(maps))?;

    let mut bpftool = Command::new("bpftool");
    bpftool.args(["gen", "skeleton", "many.bpf.o"]);
    let mut bpfmap = Command::new(env::current_exe()?);
    bpfmap.args(["import", "many.bpf.o"]).env(IS_BPFMAP, "");
    let mut contenders = [("bpftool gen skeleton", bpftool), ("bpfmap import", bpfmap)];
    for (_, command) in &mut contenders {
        command.current_dir(folder.path()).stdin(Stdio::null());
    }

    let skeleton = output(&mut contenders[0].1)?;
    let schema = output(&mut contenders[1].1)?;
    let described = (schema.matches("\n[maps.").count(), schema.matches("\n[types.").count());
    let expected = (maps as usize, maps as usize * 2);
    if described != expected || skeleton.matches("\tstruct bpf_map *m").count() != expected.0 {
        return Err(format!("expected {expected:?} maps and structs, found {described:?}").into());
    }

    let mut best = [u64::MAX; 2];
    for _ in 0..rounds {
        for ((_, command), best) in contenders.iter_mut().zip(&mut best) {
            command.stdout(Stdio::null());
            let before = ticks_of_children()?;
            for _ in 0..RUNS {
                if !command.status()?.success() {
                    return Err(format!("{command:?} failed").into());
                }
            }
            *best = (*best).min(ticks_of_children()? - before);
        }
    }
    println!("{maps} maps and {} structs, processor time a run:", maps * 2);
    for ((name, _), ticks) in contenders.iter().zip(best) {
        let micros = ticks * MICROS_A_TICK / u64::from(RUNS);
        let percent = (ticks * 100).checked_div(best[0]).unwrap_or(0);
        println!(
            "{name:22} {:3}.{} ms   {percent:4} % of bpftool's",
            micros / 1000,
            micros % 1000 / 100
        );
    }
    Ok(())
}

/// Returns a program with maps whose keys and values are different structs. The structs are nested
/// four levels deep.
fn program(maps: u32) -> String {
    let mut code = String::from("#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n");
    for index in 0..maps * 2 {
        let inner = match index % 4 {
            0 => "__u64 first;".to_owned(),
            _ => format!("struct s{} inner;", index - 1),
        };
        let _ = writeln!(
            code,
            "struct s{index} {{ {inner} __u32 number; __u16 ports[2]; __u8 name[16]; }};"
        );
    }
    for index in 0..maps {
        let (key, value) = (index * 2, index * 2 + 1);
        let _ = writeln!(
            code,
            "struct {{ __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, {}); __type(key, struct s{key}); \
             __type(value, struct s{value}); }} m{index} SEC(\".maps\");",
            index + 1
        );
    }
    code.push_str("char _license[] SEC(\"license\") = \"GPL\";\n");
    code
}

fn compile(folder: &Path, program: &str) -> Result<(), Error> {
    fs::write(folder.join("many.bpf.c"), program)?;
    let mut clang = Command::new(bpfmap_codegen::clang::find()?);
    clang.args(["-target", "bpf", "-g", "-O2", "-c", "many.bpf.c", "-o", "many.bpf.o"]);
    // Debian installs `asm/types.h` in a folder that clang does not search when it compiles for
    // another target.
    clang.arg(format!("-I/usr/include/{}-linux-gnu", env::consts::ARCH));
    output(clang.current_dir(folder)).map(|_| ())
}

fn output(command: &mut Command) -> Result<String, Error> {
    let output = command
        .output()
        .map_err(|error| format!("{} can't be run: {error}", command.get_program().display()))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
