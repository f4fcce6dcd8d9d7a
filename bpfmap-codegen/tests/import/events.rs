//! Tests of importing the types of records.

use std::path::Path;

use bpfmap_codegen::backend::c;
use bpfmap_schema::check::check;
use bpfmap_schema::front::btf::{Imported, read_object};
use bpfmap_schema::front::toml;
use bpfmap_schema::print;

use super::object_of;
use super::support::CLANGS;

#[test]
fn of_the_generated_header_are_imported() {
    let text = r#"name = "made"

[types.exec]
kind = "struct"
members = [
  { name = "pid", type = "u32" },
  { name = "verdict", type = "verdict" },
]

[types.verdict]
kind = "enum"
repr = "u32"
prefix = ""
variants = { PASS = 0, DROP = 1 }

[maps.execs]
type = "ringbuf"
event = "exec"
max_entries = 4096

[maps.samples]
type = "perf_event_array"
key = "u32"
value = "u32"
event = "[[i32; 4]; 2]"

[maps.commands]
type = "user_ringbuf"
event = "verdict"
max_entries = 4096

[maps.addresses]
type = "ringbuf"
event = "*void"
max_entries = 4096

[maps.numbers]
type = "ringbuf"
event = "i32"
max_entries = 4096

[maps.raw]
type = "ringbuf"
max_entries = 4096

[maps.rings]
type = "array_of_maps"
key = "u32"
value = "u32"
max_entries = 4
inner = { type = "ringbuf", event = "exec", max_entries = 4096 }
"#;
    let header = c::emit(&check(toml::read_str(Path::new("made.toml"), text)).unwrap()).contents;
    for (_, clang) in CLANGS {
        let object = object_of(clang, &header);
        let Imported { schema, findings, .. } = read_object(Path::new("made.bpf.o"), &object, None);
        assert!(findings.is_empty(), "{findings:?}");
        let event = |name: &str| {
            let map = schema.maps.iter().find(|map| map.name.value == name).unwrap();
            map.template().unwrap_or(map).event.as_ref().map(|event| event.value.to_string())
        };
        let events = [
            ("execs", Some("exec")),
            ("samples", Some("[[i32; 4]; 2]")),
            ("commands", Some("verdict")),
            ("addresses", Some("*void")),
            ("numbers", Some("i32")),
            ("raw", None),
            ("rings", Some("exec")),
        ];
        for (name, expected) in events {
            assert_eq!(event(name).as_deref(), expected, "{name}");
        }
        // The imported schema declares the same types.
        let again = check(toml::read_str(Path::new("made.toml"), &print::toml::print(&schema)));
        assert!(again.is_ok(), "{}", again.unwrap_err());
    }
}

/// The kernel refuses an array of 4 GiB. The header still declares the map, but without the type of
/// its records.
#[test]
fn that_are_too_large_are_left_out() {
    let text = r#"name = "made"
[maps.small]
type = "ringbuf"
event = "[u8; 159_072_862]"
max_entries = 1_073_741_824
[maps.large]
type = "ringbuf"
event = "[u8; 159_072_863]"
max_entries = 1_073_741_824
"#;
    let header = c::emit(&check(toml::read_str(Path::new("made.toml"), text)).unwrap()).contents;
    assert!(header.contains("__u8 (*type)[BPF_MAP_TYPE_RINGBUF][159072862];"), "{header}");
    assert!(!header.contains("(*type)[BPF_MAP_TYPE_RINGBUF][159072863]"), "{header}");
}

/// cilium/ebpf and aya accept this definition, but libbpf does not.
#[test]
fn that_are_defined_as_values_are_reported() {
    let definitions = "struct exec { __u32 pid; __u32 parent; };
         struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096);
             __type(value, struct exec); } execs SEC(\".maps\");
         struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __type(key, __u32);
             __type(value, struct exec); } samples SEC(\".maps\");
         struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __type(key, __u32);
             __type(value, __u32); } plain SEC(\".maps\");";
    for (_, clang) in CLANGS {
        let object = object_of(clang, definitions);
        let Imported { schema, findings, left_out, .. } =
            read_object(Path::new("made.bpf.o"), &object, None);
        assert_eq!(left_out, []);
        let rules: Vec<_> = findings.iter().map(|finding| finding.rule.id).collect();
        assert_eq!(rules, ["import-event"; 2]);
        let events = schema.maps.iter().map(|map| {
            let event = map.event.as_ref().map(|event| event.value.to_string());
            (map.name.value.as_str(), event)
        });
        assert_eq!(
            events.collect::<Vec<_>>(),
            [
                ("execs", Some("exec".to_owned())),
                ("samples", Some("exec".to_owned())),
                ("plain", None)
            ]
        );
    }
}
