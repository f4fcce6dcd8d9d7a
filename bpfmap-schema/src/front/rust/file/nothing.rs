//! Returns notes for a source file that does not contain a schema.

use super::krate::{Crate, DeclarationId, Kind};

/// Returns notes that describe the contents of a source that declares no types or maps of a schema.
/// `own` contains the declarations in the source.
pub(super) fn instead(krate: &Crate, own: &[DeclarationId]) -> Vec<String> {
    /// The maximum number of names in the note.
    const TOLD: usize = 3;
    let mut notes = Vec::new();
    if krate.sources.borrow().iter().next().is_some_and(|source| looks_like_toml(&source.text)) {
        notes.push(
            "the file looks like TOML, but the name of a schema in TOML must end in `.toml`"
                .to_owned(),
        );
    }
    let foreign = own.iter().map(|id| krate.declaration(*id));
    let foreign = foreign.filter(|declaration| matches!(declaration.kind, Kind::Foreign));
    let names: Vec<String> =
        foreign.take(TOLD).map(|declaration| format!("`{}`", declaration.name)).collect();
    if !names.is_empty() {
        let has = if names.len() == 1 { "has" } else { "have" };
        notes.push(format!("{} {has} no derive", names.join(", ")));
    }
    if krate.left_out.get() > 0 {
        notes.push("declarations under a `cfg` that is false are left out".to_owned());
    }
    if krate.memory.types.borrow().len() + krate.memory.maps.borrow().len() > 0 {
        notes.push(
            "types with `in_place` and maps with `template` are only parts of other declarations"
                .to_owned(),
        );
    }
    notes
}

/// Returns whether the first line that is not empty or a comment looks like TOML.
fn looks_like_toml(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
    let key = first.split_once('=').map(|(key, _)| key.trim());
    let is_key = key.is_some_and(|key| {
        !key.is_empty()
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    });
    is_key || first.starts_with('[') && first.ends_with(']')
}
