//! The origin of a map. If the map does not match the schema, the origin determines the help in the
//! error message.

use crate::MapDef;
use crate::user_space::difference::Difference;
use crate::user_space::source::MapSource;
use crate::user_space::verify;
use bpfmap_btf::{Btf, MapDefinition};
use std::path::Path;

/// The origin of a map.
pub(super) enum Origin<'a> {
    /// The map belongs to a loaded object. The string is the name of the map in this object.
    Object(&'a dyn MapSource, &'a str),
    /// The map is pinned at this path.
    Pin(&'a Path),
    /// An unknown origin, because the map was opened by a descriptor or an id.
    Unknown,
}

/// The information about a map in its object file, if it is known.
struct InFile {
    definition: MapDefinition,
    /// Whether the key and the value in the object file match the schema.
    has_layout: bool,
}

/// The help for a program that does not match the schema.
pub(super) const REBUILD: &str = "compile the program again with the header of this schema";
const LOADER: &str = "if the loader sets `max_entries`, write `set_by_loader = [\"max_entries\"]` in the schema (in Rust \
                      `set_by_loader(max_entries)`), or open the map with `Map::options().any_max_entries()`";

impl Origin<'_> {
    /// Returns the `help` for a map with these differences from the schema.
    #[cold]
    pub(super) fn help(&self, declared: &MapDef<'_>, differences: &[Difference]) -> String {
        let entries = differences.iter().any(|difference| difference.path == "max_entries");
        let others = differences.iter().any(|difference| difference.path != "max_entries");
        let mut help: Vec<String> = vec![];
        match self {
            Self::Object(source, name) => {
                let file = in_file(declared, *source, name);
                let has_layout = file.as_ref().is_some_and(|file| file.has_layout);
                if others && has_layout && differences.iter().any(is_about_layout) {
                    help.push(format!(
                        "the program was compiled with this schema, so the loader reused an older map: {}",
                        migrate("PIN")
                    ));
                } else if others {
                    help.push(REBUILD.to_owned());
                }
                if entries {
                    match file.and_then(|file| file.definition.max_entries) {
                        Some(number) if Some(number) != declared.max_entries => {
                            if !others {
                                help.push(format!(
                                    "the object file has a max_entries of {number}: {REBUILD}"
                                ));
                            }
                        }
                        _ => help.push(LOADER.to_owned()),
                    }
                }
            }
            Self::Pin(path) => {
                help.push(format!(
                    "the pin has an older layout: {}",
                    migrate(&path.display().to_string())
                ));
                if entries {
                    help.push(LOADER.to_owned());
                }
            }
            Self::Unknown => {
                if others {
                    help.push(format!(
                        "{REBUILD}; for a pin with an older layout, {}",
                        migrate("PIN")
                    ));
                }
                if entries {
                    help.push(LOADER.to_owned());
                }
            }
        }
        format!(" (help: {})", help.join("; "))
    }
}

fn migrate(pin: &str) -> String {
    format!(
        "move the entries with `bpfmap migrate --from OLD --to NEW --pinned {pin}`, or remove the pin"
    )
}

fn is_about_layout(difference: &Difference) -> bool {
    difference.path.starts_with("key") || difference.path.starts_with("value")
}

fn in_file(declared: &MapDef<'_>, source: &dyn MapSource, name: &str) -> Option<InFile> {
    let data = source.btf()?;
    let btf = Btf::parse(&data).ok()?;
    let definition = btf.map_definition(name)?;
    let types = (definition.key.unwrap_or_default(), definition.value.unwrap_or_default());
    // A definition that has only sizes does not describe the layout.
    let has_layout = types.1 != 0 && verify::types_at_opening(declared, &btf, types).is_empty();
    Some(InFile { definition, has_layout })
}
