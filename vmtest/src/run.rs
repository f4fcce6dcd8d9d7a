//! A program to run in a guest, with its files, arguments and environment.

use crate::arch::Architecture;
use crate::elf;
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::machine::Machine;
use crate::plan::{Action, INPUT, PLAN, Plan, Program, guest_environment};
use crate::root::Root;
use crate::terminal;
use crate::tree::{Tree, absolute};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A program to run in a guest, and how to run it.
#[derive(Debug, Clone)]
pub struct Run {
    /// The program: a path, or a name on the `PATH`.
    pub program: PathBuf,
    /// The arguments of the program.
    pub args: Vec<String>,
    /// Environment variables for the program, in addition to the variables of all programs in a
    /// guest.
    pub env: Vec<(String, String)>,
    /// Additional files and directories for the guest: the path on this machine, and the path in
    /// the guest.
    pub files: Vec<(PathBuf, PathBuf)>,
    /// Programs of this machine to add to the guest, by name or path. The libraries that they need
    /// are added as well.
    pub host_programs: Vec<String>,
    /// Kernel modules to load first: names and contents, in this order.
    pub modules: Vec<(String, Vec<u8>)>,
    /// The standard input of the program, if the input is known beforehand. This input is passed
    /// together with the program at hundreds of megabytes per second, whereas
    /// [`Guest::write`](crate::Guest::write) is slow.
    pub input: Option<Vec<u8>>,
    /// The time limit of the program.
    pub time_out: Option<Duration>,
    /// Whether the program has a terminal in the guest. It is connected to the terminal of this
    /// process.
    pub terminal: bool,
    /// Whether the program keeps all capabilities of root, including `CAP_SYS_PTRACE` and
    /// `CAP_SYS_RAWIO`. With these two capabilities, a program can forge its result.
    pub privileged: bool,
    /// Texts that are allowed in complaints of the kernel. A complaint that contains one of these
    /// texts does not make the run fail.
    pub allowed: Vec<String>,
    /// Symbolic links to create in the guest: the path of the link, and its target.
    pub links: Vec<(PathBuf, PathBuf)>,
}

/// The directory that contains the shell's commands if they come from busybox.
const COMMANDS: &str = "/vmtest/bin";

impl Run {
    /// Returns a description of a program to run, without arguments.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            files: Vec::new(),
            host_programs: Vec::new(),
            modules: Vec::new(),
            input: None,
            time_out: None,
            terminal: false,
            privileged: false,
            allowed: Vec::new(),
            links: Vec::new(),
        }
    }

    /// Returns a shell: busybox with all its commands if it is installed, or else `sh`.
    ///
    /// # Errors
    /// Fails if neither is installed.
    pub fn shell() -> Result<Self> {
        let Ok(busybox) = find_program(Path::new("busybox")) else {
            return Ok(Self { terminal: true, ..Self::new(find_program(Path::new("sh"))?) });
        };
        let list = std::process::Command::new(&busybox).arg("--list").output();
        let list = list.doing("list the commands of busybox")?.stdout;
        let links = String::from_utf8_lossy(&list)
            .lines()
            .map(|name| (Path::new(COMMANDS).join(name), busybox.clone()))
            .collect();
        let args = vec!["sh".to_owned()];
        Ok(Self { terminal: true, args, links, ..Self::new(busybox) })
    }

    /// Returns the kernel modules that the program declares. A program in the guest's root file
    /// system declares no modules.
    ///
    /// # Errors
    /// Fails if the declaration is not valid.
    pub fn declared_modules(&self) -> Result<Vec<String>> {
        find_program(&self.program)
            .map_or_else(|_| Ok(Vec::new()), |program| elf::declared_modules(&program))
    }

    /// Returns the architecture of the program, if it is a program of this machine.
    #[must_use]
    pub fn architecture(&self) -> Option<Architecture> {
        elf::architecture(&find_program(&self.program).ok()?)
    }

    /// Returns the payload of the guest. If the root file system contains the program, the guest
    /// runs that program instead of the program of this machine.
    pub(crate) fn payload(&self, machine: &Machine) -> Result<Vec<u8>> {
        let listing = machine.root.as_ref().map(Root::listing);
        let mut tree = Tree::above(listing.cloned(), machine.kernel.architecture);
        let of_root = listing.and_then(|root| Some((root, root.program(&self.program)?)));
        let program = if let Some((root, program)) = of_root {
            root.check_program(&program, machine.kernel.architecture)?;
            program
        } else {
            let program = absolute(&find_program(&self.program)?)?;
            tree.add_program(&program, &[])?;
            program
        };
        tree.add_host_programs(&self.host_programs)?;
        for (source, target) in &self.files {
            tree.add_at(source, target)?;
        }
        for (link, target) in &self.links {
            tree.add_link(link, target);
        }
        let mut modules = Vec::new();
        for (name, data) in &self.modules {
            let path = PathBuf::from(format!("/vmtest/modules/{name}.ko"));
            tree.add_file(&path, 0o644, data.clone());
            modules.push(path);
        }
        if let Some(input) = &self.input {
            tree.add_file(Path::new(INPUT), 0o600, input.as_slice());
        }
        let directory = std::env::current_dir().doing("find the current directory")?;
        tree.add_directory(&directory);
        let plan = Plan {
            env: guest_environment(&machine.kernel.name, &self.env),
            modules,
            privileged: self.privileged,
            action: Action::Run(Program {
                path: program,
                args: self.args.clone(),
                directory,
                input: self.input.as_ref().map(|_| PathBuf::from(INPUT)),
                terminal: self.terminal.then(terminal::size),
            }),
        };
        let json = serde_json::to_vec(&plan).expect("a plan is plain data");
        tree.add_file(Path::new(PLAN), 0o600, json);
        tree.pack_for(&machine.init.tree)
    }
}

/// Returns the path of a program, which is specified by its path or by its name on the `PATH`.
pub(crate) fn find_program(program: &Path) -> Result<PathBuf> {
    let missing = |place: &str, help: &str| {
        let message = format!("there is no program `{}`{place}", program.display());
        Error::new(ErrorKind::NotFound, message).help(help)
    };
    if program.components().count() > 1 || program.is_absolute() {
        let found = Some(program.to_owned()).filter(|path| path.is_file());
        return found.ok_or_else(|| missing("", "check the path"));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = std::env::split_paths(&path).map(|directory| directory.join(program));
    let found = candidates.find(|path| path.is_file());
    found.ok_or_else(|| missing(" on PATH", "install it, or specify its path"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_advice() {
        for (name, place) in
            [("no-such-program", " on PATH"), ("/no/such/program", ""), ("./no-such-program", "")]
        {
            let error = find_program(Path::new(name)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert_eq!(error.summary(), format!("there is no program `{name}`{place}"));
            assert!(error.advice().is_some());
        }
        assert!(find_program(Path::new("sh")).unwrap().is_absolute());
    }
}
