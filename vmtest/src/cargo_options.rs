//! The options of `bpfmap-vmtest test`: the options of `cargo test`, and the filters of test
//! binaries.

use crate::options::MatrixOptions;
use bpfmap_vmtest::{Error, ErrorKind, Filter, Result};
use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches};

#[derive(Debug, Args)]
pub(crate) struct TestOptions {
    #[command(flatten)]
    pub(crate) matrix: MatrixOptions,
    /// Run only tests whose names contain this text
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// More names of tests, and the options `--exact`, `--skip NAME`, `--include-ignored` and
    /// `--test-threads N`, which have the same meaning as for a test binary
    #[arg(last = true, allow_hyphen_values = true, value_name = "FILTER")]
    test_arguments: Vec<String>,
    #[command(flatten)]
    pub(crate) cargo: CargoOptions,
}

impl TestOptions {
    /// Returns the number in the option `--test-threads` after `--`, if there is one.
    pub(crate) fn test_threads(&self) -> Result<Option<u16>> {
        let mut words = self.test_arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let value = match word.strip_prefix("--test-threads") {
                Some("") => words.next().unwrap_or_default(),
                Some(value) if value.starts_with('=') => &value[1..],
                _ => continue,
            };
            let number = value.parse().ok().filter(|number| (1..=256).contains(number));
            return number.map(Some).ok_or_else(|| {
                let message =
                    format!("`--test-threads` needs a number from 1 to 256, not `{value}`");
                Error::new(ErrorKind::Usage, message).help(FILTERS)
            });
        }
        Ok(None)
    }

    /// Returns which tests to run.
    pub(crate) fn filter(&self) -> Result<Filter> {
        let mut filter = self.matrix.filter();
        filter.texts.extend_from_slice(&self.names);
        let mut words = self.test_arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match word {
                "--exact" => filter.exact = true,
                "--include-ignored" => filter.include_ignored = true,
                "--skip" => {
                    let name = words.next().ok_or_else(|| {
                        Error::new(ErrorKind::Usage, "`--skip` needs a name").help(FILTERS)
                    })?;
                    filter.skip.push(name.to_owned());
                }
                // `test_threads` reads this option.
                "--test-threads" => drop(words.next()),
                word if word.starts_with("--test-threads=") => {}
                // Each test has its own process and its own output, which is always shown if the
                // test fails.
                "--nocapture" | "--no-capture" => {}
                word => match word.strip_prefix("--skip=") {
                    Some(name) => filter.skip.push(name.to_owned()),
                    None if word.starts_with('-') => {
                        let message = format!("unknown argument `{word}` after `--`");
                        return Err(Error::new(ErrorKind::Usage, message).help(FILTERS));
                    }
                    None => filter.texts.push(word.to_owned()),
                },
            }
        }
        Ok(filter)
    }
}

const FILTERS: &str = "use only names of tests, `--exact`, `--skip NAME`, `--include-ignored` and `--test-threads N` after `--`";

/// An option of Cargo that is passed on.
struct CargoOption {
    long: &'static str,
    short: Option<char>,
    /// The name of the option's value in the help, if the option has a value.
    value: Option<&'static str>,
    help: &'static str,
}

const fn flag(long: &'static str, help: &'static str) -> CargoOption {
    CargoOption { long, short: None, value: None, help }
}

const fn value(long: &'static str, value: &'static str, help: &'static str) -> CargoOption {
    CargoOption { long, short: None, value: Some(value), help }
}

impl CargoOption {
    const fn short(self, short: char) -> Self {
        Self { short: Some(short), ..self }
    }

    /// Returns the option's name in Cargo. `--build-jobs` is called `--jobs` in Cargo. In this
    /// program, `--jobs` is the number of parallel guests.
    fn for_cargo(&self) -> String {
        let long = if self.long == BUILD_JOBS { "jobs" } else { self.long };
        format!("--{long}")
    }
}

const BUILD_JOBS: &str = "build-jobs";
/// The only option without a value that Cargo accepts several times.
const VERBOSE: &str = "verbose";

/// The options that choose what `cargo test` builds, and how.
const OPTIONS: &[CargoOption] = &[
    value("package", "SPEC", "Test this package").short('p'),
    flag("workspace", "Test all packages of the workspace"),
    value("exclude", "SPEC", "Leave out this package of the workspace"),
    flag("lib", "Test the library"),
    flag("bins", "Test all programs"),
    value("bin", "NAME", "Test this program"),
    flag("tests", "Test all targets that Cargo tests by default"),
    value("test", "NAME", "Test this test target"),
    flag("examples", "Test all examples"),
    value("example", "NAME", "Test this example"),
    flag("benches", "Test all benchmarks"),
    value("bench", "NAME", "Test this benchmark"),
    flag("all-targets", "Test all targets"),
    value("features", "FEATURES", "Features to build with").short('F'),
    flag("all-features", "Build with all features"),
    flag("no-default-features", "Build without the default features"),
    flag("release", "Build with optimizations").short('r'),
    value("profile", "NAME", "Build with this profile"),
    value("target", "TRIPLE", "Build for this target, such as `x86_64-unknown-linux-musl`"),
    value("target-dir", "DIR", "The directory that Cargo builds in"),
    value(
        "manifest-path",
        "FILE",
        "The manifest of the package or workspace (default: the nearest `Cargo.toml`)",
    ),
    value("build-jobs", "N", "The number of compilers that run at the same time"),
    value("config", "KEY=VALUE", "Set a value of Cargo's configuration"),
    flag("locked", "Refuse to change `Cargo.lock`"),
    flag("frozen", "Same as `--locked` together with `--offline`"),
    flag("ignore-rust-version", "Ignore `rust-version` of packages"),
    flag("quiet", "Hide Cargo's progress").short('q'),
    flag(VERBOSE, "Show the commands that Cargo runs").short('v'),
];

/// What to build, as arguments of `cargo test`.
#[derive(Debug)]
pub(crate) struct CargoOptions {
    pub(crate) arguments: Vec<String>,
}

impl FromArgMatches for CargoOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut arguments = Vec::new();
        for option in OPTIONS {
            let name = option.for_cargo();
            if option.value.is_none() {
                let count = match option.long {
                    VERBOSE => matches.get_count(VERBOSE),
                    long => u8::from(matches.get_flag(long)),
                };
                arguments.extend((0..count).map(|_| name.clone()));
                continue;
            }
            for value in matches.get_many::<String>(option.long).into_iter().flatten() {
                arguments.push(format!("{name}={value}"));
            }
        }
        Ok(Self { arguments })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for CargoOptions {
    fn augment_args(command: clap::Command) -> clap::Command {
        command.args(OPTIONS.iter().map(|option| {
            let action = match option.value {
                Some(_) => ArgAction::Append,
                None if option.long == VERBOSE => ArgAction::Count,
                None => ArgAction::SetTrue,
            };
            let argument = Arg::new(option.long).long(option.long).help(option.help);
            let argument = argument.help_heading("Options of Cargo").action(action);
            argument.short(option.short).value_name(option.value.unwrap_or_default())
        }))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Command, Options};
    use clap::Parser as _;

    fn parse(arguments: &[&str]) -> TestOptions {
        let arguments = ["bpfmap-vmtest", "test"].iter().chain(arguments);
        match Options::try_parse_from(arguments).unwrap().command {
            Command::Test(options) => *options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_number_of_threads_is_an_option_of_test_binaries() {
        let threads = |arguments: &[&str]| parse(arguments).test_threads();
        assert_eq!(threads(&["--", "--test-threads", "4", "name"]).unwrap(), Some(4));
        assert_eq!(threads(&["--", "--test-threads=1"]).unwrap(), Some(1));
        assert_eq!(threads(&["--", "name"]).unwrap(), None);
        assert_eq!(parse(&["--test-threads", "3"]).matrix.test_threads, Some(3));
        let filter = parse(&["--", "--test-threads", "4", "name"]).filter().unwrap();
        assert_eq!(filter.texts, ["name"]);
        for wrong in ["0", "many"] {
            assert_eq!(
                threads(&["--", "--test-threads", wrong]).unwrap_err().kind(),
                ErrorKind::Usage
            );
        }
    }

    #[test]
    fn options_of_cargo_reach_cargo() {
        let arguments = ["-p", "a", "--package=b", "-F", "x,y", "--build-jobs", "3", "-r", "-vv"];
        assert_eq!(
            parse(&arguments).cargo.arguments,
            [
                "--package=a",
                "--package=b",
                "--features=x,y",
                "--release",
                "--jobs=3",
                "--verbose",
                "--verbose"
            ]
        );
    }

    #[test]
    fn only_verbose_is_accepted_several_times() {
        for (argument, is_accepted) in [("-v", true), ("-q", false), ("--lib", false)] {
            let arguments = ["bpfmap-vmtest", "test", argument, argument];
            assert_eq!(Options::try_parse_from(arguments).is_ok(), is_accepted, "{argument}");
        }
    }

    #[test]
    fn cargo_has_all_options_that_are_passed_on() {
        let output = std::process::Command::new(env!("CARGO")).args(["test", "--help"]).output();
        let help = String::from_utf8(output.unwrap().stdout).unwrap();
        for option in OPTIONS {
            let name = option.for_cargo();
            let is_option = |word: &str| word.split(['[', ' ', '=', '.', ',']).any(|it| it == name);
            assert!(help.lines().any(is_option), "{name}: {help}");
        }
    }

    #[test]
    fn filters_are_parsed_like_the_arguments_of_a_test_binary() {
        let arguments = ["--kernel", "6.1", "map::", "--", "ring", "--skip", "slow", "--exact"];
        let options = parse(&arguments);
        let filter = options.filter().unwrap();
        assert_eq!(filter.texts, ["map::", "ring"]);
        assert_eq!(filter.skip, ["slow"]);
        assert!(filter.exact && !filter.include_ignored);
        assert_eq!(options.matrix.kernels, ["6.1"]);
        assert!(options.cargo.arguments.is_empty());
    }

    #[test]
    fn an_argument_that_is_not_a_filter_is_refused() {
        for (arguments, said) in [
            (&["--", "--report-time"][..], "unknown argument `--report-time` after `--`"),
            (&["--", "--skip"], "`--skip` needs a name"),
        ] {
            let error = parse(arguments).filter().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.to_string().starts_with(said), "{error}");
        }
    }
}
