//! The command `bpfmap test`.

mod guest;
mod memory;
mod options;
mod prepare;
mod report;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bpfmap_core::KernelVersion;
use bpfmap_schema::check::Checked;
use bpfmap_vmtest::config::Config;
use bpfmap_vmtest::event::Event;
use bpfmap_vmtest::kernel::{self, check_known};
use bpfmap_vmtest::report::{Files, Terminal};
use bpfmap_vmtest::{Binary, Driver, ErrorKind, Filter, Matrix, Stop};

use crate::project::Project;
use crate::schemas::{Findings, Inputs, read_with_includes};
use crate::{Failed, Outcome, complain, print};
use prepare::{Prepared, Unproven};

pub(crate) use guest::main_if_test;
pub(crate) use options::TestOptions;

/// The name of the tests in reports. Compiled fixtures use the same name.
const NAME: &str = "fixtures";

/// The time that a run has to end by itself after a signal. Together with the rest, a run then ends
/// within a second.
const GRACE: Duration = Duration::from_millis(700);

/// The directory in a guest that contains the objects and schemas.
const IN_GUEST: &str = "/bpfmap/fixtures";

pub(crate) fn run(options: &TestOptions) -> Outcome {
    if options.host && !rustix::process::geteuid().is_root() {
        complain(
            "error: `--host` needs root, because it creates maps on this machine\n\
             help: run the command as root, or leave out `--host` to run the tests in QEMU\n",
        );
        return Err(Failed::Found);
    }
    let folder = tempfile::tempdir().map_err(|error| {
        complain(&format!("error: can't create a temporary folder: {error}\n"));
        Failed::Found
    })?;
    let (stop, files) = (Stop::default(), folder.path().to_owned());
    let clean = move || drop(std::fs::remove_dir_all(files));
    stop.end_on_signals("bpfmap", GRACE, clean).map_err(|error| failed(&error))?;
    let done = run_in(options, folder.path(), &stop);
    // The line about the signal is the only message of a run that was stopped.
    stop.signal().map_or(done, |signal| Err(Failed::Stopped(signal)))
}

/// Runs the command with a directory for its files.
fn run_in(options: &TestOptions, folder: &Path, stop: &Stop) -> Outcome {
    let of_project = Project::find()?.map(|project| project.kernels).unwrap_or_default();
    let config = Config::find().map_err(|error| failed(&error))?;
    // Reports a wrong name before anything is compiled.
    for name in options.kernels.iter().chain(&of_project) {
        check_known(name, &config.kernels).map_err(|error| failed(&error))?;
    }
    let prepared = prepared(options, folder, stop)?;
    if prepared.tests.is_empty() {
        report::tell_unproven(&prepared.unproven);
        complain("error: none of the maps can be tested\n");
        return Err(Failed::Found);
    }
    let run = TestRun { options, folder, prepared: &prepared, stop };
    let events = in_kernels(run, config, of_project).map_err(|error| failed(&error))?;
    let green = matches!(events.last(), Some(Event::Summary(summary)) if summary.green);
    if green { Ok(()) } else { Err(Failed::Found) }
}

/// Prints an error of the harness, unless the run was stopped.
fn failed(error: &bpfmap_vmtest::Error) -> Failed {
    if error.kind() != ErrorKind::Interrupted {
        complain(&format!("error: {error}\n"));
    }
    match error.kind() {
        ErrorKind::UnknownKernel => Failed::Usage,
        _ => Failed::Found,
    }
}

/// Prepares the schemas and objects on the command line, and writes the results to the directory
/// `folder`.
fn prepared(options: &TestOptions, folder: &Path, stop: &Stop) -> Result<Prepared, Failed> {
    let TestOptions { build, objects, .. } = options;
    let (schemas, messages) = (&options.schemas.schemas, options.diagnostics.message_format);
    let mut prepared = Prepared::new(stop.clone());
    // If neither an object nor a schema is named, the schemas of the project are used.
    if !schemas.is_empty() || objects.is_empty() {
        for path in schemas {
            refuse_object(path)?;
        }
        let Inputs { roots, includes } =
            read_with_includes(schemas, Findings::new(build, messages))?;
        prepared.add_schemas(&roots, &includes, folder)?;
    }
    for object in objects {
        prepared.add_object(object, folder, messages)?;
    }
    Ok(prepared)
}

/// Refuses an object file in the place of a schema.
fn refuse_object(path: &Path) -> Result<(), Failed> {
    let mut magic = [0; 4];
    // Standard input (`-`) and files that can't be read are left to the reader of schemas.
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    if read.is_ok() && magic == *b"\x7fELF" {
        let path = path.display();
        complain(&format!(
            "error: `{path}` is an object file, not a schema\n\
             help: use `--object {path}` to test the maps of an object file\n"
        ));
        return Err(Failed::Found);
    }
    Ok(())
}

/// A run of tests that have been prepared.
struct TestRun<'a> {
    options: &'a TestOptions,
    /// The directory with the files of the run.
    folder: &'a Path,
    prepared: &'a Prepared,
    stop: &'a Stop,
}

/// Runs the tests on the kernels, shows their progress, and writes the reports.
fn in_kernels(
    TestRun { options, folder, prepared, stop }: TestRun<'_>,
    config: Config,
    of_project: Vec<String>,
) -> bpfmap_vmtest::Result<Vec<Event>> {
    let packages = options.packages.resolve()?;
    let asked = kernels(options, &config, prepared.oldest, of_project);
    let note = untested(if options.host { &[] } else { &asked }, prepared.oldest);
    let chosen = options.memory.or(config.memory);
    let memory = memory::of_guests(chosen, prepared.memory);
    let mut matrix = Matrix::configured(config, packages);
    matrix.stop = stop.clone();
    let this = std::env::current_exe().map_err(|error| {
        let what = "can't find the path of this program";
        bpfmap_vmtest::Error::new(ErrorKind::Io, what).because(error)
    })?;
    let mut binary = Binary::at(&this);
    NAME.clone_into(&mut binary.name);
    binary.tests = Some(prepared.tests.clone());
    binary.args.push(guest::RUN.to_owned());
    if options.host {
        matrix.driver = Driver::Host;
        matrix.kernels = vec!["host".to_owned()];
        binary.args.push(folder.join(prepare::FOR_GUEST).display().to_string());
    } else {
        matrix.kernels = asked;
        matrix.files.push((folder.join(prepare::FOR_GUEST), PathBuf::from(IN_GUEST)));
        binary.args.push(IN_GUEST.to_owned());
    }
    // Some tests need two processors. For example, the test of a map whose entries are CPUs uses
    // two different CPUs.
    matrix.add_second_cpu();
    matrix.init = Some(this);
    matrix.binaries = vec![binary];
    matrix.filter = Filter { texts: options.filters.clone(), ..Filter::default() };
    matrix.jobs = options.jobs.unwrap_or(matrix.jobs);
    if !options.host {
        matrix.memory = memory;
        if chosen.is_none() {
            matrix.jobs = memory::jobs(matrix.jobs, memory)?;
        }
    }
    matrix.report_dir.clone_from(&options.report_dir);
    let files = Files {
        json: options.json.clone(),
        junit: options.junit.clone(),
        html: options.html.clone(),
        summary: options.github_summary.clone(),
    };
    let (mut recorder, mut terminal) = (files.open()?, Terminal::new());
    let events = matrix.run(|progress| {
        if !stop.is_said() {
            terminal.show(progress);
        }
        recorder.record(progress);
    })?;
    if stop.is_said() {
        recorder.finish(&events)?;
        return Ok(events);
    }
    // If the reader of the output is gone, the error is ignored, because the exit status still
    // reports the result.
    let _ = print(&report::table(&events));
    report::tell_unproven(&prepared.unproven);
    complain(&note);
    recorder.finish(&events)?;
    Ok(events)
}

/// Returns the kernels on the command line, or the kernels of the project. If neither lists a
/// kernel, returns the newest kernel and the oldest kernel that the schemas support.
fn kernels(
    options: &TestOptions,
    config: &Config,
    oldest: Option<KernelVersion>,
    of_project: Vec<String>,
) -> Vec<String> {
    if !options.kernels.is_empty() {
        return options.kernels.clone();
    }
    let lines = kernel::lines();
    if options.matrix {
        let all = lines.into_iter().map(str::to_owned).collect();
        return if config.matrix.is_empty() { all } else { config.matrix.clone() };
    }
    if !of_project.is_empty() {
        return of_project;
    }
    let is_promised = |line: &&&str| version(line) >= oldest;
    let first = lines.iter().find(is_promised).or(lines.last());
    let mut ends: Vec<String> =
        first.into_iter().chain(lines.last()).map(ToString::to_string).collect();
    ends.dedup();
    ends
}

/// Returns a note if only kernel series are tested, and the oldest kernel that the schemas support
/// is not among them: it is older than the oldest kernel series, or newer than every tested one. Any
/// other kernel in `asked` can have any version.
fn untested(asked: &[String], oldest: Option<KernelVersion>) -> String {
    let lines = kernel::lines();
    let is_line = |name: &String| lines.contains(&name.as_str());
    match (lines.first(), oldest) {
        (Some(line), Some(oldest))
            if Some(oldest) < version(line) && !asked.is_empty() && asked.iter().all(is_line) =>
        {
            format!(
                "note: the oldest kernel that can be tested is {line}, but `min_kernel` is {oldest}: \
                 kernels before {line} were not tested\n"
            )
        }
        (_, Some(oldest))
            if !asked.is_empty()
                && asked.iter().all(|name| is_line(name) && version(name) < Some(oldest)) =>
        {
            format!(
                "note: `min_kernel` is {oldest}, but only older kernels were tested: {}\n",
                asked.join(", ")
            )
        }
        _ => String::new(),
    }
}

/// Returns the version in the name of a kernel series.
fn version(line: &str) -> Option<KernelVersion> {
    let (major, minor) = line.split_once('.')?;
    Some(KernelVersion::new(major.parse().ok()?, minor.parse().ok()?))
}

/// Returns the oldest kernel that at least one of the schemas supports. Returns `None` if a schema
/// does not set `min_kernel`.
fn oldest(schemas: &[Checked]) -> Option<KernelVersion> {
    let promised = schemas.iter().map(|schema| schema.schema().min_kernel.as_ref());
    let promised: Option<Vec<_>> = promised.map(|oldest| Some(oldest?.value)).collect();
    promised?.into_iter().min()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::options::{Command, CommandLine};

    fn asked(
        arguments: &[&str],
        oldest: Option<KernelVersion>,
        of_project: &[&str],
    ) -> Vec<String> {
        let all = [&["bpfmap", "test", "maps.toml"], arguments].concat();
        let Command::Test(options) = CommandLine::<Command>::parse_from(all).command else {
            panic!("expected the command `test`");
        };
        let of_project = of_project.iter().map(ToString::to_string).collect();
        kernels(&options, &Config::default(), oldest, of_project)
    }

    #[test]
    fn without_a_kernel_the_newest_and_the_oldest_supported_are_tested() {
        let lines = kernel::lines();
        let (first, last) = (lines[0], lines[lines.len() - 1]);
        assert_eq!(asked(&[], None, &[]), [first, last]);
        assert_eq!(asked(&[], Some(KernelVersion::new(6, 2)), &[]), ["6.12", last]);
        assert_eq!(asked(&[], version(last), &[]), [last]);
        assert_eq!(asked(&[], Some(KernelVersion::new(99, 0)), &[]), [last]);
    }

    #[test]
    fn a_note_says_that_old_kernels_were_not_tested() {
        let old = Some(KernelVersion::new(5, 4));
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let lines = names(&["5.10", "6.12"]);
        assert_eq!(
            untested(&lines, old),
            "note: the oldest kernel that can be tested is 5.10, but `min_kernel` is 5.4: \
             kernels before 5.10 were not tested\n"
        );
        assert_eq!(untested(&lines, version("5.10")), "");
        assert_eq!(untested(&lines, version("6.12")), "");
        assert_eq!(
            untested(&lines, version("9.0")),
            "note: `min_kernel` is 9.0, but only older kernels were tested: 5.10, 6.12\n"
        );
        assert_eq!(untested(&lines, None), "");
        // The user's own kernel can be an old one. With `--host`, the list is empty.
        assert_eq!(untested(&names(&["5.10", "mine"]), old), "");
        assert_eq!(untested(&[], old), "");
    }

    #[test]
    fn kernels_on_the_command_line_replace_those_of_the_project() {
        assert_eq!(
            asked(&["--kernel", "6.1", "--kernel", "mine"], None, &["5.10"]),
            ["6.1", "mine"]
        );
        assert_eq!(asked(&[], None, &["5.10", "mine"]), ["5.10", "mine"]);
        assert_eq!(asked(&["--matrix"], None, &["5.10"]), kernel::lines());
    }
}
