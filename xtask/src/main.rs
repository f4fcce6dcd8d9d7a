//! The commands for people who work on bpfmap: `cargo xtask demo`, `cargo xtask test`, `cargo xtask
//! corpus`, `cargo xtask book`, `cargo xtask fuzz`, `cargo xtask sanitize`, `cargo xtask miri`,
//! `cargo xtask msrv`, `cargo xtask names`, `cargo xtask package`, `cargo xtask suites`,
//! `cargo xtask ebpf`.

mod api;
mod apt;
mod arm64;
mod book;
mod cargo;
mod corpus;
mod demo;
mod deny;
mod dist;
mod ebpf;
mod fuzz;
mod make_c;
mod matrix;
mod msrv;
mod names;
mod package;
mod packages;
mod roundtrip;
mod sanitize;
mod step;
mod suites;
mod system;
mod table;
mod test;
mod tools;

use std::path::Path;
use std::process::ExitCode;

/// An error message for the user.
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
        ["make-c"] => make_c::run(),
        ["ebpf"] => ebpf::run(),
        ["code-size"] => ebpf::code_size(),
        ["arm64", arguments @ ..] => arm64::run(arguments),
        ["fuzz", arguments @ ..] => fuzz::run(arguments),
        ["sanitize"] => sanitize::run(),
        ["miri"] => sanitize::miri(),
        ["msrv"] => msrv::run(),
        ["book"] => book::run(),
        ["deny"] => deny::run(false),
        ["deny", "--advisories"] => deny::run(true),
        ["dist"] => dist::run(),
        ["api"] => api::check(),
        ["api", "--bless"] => api::bless(),
        ["package"] => package::run(),
        ["suites", arguments @ ..] => suites::run(arguments),
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

Tests
  demo       Generate C and Rust from schemas, run them on three kernels, and print a table of the results
  test       Run every test of the repository, on all kernels
  roundtrip  Test every stage with random schemas and the schemas of the repository
             [--schemas N] [--seed N] [--verbose]
  corpus     Import, generate and compile the maps of the kernel's own BPF tests, and compare the results
             [--objects DIR]: use the objects in a directory instead
  make-c     Build the example without Rust with Make, and run its test on all kernels
  ebpf       Install what builds BPF programs in Rust, and build those of the repository
  code-size  Compare the number of instructions of the same programs in C and in Rust
  arm64      Run the fixtures of all map types on three kernels for arm64; needs root
             [--kernel KERNEL]… [--all]: on other kernels, or on all
             [--harness]: only the tests of the harness
  suites     Run the test suites of published crates on all kernels, and compare their failures with the expected ones
             [--kernel KERNEL]… [SUITE]…
  fuzz       Pass random inputs to the readers of schemas, BTF, rings and files
             [--seconds N] [TARGET…]
  sanitize   Run the tests of the runtime under AddressSanitizer
  miri       Run the parts of the runtime that need no kernel in Miri; needs a nightly compiler
  msrv       Build and test the crates for users with Rust 1.85.1 of Debian 13; needs root
  names      Write the list of names that C reserves, from all kernels, clang and the headers
             [--check]: compare it with the oldest and the newest kernel
  book       Build the book in target/book/html, and check its links

Releases
  package    Package each crate for users, build it from its tarball, and install both tools from their tarballs
  dist       Make release archives of both tools, with checksums, licences and a bill of materials
  api        Compare the public interface of each crate with its list in api/
             [--bless]: write the lists
  deny       Check licences, sources and versions of all dependencies with cargo-deny
             [--advisories]: also check for known vulnerabilities; needs the network

Each command lists the missing Debian packages, and then installs them.";
