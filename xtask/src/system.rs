//! Debian systems in directories, with compilers that differ from this machine's. mmdebstrap
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

/// What a system contains.
pub(crate) struct Recipe {
    /// The directory in the user's cache.
    pub(crate) cache: &'static str,
    /// The beginning of what `rustc --version` prints in it.
    pub(crate) compiler: &'static str,
    /// Debian's names of the architectures. The first one is that of the programs that run in it.
    pub(crate) architectures: &'static [&'static str],
    /// Packages of the release.
    pub(crate) packages: &'static [Package],
    /// Packages of the release's backports.
    pub(crate) backports: &'static [Package],
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
    /// Fails if the user is not root, if mmdebstrap can't be installed or fails, or if the system
    /// has a different compiler.
    pub(crate) fn ensure(recipe: &Recipe) -> Result<Self, Error> {
        if !is_root()? {
            return Err("mmdebstrap, mount and chroot need root, and this user is another\n  \
                        help: run this command as root"
                .into());
        }
        let cache = cache(recipe.cache)?;
        let system = Self { folder: cache.join(SUITE) };
        if !system.folder.exists() {
            packages::ensure(packages::BOOTSTRAP)?;
            println!("Installing in {}:", system.folder.display());
            packages::show(recipe.packages);
            packages::show(recipe.backports);
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
        let release = recipe.packages.iter().map(|package| package.name.to_owned());
        let newer = recipe.backports.iter();
        let newer = newer.map(|package| format!("{}/{SUITE}-backports", package.name));
        let packages: Vec<String> = release.chain(newer).collect();
        // The mounts of mmdebstrap end with its namespace.
        let mut create = Command::new("unshare");
        create.args(["--mount", "mmdebstrap", "--mode=root", "--variant=minbase", "--quiet"]);
        // A system that is not complete is never used, so that nothing is lost in a crash.
        create.arg("--dpkgopt=force-unsafe-io");
        for left_out in ["doc", "locale", "man"] {
            create.arg(format!("--dpkgopt=path-exclude=/usr/share/{left_out}/*"));
        }
        create.arg(format!("--architectures={}", recipe.architectures.join(",")));
        create.arg(format!("--include={}", packages.join(",")));
        create.arg(SUITE).arg(part).arg(format!("deb {address} {SUITE} main"));
        if !recipe.backports.is_empty() {
            create.arg(format!("deb {address} {SUITE}-backports main"));
        }
        run_command(&mut create)?;
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
