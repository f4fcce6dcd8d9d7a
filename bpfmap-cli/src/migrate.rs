//! `bpfmap migrate`.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use bpfmap::migrate::{Migrated, Migration, Outcome as Ended, Progress, Stage};
use bpfmap_codegen::evolve::plan::{Obstacle, plan};
use bpfmap_codegen::evolve::{MapPair, Side, pair};
use bpfmap_schema::check::Checked;
use bpfmap_schema::describe::map_def;
use bpfmap_schema::diagnostics::Position;
use bumpalo::Bump;
use clap::Args;

use crate::options::{BuildOptions, DiagnosticOptions};
use crate::schemas::{Findings, read_two};
use crate::{Failed, Outcome, complain, complain_as_is, manual, print};

/// Move a pinned map with all its entries to a new layout.
///
/// First, stop the programs that write to the map. A loaded program keeps using the old map, so
/// the new map lacks everything that the program writes after the copy. The pin refers to the old
/// map until the new map is complete. If the command is killed, run it again.
#[derive(Debug, Args)]
#[command(after_long_help = manual::MIGRATE)]
pub(crate) struct MigrateOptions {
    /// The schema of the existing map
    #[arg(long, value_name = "SCHEMA")]
    from: PathBuf,
    /// The schema of the new map
    #[arg(long, value_name = "SCHEMA")]
    to: PathBuf,
    /// The pin
    #[arg(long, value_name = "PATH")]
    pinned: PathBuf,
    /// The name of the map in the schemas; needed if the schemas have several maps and no map has
    /// the name of the pin
    #[arg(long, value_name = "NAME")]
    map: Option<String>,
    /// The `max_entries` of the new map; the default is the number in the schemas
    #[arg(long, value_name = "NUMBER")]
    max_entries: Option<u32>,
    /// Use the new map even if the old map changes during the migration, or if entries are lost
    #[arg(long)]
    allow_differences: bool,
    /// Assume that the live map has the old layout if the command can't determine its layout: the
    /// map has no BTF, and its sizes are the same in both schemas
    #[arg(long)]
    assume_old: bool,
    #[command(flatten)]
    build: BuildOptions,
    #[command(flatten)]
    diagnostics: DiagnosticOptions,
}

pub(crate) fn run(options: &MigrateOptions) -> Outcome {
    let MigrateOptions { from, to, pinned, build, diagnostics, .. } = options;
    let (old, new) = read_two(from, to, Findings::new(build, diagnostics.message_format))?;
    let pairing = pair(&old, &new).map_err(|error| fail(&error.to_string()))?;
    let maps = choose(&pairing.maps, options.map.as_deref(), pinned)?;
    let arena = Bump::new();
    let planned = plan(&arena, &old, &new, maps).map_err(|obstacles| {
        for obstacle in &obstacles {
            complain(&format!("error: {}{obstacle}\n", place(obstacle, &old, &new)));
        }
        complain("The map was not changed.\n");
        Failed::Found
    })?;
    for note in &planned.notes {
        complain(&format!("note: {note}\n"));
    }
    let (was, is) = (map_def(&arena, &old, maps.old), map_def(&arena, &new, maps.new));
    let mut migration = Migration::new(pinned, &was, &is, planned.plan)
        .allow_differences(options.allow_differences)
        .assume_old(options.assume_old);
    if let Some(max_entries) = options.max_entries {
        migration = migration.max_entries(max_entries);
    }
    let mut shown = Shown { is_terminal: io::stderr().is_terminal(), stage: None };
    let ended = migration.run(|progress| shown.progress(progress));
    shown.end();
    match ended {
        Ok(Ended::AlreadyNew) => print(&format!(
            "{}: the map already matches `{}`, so there is nothing to do\n",
            pinned.display(),
            to.display()
        )),
        Ok(Ended::Migrated(done)) => print(&format!("{}: {}\n", pinned.display(), summary(done))),
        Ok(other) => print(&format!("{}: {other:?}\n", pinned.display())),
        Err(error) => Err(fail(&error.to_string())),
    }
}

/// Returns the message about the process that the command waits for.
fn waiting(holder: Option<u32>) -> String {
    let who = match holder {
        None => "another process".to_owned(),
        Some(process) => {
            let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
            let name: String = name.trim().chars().filter(|letter| !letter.is_control()).collect();
            if name.is_empty() {
                format!("process {process}")
            } else {
                format!("process {process} (`{name}`)")
            }
        }
    };
    format!("note: waiting for {who}, which holds the lock of the pin's folder\n")
}

fn summary(done: Migrated) -> String {
    let entries = |number: u64| match number {
        1 => "1 entry".to_owned(),
        more => format!("{more} entries"),
    };
    let moved = format!("{} moved to the new layout", entries(done.entries));
    if done.same {
        format!("{moved} and compared with the old map")
    } else {
        format!("{moved}; the old map differs and had {}", entries(done.old_entries))
    }
}

/// Returns the pair of maps that the command line refers to.
fn choose<'m, 'a>(
    maps: &'m [MapPair<'a>],
    name: Option<&str>,
    pinned: &Path,
) -> Result<&'m MapPair<'a>, Failed> {
    let called = |name: &str| {
        maps.iter().find(|pair| pair.new.name.value == name || pair.old.name.value == name)
    };
    let found = match name {
        Some(name) => called(name),
        None => match maps {
            [only] => Some(only),
            _ => pinned.file_name().and_then(|name| name.to_str()).and_then(called),
        },
    };
    found.ok_or_else(|| {
        let names: Vec<String> = maps.iter().map(|pair| format!("`{}`", pair.new.name.value)).collect();
        if names.is_empty() {
            complain(
                "error: the schemas have no map in common: if a map was renamed, write its old name in `renamed_from`\n",
            );
            return Failed::Found;
        }
        let asked = match name {
            Some(name) => format!("the schemas have no map `{name}` in common"),
            None => "can't determine which map this is".to_owned(),
        };
        complain(&format!("error: {asked}: use `--map` with one of {}\n", names.join(", ")));
        Failed::Usage
    })
}

/// Returns the position of the obstacle, in the form `new.toml:7:3: `.
fn place(obstacle: &Obstacle, old: &Checked, new: &Checked) -> String {
    let schema = match obstacle.side {
        Side::Old => old,
        Side::New => new,
    };
    obstacle.span.source.map_or_else(String::new, |id| {
        let source = schema.schema().sources.get(id);
        let at = Position::of(&source.text, obstacle.span.start);
        format!("{}:{}:{}: ", source.path.display(), at.line, at.column)
    })
}

/// The progress that the command shows to the user.
struct Shown {
    is_terminal: bool,
    stage: Option<Stage>,
}

impl Shown {
    fn progress(&mut self, progress: Progress) {
        if let Stage::Waiting { holder } = progress.stage {
            complain(&waiting(holder));
        }
        if !self.is_terminal {
            return;
        }
        let word = match progress.stage {
            Stage::Copying => "copying",
            Stage::Checking => "reading back",
            Stage::Comparing => "comparing",
            _ => return,
        };
        self.stage = Some(progress.stage);
        // The control sequence clears the rest of the line.
        let Progress { entries, at_most, .. } = progress;
        complain_as_is(&format!("\r{word}: {entries} entries of at most {at_most}\x1b[K"));
    }

    /// Clears the line.
    fn end(&self) {
        if self.stage.is_some() {
            complain_as_is("\r\x1b[K");
        }
    }
}

fn fail(error: &str) -> Failed {
    complain(&format!("error: {error}\n"));
    Failed::Found
}
