//! Debian systems in directories, with compilers that differ from this machine's. debootstrap
//! installs Debian's packages there, so that nothing on this machine is changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bpfmap_vmtest::kernel::Mirror;

use crate::Error;
use crate::cargo::{cache, cargo_home, root};
use crate::packages::{self, Package};
use crate::sanitize::is_root;
use crate::step::{output, run as run_command};

/// The Debian release of the systems.
const SUITE: &str = "trixie";

/// A script that runs in a mount namespace of its own, so that its mounts end with its last
/// process. `$1` is the directory of the system, `$2` the checkout, `$3` the build directory, and
/// `$4` cargo's directory. The command follows. Only the build directory is writable.
const ENTER: &str = r#"
set -e
system=$1 checkout=$2 target=$3 cargo=$4
shift 4
mount -t proc proc "$system/proc"
mount --rbind /dev "$system/dev"
mount --bind /sys "$system/sys"
mount -o remount,bind,ro "$system/sys"
mount --bind "$checkout" "$system/src"
mount -o remount,bind,ro "$system/src"
mount --bind "$cargo/registry" "$system/root/.cargo/registry"
mount -o remount,bind,ro "$system/root/.cargo/registry"
mount --bind "$target" "$system/target"
exec chroot "$system" /usr/bin/env --ignore-environment --chdir=/src HOME=/root PATH=/usr/bin:/bin:/usr/sbin:/sbin \
    CARGO_TARGET_DIR=/target CARGO_NET_OFFLINE=true INSTA_UPDATE=no "$@"
"#;

/// A script that adds packages to a new system. `$1` is the directory of the system, `$2` the foreign
/// architecture, `$3` the packages of the release's backports, and `$4` those of the release.
const ADD: &str = r#"
set -e
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
export DEBIAN_FRONTEND=noninteractive
chroot "$1" dpkg --add-architecture "$2"
chroot "$1" apt-get --quiet update
chroot "$1" apt-get --quiet install --yes --no-install-recommends --target-release trixie-backports $3
chroot "$1" apt-get --quiet install --yes --no-install-recommends $4
chroot "$1" apt-get clean
"#;

/// What a system contains.
pub(crate) struct Recipe {
    /// The directory in the user's cache.
    pub(crate) cache: &'static str,
    /// The beginning of what `rustc --version` prints in it.
    pub(crate) compiler: &'static str,
    /// The packages that debootstrap installs.
    pub(crate) packages: &'static [Package],
    /// Packages for a different architecture, if it contains some.
    pub(crate) foreign: Option<Foreign>,
}

/// Packages that are added to a system, some of them for a different architecture.
pub(crate) struct Foreign {
    /// Debian's name of the architecture.
    pub(crate) architecture: &'static str,
    /// Packages of the release's backports.
    pub(crate) backports: &'static [Package],
    /// Packages of the release.
    pub(crate) packages: &'static [Package],
}

/// A Debian system in a directory.
pub(crate) struct System {
    folder: PathBuf,
}

impl System {
    /// Returns the system in the cache directory, and creates it if it does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the user is not root, if debootstrap can't be installed or fails, or if the system
    /// has a different compiler.
    pub(crate) fn ensure(recipe: &Recipe) -> Result<Self, Error> {
        if !is_root()? {
            return Err("debootstrap, mount and chroot need root, and this user is another\n  \
                        help: run this command as root"
                .into());
        }
        let cache = cache(recipe.cache)?;
        let system = Self { folder: cache.join(SUITE) };
        if !system.folder.exists() {
            packages::ensure(packages::BOOTSTRAP)?;
            println!("Installing in {}:", system.folder.display());
            packages::show(recipe.packages);
            system.make(recipe, &cache.join(format!("{SUITE}.part")))?;
        }
        let compiler =
            output(Command::new("chroot").arg(&system.folder).args(["rustc", "--version"]))?;
        let expected = recipe.compiler;
        if !compiler.starts_with(expected) {
            let folder = system.folder.display();
            let help = format!("remove {folder}, and run this again");
            return Err(
                format!("expected {expected}in {folder}, found {compiler}  help: {help}").into()
            );
        }
        println!("{}: {}", system.folder.display(), compiler.trim_end());
        Ok(system)
    }

    /// Creates the system in `part`, and renames it when it is complete.
    fn make(&self, recipe: &Recipe, part: &Path) -> Result<(), Error> {
        if part.exists() {
            fs::remove_dir_all(part)?;
        }
        let mirror = Mirror::configured(None, None);
        let address = mirror.of(SUITE)?;
        // The mounts of debootstrap end with its namespace.
        let mut debootstrap = Command::new("unshare");
        debootstrap.args(["--mount", "debootstrap", "--variant=minbase"]);
        debootstrap.arg(format!("--include={}", names(recipe.packages, ",")));
        debootstrap.arg(SUITE).arg(part).arg(address);
        run_command(&mut debootstrap)?;
        if let Some(Foreign { architecture, backports, packages }) = &recipe.foreign {
            println!("Adding:");
            packages::show(backports);
            packages::show(packages);
            let sources =
                format!("deb {address} {SUITE} main\ndeb {address} {SUITE}-backports main\n");
            fs::write(part.join("etc/apt/sources.list"), sources)?;
            for file in ["etc/resolv.conf", "etc/hosts"] {
                fs::copy(Path::new("/").join(file), part.join(file))?;
            }
            let mut add = Command::new("unshare");
            add.args(["--mount", "sh", "-c", ADD, "sh"]).arg(part).arg(architecture);
            run_command(add.args([names(backports, " "), names(packages, " ")]))?;
        }
        for folder in ["src", "target", "root/.cargo/registry"] {
            fs::create_dir_all(part.join(folder))?;
        }
        Ok(fs::rename(part, &self.folder)?)
    }

    /// Returns a command that runs a program of the system on the checkout, to which the program and
    /// its arguments are added. `target` is the build directory. It is `/target` in the system, and
    /// the checkout is `/src`.
    pub(crate) fn command(&self, target: &Path) -> Result<Command, Error> {
        fs::create_dir_all(target)?;
        let mut run = Command::new("unshare");
        run.args(["--mount", "sh", "-c", ENTER, "sh"]);
        run.args([self.folder.as_path(), root(), target, &cargo_home()?]);
        Ok(run)
    }
}

fn names(packages: &[Package], separator: &str) -> String {
    let names: Vec<&str> = packages.iter().map(|package| package.name).collect();
    names.join(separator)
}
