//! The page about the flags with which maps are created.

use std::fmt::Write as _;

use bpfmap_core::map_type::{Condition, MAP_FLAGS, MAP_TYPES, MapFlag, OperationFacts};

use super::timeline::timeline;
use crate::markdown::Table;

/// Returns the generated part of the page.
pub(super) fn page() -> String {
    let mut page = String::new();
    for flag in MAP_FLAGS {
        let MapFlag { name, bit, since, effect, .. } = flag;
        let c_name = flag.c_name();
        let _ = write!(
            page,
            "\n## `{name}`\n\n{effect}\n\n`{c_name}`, bit {bit}, from Linux {since}.\n"
        );
        let types: Vec<String> = MAP_TYPES
            .iter()
            .filter_map(|row| {
                let since = row.flag_since(name)?;
                Some(format!("[`{0}`](../map-types/{0}.md) ({since})", row.name))
            })
            .collect();
        if types.is_empty() {
            page.push_str("\nNo map type that a schema can declare accepts this flag.\n");
        } else {
            let _ =
                write!(page, "\nMap types, each with its first kernel: {}.\n", types.join(", "));
        }
        let operations = || flag.operations.iter().chain(flag.own_operations);
        if operations().next().is_some() {
            page.push_str("\nThis flag has the following effects on operations from user space:\n");
            let mut rows = Table::new(["operation", "when", "answer"]);
            operations().for_each(|facts| push_operation(&mut rows, facts, flag));
            page.push_str(&rows.finish());
        }
    }
    page
}

fn push_operation(rows: &mut Table, facts: &OperationFacts, flag: &MapFlag) {
    for case in facts.cases {
        let when = if case.condition == Condition::Plain { "" } else { case.condition.doc() };
        let answers = timeline(case.answers, flag.since);
        rows.row([format!("`{}`", facts.operation.name()), when.to_owned(), answers]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flag_has_a_section_with_its_effect_and_map_types() {
        let page = page();
        for flag in MAP_FLAGS {
            let section = page.split(&format!("\n## `{}`\n", flag.name)).nth(1).unwrap();
            let section = section.split("\n## ").next().unwrap();
            assert!(section.contains(flag.effect), "{}", flag.name);
            for row in MAP_TYPES {
                let link = format!("[`{}`]", row.name);
                assert_eq!(
                    section.contains(&link),
                    row.flag_since(flag.name).is_some(),
                    "{section}"
                );
            }
        }
    }
}
