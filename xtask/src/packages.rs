//! The Debian packages that building and testing need.

use std::process::{Command, Stdio};

use crate::Error;
use crate::apt::Apt;
use crate::step::run;

/// What compiles schemas, programs and libbpf, and boots kernels.
pub(crate) const BUILD_AND_BOOT: &[Package] = &[
    Package { name: "clang-19", purpose: "compiles BPF programs" },
    Package { name: "libbpf-dev", purpose: "bpf/bpf_helpers.h" },
    Package { name: "gcc", purpose: "compiles libbpf for libbpf-rs" },
    Package { name: "make", purpose: "builds libbpf for libbpf-rs" },
    Package { name: "pkg-config", purpose: "finds libelf and zlib" },
    Package { name: "libelf-dev", purpose: "libbpf reads object files with it" },
    Package { name: "zlib1g-dev", purpose: "libelf's compressed sections" },
    Package { name: "qemu-system-x86", purpose: "boots the kernels" },
];

/// What the tests use beside it.
pub(crate) const TESTS: &[Package] = &[
    Package { name: "clang-14", purpose: "the oldest clang that generated C has to pass" },
    Package { name: "g++", purpose: "compiles generated headers as C++" },
    Package { name: "groff-base", purpose: "draws man pages" },
    Package { name: "git", purpose: "keeps the revisions that `bpfmap diff` compares" },
    Package {
        name: "shellcheck",
        purpose: "checks the scripts of the GitHub action and the GitLab template",
    },
    Package { name: "cmake", purpose: "runs a recipe of the book" },
    Package { name: "meson", purpose: "runs a recipe of the book" },
    Package { name: "bpftool", purpose: "makes vmlinux.h, and links BPF objects" },
];

/// What the suites of other crates use.
pub(crate) const SUITES: &[Package] =
    &[Package { name: "bpftool", purpose: "makes vmlinux.h for the tests of libbpf-rs" }];

/// What makes a Debian system in a folder.
pub(crate) const BOOTSTRAP: &[Package] =
    &[Package { name: "debootstrap", purpose: "makes a Debian system in a folder" }];

/// What that system has for the oldest compiler.
pub(crate) const OLDEST_RUST: &[Package] = &[
    Package { name: "rustc", purpose: "the oldest compiler that the crates name" },
    Package { name: "cargo", purpose: "builds with it" },
    Package { name: "gcc", purpose: "links, and compiles libbpf for libbpf-rs" },
    Package { name: "libc6-dev", purpose: "what gcc links with" },
    Package { name: "make", purpose: "builds libbpf for libbpf-rs" },
    Package { name: "pkg-config", purpose: "finds libelf and zlib" },
    Package { name: "libelf-dev", purpose: "libbpf reads object files with it" },
    Package { name: "zlib1g-dev", purpose: "libelf's compressed sections" },
];

/// A Debian package, and why it is needed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) purpose: &'static str,
}

/// Installs those of `packages` that are missing, and removes nothing. On a system without apt it says which they are,
/// and goes on: they may be there by other names.
///
/// # Errors
///
/// Fails if apt fails, or if a package can't be installed beside one that is there.
pub(crate) fn ensure(packages: &[Package]) -> Result<(), Error> {
    if !succeeds(Command::new("dpkg-query").arg("--version")) {
        println!("This is no Debian system. Needed, by Debian's names:");
        show(packages);
        return Ok(());
    }
    let missing: Vec<Package> =
        packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        println!("All {} packages are installed.", packages.len());
        return Ok(());
    }
    println!("Installing what is missing:");
    show(&missing);
    run(Apt::configured().command().arg("update"))?;
    install(&missing)
}

/// Installs packages of this machine's release; those that conflict with an installed package of the release's
/// backports, from the backports.
fn install(missing: &[Package]) -> Result<(), Error> {
    let apt = Apt::configured();
    let (fitting, conflicting): (Vec<Package>, Vec<Package>) =
        missing.iter().copied().partition(|package| apt.removals(package.name).is_empty());
    if !fitting.is_empty() {
        run(apt.install().args(names(&fitting)))?;
    }
    if conflicting.is_empty() {
        return Ok(());
    }
    for package in &conflicting {
        println!("{}", conflict(package, &apt.removals(package.name)));
    }
    let backports = Apt::with_backports()?;
    println!("Trying {}, which may fit what is installed.", backports.suite());
    run(backports.command().arg("update"))?;
    for package in &conflicting {
        let removals = backports.removals(package.name);
        if !removals.is_empty() {
            return Err(format!(
                "{}; neither does the version of {}\n  help: remove it or install a version of {} that fits, \
                 then run this again",
                conflict(package, &removals),
                backports.suite(),
                package.name
            )
            .into());
        }
    }
    run(backports.install().args(names(&conflicting)))
}

fn conflict(package: &Package, removals: &[String]) -> String {
    format!(
        "{} of this release can't be installed beside {}, which is installed",
        package.name,
        removals.join(", ")
    )
}

fn names(packages: &[Package]) -> impl Iterator<Item = &str> {
    packages.iter().map(|package| package.name)
}

/// Prints packages, and what they are for.
pub(crate) fn show(packages: &[Package]) {
    for package in packages {
        println!("  {:16} {}", package.name, package.purpose);
    }
}

fn is_installed(package: &Package) -> bool {
    let query = ["--show", "--showformat=${db:Status-Status}", package.name];
    let output = Command::new("dpkg-query").args(query).stderr(Stdio::null()).output();
    output.is_ok_and(|output| output.status.success() && output.stdout == b"installed")
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
