//! Builds a page for each map type from a chapter and from parts that are generated from the facts
//! table.

use std::fmt::Write as _;

use bpfmap_core::map_type::{
    BtfRule, Condition, EventRule, InnerRule, KernelObject, KeyRule, LARGEST_BUFFER, MAP_TYPES,
    MapExtraRule, MapFlag, MapType, MaxEntriesRule, Operation, Owner, PAGE_SIZE, Privilege,
    ValueRule,
};

use super::timeline::timeline;
use crate::chapter::Chapter;
use crate::markdown::{Table, counted, grouped, headings};

/// Returns the generated part of the index.
pub(super) fn index() -> String {
    let mut rows = Table::new(["map type", "number", "first kernel", ""]);
    for row in MAP_TYPES {
        let link = format!("[`{0}`]({0}.md)", row.name);
        rows.row([link, row.number.to_string(), row.since.to_string(), row.summary.to_owned()]);
    }
    rows.finish()
}

/// Returns the beginning of the page for a map type that has no chapter.
pub(super) fn intro(row: &MapType) -> String {
    format!("# `{}`\n\n{}\n", row.name, row.summary)
}

/// Returns the page. The most important facts follow the introduction. The flags, the special
/// fields and the operations are at the end.
pub(super) fn page(row: &'static MapType, written: Chapter) -> Chapter {
    let mut headings = headings(&written.text).into_iter();
    let sections = headings.find(|heading| heading.level == 2).map(|heading| heading.start);
    let end = written.text.len();
    let page = written.with_facts(end, &reference(row));
    page.with_facts(sections.unwrap_or(end), &glance(row))
}

/// Returns the facts that a reader looks for first.
fn glance(row: &MapType) -> String {
    let mut rows = Table::new(["", ""]);
    rows.row(["in C".to_owned(), format!("`{}`, number {}", row.c_name(), row.number)]);
    rows.row(["first kernel".to_owned(), row.since.to_string()]);
    for exception in row.architecture_exceptions() {
        let (feature, errno) = (exception.feature.name(), exception.refusal);
        let fact = format!("{feature}: from Linux {} on (`{errno}` before)", exception.since);
        rows.row([format!("on {}", exception.architecture.name()), fact]);
    }
    rows.row(["key".to_owned(), key(row)]);
    rows.row(["value".to_owned(), value(row)]);
    rows.row(["`max_entries`".to_owned(), max_entries(row.max_entries)]);
    if let Some(extra) = map_extra(row.map_extra) {
        rows.row(["`map_extra`".to_owned(), extra]);
    }
    if !row.required_flags.is_empty() {
        let flags = row.required_flags.iter().map(|flag| format!("`{flag}`"));
        rows.row(["required flags".to_owned(), flags.collect::<Vec<_>>().join(", ")]);
    }
    match row.events {
        EventRule::Nothing => {}
        EventRule::ToUserSpace => {
            rows.row(["`event`".to_owned(), "records from programs to user space".to_owned()]);
        }
        EventRule::ToPrograms => {
            rows.row(["`event`".to_owned(), "records from user space to programs".to_owned()]);
        }
    }
    rows.row(["BTF of key and value".to_owned(), btf(row.btf)]);
    rows.row(["as an inner map".to_owned(), as_inner(row.as_inner)]);
    rows.row(["privilege for creation".to_owned(), privilege(row.privilege).to_owned()]);
    if row.evicts {
        rows.row(["when full".to_owned(), "a new key replaces an existing entry".to_owned()]);
    }
    if row.resizes {
        let effect = "can miss entries and return others twice, while the kernel resizes the table";
        rows.row(["an iteration".to_owned(), effect.to_owned()]);
    }
    if let Some(successor) = row.successor() {
        let link = format!("deprecated: use [`{0}`]({0}.md)", successor.name);
        rows.row(["status".to_owned(), link]);
    }
    rows.finish()
}

fn key(row: &MapType) -> String {
    match row.key {
        KeyRule::Any { max_size } => {
            let all = format!("any type of 1 to {}", counted(max_size.into(), "byte"));
            let mut sizes = 1..=u64::from(max_size);
            let newer = sizes.find_map(|size| Some((size - 1, row.key_size_since(size)?)));
            match newer.filter(|(_, since)| *since > row.since) {
                Some((old, since)) => {
                    format!("{all}; before {since}, at most {}", counted(old, "byte"))
                }
                None => all,
            }
        }
        KeyRule::Index => "an index: a 32-bit integer from 0 to `max_entries` - 1".to_owned(),
        KeyRule::Number => "any 32-bit integer".to_owned(),
        KeyRule::Descriptor(owner) => {
            let owner = match owner {
                Owner::Socket => "socket",
                Owner::Inode => "file",
                Owner::Task => "task (a pidfd)",
                Owner::Cgroup => "cgroup",
            };
            format!("a file descriptor of a {owner}: a 32-bit integer")
        }
        KeyRule::CgroupStorage => {
            "`struct bpf_cgroup_storage_key`, or a `u64` cgroup id".to_owned()
        }
        KeyRule::LpmPrefix => {
            "a struct: a `u32` prefix length, then 1 to 256 bytes of data".to_owned()
        }
        KeyRule::Keyless => "none".to_owned(),
    }
}

fn value(row: &MapType) -> String {
    let text = match row.value {
        ValueRule::Plain { max_size } => {
            format!("any type of 1 to {}", counted(max_size.into(), "byte"))
        }
        ValueRule::Object(object) => {
            let what = match object {
                KernelObject::Program => "a program",
                KernelObject::PerfEvent => "a perf event",
                KernelObject::Cgroup => "a cgroup",
                KernelObject::Map => "a map",
                KernelObject::Device => "a network interface, optionally with a program",
                KernelObject::Cpu => "the queue of a CPU, optionally with a program",
                KernelObject::XdpSocket => "an `AF_XDP` socket",
                KernelObject::Socket => "a socket",
                KernelObject::ReuseportSocket => "a socket with `SO_REUSEPORT`",
            };
            let sizes = object.value_sizes().iter().map(|size| {
                let since = object.size_since(*size);
                if since > row.since {
                    format!("{size} bytes (from {since})")
                } else {
                    format!("{size} bytes")
                }
            });
            format!("{what}: {}", sizes.collect::<Vec<_>>().join(" or "))
        }
        ValueRule::Stack => {
            "frames of a stack: 8 bytes each, or 32 with `stack_build_id`".to_owned()
        }
        ValueRule::Instruction => "`struct bpf_insn_array_value`, 16 bytes".to_owned(),
        ValueRule::StructOps => "a kernel struct of functions".to_owned(),
        ValueRule::Valueless => "none".to_owned(),
    };
    if row.per_cpu { format!("{text}; one value for each possible CPU") } else { text }
}

fn max_entries(rule: MaxEntriesRule) -> String {
    match rule {
        MaxEntriesRule::AtLeastOne { max } => format!("1 to {}", grouped(max.into())),
        MaxEntriesRule::PerCpu => {
            "at least 1; default of libbpf: the number of possible CPUs".to_owned()
        }
        MaxEntriesRule::Bytes => format!(
            "the size in bytes: a power of two, a multiple of the page size ({}), at most {}",
            grouped(PAGE_SIZE.into()),
            grouped(LARGEST_BUFFER.into())
        ),
        MaxEntriesRule::Pages { max } => format!("a number of pages, 1 to {}", grouped(max.into())),
        MaxEntriesRule::One => "1".to_owned(),
        MaxEntriesRule::Zero => {
            "0: each entry belongs to a kernel object, and is deleted with this object".to_owned()
        }
    }
}

fn map_extra(rule: MapExtraRule) -> Option<String> {
    Some(match rule {
        MapExtraRule::Zero => return None,
        MapExtraRule::HashFunctions { max } => {
            format!("the number of hash functions, 1 to {max}; 0: the kernel's default")
        }
        MapExtraRule::Address => {
            "the address at which user space maps the arena, a multiple of the page size; 0: any address"
                .to_owned()
        }
        MapExtraRule::ExpectedEntries { max } => {
            format!("the expected number of entries, up to {}", grouped(max))
        }
    })
}

fn btf(rule: BtfRule) -> String {
    match rule {
        BtfRule::Optional => "optional".to_owned(),
        BtfRule::Required => "required".to_owned(),
        BtfRule::Refused(errno) => format!("refused with `{errno}`"),
        BtfRule::Nothing => "none, because there is nothing to describe".to_owned(),
    }
}

fn as_inner(rule: InnerRule) -> String {
    match rule {
        InnerRule::Refused(errno) => format!("refused with `{errno}`"),
        InnerRule::AnyEntries => "yes, with any `max_entries`".to_owned(),
        InnerRule::SameEntries(since) => format!(
            "yes; from {since}, `max_entries` must be the same as in the template, unless both maps have the flag `inner_map`"
        ),
    }
}

fn privilege(privilege: Privilege) -> &'static str {
    match privilege {
        Privilege::None => "none if `kernel.unprivileged_bpf_disabled` is 0, otherwise `CAP_BPF`",
        Privilege::Bpf => "`CAP_BPF`",
        Privilege::NetAdmin => "`CAP_NET_ADMIN`",
    }
}

/// Returns the sections at the end of the page.
fn reference(row: &MapType) -> String {
    let mut text = String::new();
    if !row.flags.is_empty() {
        let mut rows = Table::new(["flag", "first kernel", "effect"]);
        for (name, since) in row.flags {
            let link = format!("[`{name}`](../reference/flags.md#{name})");
            let effect = MapFlag::by_name(name).map_or("", |flag| flag.effect);
            rows.row([link, since.to_string(), effect.to_owned()]);
        }
        let _ = write!(text, "\n## Flags\n{}", rows.finish());
    }
    if !row.special_fields.is_empty() {
        let mut rows = Table::new(["field", "first kernel", ""]);
        for (field, _) in row.special_fields {
            let name = field.name();
            let link = format!("[`{name}`](../reference/special-fields.md#{name})");
            let since = row.field_since(*field, true).map_or(String::new(), |it| it.to_string());
            rows.row([link, since, field.doc().to_owned()]);
        }
        let _ = write!(text, "\n## Special fields of a value\n{}", rows.finish());
    }
    text.push_str(&operations(row));
    text
}

/// Returns the results of the operations of user space.
fn operations(row: &MapType) -> String {
    let mut text = "\n## Operations from user space\n".to_owned();
    let known = || Operation::ALL.iter().map(|it| row.operation(*it));
    let mut rows = Table::new(["operation", "system call", "kernels"]);
    let mut cases = Table::new(["operation", "when", "answer"]);
    let mut has_cases = false;
    for facts in known() {
        let name = format!("`{}`", facts.operation.name());
        for case in facts.cases {
            let answers = timeline(case.answers, row.since);
            if case.condition == Condition::Plain {
                rows.row([name.clone(), facts.operation.doc().to_owned(), answers]);
            } else {
                has_cases = true;
                cases.row([name.clone(), case.condition.doc().to_owned(), answers]);
            }
        }
    }
    text.push_str(&rows.finish());
    if has_cases {
        text.push_str("\nThese calls have other results:\n");
        text.push_str(&cases.finish());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use bpfmap_core::map_type::{ARENA, ARRAY, HASH};

    use super::*;

    fn page_of(row: &'static MapType, text: &str) -> Chapter {
        let file = format!("docs/map-types/{}.md", row.name);
        page(row, Chapter::new(Path::new("."), &file, text).unwrap())
    }

    #[test]
    fn each_page_has_the_facts_of_its_row() {
        for row in MAP_TYPES {
            let page = page_of(row, &intro(row)).text;
            assert!(page.starts_with(&format!("# `{}`\n", row.name)));
            assert!(page.contains(&row.c_name().to_string()));
            assert!(page.contains(&format!("| first kernel | {} |", row.since)));
            for (flag, since) in row.flags {
                assert!(page.contains(&format!("#{flag}) | {since} |")), "{flag}: {page}");
            }
            for (field, _) in row.special_fields {
                assert!(page.contains(&format!("special-fields.md#{}", field.name())));
            }
            let (_, operations) = page.split_once("## Operations from user space\n").unwrap();
            for operation in Operation::ALL {
                let cells = format!("| `{}` | {} |", operation.name(), operation.doc());
                assert!(operations.contains(&cells), "{cells}: {operations}");
            }
        }
    }

    #[test]
    fn facts_are_before_and_after_the_sections_of_the_chapter() {
        let text = "# `hash`\n\nA table.\n\n## When to use it\n\nOften.\n";
        let page = page_of(&HASH, text);
        let places =
            ["A table.", "| in C |", "## When to use it", "Often.", "## Flags", "## Operations"];
        let starts = places.map(|place| page.text.find(place).unwrap_or_else(|| panic!("{place}")));
        assert!(starts.is_sorted(), "{starts:?}");
        assert!(page.text.contains("-->\n\n## When to use it"), "{}", page.text);
        let often = page.text.find("Often.").unwrap();
        assert_eq!(page.line(often), 7);
    }

    #[test]
    fn rows_contain_the_results_of_kernels() {
        let page = page_of(&HASH, &intro(&HASH)).text;
        let row_of = |operation: Operation, result: &str| {
            format!("| `{}` | {} | {result} |", operation.name(), operation.doc())
        };
        for row in [
            &row_of(Operation::Lookup, "success"),
            &row_of(Operation::LookupAndDelete, "`ENOTSUPP` from 4.20; success from 5.14"),
            &row_of(Operation::Mmap, "`ENOTSUPP`"),
            &format!("| `update` | {} | `E2BIG` |", Condition::FullNewKey.doc()),
            "| key | any type of 1 to 4,194,304 bytes; before 5.11, at most 512 bytes |",
        ] {
            assert!(page.contains(row), "{row}\n{page}");
        }
        assert!(!page.contains("on arm64"), "{page}");
        let arena = page_of(&ARENA, &intro(&ARENA)).text;
        let fact = "| on arm64 | creating an arena: from Linux 6.10 on (`EOPNOTSUPP` before) |";
        assert!(arena.contains(fact), "{arena}");
        let array = page_of(&ARRAY, &intro(&ARRAY)).text;
        assert!(array.contains("| key | an index: a 32-bit integer from 0 to `max_entries` - 1 |"));
    }
}
