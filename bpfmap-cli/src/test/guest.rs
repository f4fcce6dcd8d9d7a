//! The part of `bpfmap test` that runs on the tested kernel. A process runs one test of a map, and
//! behaves like a Rust test binary.

use std::any::Any;
use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Instant;

use bpfmap_codegen::backend::fixture::{Description, describe};
use bpfmap_core::MapDef;
use bpfmap_schema::check::{Checked, check};
use bpfmap_schema::describe::map_def;
use bpfmap_schema::front::toml::read_file;
use bumpalo::Bump;

use super::prepare::{object_in, schema_in};

/// The first argument of a process that runs a test. The next argument is the directory of the
/// schemas and objects, and the options of a test binary follow.
pub(super) const RUN: &str = "run-fixture";

/// The exit status of a Rust test binary if a test fails.
const TEST_FAILED: u8 = 101;

/// If the arguments ask for a test, runs the test and returns the exit status. Otherwise, returns
/// `None`. The first argument is the name of the program.
pub(crate) fn main_if_test(arguments: &[OsString]) -> Option<u8> {
    let [_, run, folder, options @ ..] = arguments else { return None };
    if run != RUN {
        return None;
    }
    let name = match options {
        [exact, name, ..] if exact == "--exact" => name.to_string_lossy(),
        _ => {
            eprintln!("error: expected `--exact NAME`");
            return Some(2);
        }
    };
    let start = Instant::now();
    // Prints the message of a failure without its location, because locations in the source of this
    // program mean nothing to users.
    std::panic::set_hook(Box::new(|_| {}));
    match catch_unwind(AssertUnwindSafe(|| run_test(Path::new(folder), &name))) {
        Ok(Ok(())) => {
            // The harness looks for this line, which shows that the process did not end before the
            // test had passed.
            println!(
                "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in {:.2}s",
                start.elapsed().as_secs_f64()
            );
            return Some(0);
        }
        Ok(Err(why)) => println!("{why}"),
        Err(payload) => println!("{}", message(&*payload)),
    }
    Some(TEST_FAILED)
}

/// Runs the test `name`, which has the form `SCHEMA::MAP::TEST`.
fn run_test(folder: &Path, name: &str) -> Result<(), String> {
    let mut parts = name.split("::");
    let (Some(schema), Some(map), Some(test)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(format!("there is no test `{name}`"));
    };
    let path: PathBuf = folder.join(schema_in(schema));
    let checked = check(read_file(&path)).map_err(|rejected| rejected.to_string())?;
    // The interpreter needs map definitions that live as long as the process.
    let (arena, checked) = (leaked(Bump::new()), leaked(checked));
    let described = describe(checked);
    let description = described.iter().find(|description| description.map().name.value == map);
    let description = description.ok_or_else(|| format!("`{schema}` has no map `{map}`"))?;
    let known = description.tests().iter().find(|known| known.name == test);
    let steps = &known.ok_or_else(|| format!("`{map}` has no test `{test}`"))?.steps;
    let object = folder.join(object_in(schema));
    let object = std::fs::read(&object)
        .map_err(|error| format!("can't read `{}`: {error}", object.display()))?;
    let def = definition(arena, checked, description);
    bpfmap_fixture::run(def, &description.map_fixture(), &object, steps);
    Ok(())
}

fn definition(
    arena: &'static Bump,
    checked: &'static Checked,
    description: &Description<'static>,
) -> &'static MapDef<'static> {
    arena.alloc(map_def(arena, checked, description.map()))
}

fn leaked<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// Returns the message of a failed test.
fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or(payload.downcast_ref::<&str>().copied()).unwrap_or("the test failed without a message")
}
