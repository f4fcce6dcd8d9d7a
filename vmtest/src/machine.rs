//! A virtual machine that boots a kernel, and its configuration.

use crate::error::Result;
use crate::initramfs::Init;
use crate::kernel::Kernel;
use crate::plan::DEBUG_EXIT;
use crate::qemu::{CommandLine, Qemu};
use crate::root::Root;
use crate::version;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The default of [`Machine::silence`].
pub const SILENCE: Duration = Duration::from_secs(30);

/// Arguments for every kernel.
const KERNEL_ARGUMENTS: [&str; 6] = [
    "console=ttyS0",
    // A panic resets the guest, and QEMU exits on a reset.
    "panic=-1",
    "oops=panic",
    // Both save time in an emulated guest. `no_timer_check` also avoids a false alarm on a busy
    // host.
    "no_timer_check",
    "cryptomgr.notests",
    // After an NMI, a guest that hangs prints where it hangs.
    "unknown_nmi_panic=1",
];

/// Arguments for a kernel whose instructions QEMU translates.
const TCG_ARGUMENTS: [&str; 3] = [
    // A task that waits for an RCU grace period waits until each processor reports a quiescent
    // state by itself. Most tasks that create or destroy BPF objects wait for such a period. If the
    // processors are asked for the report instead, the wait takes half the time.
    "rcupdate.rcu_expedited=1",
    // QEMU reuses its translation of a piece of code only at the same address. Without this
    // argument, QEMU would translate all code again for each process of a program, which takes most
    // of the process's time.
    "norandmaps",
    // On a busy host, the kernel would consider the TSC unstable, and read another clock from a
    // slow device.
    "tsc=reliable",
];

/// An additional argument for kernels from 6.18 on. In these kernels, BPF allocates memory with
/// `kmalloc_nolock`. On a processor without cmpxchg16b, that function fails with ENOMEM unless
/// debugging of the slab caches is enabled. The cheapest kind of debugging is sanity checks
/// (`mm/slub.c`). The checks take time, so older kernels run without them.
const NOLOCK_ARGUMENT: &str = "slab_debug=F,kmalloc-*";
const NOLOCK_SINCE: (u32, u32) = (6, 18);

/// The settings of QEMU's sandbox. With these settings, a guest that breaks out of QEMU can neither
/// run programs nor gain privileges on this machine.
pub(crate) const SANDBOX: &str = "on,obsolete=deny,elevateprivileges=deny,spawn=deny";

/// The processor that QEMU emulates when it translates instructions. It has all features that QEMU
/// supports except:
/// - cmpxchg16b: if an interrupt follows this instruction, QEMU 7.2 sometimes corrupts EFLAGS with
///   bits of a different register, and the guest's allocator dies of a double fault. Kernels do not
///   use the instruction if the processor lacks it.
/// - fast string instructions (ERMS, FSRM): kernels would use them to clear and copy pages byte by
///   byte, which is slow here. Without them, a page fault takes half the time.
/// - a fifth level of page tables, which QEMU would have to walk for each page.
const TCG_CPU: &str = "max,-cx16,-erms,-fsrm,-la57";

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
    /// Fails if QEMU is not installed or too old.
    pub fn new(kernel: Kernel, init: Init) -> Result<Self> {
        let qemu = Qemu::find()?;
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

    pub(crate) fn kernel_arguments(&self) -> String {
        let is_translated = self.engine == Engine::Tcg;
        let tcg = is_translated.then_some(TCG_ARGUMENTS).into_iter().flatten();
        // A kernel of unknown version may be a new kernel.
        let has_nolock =
            version::parse(&self.kernel.release).is_none_or(|version| version >= NOLOCK_SINCE);
        let nolock = (is_translated && has_nolock).then_some(NOLOCK_ARGUMENT);
        let ours = KERNEL_ARGUMENTS.into_iter().chain(tcg).chain(nolock);
        let theirs = self.kernel.arguments.iter().chain(&self.arguments).map(String::as_str);
        // The addresses in the debugger's symbols are correct only if the kernel is not relocated.
        let theirs = theirs.chain(self.gdb.as_ref().map(|_| "nokaslr"));
        ours.chain(theirs).collect::<Vec<_>>().join(" ")
    }

    /// Returns the command line without files and channels, which differ between guests.
    pub(crate) fn command_line(&self) -> CommandLine {
        let mut line = CommandLine::new();
        let accelerator = match self.engine {
            Engine::Kvm => ["-accel", "kvm", "-cpu", "host"],
            Engine::Tcg => ["-accel", "tcg", "-cpu", TCG_CPU],
        };
        line.args([
            "-M",
            "q35",
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
        let (port, _, _) = DEBUG_EXIT;
        line.args(["-device".to_owned(), format!("isa-debug-exit,iobase={port:#x},iosize=4")]);
        line
    }
}
