//! The page about the special fields of values, which the kernel manages.

use std::fmt::Write as _;

use bpfmap_core::SpecialField;
use bpfmap_core::map_type::MAP_TYPES;

use crate::markdown::{Table, counted};

/// Returns the generated part of the page.
pub(super) fn page() -> String {
    let mut page = String::new();
    for field in SpecialField::ALL.iter().copied() {
        let size = counted(field.size().into(), "byte");
        let _ = write!(
            page,
            "\n## `{}`\n\n{}\n\nWritten as `{}`. {size}, aligned to {}.",
            field.name(),
            field.doc(),
            spelling(field),
            field.align()
        );
        if field.is_single() {
            page.push_str(" A value can have only one field of this type.");
        }
        page.push('\n');
        page.push_str(&kernels(field));
    }
    page
}

/// Returns the spelling of the type in schemas.
fn spelling(field: SpecialField) -> String {
    let name = field.name();
    if field.is_pointer() {
        format!("{name}<STRUCT>")
    } else if field.node().is_some() {
        format!("{name}<STRUCT.MEMBER>")
    } else {
        name.to_owned()
    }
}

/// Returns the map types that support the field, each with its first kernels.
fn kernels(field: SpecialField) -> String {
    let mut rows = Table::new(["map type", "first kernel", "in an array or an inner struct"]);
    let mut takes_any = false;
    for row in MAP_TYPES {
        let (Some(direct), Some(nested)) =
            (row.field_since(field, true), row.field_since(field, false))
        else {
            continue;
        };
        takes_any = true;
        let link = format!("[`{0}`]({0}.md)", row.name).replace("](", "](../map-types/");
        rows.row([link, direct.to_string(), nested.to_string()]);
    }
    if takes_any {
        rows.finish()
    } else {
        "\nThis field is a member of the elements of a list or a tree. It can't be a member of a value.\n".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use bpfmap_core::map_type::MAP_TYPES;

    use super::*;

    #[test]
    fn each_field_has_a_section_with_the_map_types_that_take_it() {
        let page = page();
        for field in SpecialField::ALL.iter().copied() {
            let section = page.split(&format!("\n## `{}`\n", field.name())).nth(1).unwrap();
            let section = section.split("\n## ").next().unwrap();
            assert!(section.contains(field.doc()));
            let rows = MAP_TYPES.iter().filter(|row| row.takes_special_field(field)).count();
            assert_eq!(section.matches("../map-types/").count(), rows, "{section}");
        }
        assert!(page.contains("| [`hash`](../map-types/hash.md) | 5.15 | 6.11 |"), "{page}");
    }

    #[test]
    fn targets_are_part_of_the_spelling() {
        assert_eq!(spelling(SpecialField::Kptr), "kptr<STRUCT>");
        assert_eq!(spelling(SpecialField::ListHead), "bpf_list_head<STRUCT.MEMBER>");
        assert_eq!(spelling(SpecialField::Timer), "bpf_timer");
    }
}
