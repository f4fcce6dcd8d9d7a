//! A virtual machine that boots a kernel: what it is made of, and how guests are started in it.

use crate::engine;
use crate::error::{Context as _, Result};
use crate::init::Init;
use crate::kernel::Kernel;
use crate::plan::{DEBUG_EXIT, PAYLOAD};
use crate::qemu::{CommandLine, Monitor, Qemu, memory_file, option_path};
use crate::snapshot::Snapshot;
use crate::vm::{Channels, Guest, Origin};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// How long a guest may say nothing, unless it is told otherwise.
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
    /// How long a guest may say nothing while this machine lets it run; it says something every
    /// second.
    pub silence: Duration,
    /// The port of the loopback interface on which the guest waits for a debugger before it boots.
    pub gdb: Option<u16>,
    init: Init,
    qemu: Qemu,
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
            init,
            qemu,
        })
    }

    /// Chooses the engine that works on this host; a trial boot finds out which, once.
    ///
    /// # Errors
    /// The trial could not be made, or its result not be kept.
    pub fn choose_engine(&mut self) -> Result<()> {
        self.engine = engine::working(self)?;
        Ok(())
    }

    /// Starts a guest that does what the payload says: from a snapshot if there can be one, or else
    /// from cold.
    pub(crate) fn start(&self, payload: &[u8]) -> Result<Guest> {
        let snapshot =
            if self.snapshots && self.gdb.is_none() { Snapshot::of(self).ok() } else { None };
        match snapshot {
            Some(snapshot) => self.restore(payload, snapshot),
            None => self.boot(payload),
        }
    }

    /// Boots the kernel from cold.
    pub(crate) fn boot(&self, payload: &[u8]) -> Result<Guest> {
        let mut line = self.command_line();
        line.args(["-m".to_owned(), format!("{}M", self.memory)]);
        if let Some(port) = self.gdb {
            line.args(["-gdb".to_owned(), format!("tcp:127.0.0.1:{port}"), "-S".to_owned()]);
        }
        self.launch(line, Some(payload), Origin::Boot)
    }

    /// Boots the kernel from cold with its memory in a file, for a snapshot.
    pub(crate) fn boot_to_save(&self, memory: &Path) -> Result<Guest> {
        let mut line = self.command_line();
        self.memory_in_file(&mut line, memory, "on");
        self.launch(line, None, Origin::BootToSave)
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
            host,
        ]
    }

    /// All that QEMU says of its version.
    pub(crate) fn qemu_version(&self) -> &str {
        &self.qemu.version
    }

    fn restore(&self, payload: &[u8], snapshot: Snapshot) -> Result<Guest> {
        let mut line = self.command_line();
        self.memory_in_file(&mut line, &snapshot.memory(), "off");
        line.args(["-incoming", "defer"]);
        let state = snapshot.state()?;
        let mut guest =
            self.launch(line, Some(payload), Origin::Restored(snapshot, payload.into()))?;
        let monitor = guest.monitor();
        let capability = json!({ "capability": "x-ignore-shared", "state": true });
        // If this fails, QEMU is gone or soon will be, and the guest is booted from cold.
        let _ = monitor
            .call("migrate-set-capabilities", &json!({ "capabilities": [capability] }))
            .and_then(|_| monitor.hand_over("state", &state))
            .and_then(|()| monitor.call("migrate-incoming", &json!({ "uri": "fd:state" })));
        Ok(guest)
    }

    fn memory_in_file(&self, line: &mut CommandLine, path: &Path, share: &str) {
        let (size, path) = (self.memory, option_path(path));
        line.args(["-m".to_owned(), format!("{size}M")]);
        line.args([
            "-object".to_owned(),
            format!("memory-backend-file,id=ram,size={size}M,mem-path={path},share={share}"),
        ]);
        line.args(["-machine", "memory-backend=ram"]);
    }

    /// Starts QEMU with channels to the guest.
    fn launch(
        &self,
        mut line: CommandLine,
        payload: Option<&[u8]>,
        origin: Origin,
    ) -> Result<Guest> {
        // A file takes all that the kernel prints, however late it is read; a socket or pipe may
        // be full, and then a serial port loses bytes.
        let (console, errors) = (memory_file("console")?, memory_file("errors")?);
        let path = line.inherited_path(console.try_clone().doing("share a file in memory")?);
        line.args(["-serial".to_owned(), format!("file:{path}")]);
        line.args(["-chardev", "stdio,id=results,signal=off", "-serial", "chardev:results"]);
        let monitor = line.socket("monitor")?;
        line.args(["-mon", "chardev=monitor,mode=control"]);
        if !matches!(origin, Origin::Restored(..)) {
            self.boot_files(&mut line)?;
        }
        if let Some(payload) = payload {
            let payload = line.memory_file("payload", payload)?;
            line.args(["-fw_cfg".to_owned(), format!("name={PAYLOAD},file={payload}")]);
        }
        let mut qemu =
            line.spawn(&self.qemu, errors.try_clone().doing("share a file in memory")?)?;
        let input = qemu.stdin.take().expect("it is piped");
        let output = qemu.stdout.take().expect("it is piped");
        let monitor = Monitor::new(monitor);
        let channels = Channels { input, output, console, errors, monitor };
        Guest::new(self.clone(), qemu, channels, origin)
    }

    /// What is booted: a guest from a snapshot has it in its memory.
    fn boot_files(&self, line: &mut CommandLine) -> Result<()> {
        line.args(["-kernel".to_owned(), self.kernel.vmlinux.display().to_string()]);
        line.args(["-append".to_owned(), self.kernel_arguments()]);
        let initrd = line.memory_file("initrd", &self.init.archive)?;
        line.args(["-initrd", &initrd]);
        Ok(())
    }

    fn kernel_arguments(&self) -> String {
        let ours = KERNEL_ARGUMENTS.iter().copied();
        let theirs = self.kernel.arguments.iter().chain(&self.arguments).map(String::as_str);
        // A debugger finds the kernel where its symbols say only if it stays there.
        let theirs = theirs.chain(self.gdb.map(|_| "nokaslr"));
        ours.chain(theirs).collect::<Vec<_>>().join(" ")
    }

    /// Everything but the files and channels, which differ from one guest to the next.
    fn command_line(&self) -> CommandLine {
        let mut line = CommandLine::new();
        let accelerator = match self.engine {
            Engine::Kvm => ["-accel", "kvm", "-cpu", "host"],
            // Without cmpxchg16b: TCG of QEMU 7.2 sometimes leaves another register's bits in EFLAGS
            // when an interrupt follows it, and the guest's allocator dies of a double fault.
            // Kernels do without it where the CPU lacks it.
            Engine::Tcg => ["-accel", "tcg", "-cpu", "max,-cx16"],
        };
        line.args([
            "-M",
            "q35",
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-no-reboot",
        ]);
        line.args(accelerator);
        line.args(["-smp".to_owned(), self.cpus.to_string()]);
        let (port, _, _) = DEBUG_EXIT;
        line.args(["-device".to_owned(), format!("isa-debug-exit,iobase={port:#x},iosize=4")]);
        line
    }
}
