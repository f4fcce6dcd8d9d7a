//! Boots kernels and runs programs and test binaries in them: the command line of `bpfmap_vmtest`.

mod options;

use bpfmap_vmtest::event::{Event, KernelResult};
use bpfmap_vmtest::kernel::Kernel;
use bpfmap_vmtest::report::{self, Terminal, table};
use bpfmap_vmtest::{
    Ended, Error, ErrorKind, Filter, Init, Machine, Matrix, Progress, Result, Run, kernel,
};
use clap::Parser as _;
use options::{Command, KernelsCommand, MatrixOptions, Options, RunOptions};
use std::fs::File;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// What the harness itself exits with when it, or the guest, fails: not a usual status of a program.
const HARNESS_FAILED: u8 = 125;

fn main() -> ExitCode {
    bpfmap_vmtest::guest::main_if_init();
    let done = match Options::parse().command {
        Command::Run(options) => run(options),
        Command::Matrix(options) => matrix(options),
        Command::Kernels(options) => kernels(&options),
    };
    done.unwrap_or_else(|error| {
        eprintln!("bpfmap-vmtest: {error}");
        ExitCode::from(HARNESS_FAILED)
    })
}

fn run(options: RunOptions) -> Result<ExitCode> {
    let mirror = options.mirror.resolve();
    let kernel = Kernel::debian(&options.kernel, &mirror)?;
    let modules = kernel.modules(&options.machine.modules, &mirror)?;
    let mut machine = Machine::new(kernel, Init::find()?)?;
    machine.memory = options.machine.memory;
    machine.cpus = options.machine.cpus;
    machine.arguments = options.machine.cmdline;
    machine.snapshots = !options.machine.no_snapshot;
    match options.machine.engine {
        Some(engine) => machine.engine = engine.into(),
        None => machine.choose_engine()?,
    }
    let mut command = options.command.into_iter();
    let run = Run {
        program: command.next().unwrap_or_default().into(),
        args: command.collect(),
        env: options.machine.env,
        files: options.files,
        modules,
        time_out: options.time_out.map(Duration::from_secs),
    };
    let mut signals = signals()?;
    let (ended, console) =
        run.run(&machine, &mut signals, &mut std::io::stdout(), &mut std::io::stderr())?;
    if let Some(path) = options.console {
        std::fs::write(&path, console).map_err(|error| {
            Error::new(ErrorKind::Io, format!("cannot write {}", path.display())).because(error)
        })?;
    }
    Ok(match ended {
        Ended::Exited(code) => ExitCode::from(u8::try_from(code).unwrap_or(HARNESS_FAILED)),
        Ended::Signaled(signal) => {
            ExitCode::from(u8::try_from(128 + signal).unwrap_or(HARNESS_FAILED))
        }
        Ended::Failed(failure, tail) => {
            for line in tail {
                eprintln!("| {line}");
            }
            eprintln!(
                "bpfmap-vmtest: kernel {}: {failure}\n  help: {}",
                machine.kernel.name,
                failure.kind.advice()
            );
            ExitCode::from(HARNESS_FAILED)
        }
        _ => ExitCode::from(HARNESS_FAILED),
    })
}

fn matrix(options: MatrixOptions) -> Result<ExitCode> {
    let mut json = options.json.as_deref().map(create).transpose()?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kernels = if options.kernels.is_empty() {
        kernel::lines().into_iter().map(str::to_owned).collect()
    } else {
        options.kernels
    };
    let matrix = Matrix {
        kernels,
        binaries: options.binaries,
        jobs: options.jobs.unwrap_or(cores),
        memory: options.machine.memory,
        cpus: options.machine.cpus,
        modules: options.machine.modules,
        env: options.machine.env,
        arguments: options.machine.cmdline,
        time_out: Duration::from_secs(options.test_time_out),
        retries: options.retries,
        fail_fast: options.fail_fast,
        filter: Filter {
            texts: options.filters,
            exact: options.exact,
            skip: options.skip,
            include_ignored: options.include_ignored,
        },
        mirror: options.mirror.resolve(),
        engine: options.machine.engine.map(Into::into),
        snapshots: !options.machine.no_snapshot,
        allowed: options.allowed,
        report_dir: options.report_dir,
    };
    let mut terminal = Terminal::new();
    let mut unwritten = None;
    let events = matrix.run(|progress| {
        terminal.show(progress);
        if let (Progress::Event(event), Some(file)) = (progress, &mut json) {
            let line = serde_json::to_string(event).expect("an event is plain data");
            if let Err(error) = writeln!(file, "{line}") {
                unwritten.get_or_insert(error);
            }
        }
    })?;
    print!("{}", table(&events));
    if let Some(path) = options.junit {
        write(&path, &report::junit(&events))?;
    }
    if let Some(path) = options.html {
        let console =
            |kernel: &KernelResult| std::fs::read_to_string(kernel.console.as_ref()?).ok();
        write(&path, &report::html(&events, console))?;
    }
    if let Some(path) = options.github_summary {
        let written = File::options().create(true).append(true).open(&path);
        let written =
            written.and_then(|mut file| file.write_all(report::markdown(&events).as_bytes()));
        written.map_err(|error| unwritable(&path, error))?;
    }
    if let Some(error) = unwritten {
        return Err(Error::new(ErrorKind::Io, "cannot write the report").because(error));
    }
    let green = matches!(events.last(), Some(Event::Summary(summary)) if summary.green);
    Ok(if green { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn kernels(options: &options::KernelsOptions) -> Result<ExitCode> {
    let mirror = options.mirror.resolve();
    let (KernelsCommand::Fetch { lines } | KernelsCommand::List { lines }) = &options.command;
    let lines = if lines.is_empty() {
        kernel::lines().into_iter().map(str::to_owned).collect()
    } else {
        lines.clone()
    };
    for line in lines {
        let found = match options.command {
            KernelsCommand::Fetch { .. } => Some(Kernel::debian(&line, &mirror)?),
            KernelsCommand::List { .. } => Kernel::debian_cached(&line)?,
        };
        match found {
            Some(kernel) => println!("{line:>6}  {:30}  {}", kernel.release, kernel.origin),
            None => println!("{line:>6}  not fetched"),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A socket from which the numbers of the signals are read that are sent to this process.
fn signals() -> Result<UnixStream> {
    let failed = |error| Error::new(ErrorKind::Io, "cannot listen to signals").because(error);
    let (read, write) = UnixStream::pair().map_err(failed)?;
    for signal in [
        signal_hook::consts::SIGINT,
        signal_hook::consts::SIGTERM,
        signal_hook::consts::SIGHUP,
        signal_hook::consts::SIGQUIT,
        signal_hook::consts::SIGUSR1,
        signal_hook::consts::SIGUSR2,
    ] {
        let write = write.try_clone().map_err(failed)?;
        let number = u8::try_from(signal).unwrap_or_default();
        // SAFETY: the action only writes a byte to a socket, which is async-signal-safe.
        unsafe {
            signal_hook::low_level::register(signal, move || {
                let _ = rustix::net::send(&write, &[number], rustix::net::SendFlags::DONTWAIT);
            })
        }
        .map_err(failed)?;
    }
    Ok(read)
}

fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(|error| unwritable(path, error))
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|error| unwritable(path, error))
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot write {}", path.display())).because(error)
}
