//! Rules about the flags of a map.

use super::context::Context;
use super::maps::broken;
use crate::diagnostics::Finding;
use crate::ir::MapDecl;
use crate::nearest::nearest;
use crate::rules;
use bpfmap_core::map_type::{KeyRule, MAP_FLAGS, MapFlag, MapType, Operation};
use bpfmap_core::rule;

/// Pairs of flags that can't be combined, with the reason.
///
/// Source: `kernel/bpf/syscall.c`, `bpf_get_file_flag` and `bpf_map_flags_access_ok`;
/// `kernel/bpf/hashtab.c`, `htab_map_alloc_check`.
const CONFLICTS: &[(&str, &str, &str)] = &[
    ("rdonly", "wronly", "user space could then neither read nor write the map"),
    ("rdonly_prog", "wronly_prog", "programs could then neither read nor write the map"),
    (
        "no_common_lru",
        "numa_node",
        "with `no_common_lru`, the list of each CPU is on the NUMA node of that CPU",
    ),
];

/// Flags that prevent programs from accessing a value, and therefore its special fields.
///
/// Source: `kernel/bpf/syscall.c`, `map_check_btf`.
const PROGRAM_ACCESS: &[&str] = &["rdonly_prog", "wronly_prog"];

pub(super) fn check(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    for flag in &map.flags {
        if MapFlag::by_name(&flag.value).is_none() {
            let lower = flag.value.to_lowercase();
            let word = lower.strip_prefix("bpf_f_").unwrap_or(&lower);
            cx.report(
                Finding::new(
                    &rules::UNKNOWN_FLAG,
                    flag.span,
                    format!("unknown flag `{}`", flag.value),
                )
                .help(nearest(word, MAP_FLAGS.iter().map(|flag| flag.name))),
            );
        } else if row.flag_since(&flag.value).is_none() {
            let taken: Vec<String> =
                row.flags.iter().map(|(name, _)| format!("`{name}`")).collect();
            cx.report(
                Finding::new(
                    &rules::FLAG_NOT_FOR_TYPE,
                    flag.span,
                    format!(
                        "a map of type `{}` does not accept the flag `{}`",
                        row.name, flag.value
                    ),
                )
                .help(format!("remove the flag; this map type accepts {}", taken.join(", "))),
            );
        }
    }
    conflicts(cx, map);
    special_field_access(cx, map);
    first_contents(cx, map);
    required(cx, map, row);
    numa_node(cx, map, row);
}

fn conflicts(cx: &mut Context<'_>, map: &MapDecl) {
    for (one, other, why) in CONFLICTS {
        let find = |name: &str| map.flags.iter().find(|flag| flag.value == name);
        let (Some(one), Some(other)) = (find(one), find(other)) else { continue };
        cx.report(
            Finding::new(
                &rules::FLAG_CONFLICT,
                other.span,
                format!("the flags `{}` and `{}` can't be combined", one.value, other.value),
            )
            .related(one.span, "the other flag")
            .note(*why)
            .help("remove one of them"),
        );
    }
}

fn special_field_access(cx: &mut Context<'_>, map: &MapDecl) {
    let Some(value) = &map.value else { return };
    let Some(member) = cx.resolved.special_fields(value).into_iter().next() else { return };
    let flags = map.flags.iter().filter(|flag| PROGRAM_ACCESS.contains(&flag.value.as_str()));
    for flag in flags {
        cx.report(
            broken(&rule::flag_and_field(&flag.value, member.field), flag.span)
                .related(member.span, format!("programs must read and write `{}`", member.name)),
        );
    }
}

/// Reports flags that prevent libbpf from writing initial contents. libbpf writes them through the file descriptor that
/// it got when it created the map. See `bpf_map_init_slots` and `bpf_prog_array_init_slots`.
fn first_contents(cx: &mut Context<'_>, map: &MapDecl) {
    let Some((_, first)) = map.values.first() else { return };
    let flags = map.flags.iter().filter(|flag| {
        let flag = MapFlag::by_name(&flag.value);
        let update = flag.and_then(|flag| flag.operation(Operation::Update));
        update.is_some_and(|facts| facts.since().is_none())
    });
    for flag in flags {
        let message = format!("a map with the flag `{}` can't have initial contents", flag.value);
        cx.report(
            Finding::new(&rules::FLAG_CONFLICT, flag.span, message)
                .related(first.span, "stored when the object is loaded")
                .note(
                    "libbpf stores initial contents through the map's descriptor, which this flag \
                     makes read-only (EPERM)",
                )
                .help("remove the flag or `values`"),
        );
    }
}

fn required(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    // The required flag may be misspelled.
    if map.flags.iter().any(|flag| MapFlag::by_name(&flag.value).is_none()) {
        return;
    }
    for required in row.required_flags {
        if map.flags.iter().any(|flag| flag.value == *required) || !cx.is_complete(map) {
            continue;
        }
        let rule = match row.key {
            KeyRule::LpmPrefix => &rules::LPM_NO_PREALLOC,
            _ => &rules::REQUIRED_FLAG,
        };
        cx.report(
            Finding::new(
                rule,
                map.span,
                format!("a map of type `{}` needs the flag `{required}`", row.name),
            )
            .label(format!("does not have the flag `{required}`"))
            .help(format!("write {}", cx.syntax.list("flags", required))),
        );
    }
}

/// The name of the flag without which the kernel ignores `numa_node`.
const NUMA_NODE: &str = "numa_node";

fn numa_node(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    let Some(node) = &map.numa_node else { return };
    if map.flags.iter().any(|flag| flag.value == NUMA_NODE) || !cx.is_complete(map) {
        return;
    }
    let finding = if row.flag_since(NUMA_NODE).is_some() {
        Finding::new(
            &rules::NUMA_NODE_WITHOUT_FLAG,
            node.span,
            "the kernel ignores `numa_node` without the flag of the same name",
        )
        .help(format!("add {}", cx.syntax.list("flags", NUMA_NODE)))
    } else {
        Finding::new(
            &rules::NUMA_NODE_WITHOUT_FLAG,
            node.span,
            format!("a map of type `{}` does not support `numa_node`", row.name),
        )
        .help("remove `numa_node`")
    };
    cx.report(finding);
}
