//! Generates functions with which programs send and receive the events of a map. The parameters
//! have the type of the event, so that a program can't send data of a different type.

use std::fmt::Write;

use super::type_names::TypeNames;
use bpfmap_core::map_type::MapType;
use bpfmap_schema::ir::{MapDecl, Schema};
use bpfmap_schema::naming::c_event_function;

/// Returns the functions for all maps of `schema` that declare an event type.
pub(super) fn functions(schema: &Schema) -> String {
    let names = TypeNames::new(schema);
    let parameters = Parameters::beside(schema);
    let mut code = String::new();
    for map in &schema.maps {
        let Some(row) = MapType::by_name(&map.map_type.value) else { continue };
        if let Some(event) = &map.event {
            let mut event = names.abstract_type(&event.value);
            // With `__typeof__`, the code can add `const` or a star to any type. Without it, the
            // result would have a different meaning for an array or a pointer type.
            if event.contains(['[', '(', '*']) {
                event = format!("__typeof__({event})");
            }
            for function in row.event_functions() {
                push_function(&mut code, &parameters, row, (map, &event), function);
            }
        }
    }
    code
}

/// The names of the functions' parameters. They are chosen so that no parameter hides a map or a
/// type that a function uses.
struct Parameters {
    event: String,
    flags: String,
    ctx: String,
    record: String,
    handle: String,
    context: String,
}

impl Parameters {
    fn beside(schema: &Schema) -> Self {
        let types = schema.types.iter().map(|def| &def.name.value);
        let taken: Vec<&String> =
            schema.maps.iter().map(|map| &map.name.value).chain(types).collect();
        let name = |base: &str| {
            let mut name = base.to_owned();
            while taken.contains(&&name) {
                name.push('_');
            }
            name
        };
        Self {
            event: name("event"),
            flags: name("flags"),
            ctx: name("ctx"),
            record: name("record"),
            handle: name("handle"),
            context: name("context"),
        }
    }
}

fn push_function(
    code: &mut String,
    parameters: &Parameters,
    row: &MapType,
    (map, ty): (&MapDecl, &str),
    function: &str,
) {
    let map = &map.name.value;
    let Parameters { event, flags, ctx, record, handle, context } = parameters;
    let [comment, result, arguments, body] = match (function, row.event_functions()) {
        ("reserve", _) => [
            "Reserves space for an event. Returns NULL if the buffer is full. The caller must set every\n * \
             member, because the space can contain bytes of an earlier event, and then submit or discard\n * the event.",
            &format!("{ty} *"),
            "void",
            &format!("return bpf_ringbuf_reserve(&{map}, sizeof({ty}), 0);"),
        ],
        ("submit", _) => [
            &format!(
                "Sends a reserved event. `{flags}` can be 0, BPF_RB_NO_WAKEUP or\n \
                 * BPF_RB_FORCE_WAKEUP."
            ),
            "void ",
            &format!("{ty} *{event}, __u64 {flags}"),
            &format!("bpf_ringbuf_submit({event}, {flags});"),
        ],
        ("discard", _) => [
            "Discards a reserved event: the reader does not see it.",
            "void ",
            &format!("{ty} *{event}, __u64 {flags}"),
            &format!("bpf_ringbuf_discard({event}, {flags});"),
        ],
        ("output", ["output"]) => [
            "Sends an event to the reader of this CPU. Returns 0, -ENOENT if this CPU has no reader, or\n * -ENOSPC \
             if the buffer is full.",
            "int ",
            &format!("void *{ctx}, const {ty} *{event}"),
            &format!(
                "return bpf_perf_event_output({ctx}, &{map}, BPF_F_CURRENT_CPU, (void *){event},\n\t\t\t\t     sizeof(*{event}));"
            ),
        ],
        ("output", _) => [
            "Sends a copy of an event. Returns 0, or -EAGAIN if the buffer is full.",
            "int ",
            &format!("const {ty} *{event}, __u64 {flags}"),
            &format!(
                "return bpf_ringbuf_output(&{map}, (void *){event}, sizeof(*{event}), {flags});"
            ),
        ],
        ("event", _) => [
            "Returns the event in a record that user space sent, or NULL if the record is too short.",
            &format!("const {ty} *"),
            &format!("struct bpf_dynptr *{record}"),
            &format!("return bpf_dynptr_data({record}, 0, sizeof({ty}));"),
        ],
        ("drain", _) => [
            &format!(
                "Calls `{handle}` for each record that user space sent, until `{handle}` returns 1. Returns the\n * number \
                 of records, or a negative errno."
            ),
            "long ",
            &format!(
                "long (*{handle})(struct bpf_dynptr *{record}, void *{context}),\n\t\tvoid *{context}, __u64 {flags}"
            ),
            &format!(
                "return bpf_user_ringbuf_drain(&{map}, (void *){handle}, {context}, {flags});"
            ),
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
