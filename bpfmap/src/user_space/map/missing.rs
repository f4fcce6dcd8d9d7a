//! Errors about maps that an object does not contain, or that the loader of the object did not
//! create.

use crate::MapDef;
use crate::user_space::error::{Action, Error, ErrorKind, Result};
#[cfg(feature = "libbpf-rs")]
use crate::user_space::map::Info;
use crate::user_space::source::MapSource;
#[cfg(feature = "libbpf-rs")]
use crate::user_space::sys::Errno;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// The maximum number of map names in an error message.
const LISTED: usize = 16;

/// Returns the map with this name from an object, or `None` if the object declares the map but the
/// program that loaded the object did not create it.
///
/// # Errors
/// Fails if the object has no map with this name.
pub(super) fn find(
    declared: &MapDef<'_>,
    name: &str,
    object: &impl MapSource,
) -> Result<Option<OwnedFd>> {
    let fd = object.map_fd(name);
    let fd = fd.map_err(|error| Error::caused(Action::Open, declared.name, error))?;
    if fd.is_none() {
        let names = object.map_names();
        if !names.iter().any(|known| known == name) {
            return Err(not_in_object(declared, name, &names));
        }
    }
    Ok(fd)
}

/// Returns the error for a map name that is not in `names`, which contains the names of the
/// object's maps.
#[cold]
fn not_in_object(declared: &MapDef<'_>, name: &str, names: &[String]) -> Error {
    // Names with a dot are sections of variables, such as `.rodata`, and not maps that the author
    // declared.
    let names: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| !name.contains('.')).collect();
    let has = match names.len() {
        0 => String::new(),
        _ => format!("; its maps are {}", listed(&names)),
    };
    let near = match nearest(name, &names) {
        Some(near) => format!("did you mean `{near}`? if not, "),
        None => String::new(),
    };
    let text = format!(
        "the object has no map named `{name}`{has} (help: {near}include the schema's header in the program and compile the \
         program again)"
    );
    Error::told(Action::Open, declared.name, ErrorKind::NotFound, 0, text)
}

/// Returns the first names as a list, followed by the number of the remaining names.
fn listed(names: &[&str]) -> String {
    let first: Vec<String> = names.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
    let first = first.join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// Returns the error for a map that the object declares but the loader did not create.
#[cold]
pub(crate) fn not_created(declared: &MapDef<'_>) -> Error {
    let or = if declared.optional {
        "open the map with `Map::from_object_if_created`, which returns `None` in this case"
    } else {
        "write `optional = true` in the schema (in Rust `optional` in `#[bpf_map(…)]`), which makes the handle in `Maps` an `Option`"
    };
    let text = format!(
        "the program that loaded the object did not create this map (help: call `set_autocreate(true)` on the map before the \
         object is loaded; or {or})"
    );
    Error::told(Action::Open, declared.name, ErrorKind::NotCreated, 0, text)
}

/// Returns whether a descriptor belongs to a map. If this can't be determined, returns true.
#[cfg(feature = "libbpf-rs")]
pub(crate) fn is_map(fd: BorrowedFd<'_>) -> bool {
    !matches!(Info::of_map(fd), Err(Errno(libc::EINVAL)))
}

/// Returns whether a descriptor is the placeholder that libbpf uses for a map that it did not
/// create.
///
/// Source: libbpf, `create_placeholder_fd`.
pub(crate) fn is_placeholder(fd: BorrowedFd<'_>) -> bool {
    let link = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()));
    link.is_ok_and(|link| link.to_string_lossy().starts_with("/memfd:libbpf-placeholder-fd"))
}

/// Returns the name that is most similar to `wrong`, or `None` if no name is similar.
fn nearest<'n>(wrong: &str, names: &[&'n str]) -> Option<&'n str> {
    let lower = wrong.to_lowercase();
    let near = names.iter().map(|name| (distance(&lower, &name.to_lowercase()), *name));
    let (distance, name) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + name.len() / 4).then_some(name)
}

/// Returns the Levenshtein distance of two names: the number of letters that must be changed, added
/// or removed.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, left) in one.bytes().enumerate() {
        let mut diagonal = line;
        row[0] = line + 1;
        for (column, right) in other.bytes().enumerate() {
            let changed = diagonal + usize::from(left != right);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpfmap_core::TypeDesc;

    const COUNTERS: MapDef<'static> = MapDef::new("counters", 1, TypeDesc::U32, TypeDesc::U64);

    fn text(names: &[&str]) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        not_in_object(&COUNTERS, "counters", &names).to_string()
    }

    #[test]
    fn the_error_for_a_wrong_name_lists_the_names_in_the_object() {
        assert_eq!(
            text(&["events", "counter", "prog.rodata"]),
            "can't open map `counters`: the object has no map named `counters`; its maps are `events`, `counter` (help: did you \
             mean `counter`? if not, include the schema's header in the program and compile the program again)"
        );
        assert!(!text(&["events"]).contains("did you mean"));
        assert!(text(&[]).contains("named `counters` (help: include"));
    }

    #[test]
    fn a_long_list_of_names_is_cut() {
        let names: Vec<String> = (0..20).map(|number| format!("map_{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let text = text(&names);
        assert!(text.contains("`map_15` and 4 more"), "{text}");
        assert!(!text.contains("map_16"), "{text}");
    }

    #[test]
    fn the_nearest_name_is_found_despite_typing_errors() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "ab"), 2);
        assert_eq!(nearest("Countres", &["events", "counters"]), Some("counters"));
        assert_eq!(nearest("flows", &["events", "counters"]), None);
    }

    #[test]
    fn the_error_for_a_map_that_was_not_created_says_how_to_open_it() {
        let text = not_created(&COUNTERS).to_string();
        assert!(text.contains("did not create this map"), "{text}");
        assert!(text.contains("`set_autocreate(true)`"), "{text}");
        assert!(text.contains("`optional = true`"), "{text}");
        let text = not_created(&COUNTERS.optional()).to_string();
        assert!(text.contains("`Map::from_object_if_created`"), "{text}");
        assert!(!text.contains("`optional = true`"), "{text}");
    }
}
