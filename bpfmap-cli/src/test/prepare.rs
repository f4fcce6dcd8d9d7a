//! Prepares the files for a guest: the text of each schema, and the object of its fixture.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bpfmap_codegen::Emit;
use bpfmap_codegen::backend::fixture::{describe, untried};
use bpfmap_codegen::clang::Clang;
use bpfmap_codegen::generate::{Options, generate};
use bpfmap_core::KernelVersion;
use bpfmap_schema::check::{Checked, check};
use bpfmap_schema::front::btf::read_object;
use bpfmap_schema::front::toml::read_str;
use bpfmap_schema::ir::Schema;
use bpfmap_schema::print::toml::print;
use bpfmap_vmtest::Stop;
use bpfmap_vmtest::report::show_status;

use super::{memory, oldest};
use crate::options::MessageFormat;
use crate::schemas::show_findings;
use crate::{Failed, complain, kernel_btf};

/// The name of the subdirectory with the files for guests, in the directory of each run.
pub(super) const FOR_GUEST: &str = "guest";

/// The prepared input of a run.
#[derive(Default)]
pub(super) struct Prepared {
    /// The names of the tests: `SCHEMA::MAP::TEST`.
    pub(super) tests: Vec<String>,
    /// The maps that can't be tested.
    pub(super) unproven: Vec<Unproven>,
    /// The oldest kernel that any of the schemas supports.
    pub(super) oldest: Option<KernelVersion>,
    /// The memory that the entries of the largest map need, in bytes.
    pub(super) memory: u64,
    /// The names of the schemas.
    schemas: Vec<String>,
    /// The signal to stop. Programs that a signal has ended cause no message.
    stop: Stop,
}

/// A map that can't be tested.
pub(super) struct Unproven {
    pub(super) schema: String,
    pub(super) map: String,
    /// The reason why the map can't be tested.
    pub(super) why: String,
}

/// Returns the name of the file with the text of a schema, in the folder for guests.
pub(super) fn schema_in(schema: &str) -> String {
    format!("{schema}.toml")
}

/// Returns the name of the object of a schema's fixture, in the folder for guests.
pub(super) fn object_in(schema: &str) -> String {
    format!("{schema}.bpf.o")
}

impl Prepared {
    /// Returns a run without any maps.
    pub(super) fn new(stop: Stop) -> Self {
        Self { stop, ..Self::default() }
    }

    /// Prepares schemas, and the schemas that they include, in a folder.
    pub(super) fn add_schemas(
        &mut self,
        roots: &[Checked],
        includes: &[Checked],
        folder: &Path,
    ) -> Result<(), Failed> {
        for root in roots {
            self.take_name(&root.schema().name.value)?;
        }
        self.oldest = oldest(roots);
        let workshop = Workshop::new(folder).map_err(|why| fail(&why))?;
        for checked in roots.iter().chain(includes) {
            workshop.write_header(checked).map_err(|why| fail(&why))?;
        }
        let compiled = AtomicUsize::new(0);
        let tell = |done: usize| {
            show_status(&format!("compiling test programs: {done} of {}", roots.len()));
        };
        tell(0);
        let made = each(roots, |root| {
            let made = workshop.make(root);
            tell(compiled.fetch_add(1, Ordering::Relaxed) + 1);
            made
        });
        show_status("");
        if self.stop.is_said() {
            return Err(Failed::Found);
        }
        for (root, made) in roots.iter().zip(made) {
            made.map_err(|why| fail(&why))?;
            self.take(root);
        }
        Ok(())
    }

    /// Prepares the maps of an object file in a directory.
    pub(super) fn add_object(
        &mut self,
        path: &Path,
        folder: &Path,
        messages: MessageFormat,
    ) -> Result<(), Failed> {
        let data = kernel_btf::read_file(path)?;
        let imported = read_object(path, &data, None);
        if imported.schema.maps.is_empty() && imported.left_out.is_empty() {
            show_findings(messages, &imported.findings, &imported.schema.sources);
            if imported.is_partial() {
                return Err(Failed::Found);
            }
            complain(&format!("note: `{}` declares no map\n", path.display()));
            return Ok(());
        }
        let name = imported.schema.name.value.clone();
        self.take_name(&name)?;
        for left_out in &imported.left_out {
            let found = imported.findings.iter();
            let found = found.filter(|finding| finding.rule.id == left_out.rule.id);
            let mut about = found.filter(|finding| finding.message.contains(&left_out.map));
            let why = about.next().map_or(left_out.rule.title, |finding| &finding.message);
            self.leave_out(&name, &left_out.map, why);
        }
        if imported.schema.maps.is_empty() {
            return Ok(());
        }
        let workshop = Workshop::new(folder).map_err(|why| fail(&why))?;
        let checked = again(&imported.schema).map_err(|why| fail(&why))?;
        show_status(&format!("compiling the test program of `{}`", path.display()));
        let made = workshop.write_header(&checked).and_then(|()| workshop.make(&checked));
        show_status("");
        if self.stop.is_said() {
            return Err(Failed::Found);
        }
        if let Err(why) = made {
            // The error is only a note, because the other objects can still be tested.
            complain(&format!("note: `{}` is left out: {why}\n", path.display()));
            for map in &checked.schema().maps {
                self.leave_out(&name, &map.name.value, "its test program can't be compiled");
            }
            return Ok(());
        }
        self.take(&checked);
        Ok(())
    }

    /// Reserves the name of a schema. Fails if the name is already reserved, because the names of
    /// tests contain it.
    fn take_name(&mut self, name: &str) -> Result<(), Failed> {
        if self.schemas.iter().any(|taken| taken == name) {
            return Err(fail(&format!(
                "two schemas have the name `{name}`\nhelp: test each of them with a separate command"
            )));
        }
        self.schemas.push(name.to_owned());
        Ok(())
    }

    /// Adds the tests of a schema that has been prepared.
    fn take(&mut self, checked: &Checked) {
        let schema = &checked.schema().name.value;
        for description in describe(checked) {
            let map = &description.map().name.value;
            let names =
                description.tests().iter().map(|test| format!("{schema}::{map}::{}", test.name));
            self.tests.extend(names);
        }
        self.memory = self.memory.max(memory::of_largest_map(checked));
        for (map, why) in untried(checked) {
            self.leave_out(schema, &map.name.value, why);
        }
    }

    fn leave_out(&mut self, schema: &str, map: &str, why: &str) {
        let [schema, map, why] = [schema, map, why].map(str::to_owned);
        self.unproven.push(Unproven { schema, map, why });
    }
}

/// The directories in which objects are built.
struct Workshop {
    clang: Clang,
    /// The directory of sources and headers.
    sources: PathBuf,
    /// The directory for guests.
    results: PathBuf,
}

impl Workshop {
    fn new(folder: &Path) -> Result<Self, String> {
        let clang = Clang::find().map_err(|error| error.to_string())?;
        let [sources, results] = ["sources", FOR_GUEST].map(|name| folder.join(name));
        for made in [&sources, &results] {
            fs::create_dir_all(made).map_err(|error| unwritten(made, &error))?;
        }
        Ok(Self { clang, sources, results })
    }

    /// Writes the header of a schema. The programs of other schemas can include this header.
    fn write_header(&self, checked: &Checked) -> Result<(), String> {
        self.write_sources(checked, Emit::C)
    }

    /// Creates the object and the text of a schema. The header of the schema must already exist.
    fn make(&self, checked: &Checked) -> Result<(), String> {
        let name = &checked.schema().name.value;
        let text = print(checked.schema());
        let reads_the_same =
            again(checked.schema()).is_ok_and(|again| fixtures_of(&again) == fixtures_of(checked));
        if !reads_the_same {
            return Err(format!(
                "the schema `{name}` changes when it is converted to TOML\nnote: this is a bug of bpfmap"
            ));
        }
        let path = self.results.join(schema_in(name));
        fs::write(&path, text).map_err(|error| unwritten(&path, &error))?;
        self.write_sources(checked, Emit::Fixtures)?;
        let program = self.sources.join(format!("{name}.fixture.bpf.c"));
        let object = self.results.join(object_in(name));
        // The code that compares values in a fixture can need instructions that the first version
        // of the BPF instruction set does not have.
        let options = ["-mcpu=v3".into()];
        let compiled = self.clang.compile(&program, &object, &self.sources, &options);
        compiled.map(|_| ()).map_err(|error| error.to_string())
    }

    fn write_sources(&self, checked: &Checked, kind: Emit) -> Result<(), String> {
        let options = Options { emit: vec![kind], ..Options::default() };
        let files = generate(checked, &options).into_iter();
        // `bpfmap test` compiles no Rust code, so it does not generate any.
        for file in files.filter(|file| Path::new(&file.name).extension() != Some("rs".as_ref())) {
            let path = self.sources.join(&file.name);
            fs::write(&path, file.contents).map_err(|error| unwritten(&path, &error))?;
        }
        Ok(())
    }
}

/// Converts a schema to TOML, and reads it again as a guest does.
fn again(schema: &Schema) -> Result<Checked, String> {
    let path = PathBuf::from(schema_in(&schema.name.value));
    check(read_str(&path, &print(schema))).map_err(|rejected| rejected.to_string())
}

/// Returns a text that describes the fixtures of a schema, so that two schemas can be compared.
fn fixtures_of(checked: &Checked) -> Vec<String> {
    let described = describe(checked);
    let of = |description: &bpfmap_codegen::backend::fixture::Description<'_>| {
        format!("{:?} {:?}", description.map_fixture(), description.tests())
    };
    described.iter().map(of).collect()
}

/// Applies a function to each of `items` in parallel, and returns the results in the same order.
fn each<T: Sync, R: Send>(items: &[T], act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let waiting = Mutex::new(items.iter().enumerate());
    let next = || waiting.lock().ok()?.next();
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let work = || {
            let mut done = vec![];
            while let Some((index, item)) = next() {
                done.push((index, act(item)));
            }
            done
        };
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).flatten().collect()
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

fn unwritten(path: &Path, error: &std::io::Error) -> String {
    format!("can't write `{}`: {error}", path.display())
}

fn fail(error: &impl Display) -> Failed {
    complain(&format!("error: {error}\n"));
    Failed::Found
}
