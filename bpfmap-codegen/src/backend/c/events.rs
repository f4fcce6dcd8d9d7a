//! Functions for the programs that send and receive the events of a map: typed, so that a program can't send something
//! else.

use std::fmt::Write;

use super::types::TypeNames;
use crate::facts::MapTypeFacts;
use crate::ir::{MapDef, Schema};
use crate::naming::c_event_function;

/// The functions of all maps of `schema` that say what event they carry.
pub(super) fn functions(schema: &Schema) -> String {
    let names = TypeNames::new(schema);
    let mut code = String::new();
    for map in &schema.maps {
        let Some(row) = MapTypeFacts::by_name(&map.map_type.value) else { continue };
        if let Some(event) = &map.event {
            let mut event = names.abstract_type(&event.value);
            // A declarator goes around an array's name.
            if event.contains(['[', '(']) {
                event = format!("__typeof__({event})");
            }
            for function in row.event_functions() {
                push_function(&mut code, row, map, &event, function);
            }
        }
    }
    code
}

fn push_function(code: &mut String, row: &MapTypeFacts, map: &MapDef, event: &str, function: &str) {
    let map = &map.name.value;
    let [comment, result, arguments, body] = match (function, row.event_functions()) {
        ("reserve", _) => [
            "Room for an event, to be submitted or discarded; NULL when the buffer is full. Every\n \
             * member is to be set: the bytes are those of an earlier event.",
            &format!("{event} *"),
            "void",
            &format!("return bpf_ringbuf_reserve(&{map}, sizeof({event}), 0);"),
        ],
        ("submit", _) => [
            "Sends an event that was reserved. `flags` may be BPF_RB_NO_WAKEUP or\n \
             * BPF_RB_FORCE_WAKEUP.",
            "void ",
            &format!("{event} *event, __u64 flags"),
            "bpf_ringbuf_submit(event, flags);",
        ],
        ("discard", _) => [
            "Gives back the room of an event that was reserved.",
            "void ",
            &format!("{event} *event, __u64 flags"),
            "bpf_ringbuf_discard(event, flags);",
        ],
        ("output", ["output"]) => [
            "Sends an event to the reader on this CPU: 0; -ENOENT when nobody reads there, -ENOSPC when\n \
             * the buffer is full.",
            "int ",
            &format!("void *ctx, const {event} *event"),
            &format!(
                "return bpf_perf_event_output(ctx, &{map}, BPF_F_CURRENT_CPU, (void *)event,\n\t\t\t\t     sizeof(*event));"
            ),
        ],
        ("output", _) => [
            "Sends a copy of an event: 0, or -EAGAIN when the buffer is full.",
            "int ",
            &format!("const {event} *event, __u64 flags"),
            &format!("return bpf_ringbuf_output(&{map}, (void *)event, sizeof(*event), flags);"),
        ],
        ("event", _) => [
            "The event in a record that user space sent; NULL when the record is too short.",
            &format!("const {event} *"),
            "struct bpf_dynptr *record",
            &format!("return bpf_dynptr_data(record, 0, sizeof({event}));"),
        ],
        ("drain", _) => [
            "Calls `handle` for each record that user space sent, until it returns 1; returns how many\n \
             * there were, or a negative errno.",
            "long ",
            "long (*handle)(struct bpf_dynptr *record, void *context),\n\t\tvoid *context, __u64 flags",
            &format!("return bpf_user_ringbuf_drain(&{map}, (void *)handle, context, flags);"),
        ],
        _ => return,
    };
    let name = c_event_function(map, function);
    let end = if comment.contains('\n') { "\n */" } else { " */" };
    let start = if comment.contains('\n') { "/*\n * " } else { "/* " };
    let _ = write!(
        code,
        "\n{start}{comment}{end}\n\
         static __always_inline __attribute__((unused)) {result}{name}({arguments})\n{{\n\t{body}\n}}\n"
    );
}
