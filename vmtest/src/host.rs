//! Runs tests on this machine instead of in a guest. The runner is the same, but no kernel is
//! booted for it.

use crate::error::{Context as _, Result};
use crate::plan::Plan;
use crate::remote::{Line, RemoteSession};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

/// If this is the first argument of a program that calls
/// [`main_if_init`](crate::init::main_if_init), the program acts as the runner.
pub(crate) const RUNNER: &str = "run-plan";
/// The runner's option for the path of the serial port through which it communicates.
pub(crate) const PORT_OPTION: &str = "--port";

/// Starts a program as the runner of a plan.
pub(crate) fn start(plan: &Plan, program: &Path) -> Result<RemoteSession> {
    let files = tempfile::tempdir().doing("make a temporary directory")?;
    let path = files.path().join("plan.json");
    let json = serde_json::to_vec(plan).expect("a plan is plain data");
    std::fs::write(&path, json).at("write", &path)?;
    let (ours, theirs) = UnixStream::pair().doing("make a pair of sockets")?;
    let mut command = Command::new(program);
    command.arg(RUNNER).arg(&path);
    let runner = command
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .spawn()
        .at("run", program)?;
    RemoteSession::new(runner, "the runner", Line::Open(ours), None, files)
}
