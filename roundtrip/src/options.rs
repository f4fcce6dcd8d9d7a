//! Parses the command line.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;

use crate::Error;
use crate::tools::Tools;

/// The arguments that `cargo xtask roundtrip` passes to this program.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) schemas: u64,
    pub(crate) seed: u64,
    /// Whether to test the schemas of this repository as well.
    pub(crate) corpus: bool,
    pub(crate) verbose: bool,
    bpfmap: PathBuf,
    libraries: Vec<String>,
    search: Vec<String>,
    kernels: Vec<(String, PathBuf)>,
    work: PathBuf,
}

impl Options {
    /// Parses the command line.
    pub(crate) fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Error> {
        let mut options = Self { schemas: 300, ..Self::default() };
        while let Some(argument) = arguments.next() {
            if argument == "--corpus" {
                options.corpus = true;
                continue;
            }
            if argument == "--verbose" {
                options.verbose = true;
                continue;
            }
            let value = arguments.next().ok_or_else(|| format!("`{argument}` needs a value"))?;
            match argument.as_str() {
                "--schemas" => options.schemas = value.parse()?,
                "--seed" => options.seed = value.parse()?,
                "--bpfmap" => options.bpfmap = value.into(),
                "--library" => options.libraries.push(value),
                "--search" => options.search.push(value),
                "--work" => options.work = value.into(),
                "--kernel" => {
                    let (name, path) =
                        value.split_once('=').ok_or("expected `--kernel NAME=FILE`")?;
                    options.kernels.push((name.to_owned(), path.into()));
                }
                _ => return Err(format!("unknown option `{argument}`").into()),
            }
        }
        Ok(options)
    }

    /// Returns the tools that the stages need, and empties the working directory.
    pub(crate) fn tools(&self) -> Result<Tools, Error> {
        if self.work.exists() {
            fs::remove_dir_all(&self.work)?;
        }
        fs::create_dir_all(&self.work)?;
        let mut tools = Tools {
            bpfmap: self.bpfmap.clone(),
            libraries: self.libraries.clone(),
            search: self.search.clone(),
            work: self.work.canonicalize()?,
            ways: vec![],
            programs: AtomicUsize::new(0),
        };
        tools.prepare(&self.kernels)?;
        Ok(tools)
    }
}
