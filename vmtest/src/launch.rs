//! Starts virtual machines: by a cold boot, by a cold boot that allows saving, or from a saved
//! state.

use crate::arch::Interrogation;
use crate::error::{Context as _, Result};
use crate::machine::Machine;
use crate::plan::{PAYLOAD, ROOT};
use crate::qemu::{CommandLine, Monitor, memory_file, option_path};
use crate::vm::{Channels, Start, Vm};
use serde_json::json;
use std::fs::File;
use std::path::Path;

/// A machine that was saved after its boot.
#[derive(Debug)]
pub(crate) struct Saved<'a> {
    /// The file with the machine's memory.
    pub(crate) memory: &'a Path,
    /// The state of the machine's devices.
    pub(crate) state: &'a File,
    /// The kernel's output so far.
    pub(crate) console: Vec<u8>,
}

/// Boots a kernel cold.
pub(crate) fn boot(machine: &Machine, payload: &[u8]) -> Result<Vm> {
    let mut line = machine.command_line();
    line.args(["-m".to_owned(), format!("{}M", machine.memory)]);
    if let Some(socket) = &machine.gdb {
        let path = option_path(socket);
        let device = format!("socket,id=gdb,path={path},server=on,wait=off");
        line.args(["-chardev".to_owned(), device]);
        line.args(["-gdb", "chardev:gdb", "-S"]);
    }
    boot_files(machine, &mut line)?;
    launch(machine, line, Some(payload), Start::WhenReady)
}

/// Boots a kernel cold. The machine's memory is a file, so that the guest can be saved.
pub(crate) fn boot_to_save(machine: &Machine, memory: &Path) -> Result<Vm> {
    let mut line = machine.command_line();
    memory_in_file(machine, &mut line, memory, "on");
    boot_files(machine, &mut line)?;
    launch(machine, line, None, Start::Never)
}

/// Continues a saved guest.
pub(crate) fn restore(machine: &Machine, payload: &[u8], saved: Saved<'_>) -> Result<Vm> {
    let mut line = machine.command_line();
    memory_in_file(machine, &mut line, saved.memory, "off");
    line.args(["-incoming", "defer"]);
    let mut vm = launch(machine, line, Some(payload), Start::WhenResumed(saved.console))?;
    let monitor = vm.monitor();
    let capability = json!({ "capability": "x-ignore-shared", "state": true });
    // If this fails, QEMU has exited or will exit soon. The wait for the guest notices this.
    let _ = monitor
        .call("migrate-set-capabilities", &json!({ "capabilities": [capability] }))
        .and_then(|_| monitor.hand_over("state", saved.state))
        .and_then(|()| monitor.call("migrate-incoming", &json!({ "uri": "fd:state" })));
    Ok(vm)
}

fn memory_in_file(machine: &Machine, line: &mut CommandLine, path: &Path, share: &str) {
    let (size, path) = (machine.memory, option_path(path));
    line.args(["-m".to_owned(), format!("{size}M")]);
    line.args([
        "-object".to_owned(),
        format!("memory-backend-file,id=ram,size={size}M,mem-path={path},share={share}"),
    ]);
    line.args(["-machine", "memory-backend=ram"]);
}

/// Adds the files to boot. A saved guest already has these files in its memory.
fn boot_files(machine: &Machine, line: &mut CommandLine) -> Result<()> {
    line.args(["-kernel".to_owned(), machine.kernel.vmlinux.display().to_string()]);
    line.args(["-append".to_owned(), machine.kernel_arguments()]);
    let initrd = line.memory_file("initrd", &machine.init.archive)?;
    line.args(["-initrd", &initrd]);
    if let Some(root) = &machine.root {
        root.check_memory(machine.memory)?;
        let path = option_path(root.archive());
        line.args(["-fw_cfg".to_owned(), format!("name={ROOT},file={path}")]);
    }
    Ok(())
}

/// Starts QEMU with its channels to the guest.
fn launch(
    machine: &Machine,
    mut line: CommandLine,
    payload: Option<&[u8]>,
    start: Start,
) -> Result<Vm> {
    // A file accepts everything that the kernel prints, however late the file is read. A socket or
    // a pipe may become full, and then a serial port loses bytes.
    let (console, errors) = (memory_file("console")?, memory_file("errors")?);
    let path = line.inherited_path(console.try_clone().doing("share a file in memory")?);
    let (input, keys) = match machine.spec().interrogation {
        Interrogation::Nmi => (String::new(), None),
        Interrogation::SysRq => {
            let (theirs, ours) =
                rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).doing("make a pipe")?;
            (format!(",input-path={}", line.inherited_path(theirs)), Some(File::from(ours)))
        }
    };
    line.args(["-chardev".to_owned(), format!("file,id=console,path={path}{input}")]);
    line.args(["-serial", "chardev:console"]);
    line.args(["-chardev", "stdio,id=results,signal=off"]);
    line.args(machine.spec().qemu.results.iter().copied());
    let monitor = line.socket("monitor")?;
    line.args(["-mon", "chardev=monitor,mode=control"]);
    if let Some(payload) = payload {
        let payload = line.memory_file("payload", payload)?;
        line.args(["-fw_cfg".to_owned(), format!("name={PAYLOAD},file={payload}")]);
    }
    let mut qemu =
        line.spawn(&machine.qemu, errors.try_clone().doing("share a file in memory")?)?;
    let input = qemu.stdin.take().expect("it is piped");
    let output = qemu.stdout.take().expect("it is piped");
    let monitor = Monitor::new(monitor);
    let silence = Some(machine.silence).filter(|_| machine.gdb.is_none());
    let channels = Channels { input, output, console, keys, errors, monitor };
    Vm::new(qemu, channels, start, machine.spec(), silence)
}
