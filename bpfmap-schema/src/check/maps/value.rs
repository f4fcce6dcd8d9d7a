//! Rules about a map's value, and about BTF for key and value.

use super::broken;
use crate::check::context::Context;
use crate::diagnostics::Finding;
use crate::ir::{Attribute, KeyValue, MapDecl};
use crate::rules;
use bpfmap_core::map_type::{BtfRule, DEFAULT_STACK_DEPTH, EventRule, MapType, ValueRule};
use bpfmap_core::rule;

pub(super) fn check(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    value(cx, map, row);
    half_typed(cx, map, row);
}

fn value(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    let Some(value) = &map.value else {
        let is_missing = !matches!(row.value, ValueRule::Valueless | ValueRule::StructOps);
        if is_missing && cx.is_unsaid(map, Attribute::Value) {
            missing(cx, map, row);
        }
        return;
    };
    if matches!(row.value, ValueRule::Valueless | ValueRule::StructOps) {
        return not_allowed(cx, row, value);
    }
    if let KeyValue::Type(ty) = value {
        if !cx.is_sound(&ty.value) {
            return;
        }
    }
    let size = cx.resolved.layout(value).size;
    if let Some(violation) = rule::value_size(row, size, has_build_ids(map)) {
        cx.report(broken(&violation, value.span()).label(format!("{size} bytes")));
        return;
    }
    match row.value {
        ValueRule::Plain { .. } => large(cx, row, value, size),
        ValueRule::Stack => stack_depth(cx, map, value, size),
        _ => {}
    }
}

/// Returns whether `map` stores stack frames as build IDs and offsets.
fn has_build_ids(map: &MapDecl) -> bool {
    map.flags.iter().any(|flag| flag.value == "stack_build_id")
}

/// Kernels refuse stacks that are larger than a system setting.
fn stack_depth(cx: &mut Context<'_>, map: &MapDecl, value: &KeyValue, size: u64) {
    let frames = size / u64::from(rule::frame_size(has_build_ids(map)));
    if frames <= DEFAULT_STACK_DEPTH {
        return;
    }
    cx.report(
        Finding::new(
            &rules::STACK_DEPTH,
            value.span(),
            format!(
                "kernels allow at most {DEFAULT_STACK_DEPTH} frames of a stack by default, this value has {frames}"
            ),
        )
        .label(format!("{size} bytes"))
        .note("creating the map fails with EINVAL if `kernel.perf_event_max_stack` is smaller")
        .help(format!(
            "use {DEFAULT_STACK_DEPTH} frames, or set `kernel.perf_event_max_stack` to {frames} before the map is created"
        )),
    );
}

/// The largest value, in bytes, that is certain to fit on the stack of a thread.
///
/// A thread of Rust's standard library has a stack of 2 MiB. A lookup that returns the value moves
/// it from function to function, and without optimization each function has its own copy on the
/// stack. `tests/kernel/large.rs` of bpfmap tests that a value of this size fits.
const LARGE_VALUE: u64 = 256 << 10;

fn large(cx: &mut Context<'_>, row: &MapType, value: &KeyValue, size: u64) {
    // Values of per-CPU maps are never on the stack.
    if size <= LARGE_VALUE || row.per_cpu {
        return;
    }
    cx.report(
        Finding::new(
            &rules::LARGE_VALUE,
            value.span(),
            format!("a lookup that returns a value of {size} bytes may overflow the stack of its thread"),
        )
        .label(format!("{size} bytes"))
        .note(format!(
            "by default, a Rust thread has a stack of 2 MiB, and only values of up to {LARGE_VALUE} bytes are safe without optimization"
        ))
        .help("read it with `lookup_boxed`, `lookup_into` and the like, or split it into several entries"),
    );
}

fn missing(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    let name = &map.name.value;
    cx.report(
        Finding::new(&rules::VALUE_MISSING, map.span, format!("the map `{name}` has no value"))
            .label(format!("a map of type `{}` needs one", row.name))
            .help(format!("write {}", cx.syntax.field("value", "TYPE"))),
    );
}

fn not_allowed(cx: &mut Context<'_>, row: &MapType, value: &KeyValue) {
    let help = if row.events == EventRule::Nothing {
        "remove the value".to_owned()
    } else {
        let event = cx.syntax.field("event", "TYPE");
        format!("remove the value; {event} declares the type of its records")
    };
    cx.report(
        Finding::new(
            &rules::VALUE_NOT_ALLOWED,
            value.span(),
            format!("a map of type `{}` can't have a value", row.name),
        )
        .help(help),
    );
}

/// The kernel accepts BTF for both key and value, or for neither.
fn half_typed(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    if matches!(row.btf, BtfRule::Refused(_)) {
        if let Some(btf) = &map.btf {
            if btf.value {
                let ty = row.name;
                cx.report(
                    Finding::new(
                        &rules::BTF_REFUSED,
                        btf.span,
                        format!("the kernel accepts no BTF for a map of type `{ty}`"),
                    )
                    .help("remove `btf`: libbpf never passes BTF for such a map"),
                );
            }
        }
        return;
    }
    if map.btf.as_ref().is_some_and(|btf| !btf.value) {
        return;
    }
    let (Some(key), Some(value)) = (&map.key, &map.value) else { return };
    let (what, typed, sized) = match (key, value) {
        (KeyValue::Type(ty), KeyValue::Size(size)) => ("key", ty, size),
        (KeyValue::Size(size), KeyValue::Type(ty)) => ("value", ty, size),
        _ => return,
    };
    // An index that the check added has no type that could be lost.
    if typed.span.source.is_none() {
        return;
    }
    cx.report(
        Finding::new(
            &rules::HALF_TYPED,
            sized.span,
            format!("the BTF of the {what} of `{}` will be lost", map.name.value),
        )
        .label("a bare size")
        .related(typed.span, format!("the type of the {what}"))
        .note(
            "the kernel accepts BTF for both key and value or for neither, so libbpf leaves it out",
        )
        .help("give both a type, or write `btf = false`"),
    );
}
