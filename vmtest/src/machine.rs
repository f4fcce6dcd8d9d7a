//! A virtual machine that boots a kernel, and its configuration.

use crate::arch::Spec;
use crate::error::{Error, ErrorKind, Result};
use crate::initramfs::Init;
use crate::kernel::Kernel;
use crate::qemu::{CommandLine, Qemu};
use crate::root::Root;
use crate::version;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The default of [`Machine::silence`].
pub const SILENCE: Duration = Duration::from_secs(30);

/// The settings of QEMU's sandbox. With these settings, a guest that breaks out of QEMU can neither
/// run programs nor gain privileges on this machine.
pub(crate) const SANDBOX: &str = "on,obsolete=deny,elevateprivileges=deny,spawn=deny";

/// The engine that executes a guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// This machine's processor.
    Kvm,
    /// QEMU, which translates the guest's instructions.
    Tcg,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        })
    }
}

/// A machine that can be started any number of times.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The kernel that the machine boots.
    pub kernel: Kernel,
    /// The engine that executes the guest's instructions.
    pub engine: Engine,
    /// The amount of the guest's memory, in MiB.
    pub memory: u32,
    /// The number of the guest's processors.
    pub cpus: u32,
    /// Additional arguments for the kernel.
    pub arguments: Vec<String>,
    /// Whether guests are restored from snapshots. Snapshots are taken when they are needed.
    pub snapshots: bool,
    /// The time after which a guest that sends no message is considered hung. A guest sends a
    /// message every second, as long as this machine lets the guest run.
    pub silence: Duration,
    /// The socket on which the guest waits for a debugger before it boots. Users that can connect
    /// to this socket can read and change the guest. The socket must therefore be in a directory
    /// that only its owner can enter.
    pub gdb: Option<PathBuf>,
    /// The root file system of the machine's guests. Without a root file system, the guests have
    /// only a few files of this machine.
    pub root: Option<Root>,
    pub(crate) init: Init,
    pub(crate) qemu: Qemu,
}

impl Machine {
    /// Returns an emulated machine with one processor and 512 MiB of memory. Its guests are
    /// restored from snapshots.
    ///
    /// # Errors
    /// Fails if QEMU is not installed or too old, or if the kernel and init are for different
    /// architectures.
    pub fn new(kernel: Kernel, init: Init) -> Result<Self> {
        let architecture = kernel.architecture;
        if init.architecture != architecture {
            let (name, of_init) = (&kernel.name, init.architecture);
            let message =
                format!("the kernel {name} is for {architecture}, and init for {of_init}");
            return Err(Error::new(ErrorKind::WrongArchitecture, message)
                .help(format!("use an init for {architecture}")));
        }
        let qemu = Qemu::find(architecture)?;
        Ok(Self {
            kernel,
            engine: Engine::Tcg,
            memory: 512,
            cpus: 1,
            arguments: Vec::new(),
            snapshots: true,
            silence: SILENCE,
            gdb: None,
            root: None,
            init,
            qemu,
        })
    }

    /// Returns everything that determines the state of a guest after it has booted.
    pub(crate) fn identity(&self) -> Vec<String> {
        // If the host has changed, its processor may have different features than the processor
        // that the guest has seen.
        let host = match self.engine {
            Engine::Kvm => {
                std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
            }
            Engine::Tcg => String::new(),
        };
        let memory = self.memory.to_string();
        let line = self.command_line().text() + &self.kernel_arguments();
        vec![
            self.qemu.version.clone(),
            line,
            memory,
            self.kernel.digest.clone(),
            self.init.digest.clone(),
            self.root.as_ref().map_or_else(String::new, |root| root.digest().to_owned()),
            host,
        ]
    }

    /// Returns everything in which its architecture differs from others.
    pub(crate) fn spec(&self) -> &'static Spec {
        self.kernel.architecture.spec()
    }

    pub(crate) fn kernel_arguments(&self) -> String {
        let spec = self.spec();
        let is_translated = self.engine == Engine::Tcg;
        let tcg = is_translated.then_some(spec.tcg_kernel_arguments).into_iter().flatten();
        // A kernel of unknown version may be new.
        let is_since = |since: (u32, u32)| {
            version::parse(&self.kernel.release).is_none_or(|version| version >= since)
        };
        let newer = spec.tcg_kernel_argument_since;
        let newer = newer.filter(|(since, _)| is_translated && is_since(*since));
        let newer = newer.as_ref().map(|(_, argument)| argument);
        let ours = spec.kernel_arguments.iter().chain(tcg).chain(newer).copied();
        let theirs = self.kernel.arguments.iter().chain(&self.arguments).map(String::as_str);
        // The addresses in the debugger's symbols are correct only if the kernel is not relocated.
        let theirs = theirs.chain(self.gdb.as_ref().map(|_| "nokaslr"));
        ours.chain(theirs).collect::<Vec<_>>().join(" ")
    }

    /// Returns the command line without files and channels, which differ between guests.
    pub(crate) fn command_line(&self) -> CommandLine {
        let qemu = &self.spec().qemu;
        let mut line = CommandLine::new();
        line.args(qemu.machine.iter().copied());
        let accelerator = match self.engine {
            Engine::Kvm => ["-accel", "kvm", "-cpu", "host"],
            Engine::Tcg => ["-accel", "tcg", "-cpu", qemu.tcg_cpu],
        };
        line.args([
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-no-reboot",
            "-sandbox",
            SANDBOX,
        ]);
        line.args(accelerator);
        line.args(["-smp".to_owned(), self.cpus.to_string()]);
        line
    }
}
