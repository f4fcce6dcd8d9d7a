//! Boots the guests with danobi/vmtest (<https://github.com/danobi/vmtest>). This module writes a
//! `vmtest.toml` for danobi/vmtest into a temporary directory. The command in that file is the
//! runner of this crate. The runner sends its records over a second serial port.
//!
//! danobi/vmtest mounts this machine's root file system over 9p. A kernel whose 9p support is in
//! modules gets an initramfs that loads the modules. A kernel without 9p support cannot be booted
//! this way.

use crate::arch::Architecture;
use crate::arch::guest::RESULTS_PORT;
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::host::{PORT_OPTION, RUNNER};
use crate::kernel::Packages;
use crate::machine::{Engine, Machine, SANDBOX};
use crate::plan::{Plan, SWITCH_ROOT};
use crate::qemu::{end_with_us, memory_file};
use crate::remote::{Line, RemoteSession};
use crate::tree::Tree;
use serde::Serialize;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PROGRAM: &str = "vmtest";
/// The path in the guest at which danobi/vmtest mounts the directory of its configuration.
const SHARED: &str = "/mnt/vmtest";
/// Directories of the host over which danobi/vmtest mounts empty file systems.
const HIDDEN: [&str; 3] = ["/tmp", "/run", "/mnt"];
/// The modules that a kernel needs to mount a root over 9p and to communicate with danobi/vmtest.
const MODULES: [&str; 4] = ["virtio_pci", "9pnet_virtio", "9p", "virtio_console"];

/// The configuration of danobi/vmtest.
#[derive(Debug, Serialize)]
struct Config {
    target: [Target; 1],
}

#[derive(Debug, Serialize)]
struct Target {
    name: String,
    kernel: PathBuf,
    kernel_args: String,
    command: String,
    vm: VmConfig,
}

#[derive(Debug, Serialize)]
struct VmConfig {
    num_cpus: u32,
    memory: String,
    extra_args: Vec<String>,
}

/// Returns the path of each module of the plan in a guest, together with the contents of the file
/// at that path.
pub(crate) fn modules(found: Vec<(String, Vec<u8>)>) -> Vec<(PathBuf, Vec<u8>)> {
    let path = |name: String| Path::new(SHARED).join(name + ".ko");
    found.into_iter().map(|(name, data)| (path(name), data)).collect()
}

/// Starts danobi/vmtest with a plan whose modules are the given files.
pub(crate) fn start(
    machine: &Machine,
    plan: &Plan,
    modules: &[(PathBuf, Vec<u8>)],
    packages: &Packages,
) -> Result<RemoteSession> {
    let architecture = machine.kernel.architecture;
    if architecture != Architecture::HOST {
        let message = format!("the driver `vmtest` can't boot a kernel for {architecture}");
        return Err(Error::new(ErrorKind::WrongArchitecture, message).help("leave out --driver"));
    }
    let files = tempfile::tempdir().doing("make a temporary directory")?;
    let write = |name: &str, data: &[u8]| {
        let path = files.path().join(name);
        fs::write(&path, data).at("write", &path).map(|()| path)
    };
    for (path, data) in modules {
        write(&path.file_name().unwrap_or_default().to_string_lossy(), data)?;
    }
    write("plan.json", &serde_json::to_vec(plan).expect("a plan is plain data"))?;
    let program = files.path().join("runner");
    fs::copy(&machine.init.program, &program).at("write", &program)?;
    let socket = files.path().join("results");
    let listener = UnixListener::bind(&socket).at("listen at", &socket)?;
    let mut extra_args = vec![
        "-chardev".to_owned(),
        format!("socket,id=results,path={}", crate::qemu::option_path(&socket)),
        "-serial".to_owned(),
        "chardev:results".to_owned(),
    ];
    if let Some(initrd) = initrd(machine, packages)? {
        let path = write("initrd", &initrd)?;
        extra_args.extend(["-initrd".to_owned(), path.display().to_string()]);
    }
    let config = Config {
        target: [Target {
            name: machine.kernel.name.clone(),
            kernel: machine.kernel.vmlinux.clone(),
            kernel_args: machine.kernel_arguments(),
            command: format!(
                "{SHARED}/runner {RUNNER} {PORT_OPTION} {RESULTS_PORT} {SHARED}/plan.json"
            ),
            vm: VmConfig {
                num_cpus: machine.cpus,
                memory: format!("{}M", machine.memory),
                extra_args,
            },
        }],
    };
    let config = toml::to_string(&config).expect("a configuration is plain data");
    let config = write("vmtest.toml", config.as_bytes())?;
    write_qemu(machine, files.path())?;

    let log = memory_file("console")?;
    let out = || log.try_clone().doing("share a file in memory");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = [files.path().to_owned()].into_iter().chain(std::env::split_paths(&path));
    let path = std::env::join_paths(path).map_err(|error| {
        Error::new(ErrorKind::Usage, "the path of the temporary directory can't be added to PATH")
            .because(error)
    })?;
    let mut command = Command::new(PROGRAM);
    command.arg("--config").arg(&config).env("PATH", path).process_group(0);
    command.stdin(Stdio::null()).stdout(out()?).stderr(out()?);
    end_with_us(&mut command);
    let process = command.spawn().map_err(|error| {
        Error::new(ErrorKind::DriverMissing, "cannot run vmtest, which boots the guests")
            .because(error)
            .help("install it (cargo install vmtest) and qemu-guest-agent, or omit --driver")
    })?;
    RemoteSession::new(process, PROGRAM, Line::Awaited(listener), Some(log), files)
}

/// Checks that a guest can see a test binary. A guest does not see the host's files in the
/// directories [`HIDDEN`].
pub(crate) fn check(binary: &Path) -> Result<()> {
    match HIDDEN.iter().find(|hidden| binary.starts_with(hidden)) {
        None => Ok(()),
        Some(hidden) => {
            let message = format!("{} is in {hidden}, which vmtest hides", binary.display());
            Err(Error::new(ErrorKind::Usage, message).help("move it to another directory"))
        }
    }
}

/// Returns an initramfs that mounts the root over 9p, for a kernel whose 9p support is in modules.
fn initrd(machine: &Machine, packages: &Packages) -> Result<Option<Vec<u8>>> {
    if !machine.kernel.has_modules() {
        return Ok(None);
    }
    let names = MODULES.map(str::to_owned);
    let mut tree: Tree = machine.init.tree.clone();
    let mut paths = Vec::new();
    let found = machine.kernel.modules(&names, packages).map_err(|error| {
        let name = &machine.kernel.name;
        let what = format!("vmtest can't boot {name}: this kernel can't mount a root over 9p");
        Error::new(error.kind(), what).because(error).help(
            "specify a kernel with 9p in bpfmap-vmtest.toml, and its modules if 9p is a module",
        )
    })?;
    for (name, data) in found {
        let path = PathBuf::from(format!("/vmtest/modules/{name}.ko"));
        tree.add_file(&path, 0o644, data);
        paths.push(path);
    }
    let list = serde_json::to_vec(&paths).expect("paths are plain data");
    tree.add_file(Path::new(SWITCH_ROOT), 0o644, list);
    tree.pack().map(Some)
}

/// Writes a wrapper script at the path at which danobi/vmtest looks for QEMU. The script selects
/// QEMU and the accelerator. Without the script, danobi/vmtest would use KVM whenever the device of
/// KVM exists.
fn write_qemu(machine: &Machine, directory: &Path) -> Result<()> {
    let mut real = machine.qemu.program.clone();
    if real.components().count() == 1 {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).map(|directory| directory.join(&real));
        real = found.into_iter().find(|path| path.is_file()).unwrap_or(real);
    }
    let without_kvm = "for arg do\n  shift\n  case $arg in\n    -enable-kvm) ;;\n    \
                       host) set -- \"$@\" max ;;\n    *) set -- \"$@\" \"$arg\" ;;\n  esac\ndone\n";
    let filter = if machine.engine == Engine::Tcg { without_kvm } else { "" };
    let quoted = real.display().to_string().replace('\'', "'\\''");
    let path = directory.join(machine.spec().qemu.program);
    fs::write(&path, format!("#!/bin/sh\n{filter}exec '{quoted}' \"$@\" -sandbox {SANDBOX}\n"))
        .at("write", &path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).at("write", &path)
}
