//! Reference pages. Each page is either completely generated, or consists of a chapter and a
//! generated part.
//!
//! If a chapter in `docs/` has the same path as a generated page, the page begins with this
//! chapter. The generated part follows the chapter.

mod flags;
mod map_types;
mod rules;
mod schema;
mod special_fields;
mod timeline;
mod types;

use bpfmap_core::map_type::MAP_TYPES;

use crate::chapter::{Chapter, DOCS};

/// Returns all pages of the book: the chapters, and the generated pages, sorted by path.
#[must_use]
pub fn all(chapters: Vec<Chapter>) -> Vec<Chapter> {
    let mut pages = chapters;
    let generated = [
        ("reference/schema.md", "# Schemas in TOML\n", schema::page()),
        ("reference/types.md", "# Types\n", types::page()),
        ("reference/flags.md", "# Flags of maps\n", flags::page()),
        ("reference/special-fields.md", "# Special fields\n", special_fields::page()),
        ("map-types/index.md", "# Map types\n", map_types::index()),
        ("rules/index.md", "# Rules\n", rules::index()),
        ("changes/index.md", "# Changes between schemas\n", rules::index_of_changes()),
    ];
    for (path, title, text) in generated {
        let page = take(&mut pages, path).unwrap_or_else(|| made(path, title.to_owned()));
        let end = page.text.len();
        pages.push(page.with_facts(end, &text));
    }
    for row in MAP_TYPES {
        let path = path_of_map_type(row.name);
        let written = take(&mut pages, &path);
        pages.push(map_types::page(
            row,
            written.unwrap_or_else(|| made(&path, map_types::intro(row))),
        ));
    }
    pages.extend(rules::pages().map(|(path, text)| made(&path, text)));
    pages.sort_by(|one, other| one.file.cmp(&other.file));
    pages
}

/// Returns the paths of the missing chapters of map types.
pub(crate) fn map_types_without_chapter(chapters: &[Chapter]) -> Vec<String> {
    let files = MAP_TYPES.iter().map(|row| format!("{DOCS}/{}", path_of_map_type(row.name)));
    files.filter(|file| chapters.iter().all(|chapter| chapter.file != *file)).collect()
}

/// Returns the title and the path of each page below an index. The table of contents shows the
/// title. The path is relative to `docs/`.
pub(crate) fn below(index: &str) -> Vec<(String, String)> {
    match index {
        "map-types/index.md" => {
            let pages = MAP_TYPES.iter().map(|row| (row.name, path_of_map_type(row.name)));
            pages.map(|(name, path)| (format!("`{name}`"), path)).collect()
        }
        "rules/index.md" => rules::rules().collect(),
        "changes/index.md" => rules::changes().collect(),
        _ => vec![],
    }
}

fn path_of_map_type(name: &str) -> String {
    format!("map-types/{name}.md")
}

fn take(pages: &mut Vec<Chapter>, path: &str) -> Option<Chapter> {
    let index = pages.iter().position(|page| page.file == format!("{DOCS}/{path}"))?;
    Some(pages.swap_remove(index))
}

fn made(path: &str, text: String) -> Chapter {
    Chapter::verbatim(format!("{DOCS}/{path}"), text)
}
