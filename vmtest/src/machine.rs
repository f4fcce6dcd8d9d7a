//! A virtual machine that boots a kernel: what it is made of.

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

/// What every kernel is told.
const KERNEL_ARGUMENTS: [&str; 6] = [
    "console=ttyS0",
    // A panic ends the guest, by a reset that QEMU answers by leaving.
    "panic=-1",
    "oops=panic",
    // Both save time in an emulated guest, and the first a false alarm on a busy host.
    "no_timer_check",
    "cryptomgr.notests",
    // A guest that hangs is made to say where, by an NMI.
    "unknown_nmi_panic=1",
];

/// What a kernel is told when QEMU translates its instructions.
const TCG_ARGUMENTS: [&str; 3] = [
    // A task that waits for an RCU grace period (as most that create or destroy BPF objects do)
    // waits for each processor to come round by itself; asked to, they are there in half the time.
    "rcupdate.rcu_expedited=1",
    // QEMU finds its translation of a piece of code again only at the same address; else each
    // process of a program would have all its code translated anew, which takes most of its time.
    "norandmaps",
    // On a busy host the kernel would find it skewed, and read another clock from a slow device.
    "tsc=reliable",
];

/// What a kernel is told besides from 6.18 on: BPF allocates with `kmalloc_nolock` there, which fails
/// (ENOMEM) on a processor without cmpxchg16b unless the slab caches are debugged. The cheapest way is
/// sanity checks (`mm/slub.c`); they take time, which older kernels need not spend.
const NOLOCK_ARGUMENT: &str = "slab_debug=F,kmalloc-*";
const NOLOCK_SINCE: (u32, u32) = (6, 18);

/// What QEMU denies itself, so that a guest that breaks out of it can neither run programs nor gain
/// privileges on this machine.
pub(crate) const SANDBOX: &str = "on,obsolete=deny,elevateprivileges=deny,spawn=deny";

/// The processor that QEMU plays when it translates instructions: all that it can do, but
/// - cmpxchg16b: QEMU 7.2 sometimes leaves another register's bits in EFLAGS when an interrupt
///   follows it, and the guest's allocator dies of a double fault. Kernels do without it where the
///   processor lacks it.
/// - fast string instructions (ERMS, FSRM): kernels then clear and copy pages byte by byte, which
///   is slow here; a page fault takes half as long without them.
/// - a fifth level of page tables, through which QEMU would walk for each page.
const TCG_CPU: &str = "max,-cx16,-erms,-fsrm,-la57";

/// What executes a guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// This machine's processor.
    Kvm,
    /// QEMU, which translates them.
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

/// A machine that can be started, as often as one likes.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The kernel that it boots.
    pub kernel: Kernel,
    /// What executes it.
    pub engine: Engine,
    /// Its memory, in MiB.
    pub memory: u32,
    /// The number of its processors.
    pub cpus: u32,
    /// More arguments for the kernel.
    pub arguments: Vec<String>,
    /// Whether guests are restored from snapshots, which are taken as they are needed.
    pub snapshots: bool,
    /// After how long without a message a guest counts as hung; it sends one every second while
    /// this machine lets it run.
    pub silence: Duration,
    /// The socket on which the guest waits for a debugger before it boots. Who can connect to it can read
    /// and change the guest: it belongs in a directory that is the user's alone.
    pub gdb: Option<PathBuf>,
    /// The root file system of its guests; without one they have a few files of this machine.
    pub root: Option<Root>,
    pub(crate) init: Init,
    pub(crate) qemu: Qemu,
}

impl Machine {
    /// A machine with one processor and 512 MiB, emulated, whose guests come from snapshots.
    ///
    /// # Errors
    /// There is no QEMU, or it is too old.
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

    /// What makes a guest what it is when it has booted.
    pub(crate) fn identity(&self) -> Vec<String> {
        // A processor's features, which a guest has seen, may be others when this host has changed.
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
        // A kernel that does not tell its version may be new.
        let has_nolock =
            version::parse(&self.kernel.release).is_none_or(|version| version >= NOLOCK_SINCE);
        let nolock = (is_translated && has_nolock).then_some(NOLOCK_ARGUMENT);
        let ours = KERNEL_ARGUMENTS.into_iter().chain(tcg).chain(nolock);
        let theirs = self.kernel.arguments.iter().chain(&self.arguments).map(String::as_str);
        // A debugger finds the kernel where its symbols say only if it stays there.
        let theirs = theirs.chain(self.gdb.as_ref().map(|_| "nokaslr"));
        ours.chain(theirs).collect::<Vec<_>>().join(" ")
    }

    /// Everything but the files and channels, which differ from one guest to the next.
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
