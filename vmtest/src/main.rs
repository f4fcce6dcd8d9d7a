//! Boots kernels and runs programs and test binaries in them: the command line of `bpfmap_vmtest`.

mod cargo_options;
mod manual;
mod options;

use bpfmap_vmtest::cargo::build_tests;
use bpfmap_vmtest::config::{self, Config};
use bpfmap_vmtest::event::Event;
use bpfmap_vmtest::kernel::{Kernel, Packages, check_known};
use bpfmap_vmtest::report::{Files, Terminal, log_lines, show_download, show_status, table};
use bpfmap_vmtest::{
    Architecture, Binary, EndOnSignals, Ended, Error, ErrorKind, Filter, Init, Machine, Matrix,
    Result, Run, Stop, Symbols, explain, kernel,
};
use cargo_options::TestOptions;
use clap::{CommandFactory as _, Parser as _};
use clap_complete::Shell;
use options::{
    BinariesOptions, Command, DriverOption, KernelsCommand, KernelsOptions, MachineOptions,
    MatrixOptions, Options, RunOptions, ShellOptions, System,
};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// The name of this program in its messages.
const NAME: &str = "bpfmap-vmtest";

/// The exit status if the command line is wrong.
const WRONG_USAGE: u8 = 2;

/// The exit status if the harness or the guest fails. Programs rarely exit with this status.
const HARNESS_FAILED: u8 = 125;

fn main() -> ExitCode {
    bpfmap_vmtest::init::main_if_init();
    let done = match Options::parse().command {
        Command::Run(options) => run(options),
        Command::Shell(options) => shell(&options),
        Command::Test(options) => test(*options),
        Command::Matrix(options) => matrix(&options),
        Command::Kernels(options) => kernels(&options),
        Command::Explain { name } => explain(name.as_deref()),
        Command::Completions { shell } => completions(shell),
        Command::Man { folder } => man(&folder),
    };
    done.unwrap_or_else(|error| {
        complain(&error);
        match error.kind() {
            ErrorKind::UnknownKernel => ExitCode::from(WRONG_USAGE),
            _ => ExitCode::from(HARNESS_FAILED),
        }
    })
}

fn complain(error: &Error) {
    eprint!("{}", log_lines(&format!("{NAME}: {}: {error}\n", error.kind().name())));
}

/// Returns the value of a part of the command line that clap does not check. If that part is wrong,
/// prints the error and ends this process, like clap.
fn checked<T>(part: Result<T>) -> T {
    part.unwrap_or_else(|error| {
        complain(&error);
        std::process::exit(WRONG_USAGE.into())
    })
}

fn run(options: RunOptions) -> Result<ExitCode> {
    let mut command = options.command.into_iter();
    let mut run = Run::new(command.next().unwrap_or_default());
    run.args = command.collect();
    run.time_out = options.time_out.map(Duration::from_secs);
    run.input = input_file()?;
    let (ended, console) = run_in(run, &options.system, &options.machine, options.gdb)?;
    if let Some(path) = options.console {
        write(&path, &console)?;
    }
    Ok(exit_code(&ended))
}

/// Returns the contents of the standard input if it is a file. These contents can be transferred to
/// the guest in one piece.
fn input_file() -> Result<Option<Vec<u8>>> {
    let stdin = std::io::stdin();
    let kind =
        rustix::fs::fstat(&stdin).map(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode));
    if kind != Ok(rustix::fs::FileType::RegularFile) {
        return Ok(None);
    }
    let mut input = Vec::new();
    stdin.lock().read_to_end(&mut input).map_err(|error| {
        Error::new(ErrorKind::Io, "cannot read the standard input").because(error)
    })?;
    Ok(Some(input))
}

fn shell(options: &ShellOptions) -> Result<ExitCode> {
    let config = Config::find()?;
    // A root file system has its own shell.
    let has_root = options.machine.root.is_some() || config.root.is_some();
    let run = if has_root { Run { terminal: true, ..Run::new("sh") } } else { Run::shell()? };
    let (ended, _) = run_in(run, &options.system, &options.machine, options.gdb)?;
    Ok(exit_code(&ended))
}

/// Runs a program in the machine that the options describe. Returns how the program ended, and the
/// console's log.
fn run_in(
    mut run: Run,
    system: &System,
    options: &MachineOptions,
    gdb: bool,
) -> Result<(Ended, String)> {
    let mut signals = bpfmap_vmtest::signals::listen()?;
    let preparation = EndOnSignals::new(NAME, &signals)?;
    let config = Config::find()?;
    let packages = shown(system.packages.resolve()?);
    let name = checked(system.kernel.as_ref().or(config.kernel.as_ref()).ok_or_else(|| {
        Error::new(ErrorKind::Usage, "no kernel was selected")
            .help("select one with --kernel, or write kernel = \"6.1\" in bpfmap-vmtest.toml")
    }));
    let root = options.root.as_ref().or(config.root.as_ref());
    // With a root file system, the program may be one of that.
    let of_program = if root.is_none() { run.architecture() } else { None };
    let architecture = options.arch.or(of_program).unwrap_or(Architecture::HOST);
    let kernel = kernel_for(name, architecture, &config, &packages)?;
    if let Some(wanted) = options.arch.filter(|wanted| *wanted != kernel.architecture) {
        let message = format!("the kernel {name} is for {}, not for {wanted}", kernel.architecture);
        return Err(Error::new(ErrorKind::WrongArchitecture, message)
            .help("name another kernel, or leave out --arch"));
    }
    let mut modules = [config.modules.as_slice(), &options.modules].concat();
    modules.extend(run.declared_modules()?);
    run.modules = kernel.modules(&modules, &packages)?;
    show_status("");
    run.files.clone_from(&options.files);
    run.env.clone_from(&options.env);
    run.privileged = options.privileged;
    run.allowed.clone_from(&config.allow);
    let root = root.map(|root| root.root(&packages, kernel.architecture)).transpose()?;
    let directory = if gdb { Some(private_directory()?) } else { None };
    let socket = directory.as_ref().map(|directory| directory.path().join("gdb"));
    let mut machine = machine(kernel, &config, options, socket)?;
    machine.root = root;
    run.host_programs = [config.host_programs.as_slice(), &options.host_programs].concat();
    if let Some(socket) = &machine.gdb {
        let (vmlinux, socket) = (machine.kernel.vmlinux.display(), socket.display());
        eprintln!("waiting for a debugger: gdb {vmlinux} -ex 'target remote {socket}'");
    }
    // From here on, the program in the guest receives the signals.
    drop(preparation);
    let ended = run.run(&machine, &mut signals, &mut std::io::stdout(), &mut std::io::stderr())?;
    if let Ended::Failed(failure, tail) = &ended.0 {
        for line in tail {
            eprint!("{}", log_lines(&format!("| {line}\n")));
        }
        let (name, advice) = (&machine.kernel.name, failure.kind.advice());
        let said = format!("{NAME}: kernel {name}: {failure}\n  help: {advice}\n");
        eprint!("{}", log_lines(&said));
    }
    Ok(ended)
}

/// Returns the kernel with a name. The name of a line of Debian's kernels stands for the kernel of
/// the architecture.
fn kernel_for(
    name: &str,
    architecture: Architecture,
    config: &Config,
    packages: &Packages,
) -> Result<Kernel> {
    check_known(name, &config.kernels)?;
    if config.kernels.contains_key(name) {
        return Kernel::named(name, &config.kernels, packages);
    }
    Kernel::named(&kernel::name_for(name, architecture), &config.kernels, packages)
}

/// Returns the same source of packages. The progress of its downloads is shown.
fn shown(packages: Packages) -> Packages {
    Packages { downloads: packages.downloads.watched(show_download), ..packages }
}

/// Creates a directory that no other user can enter.
fn private_directory() -> Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("bpfmap-vmtest-").permissions(std::fs::Permissions::from_mode(0o700));
    builder.tempdir().map_err(|error| {
        Error::new(ErrorKind::Io, "cannot make a temporary directory").because(error)
    })
}

fn machine(
    kernel: Kernel,
    config: &Config,
    options: &MachineOptions,
    gdb: Option<PathBuf>,
) -> Result<Machine> {
    let init = Init::find_for(kernel.architecture)?;
    let mut machine = Machine::new(kernel, init)?;
    machine.memory = options.memory.or(config.memory).unwrap_or(machine.memory);
    machine.cpus = options.cpus.or(config.cpus).unwrap_or(machine.cpus);
    machine.arguments = [config.cmdline.as_slice(), &options.cmdline].concat();
    machine.snapshots = !options.no_snapshot;
    machine.silence = options.silence();
    machine.gdb = gdb;
    match options.engine {
        Some(engine) => machine.engine = engine.into(),
        None => machine.choose_engine()?,
    }
    Ok(machine)
}

fn exit_code(ended: &Ended) -> ExitCode {
    let code = match *ended {
        Ended::Exited(code) => u8::try_from(code),
        Ended::Signaled(signal) => u8::try_from(signal.saturating_add(128)),
        _ => Ok(HARNESS_FAILED),
    };
    ExitCode::from(code.unwrap_or(HARNESS_FAILED))
}

fn test(mut options: TestOptions) -> Result<ExitCode> {
    let filter = checked(options.filter());
    let threads = checked(options.test_threads());
    options.matrix.test_threads = threads.or(options.matrix.test_threads);
    if options.matrix.packages.offline {
        options.cargo.arguments.push("--offline".to_owned());
    }
    // Reports errors in the configuration before the build.
    let config = Config::find()?;
    let kernels = kernels_of(&options.matrix, &config)?;
    let binaries = build_tests(Path::new("."), &options.cargo.arguments)?;
    run_matrix(&options.matrix, config, (kernels, binaries, filter))
}

fn matrix(options: &BinariesOptions) -> Result<ExitCode> {
    let config = Config::find()?;
    let kernels = kernels_of(&options.matrix, &config)?;
    if let Some(print) = options.print {
        print!("{}", print.jobs(options.shards.unwrap_or(kernels.len())));
        return Ok(ExitCode::SUCCESS);
    }
    let binaries = options.binaries.iter().map(Binary::at).collect();
    run_matrix(&options.matrix, config, (kernels, binaries, options.matrix.filter()))
}

/// Returns the requested kernels. If none is requested, returns the kernels of the configuration,
/// or else those of the project, or else all of Debian's lines.
fn kernels_of(options: &MatrixOptions, config: &Config) -> Result<Vec<String>> {
    if options.driver == DriverOption::Host {
        return Ok(vec!["host".to_owned()]);
    }
    let (kernels, is_of_project) = if !options.kernels.is_empty() {
        (options.kernels.clone(), false)
    } else if !config.matrix.is_empty() {
        (config.matrix.clone(), false)
    } else {
        (config::kernels_of_project()?, true)
    };
    // Reports a wrong name before the build.
    kernels.iter().try_for_each(|kernel| check_known(kernel, &config.kernels))?;
    if kernels.is_empty() {
        return Ok(kernel::lines().into_iter().map(str::to_owned).collect());
    }
    if is_of_project {
        eprintln!("kernels of {}: {}", config::PROJECT, kernels.join(", "));
    }
    Ok(kernels)
}

/// Runs tests on kernels, and writes the reports.
fn run_matrix(
    options: &MatrixOptions,
    config: Config,
    (kernels, binaries, filter): (Vec<String>, Vec<Binary>, Filter),
) -> Result<ExitCode> {
    let files = Files {
        json: options.json.clone(),
        junit: options.junit.clone(),
        html: options.html.clone(),
        summary: options.github_summary.clone(),
    };
    let (mut recorder, mut terminal) = (files.open()?, Terminal::new());
    let matrix = Matrix { kernels, binaries, filter, ..matrix_of(options, config)? };
    matrix.stop.say_on_signals(NAME)?;
    let events = matrix.run(|progress| {
        terminal.show(progress);
        recorder.record(progress);
    })?;
    print!("{}", table(&events));
    recorder.finish(&events)?;
    let green = matches!(events.last(), Some(Event::Summary(summary)) if summary.green);
    Ok(if green { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns a matrix without any kernels or binaries.
fn matrix_of(options: &MatrixOptions, config: Config) -> Result<Matrix> {
    let machine = &options.machine;
    let mut matrix = Matrix::configured(config, options.packages.resolve()?);
    matrix.architecture = machine.arch;
    matrix.driver = options.driver.into();
    matrix.shard = options.shard;
    matrix.jobs = options.jobs.unwrap_or(matrix.jobs);
    matrix.memory = machine.memory.unwrap_or(matrix.memory);
    matrix.cpus = machine.cpus.unwrap_or(matrix.cpus);
    matrix.modules.extend_from_slice(&machine.modules);
    matrix.files.clone_from(&machine.files);
    matrix.root = machine.root.clone().or(matrix.root);
    matrix.host_programs.extend_from_slice(&machine.host_programs);
    matrix.env.clone_from(&machine.env);
    if options.symbols {
        matrix.symbols = Symbols::HandedOver;
    }
    matrix.privileged = machine.privileged;
    matrix.arguments.extend_from_slice(&machine.cmdline);
    matrix.time_out = options.test_time_out.map_or(matrix.time_out, Duration::from_secs);
    matrix.silence = machine.silence();
    matrix.retries = options.retries;
    matrix.test_threads = options.test_threads.map_or(matrix.test_threads, usize::from);
    matrix.fail_fast = options.fail_fast;
    matrix.engine = machine.engine.map(Into::into);
    matrix.snapshots = !machine.no_snapshot;
    matrix.allowed.extend_from_slice(&options.allowed);
    matrix.report_dir.clone_from(&options.report_dir);
    Ok(matrix)
}

fn kernels(options: &KernelsOptions) -> Result<ExitCode> {
    Stop::default().end_on_signals(NAME, Duration::ZERO, || {})?;
    let config = Config::find()?;
    let packages = shown(options.packages.resolve()?);
    let names = match &options.command {
        KernelsCommand::Prune => {
            let waiting = || eprintln!("waiting for other runs to end");
            let removed = kernel::prune(&packages, &config.kernels, waiting)?;
            println!("removed {removed} kernels, all root file systems and all snapshots");
            return Ok(ExitCode::SUCCESS);
        }
        KernelsCommand::Fetch { names }
        | KernelsCommand::List { names }
        | KernelsCommand::Update { names } => names.clone(),
    };
    let architecture = options.arch.unwrap_or(Architecture::HOST);
    let all = || {
        let lines = kernel::lines_for(architecture).into_iter().map(str::to_owned);
        lines.chain(config.kernels.keys().cloned()).collect()
    };
    let names: Vec<String> = if names.is_empty() { all() } else { names };
    names.iter().try_for_each(|name| check_known(name, &config.kernels))?;
    for name in names {
        let is_source = config.kernels.contains_key(&name);
        let name = if is_source { name } else { kernel::name_for(&name, architecture) };
        let found = one_kernel(&options.command, &name, &config, &packages);
        show_status("");
        match found? {
            Some(kernel) => println!("{name:>10}  {:30}  {}", kernel.release, kernel.origin),
            None => println!("{name:>10}  not fetched"),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn one_kernel(
    command: &KernelsCommand,
    name: &str,
    config: &Config,
    packages: &Packages,
) -> Result<Option<Kernel>> {
    let is_debian = !config.kernels.contains_key(name);
    Ok(match command {
        KernelsCommand::List { .. } | KernelsCommand::Prune if is_debian => {
            Kernel::debian_cached(name, packages)?
        }
        KernelsCommand::Update { .. } if is_debian => Some(Kernel::debian_newest(name, packages)?),
        _ => Some(Kernel::named(name, &config.kernels, packages)?),
    })
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|error| unwritable(path, error))
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot write {}", path.display())).because(error)
}

/// Prints the explanation of a failure, or the list of all failures.
fn explain(name: Option<&str>) -> Result<ExitCode> {
    let Some(name) = name else {
        return print(explain::list().as_bytes());
    };
    let Some(page) = explain::page(name) else {
        let nearest = explain::nearest(name).map(|nearest| format!("did you mean `{nearest}`? "));
        let help = nearest.unwrap_or_default() + "`bpfmap-vmtest explain` lists all failures";
        let message = format!("unknown failure `{name}`");
        return checked(Err(Error::new(ErrorKind::Usage, message).help(help)));
    };
    print(page.as_bytes())
}

fn print(text: &[u8]) -> Result<ExitCode> {
    std::io::stdout().write_all(text).map_err(|error| {
        Error::new(ErrorKind::Io, "cannot write to the standard output").because(error)
    })?;
    Ok(ExitCode::SUCCESS)
}

fn completions(shell: Shell) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut visible_command(), NAME, &mut script);
    print(&script)
}

/// Returns the command line without hidden commands. `clap_complete` would otherwise also complete
/// the hidden commands.
fn visible_command() -> clap::Command {
    let whole = Options::command();
    let visible = whole.get_subcommands().filter(|command| !command.is_hide_set());
    clap::Command::new(NAME).version(env!("CARGO_PKG_VERSION")).subcommands(visible.cloned())
}

fn man(folder: &Path) -> Result<ExitCode> {
    clap_mangen::generate_to(Options::command(), folder).map_err(|error| {
        let message = format!("cannot write man pages to {}", folder.display());
        Error::new(ErrorKind::Io, message).because(error)
    })?;
    Ok(ExitCode::SUCCESS)
}
