//! Generates the typed functions of a map.

use std::fmt::Write;

use super::Map;
use super::access::Since;
use super::names::Names;
use crate::backend::c::{map_type, type_name};
use bpfmap_core::MapFlags;
use bpfmap_core::map_type::{
    EventRule, KernelObject, KeyRule, MapFlag, MaxEntriesRule, Owner, ValueRule,
};
use bpfmap_schema::ir::{KeyValue, Type};

/// Writes the functions of `map`.
pub(super) fn push(code: &mut String, names: &Names<'_>, map: &Map<'_>) {
    if map.decl.ops.is_some() {
        return;
    }
    let mut functions = Functions {
        code,
        names,
        map,
        called: map.called,
        key: Key::of(map),
        value: Value::of(map),
    };
    functions.check();
    functions.prove();
    functions.entries();
    functions.values();
    functions.event();
}

/// The way in which a key is passed to a function.
enum Key {
    /// The parameter is a pointer to this type.
    Pointer(String),
    /// The parameter is the file descriptor of an object, and has this name.
    Descriptor(&'static str),
    /// The function has no key parameter, because the schema declares no key.
    None,
}

impl Key {
    fn of(map: &Map<'_>) -> Self {
        match (map.row.map(|row| row.key), &map.decl.key) {
            (Some(KeyRule::Descriptor(owner)), _) => Self::Descriptor(match owner {
                Owner::Socket => "socket_fd",
                Owner::Inode => "file_fd",
                Owner::Task => "pidfd",
                Owner::Cgroup => "cgroup_fd",
            }),
            (Some(KeyRule::Index | KeyRule::Number), Some(KeyValue::Size(_))) => {
                Self::Pointer("__u32".to_owned())
            }
            (_, Some(key)) => Self::Pointer(spelled(map, key)),
            (_, None) => Self::None,
        }
    }
}

/// The way in which a value is passed to a function.
enum Value {
    /// The parameter is a pointer to this type.
    Pointer(String),
    /// The parameter is a pointer to an array with one value for each CPU. The elements have this
    /// type.
    PerCpu(String),
    /// The parameter is a file descriptor. A lookup returns a number instead, which has this type
    /// and this meaning.
    Descriptor(&'static str, &'static str),
    /// The function has no value parameter, because the schema declares no value.
    None,
}

impl Value {
    fn of(map: &Map<'_>) -> Self {
        let (Some(row), Some(value)) = (map.row, &map.decl.value) else { return Self::None };
        let size = map.checked.resolved().layout(value).size;
        match row.value {
            ValueRule::Object(KernelObject::Device) if size == 8 => {
                Self::Pointer("struct bpf_devmap_val".to_owned())
            }
            ValueRule::Object(KernelObject::Cpu) if size == 8 => {
                Self::Pointer("struct bpf_cpumap_val".to_owned())
            }
            ValueRule::Object(KernelObject::Device | KernelObject::Cpu) => {
                Self::Pointer("__u32".to_owned())
            }
            ValueRule::Object(_) if size == 8 => Self::Descriptor("__u64", "cookie"),
            ValueRule::Object(_) => Self::Descriptor("__u32", "id"),
            _ if row.per_cpu => Self::PerCpu(spelled(map, value)),
            _ => Self::Pointer(spelled(map, value)),
        }
    }
}

/// Returns the type in a form to which `const` and a star can be added. For an array or a pointer
/// type, this form uses `__typeof__`, because plain C syntax would have a different meaning.
fn spelled(map: &Map<'_>, described: &KeyValue) -> String {
    match described {
        KeyValue::Type(ty) => spelled_type(map, &ty.value),
        KeyValue::Size(size) => format!("__typeof__(__u8[{}])", size.value),
    }
}

fn spelled_type(map: &Map<'_>, ty: &Type) -> String {
    let name = type_name(map.checked.schema(), ty);
    if name.contains(['[', '*']) { format!("__typeof__({name})") } else { name }
}

struct Functions<'a> {
    code: &'a mut String,
    names: &'a Names<'a>,
    map: &'a Map<'a>,
    called: &'a str,
    key: Key,
    value: Value,
}

impl Functions<'_> {
    /// Writes the function that checks whether the map of a file descriptor matches the
    /// declaration.
    fn check(&mut self) {
        let decl = self.map.decl;
        let size = |described: &KeyValue| self.map.checked.resolved().layout(described).size;
        let mut wrong = vec![format!("info.type != {}", map_type(&decl.map_type.value))];
        let row = self.map.row;
        match (&decl.key, row.map(|row| row.key)) {
            (Some(key), _) => wrong.push(format!("info.key_size != {}", size(key))),
            (None, Some(KeyRule::Keyless)) => wrong.push("info.key_size != 0".to_owned()),
            (None, _) => {}
        }
        match (&decl.value, row.map(|row| row.value)) {
            (Some(value), _) => wrong.push(format!("info.value_size != {}", size(value))),
            (None, Some(ValueRule::Valueless)) => wrong.push("info.value_size != 0".to_owned()),
            (None, _) => {}
        }
        if let Some(entries) = &decl.max_entries {
            let flags = decl.flags.iter().filter_map(|flag| MapFlag::by_name(&flag.value));
            let flags = flags.fold(0, |flags, flag| flags | flag.value());
            // The kernel can round the number up to whole pages, or so that each CPU gets the same
            // number.
            let is_rounded = flags & MapFlags::NO_COMMON_LRU.bits() != 0
                || row.is_some_and(|row| row.max_entries == MaxEntriesRule::Bytes);
            let differs = if is_rounded { "<" } else { "!=" };
            wrong.push(format!("info.max_entries {differs} {}", entries.value));
        }
        let called = self.called;
        let _ = write!(
            self.code,
            "\n/* Checks whether the map that `fd` refers to matches `{}`. Returns -EINVAL if it does not. */\n\
             static inline int {called}__check(int fd)\n{{\n\
             \tstruct bpf_map_info info;\n\tint err = __bpfmap_map_info(fd, &info);\n\n\
             \tif (err)\n\t\treturn err;\n\
             \tif ({}) {{\n\t\terrno = EINVAL;\n\t\treturn -EINVAL;\n\t}}\n\
             \treturn 0;\n}}\n",
            decl.name.value,
            wrong.join(" ||\n\t    "),
        );
    }

    /// Writes assertions that the key and the value have the sizes that the kernel reads and
    /// writes.
    fn prove(&mut self) {
        let size = |described: &KeyValue| self.map.checked.resolved().layout(described).size;
        let (key, value) = (self.map.decl.key.as_ref(), self.map.decl.value.as_ref());
        let called = self.called;
        let mut lines = String::new();
        if let (Key::Pointer(ty), Some(key)) = (&self.key, key) {
            let size = size(key);
            let _ = writeln!(
                lines,
                "_Static_assert(sizeof({ty}) == {size}, \"the key of {called} has {size} bytes\");"
            );
        }
        if let (Value::Pointer(ty), Some(value)) = (&self.value, value) {
            let size = size(value);
            let _ = writeln!(
                lines,
                "_Static_assert(sizeof({ty}) == {size}, \"the value of {called} has {size} bytes\");"
            );
        }
        if let (Value::PerCpu(ty), Some(value)) = (&self.value, value) {
            let (member, stride) = (self.names.free("value"), size(value).next_multiple_of(8));
            let _ = write!(
                lines,
                "\n/* The value of one CPU. The value of the next CPU follows at a multiple of 8 bytes. */\n\
                 struct {called}__percpu {{\n\t{ty} {member};\n}} __attribute__((aligned(8)));\n\
                 _Static_assert(sizeof(struct {called}__percpu) == {stride}, \
                 \"the kernel copies {stride} bytes for each CPU\");\n"
            );
        }
        if !lines.is_empty() {
            let separator = if lines.starts_with('\n') { "" } else { "\n" };
            let _ = write!(self.code, "{separator}{lines}");
        }
    }

    /// Writes the functions that access entries by their keys.
    fn entries(&mut self) {
        let access = self.map.access;
        if matches!(self.key, Key::None) {
            return;
        }
        if let Some(since) = access.lookup {
            let doc = match &self.value {
                Value::Descriptor(_, what) => {
                    format!("Reads the {what} of the object in an entry. Returns -ENOENT if the entry is empty.")
                }
                Value::PerCpu(_) => {
                    "Reads the values of all CPUs into an array of `{cpus}` values. Returns -ENOENT if the key does not exist."
                        .to_owned()
                }
                _ if self.is_attached() => {
                    "Reads the value of an object. Returns -ENOENT if the object has no value.".to_owned()
                }
                _ => "Reads the value of a key. Returns -ENOENT if the key does not exist.".to_owned(),
            };
            self.reading("lookup", since, &doc, "bpf_map_lookup_elem({arguments})");
            if access.lock {
                let doc = "Reads the value of a key while holding the value's spin lock. Returns -ENOENT if the key does not exist.";
                let call = "bpf_map_lookup_elem_flags({arguments}, BPF_F_LOCK)";
                self.reading("lookup_locked", since, doc, call);
            }
        }
        if let Some(since) = access.lookup_and_delete {
            let doc = "Reads the value of a key and deletes the entry in one step. Returns -ENOENT if the key does not exist.";
            let call = "bpf_map_lookup_and_delete_elem({arguments})";
            self.reading("lookup_and_delete", since, doc, call);
        }
        if let Some(since) = access.update {
            self.update(since);
        }
        if let Some(since) = access.delete {
            let key = self.key_parameter();
            let doc = if self.is_attached() {
                "Deletes the value of an object. Returns -ENOENT if the object has no value."
            } else {
                "Deletes an entry. Returns -ENOENT if the key does not exist."
            };
            self.function(
                ("delete", since),
                doc,
                &[&key.parameter],
                &[],
                &format!("bpf_map_delete_elem({{fd}}, {})", key.argument),
            );
        }
        if let Some(since) = access.next_key {
            if let Key::Pointer(ty) = &self.key {
                let (key, next) = (self.names.free("key"), self.names.free("next"));
                let parameters = [format!("const {ty} *{key}"), format!("{ty} *{next}")];
                self.function(
                    ("next_key", since),
                    &format!("Reads the key after `{key}`, or the first key if `{key}` is NULL. Returns -ENOENT if there are no more keys."),
                    &[&parameters[0], &parameters[1]],
                    &[],
                    &format!("bpf_map_get_next_key({{fd}}, {key}, {next})"),
                );
            }
        }
    }

    /// Writes the functions that access the values of a map without keys.
    fn values(&mut self) {
        let access = self.map.access;
        let Value::Pointer(ty) = &self.value else { return };
        let (value, flags) = (self.names.free("value"), self.names.free("flags"));
        let (read, write) = (format!("{ty} *{value}"), format!("const {ty} *{value}"));
        if let Some(since) = access.push {
            let doc = "Appends a value. If the map is full, BPF_EXIST in `{flags}` drops the oldest value; without it, the function returns -E2BIG.";
            let flags_parameter = format!("__u64 {flags}");
            self.function(
                ("push", since),
                &doc.replace("{flags}", &flags),
                &[&write, &flags_parameter],
                &[],
                &format!("bpf_map_update_elem({{fd}}, NULL, {value}, {flags})"),
            );
        }
        if let Some(since) = access.peek {
            self.function(
                ("peek", since),
                "Reads the value that `pop` would return. Returns -ENOENT if the map is empty.",
                &[&read],
                &[],
                &format!("bpf_map_lookup_elem({{fd}}, NULL, {value})"),
            );
        }
        if let Some(since) = access.pop {
            self.function(
                ("pop", since),
                "Reads a value and removes it. Returns -ENOENT if the map is empty.",
                &[&read],
                &[],
                &format!("bpf_map_lookup_and_delete_elem({{fd}}, NULL, {value})"),
            );
        }
        if let Some(since) = access.filter {
            self.function(
                ("add", since),
                "Adds a value.",
                &[&write],
                &[],
                &format!("bpf_map_update_elem({{fd}}, NULL, {value}, BPF_ANY)"),
            );
            self.function(
                ("contains", since),
                "Returns 0 if the value may have been added, and -ENOENT if it has certainly not been added.",
                &[&write],
                &[],
                &format!("bpf_map_lookup_elem({{fd}}, NULL, (void *){value})"),
            );
        }
    }

    /// Writes the function that returns the event that a record contains.
    fn event(&mut self) {
        let is_sent = self.map.row.is_some_and(|row| row.events == EventRule::ToUserSpace);
        let (Some(event), true) = (&self.map.decl.event, is_sent) else { return };
        let ty = spelled_type(self.map, &event.value);
        let (data, size) = (self.names.free("data"), self.names.free("size"));
        let _ = write!(
            self.code,
            "\n/* Returns the event in a record from a program, or NULL if the record is too short. */\n\
             static inline const {ty} *{}__event(const void *{data}, size_t {size})\n{{\n\
             \treturn {size} < sizeof({ty}) ? NULL : (const {ty} *){data};\n}}\n",
            self.called
        );
    }

    /// Returns whether each value belongs to a kernel object, which a file descriptor identifies.
    fn is_attached(&self) -> bool {
        matches!(self.key, Key::Descriptor(_))
    }

    /// Writes a function that reads a value. In `call`, `{arguments}` stands for the map, the key
    /// and the value.
    fn reading(&mut self, function: &str, since: Since, doc: &str, call: &str) {
        let key = self.key_parameter();
        let argument = &key.argument;
        match &self.value {
            Value::Pointer(ty) => {
                let value = self.names.free("value");
                let parameter = format!("{ty} *{value}");
                let call = call.replace("{arguments}", &format!("{{fd}}, {argument}, {value}"));
                self.function((function, since), doc, &[&key.parameter, &parameter], &[], &call);
            }
            Value::Descriptor(ty, what) => {
                let name = self.names.free(what);
                let parameter = format!("{ty} *{name}");
                let call = call.replace("{arguments}", &format!("{{fd}}, {argument}, {name}"));
                self.function((function, since), doc, &[&key.parameter, &parameter], &[], &call);
            }
            Value::PerCpu(_) => {
                let (values, cpus) = (self.names.free("values"), self.names.free("cpus"));
                let parameters =
                    [format!("struct {}__percpu *{values}", self.called), format!("int {cpus}")];
                let call = call.replace("{arguments}", &format!("{{fd}}, {argument}, {values}"));
                self.function(
                    (function, since),
                    &doc.replace("{cpus}", &cpus),
                    &[&key.parameter, &parameters[0], &parameters[1]],
                    &[&self.check_cpus(&cpus)],
                    &call,
                );
            }
            Value::None => {}
        }
    }

    fn update(&mut self, since: Since) {
        let key = self.key_parameter();
        let argument = &key.argument;
        let flags = self.names.free("flags");
        let flags_parameter = format!("__u64 {flags}");
        match &self.value {
            Value::Pointer(ty) => {
                let value = self.names.free("value");
                let parameter = format!("const {ty} *{value}");
                let call = format!("bpf_map_update_elem({{fd}}, {argument}, {value}, {flags})");
                let lock = if self.map.access.lock { ", with BPF_F_LOCK" } else { "" };
                let whose = if self.is_attached() { "of an object" } else { "of a key" };
                let doc = format!(
                    "Writes the value {whose}. `{flags}` may be BPF_NOEXIST or BPF_EXIST{lock}."
                );
                self.function(
                    ("update", since),
                    &doc,
                    &[&key.parameter, &parameter, &flags_parameter],
                    &[],
                    &call,
                );
            }
            Value::Descriptor(ty, _) => {
                let object = self.names.free("object_fd");
                let value = self.names.free("value");
                let parameter = format!("int {object}");
                let call = format!("bpf_map_update_elem({{fd}}, {argument}, &{value}, {flags})");
                let local = format!("{ty} {value} = ({ty}){object};");
                self.function(
                    ("update", since),
                    "Stores the object of a file descriptor. The object stays in the map when the descriptor is closed.",
                    &[&key.parameter, &parameter, &flags_parameter],
                    &[&local],
                    &call,
                );
            }
            Value::PerCpu(_) => {
                let (values, cpus) = (self.names.free("values"), self.names.free("cpus"));
                let parameters = [
                    format!("const struct {}__percpu *{values}", self.called),
                    format!("int {cpus}"),
                ];
                let call = format!("bpf_map_update_elem({{fd}}, {argument}, {values}, {flags})");
                let doc = format!(
                    "Writes the values of all CPUs from `{values}`, an array of `{cpus}` values."
                );
                self.function(
                    ("update", since),
                    &doc,
                    &[&key.parameter, &parameters[0], &parameters[1], &flags_parameter],
                    &[&self.check_cpus(&cpus)],
                    &call,
                );
            }
            Value::None => {}
        }
    }

    /// Returns code that makes the function return an error if the caller's array is too small.
    fn check_cpus(&self, cpus: &str) -> String {
        let err = self.names.free("err");
        format!("int {err} = __bpfmap_check_cpus({cpus});\n\n\tif ({err})\n\t\treturn {err};")
    }

    fn key_parameter(&self) -> Parameter {
        match &self.key {
            Key::Pointer(ty) => {
                let name = self.names.free("key");
                Parameter { parameter: format!("const {ty} *{name}"), argument: name }
            }
            Key::Descriptor(name) => {
                let name = self.names.free(name);
                Parameter { parameter: format!("int {name}"), argument: format!("&{name}") }
            }
            Key::None => Parameter { parameter: String::new(), argument: "NULL".to_owned() },
        }
    }

    /// Writes a function that returns the result of `call`. In `call`, `{fd}` stands for the map's
    /// file descriptor.
    fn function(
        &mut self,
        (name, since): (&str, Since),
        doc: &str,
        parameters: &[&String],
        before: &[&String],
        call: &str,
    ) {
        let since = match since.0 {
            Some(kernel) => format!(" Needs Linux {kernel}."),
            None => String::new(),
        };
        let fd = self.names.free("fd");
        let mut list = format!("int {fd}");
        for parameter in parameters {
            let _ = write!(list, ", {parameter}");
        }
        let mut body = String::new();
        for line in before {
            let _ = write!(body, "\t{line}\n\n");
        }
        let _ = write!(
            self.code,
            "\n/* {doc}{since} */\nstatic inline int {}__{name}({list})\n{{\n{body}\treturn {};\n}}\n",
            self.called,
            call.replace("{fd}", &fd)
        );
    }
}

/// The declaration of a parameter, and the argument that the function passes to libbpf.
struct Parameter {
    parameter: String,
    argument: String,
}
