//! Determines sizes, alignments and offsets with clang, which writes them to BTF.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use bpfmap_btf::{Btf, Kind, TypeId};
use bpfmap_codegen::backend::c;
use bpfmap_schema::check::Checked;
use bpfmap_schema::ir::{Composite, Int, MemberType, Type, TypeDefKind};
use bpfmap_schema::layout::CompositeLayout;
use object::read::elf::ElfFile64;
use object::{Object, ObjectSection};

use crate::support::{CLANGS, clang, compile_bpf};
use crate::user_space::{self, COMPILERS};
use crate::{composites, is_unnamed_bit_field};

const INCLUDES: &str = "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n";

/// Compiles the types twice, and compares the BTF with the layout engine.
pub(crate) fn compare(checked: &Checked) -> Result<(), String> {
    let variables = variables(checked);
    if variables.is_empty() {
        // If all types are enums, clang writes no BTF, and there are no members whose offsets can
        // be compared.
        return Ok(());
    }
    let generated = c::emit(checked).contents;
    let header = format!("{INCLUDES}{generated}{variables}");
    let by_hand = format!("{INCLUDES}{}{variables}", by_hand(checked));
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let types = folder.path().join("types.h");
    fs::write(&types, generated).map_err(|error| error.to_string())?;
    let application = folder.path().join("application");
    fs::write(&application, "#include \"types.h\"\n").map_err(|error| error.to_string())?;
    COMPILERS.iter().try_for_each(|compiler| user_space::compile(compiler, &application))?;
    for (what, text) in [("types written by hand", by_hand), ("the generated header", header)] {
        for (name, commands) in CLANGS {
            let blob = compile(folder.path(), &clang(commands), &text)?;
            let btf = Btf::parse(&blob).map_err(|error| error.to_string())?;
            compare_btf(checked, &btf).map_err(|why| format!("{what}, {name}: {why}"))?;
        }
    }
    Ok(())
}

/// Compiles `text` and returns the BTF.
fn compile(folder: &Path, clang: &str, text: &str) -> Result<Vec<u8>, String> {
    let (source, object) = (folder.join("types.bpf.c"), folder.join("types.bpf.o"));
    fs::write(&source, text).map_err(|error| error.to_string())?;
    compile_bpf(clang, &source, &object)?;
    let object = fs::read(&object).map_err(|error| error.to_string())?;
    let object: ElfFile64<'_> = ElfFile64::parse(&*object).map_err(|error| error.to_string())?;
    let section = object.section_by_name(".BTF").ok_or("clang wrote no BTF")?;
    Ok(section.data().map_err(|error| error.to_string())?.to_vec())
}

/// Returns declarations of variables. A variable for each type makes clang write the type to BTF.
/// An array for each type has the length of the type's alignment, because BTF does not contain
/// alignments.
fn variables(checked: &Checked) -> String {
    let mut code = String::new();
    for (def, ..) in composites(checked) {
        let name = &def.name.value;
        let ty = base(checked, name);
        let _ = writeln!(code, "{ty} value_{name};\nchar align_{name}[_Alignof({ty})];");
    }
    code
}

fn compare_btf(checked: &Checked, btf: &Btf<'_>) -> Result<(), String> {
    let variables: HashMap<&str, TypeId> = btf
        .iter()
        .filter_map(|(_, ty)| match ty.kind {
            Kind::Variable { ty: of, .. } => Some((ty.name, of)),
            _ => None,
        })
        .collect();
    let variable = |name: String| {
        variables.get(name.as_str()).copied().ok_or_else(|| format!("BTF lacks {name}"))
    };
    for (def, body, layout) in composites(checked) {
        let name = &def.name.value;
        let align = variable(format!("align_{name}"))?;
        same(name, "alignment", layout.align, size_of(btf, align)?)?;
        compare_composite(btf, name, body, layout, variable(format!("value_{name}"))?)?;
    }
    Ok(())
}

fn compare_composite(
    btf: &Btf<'_>,
    path: &str,
    body: &Composite,
    layout: &CompositeLayout,
    id: TypeId,
) -> Result<(), String> {
    let Some(Kind::Struct(composite) | Kind::Union(composite)) = btf.get(id).map(|ty| &ty.kind)
    else {
        return Err(format!("{path}: BTF has no struct or union"));
    };
    same(path, "size", layout.size, u64::from(composite.size))?;
    let mut there = composite.members.iter().filter(|member| !member.name.starts_with("__pad"));
    for (member, at) in body.members.iter().zip(&layout.members) {
        if is_unnamed_bit_field(member) {
            continue;
        }
        let name = member.name.as_ref().map_or("", |name| &name.value);
        let path = format!("{path}.{name}");
        let found = there.next().ok_or_else(|| format!("{path}: BTF has no such member"))?;
        if found.name != name {
            return Err(format!("{path}: BTF has {} here", found.name));
        }
        same(&path, "bit offset", at.bit_offset, u64::from(found.bit_offset))?;
        let width = member.bits.as_ref().map_or(0, |bits| bits.value);
        same(&path, "width", u64::from(width), u64::from(found.bits))?;
        match (&member.ty, &at.nested) {
            (MemberType::Struct(body) | MemberType::Union(body), Some(layout)) => {
                compare_composite(btf, &path, body, layout, found.ty)?;
            }
            _ => same(&path, "size of the type", at.ty.size, size_of(btf, found.ty)?)?,
        }
    }
    match there.next() {
        Some(more) => Err(format!("{path}: BTF has one more member, {}", more.name)),
        None => Ok(()),
    }
}

fn size_of(btf: &Btf<'_>, id: TypeId) -> Result<u64, String> {
    btf.size(id).map_err(|error| error.to_string())
}

fn same(path: &str, what: &str, ours: u64, clangs: u64) -> Result<(), String> {
    if ours == clangs {
        Ok(())
    } else {
        Err(format!("{path}: {what} is {ours} for the layout engine and {clangs} for clang"))
    }
}

/// Returns the types as an author would write them, without explicit padding and without
/// assertions.
pub(crate) fn by_hand(checked: &Checked) -> String {
    let mut code = String::new();
    for def in &checked.schema().types {
        let name = &def.name.value;
        let _ = match &def.kind {
            TypeDefKind::Struct(body) | TypeDefKind::Union(body) => {
                writeln!(code, "{} {};", base(checked, name), composite(checked, body))
            }
            TypeDefKind::Enum(body) => writeln!(
                code,
                "enum {name} : {} {{ {name}_low = {}, {name}_high = 1 }};",
                int(body.repr.value),
                if body.repr.value.signed { -1 } else { 0 },
            ),
            TypeDefKind::Alias(target) => {
                let (base, suffix) = declaration(checked, &target.value);
                writeln!(code, "typedef {base} {name}{suffix};")
            }
        };
    }
    code
}

fn composite(checked: &Checked, body: &Composite) -> String {
    let mut code = "{ ".to_owned();
    for member in &body.members {
        let name = member.name.as_ref().map_or("", |name| &name.value);
        let bits = member.bits.as_ref().map_or(String::new(), |bits| format!(":{}", bits.value));
        let _ = match &member.ty {
            MemberType::Type(ty) => {
                let (base, suffix) = declaration(checked, &ty.value);
                write!(code, "{base} {name}{suffix}{bits}; ")
            }
            MemberType::Struct(body) => {
                write!(code, "struct {} {name}; ", composite(checked, body))
            }
            MemberType::Union(body) => write!(code, "union {} {name}; ", composite(checked, body)),
        };
    }
    code.push('}');
    if body.packed {
        code.push_str(" __attribute__((packed))");
    }
    if let Some(align) = &body.align {
        let _ = write!(code, " __attribute__((aligned({})))", align.value);
    }
    code
}

/// Returns the parts of a declaration before and after the name.
fn declaration(checked: &Checked, ty: &Type) -> (String, String) {
    match ty {
        Type::Array(element, len) => {
            let (base, suffix) = declaration(checked, &element.value);
            (base, format!("[{}]{suffix}", len.value))
        }
        Type::Int(ty) => (int(*ty).to_owned(), String::new()),
        Type::Bool => ("_Bool".to_owned(), String::new()),
        Type::Char => ("char".to_owned(), String::new()),
        Type::BigEndian(size) => (format!("__be{}", size * 8), String::new()),
        Type::Pointer(_) => ("void *".to_owned(), String::new()),
        Type::Special(field, _) => (format!("struct {}", field.name()), String::new()),
        Type::Named(name) => (base(checked, name), String::new()),
    }
}

fn base(checked: &Checked, name: &str) -> String {
    match checked.resolved().type_def(name).map(|def| &def.kind) {
        Some(TypeDefKind::Struct(_)) => format!("struct {name}"),
        Some(TypeDefKind::Union(_)) => format!("union {name}"),
        Some(TypeDefKind::Enum(_)) => format!("enum {name}"),
        _ => name.to_owned(),
    }
}

fn int(int: Int) -> &'static str {
    match (int.size, int.signed) {
        (1, false) => "unsigned char",
        (2, false) => "unsigned short",
        (4, false) => "unsigned int",
        (8, false) => "unsigned long long",
        (_, false) => "unsigned __int128",
        (1, true) => "signed char",
        (2, true) => "short",
        (4, true) => "int",
        (8, true) => "long long",
        (_, true) => "__int128",
    }
}
