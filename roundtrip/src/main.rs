//! Tests random schemas, and the schemas of this repository, in every stage.
//!
//! The stages test the schema, the C header, the BPF program and its object file, the commands
//! `verify` and `import`, and the generated Rust code. They also test the schema after its
//! conversion to Rust: the code with the derives, and the header that is generated from it.
//! Finally, they run the fixtures on the kernel of this machine. `cargo xtask roundtrip` runs this
//! program.

mod alone;
mod batch;
mod corpus;
mod generator;
mod item;
mod normal;
mod options;
mod shared;
mod shrink;
mod tools;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bpfmap_schema::ir::Schema;
use generator::Tally;
use item::{Failure, Item, Stage};
use options::Options;
use tools::Tools;

/// An error whose message is printed for the user.
type Error = Box<dyn std::error::Error>;

/// The number of schemas that are compiled in one crate.
const BATCH: usize = 40;

/// The maximum number of failures to shrink. Only one failure for each cause is shrunk.
const SHRUNK: usize = 8;
/// The time limit for shrinking a failure.
const SHRINKING: Duration = Duration::from_secs(25);

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Returns whether every schema passed all stages.
fn run() -> Result<bool, Error> {
    let options = Options::read(std::env::args().skip(1))?;
    let start = Instant::now();
    let tools = options.tools()?;
    let mut tally = Tally::default();
    let mut schemas: Vec<(String, Schema)> = vec![];
    if options.corpus {
        schemas.extend(corpus::schemas()?);
    }
    for seed in options.seed..options.seed + options.schemas {
        schemas.push((format!("s{seed}"), generator::schema(seed, &mut tally)));
    }
    println!("{} schemas, {} of them random", schemas.len(), options.schemas);
    let mut report = Report::default();
    for (number, batch) in schemas.chunks(BATCH).enumerate() {
        report.batch(batch, &tools, &format!("batch{number}"));
        println!(
            "{} schemas, {} failures, {} s",
            report.tried,
            report.failures.len(),
            start.elapsed().as_secs()
        );
    }
    let programs = tools.programs.load(Ordering::Relaxed);
    report.print();
    println!(
        "{programs} programs were compiled, of {} combinations of schemas, compilers and headers",
        report.tried * tools.ways.len()
    );
    report.explain(&schemas, &tools);
    tally.print(options.verbose);
    let even = tally.verdict(options.schemas);
    if let Err(why) = &even {
        println!("\nerror: {why}");
    }
    println!("\n{} s", start.elapsed().as_secs());
    Ok(report.failures.is_empty() && even.is_ok())
}

/// The results of the schemas.
#[derive(Default)]
struct Report {
    tried: usize,
    failures: Vec<(String, Failure)>,
}

impl Report {
    fn batch(&mut self, schemas: &[(String, Schema)], tools: &Tools, name: &str) {
        self.tried += schemas.len();
        let found = through(schemas, tools, name);
        for (id, failure) in &found {
            println!("{id}: {}", failure.signature());
        }
        if found.is_empty() {
            // The files need about 200 KB for each schema. Errors are ignored, because files that
            // can't be removed only use disk space.
            let _ = std::fs::remove_dir_all(tools.work.join(name));
        }
        self.failures.extend(found);
    }

    /// Prints the number of schemas that failed, by stage.
    fn print(&self) {
        println!();
        let mut left = self.tried;
        for stage in Stage::ALL {
            let failed =
                self.failures.iter().filter(|(_, failure)| failure.stage == *stage).count();
            println!("{left:6} {stage}: {failed} fail");
            // A schema that fails in a Rust stage still runs the other Rust stages, because these
            // stages do not depend on each other.
            left = left.saturating_sub(if *stage < Stage::Rust { failed } else { 0 });
        }
    }

    /// Prints one failure for each cause, and the smallest schema that causes this failure.
    fn explain(&self, schemas: &[(String, Schema)], tools: &Tools) {
        let mut causes: BTreeMap<String, Vec<&(String, Failure)>> = BTreeMap::new();
        for failure in &self.failures {
            causes.entry(failure.1.signature()).or_default().push(failure);
        }
        let mut causes: Vec<_> = causes.into_iter().collect();
        causes.sort_by_key(|(_, failures)| std::cmp::Reverse(failures.len()));
        for (index, (cause, failures)) in causes.iter().enumerate() {
            let ids: Vec<&str> = failures.iter().map(|(id, _)| id.as_str()).collect();
            println!("\n== {cause}: {} schemas: {}", ids.len(), ids[..ids.len().min(12)].join(" "));
            let Some((id, failure)) = failures.first() else { continue };
            let Some((_, schema)) = schemas.iter().find(|(other, _)| other == id) else { continue };
            let (text, failure) = if index < SHRUNK {
                smallest(schema, failure, tools)
            } else {
                (String::new(), failure.clone())
            };
            println!("{text}\n{}", head(&failure.text));
            if let Some(seed) = id.strip_prefix('s').filter(|seed| seed.parse::<u64>().is_ok()) {
                println!("to reproduce: cargo xtask roundtrip --schemas 1 --seed {seed}");
            }
        }
    }
}

fn head(text: &str) -> String {
    text.lines().take(40).collect::<Vec<_>>().join("\n")
}

/// Runs every stage for the schemas, and returns the failures.
fn through(schemas: &[(String, Schema)], tools: &Tools, name: &str) -> Vec<(String, Failure)> {
    let next = AtomicUsize::new(0);
    let workers = thread::available_parallelism().map_or(1, Into::into);
    let work = || {
        let mut done = vec![];
        while let Some((id, schema)) = schemas.get(next.fetch_add(1, Ordering::Relaxed)) {
            let folder = tools.work.join(name).join(id);
            let item = Item::new(id.clone(), folder, schema);
            done.push(match item.and_then(|item| alone::run(&item, tools).map(|()| item)) {
                Ok(item) => Ok(item),
                Err(failure) => Err((id.clone(), failure)),
            });
        }
        done
    };
    let done: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    let (mut items, mut failures) = (vec![], vec![]);
    for one in done {
        match one {
            Ok(item) => items.push(item),
            Err(failure) => failures.push(failure),
        }
    }
    items.sort_by(|one, other| one.id.cmp(&other.id));
    let part: Vec<&Item> = items.iter().collect();
    if !part.is_empty() {
        let found = batch::run(&part, tools, name);
        failures.extend(found.into_iter().map(|(at, failure)| (part[at].id.clone(), failure)));
    }
    failures
}

/// Returns the smallest schema that was found to fail in the same way, and the failure of this
/// schema.
fn smallest(schema: &Schema, failure: &Failure, tools: &Tools) -> (String, Failure) {
    let start = Instant::now();
    let (mut schema, mut failure) = (schema.clone(), failure.clone());
    let wanted = failure.signature();
    let fails = |candidate: &Schema| {
        let only = [("shrunk".to_owned(), candidate.clone())];
        let found = through(&only, tools, "shrinking").into_iter().map(|(_, failure)| failure);
        found.into_iter().find(|failure| failure.signature() == wanted)
    };
    'again: while start.elapsed() < SHRINKING {
        for candidate in shrink::smaller(&schema) {
            if start.elapsed() > SHRINKING {
                break 'again;
            }
            if bpfmap_schema::check::check(candidate.clone()).is_err() {
                continue;
            }
            if let Some(found) = fails(&candidate) {
                (schema, failure) = (candidate, found);
                continue 'again;
            }
        }
        break;
    }
    (bpfmap_schema::print::toml::print(&schema), failure)
}
