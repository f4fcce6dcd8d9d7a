//! QEMU: finds the program, builds its command line, and controls it through its monitor.

use crate::arch::Architecture;
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::version;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// A QEMU for the architecture of a guest that is new enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Qemu {
    pub(crate) program: PathBuf,
    /// The line with the version that this QEMU prints.
    pub(crate) version: String,
}

impl Qemu {
    /// Returns the QEMU for an architecture. It is the one that the environment variable names, or else
    /// the one on the `PATH`.
    pub(crate) fn find(architecture: Architecture) -> Result<Self> {
        // Running `qemu --version` takes a tenth of the time that a guest from a snapshot takes.
        static FOUND: [OnceLock<Qemu>; 2] = [const { OnceLock::new() }; 2];
        let known = &FOUND[architecture as usize];
        if let Some(found) = known.get() {
            return Ok(found.clone());
        }
        Self::ask(architecture).map(|qemu| known.get_or_init(|| qemu).clone())
    }

    fn ask(architecture: Architecture) -> Result<Self> {
        let qemu = &architecture.spec().qemu;
        let program = std::env::var_os(qemu.variable)
            .map_or_else(|| PathBuf::from(qemu.program), PathBuf::from);
        let output =
            Command::new(&program).arg("--version").stdin(Stdio::null()).output().map_err(
                |error| {
                    Error::new(ErrorKind::QemuMissing, format!("cannot run {}", program.display()))
                        .because(error)
                        .help(format!("install QEMU for {architecture} ({})", qemu.packages))
                },
            )?;
        let said = String::from_utf8_lossy(&output.stdout);
        let version = said.lines().next().unwrap_or_default().to_owned();
        let too_old = |what: String| {
            Error::new(ErrorKind::QemuTooOld, what).help(format!(
                "install QEMU {}.{} or newer ({})",
                qemu.oldest.0, qemu.oldest.1, qemu.packages
            ))
        };
        let number = version.strip_prefix("QEMU emulator version ").and_then(version::parse);
        match number {
            None => Err(too_old(format!(
                "{} does not print the version of a QEMU: {version:?}",
                program.display()
            ))),
            Some(found) if found < qemu.oldest => {
                Err(too_old(format!("{} is too old: {version}", program.display())))
            }
            Some(_) => Ok(Self { program, version }),
        }
    }
}

/// A command line of QEMU, with the files that QEMU inherits.
#[derive(Debug)]
pub(crate) struct CommandLine {
    args: Vec<String>,
    files: Vec<OwnedFd>,
}

impl CommandLine {
    pub(crate) fn new() -> Self {
        Self { args: Vec::new(), files: Vec::new() }
    }

    pub(crate) fn args<S: Into<String>>(&mut self, args: impl IntoIterator<Item = S>) {
        self.args.extend(args.into_iter().map(Into::into));
    }

    /// Returns the arguments that were added so far.
    pub(crate) fn text(&self) -> String {
        self.args.join(" ")
    }

    /// Lets QEMU inherit a file. Returns the file's descriptor in QEMU.
    pub(crate) fn inherit(&mut self, file: impl Into<OwnedFd>) -> RawFd {
        let file = file.into();
        let number = file.as_raw_fd();
        self.files.push(file);
        number
    }

    /// Lets QEMU inherit a file. Returns the file's path in QEMU.
    pub(crate) fn inherited_path(&mut self, file: impl Into<OwnedFd>) -> String {
        format!("/proc/self/fd/{}", self.inherit(file))
    }

    /// Creates an in-memory file that vanishes when all its users have ended. Returns its path in
    /// QEMU.
    pub(crate) fn memory_file(&mut self, name: &str, contents: &[u8]) -> Result<String> {
        let mut file = memory_file(name)?;
        file.write_all(contents).doing("write a file in memory")?;
        Ok(self.inherited_path(file))
    }

    /// Adds a character device. Returns this process's end of the device.
    pub(crate) fn socket(&mut self, id: &str) -> Result<UnixStream> {
        let (ours, theirs) = UnixStream::pair().doing("make a pair of sockets")?;
        let number = self.inherit(theirs);
        self.args(["-chardev".to_owned(), format!("socket,id={id},fd={number}")]);
        Ok(ours)
    }

    /// Starts QEMU with pipes to its standard input and output. QEMU is killed when the thread that
    /// started it ends for any reason.
    pub(crate) fn spawn(self, qemu: &Qemu, errors: impl Into<Stdio>) -> Result<Child> {
        let mut command = Command::new(&qemu.program);
        command.args(&self.args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        // In a terminal, Ctrl-C must reach only this process, which then ends the guest.
        command.process_group(0);
        let files = self.files;
        // SAFETY: the call is async-signal-safe and allocates nothing.
        unsafe {
            command.pre_exec(move || {
                for file in &files {
                    fcntl_setfd(file, FdFlags::empty())?;
                }
                Ok(())
            });
        }
        end_with_us(&mut command);
        command.spawn().map_err(|error| {
            Error::new(ErrorKind::QemuMissing, format!("cannot run {}", qemu.program.display()))
                .because(error)
        })
    }
}

/// Makes a program end when the thread that starts it ends for any reason.
pub(crate) fn end_with_us(command: &mut Command) {
    let us = getpid();
    // SAFETY: the calls are async-signal-safe and allocate nothing.
    unsafe {
        command.pre_exec(move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // If the parent has already ended, no signal will arrive.
            if getppid() == Some(us) { Ok(()) } else { Err(rustix::io::Errno::SRCH.into()) }
        });
    }
}

/// Creates an in-memory file, which vanishes when all its users have closed it.
pub(crate) fn memory_file(name: &str) -> Result<File> {
    let file = rustix::fs::memfd_create(name, rustix::fs::MemfdFlags::CLOEXEC);
    Ok(file.doing("make a file in memory")?.into())
}

/// QEMU's monitor, with the parts of its machine protocol (QMP) that are needed here.
#[derive(Debug)]
pub(crate) struct Monitor {
    stream: UnixStream,
    buffer: Vec<u8>,
    /// The reason in QEMU's SHUTDOWN event, if the guest was shut down.
    pub(crate) shutdown: Option<String>,
    /// Whether the guest has resumed after a pause.
    pub(crate) resumed: bool,
}

impl Monitor {
    pub(crate) fn new(mut stream: UnixStream) -> Self {
        // Without this command, QEMU would accept no other command and send no events.
        let hello = json!({ "execute": "qmp_capabilities", "id": 0 });
        // If QEMU has already exited, its exit status is more informative than this error.
        let _ = stream.write_all(format!("{hello}\n").as_bytes());
        Self { stream, buffer: Vec::new(), shutdown: None, resumed: false }
    }

    pub(crate) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Reads QEMU's messages. Returns whether more messages can follow.
    pub(crate) fn read(&mut self) -> Result<bool> {
        self.receive().map(|answer| answer.is_some())
    }

    /// Sends a command, waits for the answer, and returns it.
    pub(crate) fn call(&mut self, command: &str, arguments: &Value) -> Result<Value> {
        let request = json!({ "execute": command, "arguments": arguments, "id": command });
        self.stream.write_all(format!("{request}\n").as_bytes()).doing("send a command to QEMU")?;
        loop {
            let messages = self.receive()?.ok_or_else(|| {
                Error::new(ErrorKind::Io, format!("QEMU ended during the command {command}"))
            })?;
            for mut message in messages {
                if message["id"] == command {
                    return match message.get("error") {
                        Some(error) => Err(Error::new(
                            ErrorKind::Io,
                            format!("QEMU refused to {command}: {error}"),
                        )),
                        None => Ok(message["return"].take()),
                    };
                }
            }
        }
    }

    /// Passes a file to QEMU, which can then refer to the file by `name`.
    pub(crate) fn hand_over(&mut self, name: &str, file: &File) -> Result<()> {
        use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
        let files = [file.as_fd()];
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(&files));
        // QEMU receives the file with the first byte of the command. White space may precede a
        // command.
        let byte = [std::io::IoSlice::new(b" ")];
        sendmsg(&self.stream, &byte, &mut ancillary, SendFlags::empty())
            .doing("hand QEMU a file")?;
        self.call("getfd", &json!({ "fdname": name })).map(drop)
    }

    fn receive(&mut self) -> Result<Option<Vec<Value>>> {
        let mut bytes = [0; 4096];
        let length = match self.stream.read(&mut bytes) {
            Ok(0) => return Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return Ok(None),
            length => length.doing("read from QEMU")?,
        };
        self.buffer.extend(&bytes[..length]);
        let mut messages = Vec::new();
        while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            let Ok(message) = serde_json::from_slice::<Value>(&line) else { continue };
            if message["event"] == "SHUTDOWN" {
                self.shutdown = message["data"]["reason"].as_str().map(str::to_owned);
            }
            self.resumed |= message["event"] == "RESUME";
            messages.push(message);
        }
        Ok(Some(messages))
    }
}

/// Returns a path in the form that QEMU's options need. Commas separate the fields of an option.
pub(crate) fn option_path(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monitor_keeps_the_reason_of_a_shutdown() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut monitor = Monitor::new(ours);
        theirs.write_all(b"{\"QMP\": {}}\r\n{\"return\": {}, \"id\": 0}\r\n{\"event\": \"SHUTDOWN\", \"data\":").unwrap();
        assert!(monitor.read().unwrap());
        assert_eq!(monitor.shutdown, None);
        theirs.write_all(b" {\"guest\": true, \"reason\": \"guest-reset\"}}\r\n").unwrap();
        monitor.read().unwrap();
        assert_eq!(monitor.shutdown.as_deref(), Some("guest-reset"));
        drop(theirs);
        assert!(!monitor.read().unwrap());
    }
}
