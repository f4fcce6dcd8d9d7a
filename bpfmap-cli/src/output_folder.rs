//! A set of files to generate into one directory. The command line or the project file describes
//! it.

use std::path::{Path, PathBuf};

use bpfmap_codegen::Emit;
use bpfmap_schema::nearest;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A set of files to generate into one directory.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputFolder {
    /// The output directory.
    pub out: PathBuf,
    /// The kinds of files. `None` stands for the default kinds of each schema.
    #[serde(default, deserialize_with = "kinds")]
    pub emit: Option<Vec<Emit>>,
    /// Whether the C headers contain legacy map definitions, for libbpf before 1.0.
    #[serde(default)]
    pub legacy: bool,
    /// The name of a Rust file that declares a module for each schema, or `None` for no such file.
    #[serde(default, deserialize_with = "modules")]
    pub modules: Option<String>,
}

/// Parses the name of a file in the output directory. Fails if `text` contains a folder.
pub(crate) fn file_name(text: &str) -> Result<String, &'static str> {
    let is_name = Path::new(text).file_name().is_some_and(|name| name == text);
    is_name.then(|| text.to_owned()).ok_or("expected a file name without a folder")
}

fn kinds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Emit>>, D::Error> {
    let words = Vec::<String>::deserialize(deserializer)?;
    let kind = |word: &String| {
        let known = Emit::ALL.iter().find(|(name, _)| name == word);
        known.map(|(_, kind)| *kind).ok_or_else(|| {
            let help = nearest::nearest(word, Emit::ALL.iter().map(|(name, _)| *name));
            D::Error::custom(format!("unknown kind of file `{word}`: {help}"))
        })
    };
    words.iter().map(kind).collect::<Result<_, _>>().map(Some)
}

fn modules<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let name = String::deserialize(deserializer)?;
    file_name(&name).map(Some).map_err(D::Error::custom)
}
