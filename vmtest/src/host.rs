//! Runs tests on this machine instead of in a guest: the same runner, without a kernel of its own.

use crate::error::{Context as _, Result};
use crate::initramfs::Init;
use crate::plan::Plan;
use crate::remote::{Line, RemoteSession};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

/// The subcommand, which no user needs, that makes `bpfmap-vmtest` the runner.
pub(crate) const RUNNER: &str = "run-plan";

/// Starts the runner with a plan.
pub(crate) fn start(plan: &Plan) -> Result<RemoteSession> {
    let files = tempfile::tempdir().doing("make a temporary directory")?;
    let path = files.path().join("plan.json");
    let json = serde_json::to_vec(plan).expect("a plan is plain data");
    std::fs::write(&path, json).at("write", &path)?;
    let (ours, theirs) = UnixStream::pair().doing("make a pair of sockets")?;
    let program = Init::program()?;
    let mut command = Command::new(&program);
    command.arg(RUNNER).arg(&path);
    let runner = command
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .spawn()
        .at("run", &program)?;
    RemoteSession::new(runner, "the runner", Line::Open(ours), None, files)
}
