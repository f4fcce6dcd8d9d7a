//! The initramfs of a guest: this program as init, and the files that the program needs.

use crate::arch::Architecture;
use crate::digest::sha256;
use crate::elf;
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::protocol;
use crate::root::base;
use crate::run::find_program;
use crate::tree::{Tree, absolute};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The directories over which the guest mounts its own file systems. The mounts hide the previous
/// contents of the directories.
pub(crate) const MOUNTED: [&str; 5] = ["/dev", "/proc", "/run", "/sys", "/tmp"];

/// An initramfs that contains a program as `/init`, with everything that the program needs.
#[derive(Debug, Clone)]
pub struct Init {
    /// The program that becomes `/init`.
    pub(crate) program: PathBuf,
    /// The architecture of the program.
    pub(crate) architecture: Architecture,
    /// The files of the initramfs.
    pub(crate) tree: Tree,
    pub(crate) archive: Arc<[u8]>,
    pub(crate) digest: String,
}

impl Init {
    /// Adds programs of this machine to every guest, with the libraries that they need. Each file
    /// keeps its path.
    ///
    /// # Errors
    /// Fails if a program, or a file that it needs, does not exist.
    pub fn with_programs(mut self, programs: &[String]) -> Result<Self> {
        if programs.is_empty() {
            return Ok(self);
        }
        self.tree.add_host_programs(programs)?;
        self.archive = self.tree.pack()?.into();
        self.digest = sha256(&self.archive);
        Ok(self)
    }

    /// Packs the program `bpfmap-vmtest`. If the current program is `bpfmap-vmtest`, the current
    /// program is packed. Otherwise, `bpfmap-vmtest` is searched for in the directory of the
    /// current program, in the parent of that directory (because Cargo puts programs there when it
    /// builds tests), and on the `PATH`, in this order.
    ///
    /// # Errors
    /// Fails if there is no such program, if it cannot be read, or if it uses a different
    /// protocol than the current program.
    pub fn find() -> Result<Self> {
        Self::find_for(Architecture::HOST)
    }

    /// Packs the program `bpfmap-vmtest` for guests with the given architecture. For this machine's
    /// architecture, this is the program that [`Init::find`] packs. For arm64, the program is called
    /// `bpfmap-vmtest-arm64`, and is taken from the directory of the current program, from the parent
    /// directory, or from the `PATH`. If Cargo built the current program into `target/debug`, the
    /// program `target/aarch64-unknown-linux-gnu/debug/bpfmap-vmtest` is used as well.
    ///
    /// # Errors
    /// Fails if there is no such program, if it cannot be read, or if it speaks a different
    /// protocol than the current program.
    pub fn find_for(architecture: Architecture) -> Result<Self> {
        Self::pack(&Self::program(architecture)?)
    }

    /// Returns the program that [`Init::find_for`] packs.
    pub(crate) fn program(architecture: Architecture) -> Result<PathBuf> {
        const NAME: &str = "bpfmap-vmtest";
        if architecture != Architecture::HOST {
            return Self::foreign_program(architecture);
        }
        let this = std::env::current_exe().doing("find this program")?;
        let beside = this.ancestors().skip(1).take(2).map(|directory| directory.join(NAME));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path: Vec<PathBuf> =
            std::env::split_paths(&path).map(|directory| directory.join(NAME)).collect();
        let itself = Some(this.clone()).filter(|this| this.ends_with(NAME));
        let program = itself.into_iter().chain(beside).chain(on_path).find(|path| path.is_file());
        let missing = || {
            Error::new(
                ErrorKind::NotFound,
                format!("{NAME} is neither in the directory of {} nor on the PATH", this.display()),
            )
            .help(format!("build it first: cargo build --package {NAME}"))
        };
        let program = program.ok_or_else(missing)?;
        protocol::check(&program)?;
        Ok(program)
    }

    /// Returns `bpfmap-vmtest` for an architecture that is not this machine's.
    fn foreign_program(architecture: Architecture) -> Result<PathBuf> {
        let spec = architecture.spec();
        let name = format!("bpfmap-vmtest-{}", spec.debian);
        let this = std::env::current_exe().doing("find this program")?;
        let directories = || this.ancestors().skip(1).take(2);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path: Vec<PathBuf> =
            std::env::split_paths(&path).map(|directory| directory.join(&name)).collect();
        // `target/TRIPLE/debug/bpfmap-vmtest` for `target/debug/bpfmap-vmtest`.
        let built = directories().filter_map(|directory| {
            let profile = directory.file_name()?;
            Some(directory.parent()?.join(spec.target).join(profile).join("bpfmap-vmtest"))
        });
        let beside = directories().map(|directory| directory.join(&name));
        let program = beside.chain(built).chain(on_path).find(|path| path.is_file());
        let how = || {
            let (linker, target) = (spec.linker, spec.target);
            let variable = target.to_uppercase().replace('-', "_");
            format!(
                "in the sources from which {this} was built, install {linker}, run `rustup target add {target}` and \
                 `CARGO_TARGET_{variable}_LINKER={linker} RUSTFLAGS='-C target-feature=+crt-static' \
                 cargo install --locked --path vmtest --target {target} --root DIR`, and copy \
                 DIR/bin/bpfmap-vmtest to {name}",
                this = this.display(),
            )
        };
        let program = program.ok_or_else(|| {
            let beside = this.display();
            let message = format!("the program {name}, which {architecture} guests run as init, is neither beside {beside} nor on PATH");
            Error::new(ErrorKind::NotFound, message).help(format!("build it: {}", how()))
        })?;
        protocol::check(&program)
            .map_err(|error| error.help(format!("build {name} again: {}", how())))?;
        Ok(program)
    }

    /// Packs a program. The program must call [`init::main_if_init`](crate::init::main_if_init)
    /// first, and must have been built with the same version of this crate.
    ///
    /// # Errors
    /// Fails if the program, or a library that it needs, cannot be read.
    pub fn pack(program: &Path) -> Result<Self> {
        let program = absolute(program)?;
        // What is not a program for any guest is refused below.
        let architecture = elf::architecture(&program).unwrap_or(Architecture::HOST);
        let mut tree = Tree::new(architecture);
        tree.add_console();
        if MOUNTED.iter().any(|mounted| program.starts_with(mounted)) {
            for file in elf::needed_files(&program, &[], None, architecture)? {
                tree.mirror(&file)?;
            }
            tree.add_file(Path::new("/init"), 0o755, elf::loadable_part(&program)?);
        } else {
            // The program keeps its path, so that a guest that runs its tests does not receive it a
            // second time.
            tree.add_loadable_program(&program, &[])?;
            tree.add_link(Path::new("/init"), &program);
        }
        for directory in MOUNTED.into_iter().chain(["/root", "/vmtest"]) {
            tree.add_directory(Path::new(directory));
        }
        tree.add_open_directory(Path::new("/var/tmp"));
        for (path, text) in base::FILES {
            tree.add_file(&Path::new("/").join(path), 0o644, text.as_bytes());
        }
        // The programs of this machine do not run in a guest with a different architecture.
        let is_ours = architecture == Architecture::HOST;
        for name in base::PROGRAMS.iter().filter(|_| is_ours) {
            // If `/bin` is a symbolic link, this makes the program available under both names.
            let usual = Path::new("/bin").join(name);
            let program = if usual.is_file() { Ok(usual) } else { find_program(Path::new(name)) };
            // Not every machine has all of these programs. A test can rely only on the programs of
            // the machine that it runs on.
            if let Ok(program) = program {
                tree.add_program(&program, &[])?;
            }
        }
        let archive: Arc<[u8]> = tree.pack()?.into();
        let digest = sha256(&archive);
        Ok(Self { program, architecture, tree, archive, digest })
    }
}
