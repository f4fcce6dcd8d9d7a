//! The Debian packages that building and testing need.

use std::process::{Command, Stdio};

use crate::Error;
use crate::apt::Apt;
use crate::step::run;

/// The packages for compiling schemas, programs and libbpf, and for booting kernels.
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

/// The additional packages for the tests.
pub(crate) const TESTS: &[Package] = &[
    Package { name: "clang-14", purpose: "the oldest clang that must compile the generated C" },
    Package { name: "g++", purpose: "compiles generated headers as C++" },
    Package { name: "groff-base", purpose: "shows man pages as text" },
    Package { name: "git", purpose: "keeps the revisions that `bpfmap diff` compares" },
    Package {
        name: "shellcheck",
        purpose: "checks the scripts of the GitHub action and the GitLab template",
    },
    Package { name: "cmake", purpose: "runs a recipe of the book" },
    Package { name: "meson", purpose: "runs a recipe of the book" },
    Package { name: "bpftool", purpose: "makes vmlinux.h, and links BPF objects" },
];

/// The packages for the suites of other crates.
pub(crate) const SUITES: &[Package] =
    &[Package { name: "bpftool", purpose: "makes vmlinux.h for the tests of libbpf-rs" }];

/// The package that creates a Debian system in a directory.
pub(crate) const BOOTSTRAP: &[Package] =
    &[Package { name: "mmdebstrap", purpose: "creates a Debian system in a directory" }];

/// The packages that are installed in that system, for building with the oldest compiler.
pub(crate) const OLDEST_RUST: &[Package] = &[
    Package { name: "rustc", purpose: "the oldest compiler that the crates support" },
    Package { name: "cargo", purpose: "builds with the oldest compiler" },
    Package { name: "gcc", purpose: "links, and compiles libbpf for libbpf-rs" },
    Package { name: "libc6-dev", purpose: "the C library that gcc links" },
    Package { name: "make", purpose: "builds libbpf for libbpf-rs" },
    Package { name: "pkg-config", purpose: "finds libelf and zlib" },
    Package { name: "libelf-dev", purpose: "libbpf reads object files with it" },
    Package { name: "zlib1g-dev", purpose: "libelf's compressed sections" },
];

/// What boots kernels for arm64.
pub(crate) const BOOT_ARM64: &[Package] =
    &[Package { name: "qemu-system-arm", purpose: "boots the kernels for arm64" }];

/// The packages of a system that builds for arm64.
pub(crate) const CROSS: &[Package] = &[
    Package { name: "clang-19", purpose: "compiles BPF programs" },
    Package { name: "gcc", purpose: "links build scripts" },
    Package { name: "gcc-aarch64-linux-gnu", purpose: "links, and compiles libbpf for libbpf-rs" },
    Package { name: "libbpf-dev", purpose: "bpf/bpf_helpers.h" },
    Package { name: "libc6-dev", purpose: "what gcc links with" },
    Package { name: "libc6-dev-arm64-cross", purpose: "what the linker for arm64 links with" },
    Package { name: "libelf-dev", purpose: "libbpf reads object files with it" },
    Package { name: "libelf-dev:arm64", purpose: "the same for the tests" },
    Package { name: "make", purpose: "builds libbpf for libbpf-rs" },
    Package { name: "pkg-config", purpose: "finds libelf and zlib" },
    Package { name: "zlib1g-dev", purpose: "libelf's compressed sections" },
    Package { name: "zlib1g-dev:arm64", purpose: "the same for the tests" },
];

/// The compiler of that system.
pub(crate) const CROSS_RUST: &[Package] = &[
    Package { name: "cargo", purpose: "builds with it" },
    Package { name: "libstd-rust-dev", purpose: "the standard library of build scripts" },
    Package { name: "libstd-rust-dev:arm64", purpose: "the standard library of the tests" },
    Package { name: "rustc", purpose: "compiles for arm64" },
];

/// A Debian package, and why it is needed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) purpose: &'static str,
}

/// Installs the packages in `packages` that are missing, and removes no packages. On a system
/// without apt, this function prints the names of the packages and continues, because the system
/// may have these packages under other names.
///
/// # Errors
///
/// Fails if apt fails, or if a package conflicts with an installed package.
pub(crate) fn ensure(packages: &[Package]) -> Result<(), Error> {
    if !succeeds(Command::new("dpkg-query").arg("--version")) {
        println!("This is not a Debian system. These packages are needed (Debian's names):");
        show(packages);
        return Ok(());
    }
    let missing: Vec<Package> =
        packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        println!("All {} packages are installed.", packages.len());
        return Ok(());
    }
    println!("Installing the missing packages:");
    show(&missing);
    run(Apt::configured().command().arg("update"))?;
    install(&missing)
}

/// Installs packages of this machine's release. A package that does not fit the installed packages is
/// installed from the backports, because some of the installed packages may come from there.
fn install(missing: &[Package]) -> Result<(), Error> {
    let apt = Apt::configured();
    let (mut fitting, mut others) = (vec![], vec![]);
    for package in missing {
        match apt.obstacle(package.name) {
            None => fitting.push(*package),
            Some(obstacle) => others.push((*package, obstacle)),
        }
    }
    if !fitting.is_empty() {
        run(apt.install().args(names(&fitting)))?;
    }
    if others.is_empty() {
        return Ok(());
    }
    for (package, obstacle) in &others {
        println!("{} of this release {obstacle}", package.name);
    }
    let backports = Apt::with_backports()?;
    println!("Trying {}, which may match the installed packages.", backports.suite());
    run(backports.command().arg("update"))?;
    for (Package { name, .. }, obstacle) in &others {
        if let Some(again) = backports.obstacle(name) {
            return Err(format!(
                "{name} of this release {obstacle}, and {name} of {} {again}\n  help: remove the installed package, or install a \
                 version of {name} that fits, then run this again",
                backports.suite(),
            )
            .into());
        }
    }
    let others: Vec<Package> = others.into_iter().map(|(package, _)| package).collect();
    run(backports.install().args(names(&others)))
}

fn names(packages: &[Package]) -> impl Iterator<Item = &str> {
    packages.iter().map(|package| package.name)
}

/// Prints packages with their purposes.
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
