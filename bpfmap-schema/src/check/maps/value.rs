//! Rules about the value of a map, and about BTF for key and value.

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

/// Reports a stack trace with more frames than the default limit, because kernels refuse maps that exceed the limit.
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
                "a stack trace can have at most {DEFAULT_STACK_DEPTH} frames by default, found \
                 {frames}"
            ),
        )
        .label(format!("{size} bytes"))
        .note(
            "creating the map fails with EINVAL if the sysctl `kernel.perf_event_max_stack` is less \
             than the number of frames",
        )
        .help(format!(
            "use {DEFAULT_STACK_DEPTH} frames, or set `kernel.perf_event_max_stack` to {frames} before the map is created"
        )),
    );
}

/// The size in bytes of the largest values that always fit on the stack of a thread.
///
/// A thread of Rust's standard library has a stack of 2 MiB. A lookup that returns a value passes it through several
/// functions. Without optimization, each function has its own copy of the value on the stack. `tests/kernel/large.rs`
/// of bpfmap tests that a value of this size fits.
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
            format!(
                "a lookup that returns a value of {size} bytes can overflow the stack of the \
                 calling thread"
            ),
        )
        .label(format!("{size} bytes"))
        .note(format!(
            "by default, a Rust thread has a stack of 2 MiB; without optimization, values of up \
             to {LARGE_VALUE} bytes are safe"
        ))
        .help(
            "read the value with `lookup_boxed` or `lookup_into`, or split it into several entries",
        ),
    );
}

fn missing(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    let name = &map.name.value;
    cx.report(
        Finding::new(&rules::VALUE_MISSING, map.span, format!("the map `{name}` has no value"))
            .label(format!("a map of type `{}` needs a value", row.name))
            .help(format!("write {}", cx.syntax.field("value", "TYPE"))),
    );
}

fn not_allowed(cx: &mut Context<'_>, row: &MapType, value: &KeyValue) {
    let help = if row.events == EventRule::Nothing {
        "remove the value".to_owned()
    } else {
        let event = cx.syntax.field("event", "TYPE");
        format!("remove the value; write {event} to declare the type of the records")
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

/// Reports a map that has BTF only for its key or only for its value. The kernel requires
/// BTF either for both the key and the value, or for neither of them.
fn half_typed(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    if matches!(row.btf, BtfRule::Refused(_)) {
        if let Some(btf) = &map.btf {
            if btf.value {
                let ty = row.name;
                cx.report(
                    Finding::new(
                        &rules::BTF_REFUSED,
                        btf.span,
                        format!("the kernel does not accept BTF for a map of type `{ty}`"),
                    )
                    .help("remove `btf`; libbpf never passes BTF for a map of this type"),
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
    // If the check has added the index, the schema has no type that could be lost.
    if typed.span.source.is_none() {
        return;
    }
    cx.report(
        Finding::new(
            &rules::HALF_TYPED,
            sized.span,
            format!("the map `{}` will have no BTF for its {what}", map.name.value),
        )
        .label("a size without a type")
        .related(typed.span, format!("the type of the {what}"))
        .note("the kernel accepts BTF only for both key and value, so libbpf leaves out the BTF")
        .help("declare a type for both, or write `btf = false`"),
    );
}
