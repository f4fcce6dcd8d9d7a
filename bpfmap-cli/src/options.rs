//! The command line: the commands, and the options that several commands share. The module of each
//! command contains its other options and its help.

use std::path::{Path, PathBuf};

use bpfmap_schema::front::rust::{Cfg, CfgError};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::convert::ConvertOptions;
use crate::diff::DiffOptions;
use crate::fmt::FmtOptions;
use crate::generate::GenerateOptions;
use crate::import::ImportOptions;
use crate::init::InitOptions;
use crate::kernels::KernelsOptions;
use crate::manual;
use crate::migrate::MigrateOptions;
use crate::schemas::CheckOptions;
use crate::test::TestOptions;
use crate::verify::VerifyOptions;

/// One schema for both sides of a BPF map
#[derive(Debug, Parser)]
#[command(name = "bpfmap", version, after_long_help = manual::TOP)]
pub(crate) struct CommandLine<C: Subcommand> {
    #[command(subcommand)]
    pub(crate) command: C,
}

/// Every command. Completions and man pages are made from [`Command`], which has no hidden
/// commands.
#[derive(Debug, Subcommand)]
pub(crate) enum AnyCommand {
    #[command(flatten)]
    Listed(Box<Command>),
    /// Write man pages into a folder
    #[command(hide = true)]
    Man {
        /// The folder, which must exist
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(InitOptions),
    Generate(GenerateOptions),
    Check(CheckOptions),
    Fmt(FmtOptions),
    Kernels(KernelsOptions),
    Convert(ConvertOptions),
    Diff(DiffOptions),
    Verify(VerifyOptions),
    Migrate(MigrateOptions),
    Import(ImportOptions),
    /// Explain a rule or a failure, or list all of them
    #[command(after_long_help = manual::EXPLAIN)]
    Explain {
        /// The name of the rule or failure; the default is to list all of them
        rule: Option<String>,
    },
    Test(TestOptions),
    /// Print the JSON Schema (2020-12) of schemas in TOML.
    ///
    /// Editors use the JSON Schema to complete and check schemas. For Taplo and the extension Even
    /// Better TOML, write its path in a comment in the first line of a schema, such as
    /// `#:schema ./bpfmap.schema.json`.
    #[command(about = "Print the JSON Schema of schemas in TOML, for editors")]
    #[command(after_long_help = manual::SCHEMA)]
    Schema,
    /// Print a completion script for a shell
    #[command(after_long_help = manual::COMPLETIONS)]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// The schemas that a command reads. If there are none, the command reads the schemas of the
// project.
#[derive(Debug, Args)]
pub(crate) struct SchemasOption {
    /// Schemas, in TOML or in Rust with the derives; `-` is TOML on standard input; the default is
    /// the schemas of bpfmap.toml
    #[arg(value_name = "SCHEMA")]
    pub(crate) schemas: Vec<PathBuf>,
}

/// The build settings that affect a schema in Rust.
#[derive(Debug, Args)]
pub(crate) struct BuildOptions {
    /// All features that are enabled, for `#[cfg(…)]` in a schema in Rust; '' if none is enabled
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    features: Option<Vec<String>>,
    /// A condition that is true, for `#[cfg(…)]` in a schema in Rust: `NAME`, `KEY="VALUE"`, or
    /// `not(…)` of these
    #[arg(long, value_name = "CONDITION", value_parser = condition)]
    cfg: Vec<String>,
    /// The root file of a crate whose types a schema in Rust uses:
    /// `net_types=../net-types/src/lib.rs`
    #[arg(long = "extern", value_name = "CRATE=FILE", value_parser = extern_crate)]
    externs: Vec<(String, PathBuf)>,
}

/// The kernel whose names are reserved.
#[derive(Debug, Args)]
pub(crate) struct KernelBtfOption {
    /// The BTF of a kernel, such as /sys/kernel/btf/vmlinux; a schema can't declare a name that
    /// this kernel uses, but it can declare a name that only other kernels use
    #[arg(long, value_name = "FILE")]
    pub(crate) kernel_btf: Option<PathBuf>,
}

/// How diagnostics are shown.
#[derive(Debug, Default, Clone, Copy, Args)]
pub(crate) struct DiagnosticOptions {
    /// The format of diagnostics: text on standard error, or JSON lines on standard output
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) message_format: MessageFormat,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MessageFormat {
    #[default]
    Human,
    Json,
}

/// A language of schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    Toml,
    Rust,
}

impl Language {
    /// Returns the language that the extension of a file stands for.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "rs" => Some(Self::Rust),
            "toml" => Some(Self::Toml),
            _ => None,
        }
    }
}

impl BuildOptions {
    /// Returns what the command line says about the build.
    pub(crate) fn facts(&self) -> Cfg {
        let mut cfg = Cfg::default();
        if let Some(features) = &self.features {
            cfg.features(features.iter().filter(|name| !name.is_empty()));
        }
        for condition in &self.cfg {
            // The condition was checked when the command line was parsed.
            let _ = cfg.set(condition);
        }
        for (name, path) in &self.externs {
            cfg.extern_crate(name, path);
        }
        cfg
    }
}

fn condition(text: &str) -> Result<String, CfgError> {
    Cfg::default().set(text).map(|()| text.to_owned())
}

/// Parses the name of a crate and its root file.
fn extern_crate(text: &str) -> Result<(String, PathBuf), &'static str> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok((name.to_owned(), path.into()))
        }
        _ => Err("expected the name of the crate, `=`, and its root file"),
    }
}

/// Parses the name of one of `all`.
pub(crate) fn one_of<T: Copy + Send + Sync + 'static>(
    all: &'static [(&'static str, T)],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.iter().map(|(name, _)| *name)).map(move |said| {
        let named = all.iter().find(|(name, _)| *name == said);
        named.expect("clap accepts only these names").1
    })
}
