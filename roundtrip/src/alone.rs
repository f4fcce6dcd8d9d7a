//! Runs the stages that process a single schema. They generate C, compile the object, and generate
//! Rust without compiling it.

use std::fmt::Write as _;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;

use bpfmap_codegen::generate::{Emit, Options, generate};
use bpfmap_core::SpecialField;
use bpfmap_core::map_type::MAP_TYPES;
use bpfmap_schema::check::{check, check_with};
use bpfmap_schema::diagnostics::{Finding, Severity};
use bpfmap_schema::front::btf::read_object;
use bpfmap_schema::front::rust;
use bpfmap_schema::front::toml::read_str;
use bpfmap_schema::ir::{Composite, MapDecl, MemberType, Type, TypeDef, TypeDefKind};
use bpfmap_schema::layout::Layouts;
use bpfmap_schema::print;
use bpfmap_schema::rules;
use bpfmap_schema::taken::Taken;

use crate::item::{Failure, Item, Stage};
use crate::normal::normal;
use crate::shared;
use crate::tools::{self, CLANG, OLD_CLANG, Tools, Way};

/// A function that runs a stage and the stages that depend on it, for one schema.
type Take = fn(&Item, &Tools) -> Result<(), Failure>;

/// Runs the stages that process a single schema.
///
/// # Errors
///
/// Returns the failure of the first stage that fails.
pub(crate) fn run(item: &Item, tools: &Tools) -> Result<(), Failure> {
    let stages: [(Stage, Take); 4] = [
        (Stage::Program, objects),
        (Stage::Convert, convert),
        (Stage::FixtureProgram, fixture),
        (Stage::Shared, shared),
    ];
    for (stage, take) in stages {
        catch_unwind(AssertUnwindSafe(|| take(item, tools))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or_default();
            Err(Failure::new(stage, format!("panicked: {text}")))
        })?;
    }
    Ok(())
}

/// Writes a file. Creates the directory of the file if necessary.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(path);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(path, text));
    written.map_err(|error| Failure::new(Stage::Check, format!("{}: {error}", path.display())))
}

/// Compiles the header with every combination of clang and headers, and compares the schema with
/// each object.
fn objects(item: &Item, tools: &Tools) -> Result<(), Failure> {
    write(&item.path("schema.toml"), &item.text)?;
    let emit = Emit::ALL.iter().map(|(_, emit)| *emit).collect();
    for file in generate(&item.checked, &Options { emit, legacy: false }) {
        write(&item.path(&file.name), &file.contents)?;
    }
    write(&item.path("program.bpf.c"), &program(item))?;
    for (index, way) in tools.ways.iter().enumerate() {
        if !compiles_with(item, way) {
            continue;
        }
        tools.programs.fetch_add(1, Ordering::Relaxed);
        let object = item.path(&format!("{index}/{}.bpf.o", item.name()));
        write(&object, "")?;
        let with = format!("{}, {}", way.clang, way.headers);
        way.compile(&item.path("program.bpf.c"), &object)
            .map_err(|text| Failure::new(Stage::Program, format!("{with}: {text}")))?;
        verify(item, tools, &object)
            .map_err(|text| Failure::new(Stage::Verify, format!("{with}: {text}")))?;
        if way.clang == CLANG {
            import(item, &object)
                .map_err(|text| Failure::new(Stage::Import, format!("{with}: {text}")))?;
        }
    }
    Ok(())
}

/// Returns whether the header can be compiled with this clang and these headers.
fn compiles_with(item: &Item, way: &Way) -> bool {
    let types = &item.checked.schema().types;
    if types.iter().any(|def| def.in_c.kernel) && way.kernel.is_none() {
        return false;
    }
    // If the names in the headers are known, the check finds names that conflict with them.
    if let Some(names) = &way.names
        && let Err(rejected) = check_with(item.written.clone(), Taken::by_kernel(names))
    {
        let expected = |finding: &Finding| {
            finding.severity() == Severity::Warning || finding.rule == &rules::RESERVED_NAME
        };
        return !rejected.findings.iter().all(expected);
    }
    // The kernel's structs come from `vmlinux.h`, which contains only the structs of its own
    // kernel.
    let lacks = |field: SpecialField| {
        let rows = MAP_TYPES.iter().filter_map(|row| row.special_field_since(field));
        let node = SpecialField::ALL.iter().find(|root| root.node() == Some(field));
        let since = rows
            .min()
            .or_else(|| MAP_TYPES.iter().filter_map(|row| row.special_field_since(*node?)).min());
        !field.is_pointer() && way.kernel.zip(since).is_some_and(|(kernel, since)| kernel < since)
    };
    if fields(types).into_iter().any(lacks) {
        return false;
    }
    // clang 14 loses the tags of pointers to kernel objects, and half of a `map_extra`. The header
    // documents these limits.
    let maps = &item.checked.schema().maps;
    let templates = maps.iter().filter_map(MapDecl::template);
    let extra = maps.iter().chain(templates).filter_map(|map| map.map_extra.as_ref());
    if way.clang == OLD_CLANG && extra.into_iter().any(|extra| u32::try_from(extra.value).is_err())
    {
        return false;
    }
    way.clang != OLD_CLANG || !fields(types).into_iter().any(SpecialField::is_pointer)
}

/// Returns the special fields in these types.
fn fields(types: &[TypeDef]) -> Vec<SpecialField> {
    fn of_type(ty: &Type, found: &mut Vec<SpecialField>) {
        match ty {
            Type::Array(element, _) => of_type(&element.value, found),
            Type::Special(field, _) => found.push(*field),
            _ => {}
        }
    }
    fn of_body(body: &Composite, found: &mut Vec<SpecialField>) {
        for member in &body.members {
            match &member.ty {
                MemberType::Type(ty) => of_type(&ty.value, found),
                MemberType::Struct(body) | MemberType::Union(body) => of_body(body, found),
            }
        }
    }
    let mut found = vec![];
    for def in types {
        match &def.kind {
            TypeDefKind::Struct(body) | TypeDefKind::Union(body) => of_body(body, &mut found),
            TypeDefKind::Alias(target) => of_type(&target.value, &mut found),
            TypeDefKind::Enum(_) => {}
        }
    }
    found
}

/// Returns a program as a user would write it. The program includes the kernel's headers before the
/// header of the schema.
fn program(item: &Item) -> String {
    let mut text =
        format!("#include \"{}.h\"\n\nchar LICENSE[] SEC(\"license\") = \"GPL\";\n", item.name());
    let schema = item.checked.schema();
    let programs = schema.maps.iter().flat_map(|map| &map.values);
    let is_map = |name: &str| schema.maps.iter().any(|map| map.name.value == name);
    let mut seen: Vec<&str> = vec![];
    for (_, name) in programs {
        if is_map(&name.value) || seen.contains(&name.value.as_str()) {
            continue;
        }
        seen.push(&name.value);
        let _ = write!(
            text,
            "\nSEC(\"?socket\")\nint {}(struct __sk_buff *skb)\n{{\n\treturn skb->len;\n}}\n",
            name.value
        );
    }
    // The author of a program writes the struct of a `struct_ops` map, so the program contains one.
    for map in &schema.maps {
        let Some(ops) = map.ops.as_ref().map(|ops| &ops.value) else { continue };
        let section = if map.flags.iter().any(|flag| flag.value == "link") { ".link" } else { "" };
        let name = &map.name.value;
        let declared = text.contains(&format!("struct {ops} {{"));
        let guard = if declared { "0" } else { "!defined(__VMLINUX_H__)" };
        let _ = write!(
            text,
            "\n#if {guard}\nstruct {ops} {{\n\tlong (*init)(void);\n}};\n#endif\n\n\
             SEC(\".struct_ops{section}\")\nstruct {ops} {name} = {{}};\n"
        );
    }
    text
}

fn verify(item: &Item, tools: &Tools, object: &Path) -> Result<(), String> {
    let mut command = Command::new(&tools.bpfmap);
    command.arg("verify").arg(item.path("schema.toml")).arg("--object").arg(object);
    tools::said(&mut command)
}

/// Imports the object, and compares the result with the schema.
fn import(item: &Item, object: &Path) -> Result<(), String> {
    let data = fs::read(object).map_err(|error| error.to_string())?;
    let imported = read_object(object, &data, None);
    // The comparison leaves out types that no map uses, because clang leaves them out of the
    // object.
    if item.checked.schema().maps.is_empty() && imported.schema.maps.is_empty() {
        return Ok(());
    }
    let text = print::toml::print(&imported.schema);
    let draft = read_str(Path::new("imported.toml"), &text);
    let again = check(draft).map_err(|rejected| format!("{rejected}"))?;
    let (before, after) = (normal(&item.checked), normal(&again));
    if before == after {
        return Ok(());
    }
    let diff = similar::TextDiff::from_lines(&before, &after);
    let diff = diff.unified_diff().context_radius(2).header("schema", "imported").to_string();
    let findings: Vec<&str> =
        imported.findings.iter().map(|finding| finding.message.as_str()).collect();
    Err(format!("{diff}\nfindings: {findings:#?}"))
}

/// Converts the schema to Rust, and generates a header from the Rust schema.
fn convert(item: &Item, _: &Tools) -> Result<(), Failure> {
    let text = print::rust::print(&item.written, &Layouts::new(&item.written));
    let path = item.path(&format!("rust/{}.rs", item.name()));
    write(&path, &text)?;
    let twin = check(rust::read_file(&path))
        .map_err(|rejected| Failure::new(Stage::Convert, format!("{rejected}")))?;
    for file in generate(&twin, &Options { emit: vec![Emit::C, Emit::Fixtures], legacy: false }) {
        write(&item.path(&format!("rust/made/{}", file.name)), &file.contents)?;
    }
    for name in [format!("{}.h", item.name()), format!("{}.fixture.bpf.c", item.name())] {
        let read = |path: &str| fs::read_to_string(item.path(path)).unwrap_or_default();
        let (one, other) = (read(&name), read(&format!("rust/made/{name}")));
        if one != other {
            let diff = similar::TextDiff::from_lines(&one, &other);
            let diff = diff.unified_diff().context_radius(2).header("TOML", "Rust").to_string();
            return Err(Failure::new(Stage::HeaderOfRust, format!("{name}:\n{diff}")));
        }
    }
    Ok(())
}

/// Compiles the BPF programs of the fixture.
fn fixture(item: &Item, _: &Tools) -> Result<(), Failure> {
    let source = item.path(&format!("{}.fixture.bpf.c", item.name()));
    let name = format!("{}.fixture.bpf.o", item.name());
    let object = item.path(&name);
    tools::compile_fixture(CLANG, &source, &object)
        .map_err(|text| Failure::new(Stage::FixtureProgram, text))?;
    let copied = fs::copy(&object, item.path(&format!("rust/made/{name}")));
    copied.map_err(|error| Failure::new(Stage::FixtureProgram, error.to_string()))?;
    Ok(())
}

/// Divides the schema into several schemas, and compiles their headers in one program.
fn shared(item: &Item, tools: &Tools) -> Result<(), Failure> {
    let is_newest = |way: &&Way| way.clang == CLANG && compiles_with(item, way);
    let ways: Vec<&Way> = tools.ways.iter().filter(is_newest).collect();
    let [first, .., last] = ways.as_slice() else { return shared::run(item, &ways) };
    shared::run(item, &[first, last])
}
