//! What people who work on bpfmap run: `cargo xtask demo`, `cargo xtask test`, `cargo xtask corpus`,
//! `cargo xtask fuzz`, `cargo xtask sanitize`, `cargo xtask miri`, `cargo xtask msrv`, `cargo xtask names`,
//! `cargo xtask package`.

mod apt;
mod cargo;
mod corpus;
mod demo;
mod fuzz;
mod matrix;
mod msrv;
mod names;
mod package;
mod packages;
mod roundtrip;
mod sanitize;
mod step;
mod table;
mod test;

use std::path::Path;
use std::process::ExitCode;

/// What went wrong, for a person to read.
pub(crate) type Error = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["corpus"] => corpus::run(None),
        ["corpus", "--objects", folder] => corpus::run(Some(Path::new(folder))),
        ["demo"] => demo::run(),
        ["test"] => test::run(),
        ["roundtrip", arguments @ ..] => roundtrip::run(arguments),
        ["fuzz", arguments @ ..] => fuzz::run(arguments),
        ["sanitize"] => sanitize::run(),
        ["miri"] => sanitize::miri(),
        ["msrv"] => msrv::run(),
        ["package"] => package::run(),
        ["names"] => names::write(),
        ["names", "--check"] => names::check(),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error}");
            ExitCode::FAILURE
        }
    }
}

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  demo   schemas to C and Rust, compiled, run on three kernels, and a table of what they answered
  test   every test of the repository, the matrix of all kernels included
  corpus the maps of the kernel's own BPF tests: imported, generated, compiled, compared;
         with --objects DIR, those of all objects in a folder
  roundtrip  schemas of this repository, and random ones, through every stage, from C to the kernel
         and back: [--schemas N] [--seed N] [--verbose]
  fuzz   random inputs for what reads schemas, BTF, rings and files: [--seconds N] [TARGET…]
  sanitize  the tests of the runtime under AddressSanitizer; as root those that need a kernel too
  miri   the parts of the runtime that need no kernel, in Miri; takes a nightly compiler with it
  msrv   the crates for users, built and tested by Rust 1.85.1 of Debian 13; as root, in a system that it makes
         with debootstrap in ~/.cache/bpfmap-msrv
  package  the packages of the crates for users, each built from its tarball, and both tools installed from theirs
  names  the list of names that C has taken, made anew of all kernels, clang and the headers; with
         --check, held against the oldest and the newest kernel

All install the Debian packages that are missing, and show their list first.";
