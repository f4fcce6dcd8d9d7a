//! Defines the kernel types that a schema uses if the included headers do not define them.
//!
//! `vmlinux.h` contains all types of its kernel. `linux/bpf.h` contains some of these types since a
//! certain release, and never contains the others. The generated code must not define a type that a
//! header already defines, because a second definition is an error in C.

use std::fmt::Write;

use bpfmap_core::KernelVersion;
use bpfmap_core::SpecialField;
use bpfmap_schema::ir::{Composite, MapDecl, MemberType, Schema, Type, TypeDef, TypeDefKind};
use bpfmap_schema::taken::is_in_uapi;

/// Returns definitions of the kernel types that the schema's own types use. Programs that do not
/// include `vmlinux.h` need these definitions, and user space needs them too.
pub(super) fn definitions(schema: &Schema) -> String {
    let used = Used::by(schema, schema.own_types());
    let structs = used.fields.iter().filter_map(|field| kernel_struct(*field));
    let mut body = String::new();
    for KernelStruct { field, in_uapi } in structs {
        let name = field.name();
        let has = has(name);
        match in_uapi {
            Some(uapi) => {
                let _ = write!(
                    body,
                    "\n/* <linux/bpf.h> defines this struct since Linux {}. */\n#if !defined({has}) && !({})\n",
                    uapi.since,
                    uapi.condition()
                );
            }
            None => {
                let _ = write!(body, "\n#ifndef {has}\n");
            }
        }
        let _ = write!(
            body,
            "#define {has}\nstruct {name} {{\n\t{};\n}}{};\n#endif\n",
            member(field),
            if field.align() == 8 { " __attribute__((aligned(8)))" } else { "" },
        );
    }
    for name in used.pointees {
        let has = has(name);
        let _ = write!(
            body,
            "\n/* In a program, a pointer is a kptr only if the type of its target is defined. */\n\
             #if defined(__bpf__) && !defined({has})\n#define {has}\n\
             struct {name} {{}} __attribute__((preserve_access_index));\n#endif\n"
        );
    }
    let mut code = String::new();
    if used.fields.iter().any(|field| field.is_pointer()) {
        code.push_str(
            "\n#if defined(__bpf__) && defined(__clang__) && __clang_major__ < 15\n\
             #error \"clang before 15 drops the type tags of pointers: use clang 15 or newer\"\n\
             #endif\n",
        );
    }
    if !body.is_empty() {
        let _ = write!(
            code,
            "\n/*\n * Types of the kernel. If another header already defines one of them, define its \
             BPFMAP_HAS_\n * macro before you include this header.\n */\n\
             #ifndef __VMLINUX_H__\n\
             #if __has_include(<linux/version.h>)\n#include <linux/version.h>\n#endif\n\
             #if __has_include(<bpf/libbpf_version.h>)\n#include <bpf/libbpf_version.h>\n#endif\n\
             {body}\n#endif /* __VMLINUX_H__ */\n"
        );
    }
    code
}

/// Returns code that adds the target types of special fields to the program's BTF, because the
/// kernel looks for these types there. Without this code, clang leaves out a type if the program
/// uses it only as the target of a pointer in a struct.
///
/// clang also leaves out the key and value types of an inner map that is declared in place. libbpf
/// could then not determine their sizes, so the code adds these types too.
///
/// Each part of the code has an include guard, because another header of the same program can add
/// the same types.
pub(super) fn mentions(schema: &Schema) -> String {
    let used = Used::by(schema, &schema.types);
    let mut code = String::new();
    let by_kernel =
        used.pointees.iter().chain(&used.own).map(|name| (*name, "struct", "kernel", "*it"));
    // The type here must differ from the pointer type in the map. For the same pointer type, clang
    // 14 reuses the BTF that it has generated for the map, which only contains the name.
    let within = types_within(schema).into_iter();
    let within = within.map(|(name, word)| (name, word, "libbpf", "(*it)[1]"));
    let mut written: Vec<&str> = vec![];
    for (name, word, reader, it) in within.chain(by_kernel) {
        if written.contains(&name) {
            continue;
        }
        written.push(name);
        let whose = if reader == "kernel" { "the kernel" } else { reader };
        let function = format!("__bpfmap_{reader}_{name}");
        let is_there = format!("BPFMAP_{}_{name}", reader.to_uppercase());
        let _ = write!(
            code,
            "\n/* Keeps {word} {name} in the program's BTF, because {whose} looks for the type there. */\n\
             #ifndef {is_there}\n#define {is_there}\n\
             static __attribute__((used)) void {function}({word} {name} {it})\n{{\n\t(void)it;\n}}\n#endif\n"
        );
    }
    code
}

/// Returns the structs, unions and enums that are keys or values of inner maps declared in place,
/// each with its C keyword. The result does not contain types that the same map or an earlier map
/// uses for its own keys, values or records, because clang has then already added these types. It
/// contains types that only a later map uses in this way: if clang 14 has left out a type once, it
/// also leaves out the type for later maps.
fn types_within(schema: &Schema) -> Vec<(&str, &'static str)> {
    let (mut held, mut within) = (vec![], vec![]);
    for map in &schema.maps {
        let described = map.btf.as_ref().is_none_or(|btf| btf.value);
        // The definition of a map without BTF contains only the sizes of key and value, but it
        // always contains the type of the records.
        let types = map.types().filter(|_| described).chain(&map.event);
        held.extend(types.filter_map(|ty| base(schema, &ty.value)));
        let types = map.template().into_iter().flat_map(MapDecl::types);
        let bases = types.filter_map(|ty| base(schema, &ty.value));
        within.extend(bases.filter(|name| !held.contains(name)));
    }
    within
}

/// Resolves arrays and aliases. Returns the name and the C keyword of the resulting type, or `None`
/// if this type is not a struct, union or enum of the schema.
fn base<'a>(schema: &'a Schema, mut ty: &'a Type) -> Option<(&'a str, &'static str)> {
    loop {
        ty = match ty {
            Type::Array(element, _) => &element.value,
            Type::Named(name) => {
                let def = schema.types.iter().find(|def| def.name.value == *name)?;
                match &def.kind {
                    TypeDefKind::Alias(target) => &target.value,
                    TypeDefKind::Struct(_) => return Some((name, "struct")),
                    TypeDefKind::Union(_) => return Some((name, "union")),
                    TypeDefKind::Enum(_) => return Some((name, "enum")),
                }
            }
            _ => return None,
        };
    }
}

/// Returns whether at least one release of `linux/bpf.h` defines a kernel type that the schema's
/// own types use.
pub(super) fn are_in_bpf_h(schema: &Schema) -> bool {
    let is_left = |def: &TypeDef| def.in_c.kernel && is_in_uapi(&def.name.value);
    !Used::by(schema, schema.own_types()).fields.is_empty() || schema.own_types().any(is_left)
}

/// Returns the name of the macro that a program defines if another header already defines the type
/// `name`.
pub(super) fn has(name: &str) -> String {
    format!("BPFMAP_HAS_{}", name.to_uppercase())
}

/// The kernel types and the targets that the types of a schema use.
#[derive(Default)]
struct Used<'a> {
    fields: Vec<SpecialField>,
    /// Structs of the kernel that are targets of pointers in maps.
    pointees: Vec<&'a str>,
    /// Structs of the schema that are targets of special fields.
    own: Vec<&'a str>,
}

impl<'a> Used<'a> {
    fn by(schema: &'a Schema, types: impl IntoIterator<Item = &'a TypeDef>) -> Self {
        let mut used = Self::default();
        for def in types {
            let TypeDefKind::Struct(body) = &def.kind else { continue };
            used.body(schema, body);
        }
        used
    }

    fn body(&mut self, schema: &'a Schema, body: &'a Composite) {
        for member in &body.members {
            match &member.ty {
                MemberType::Type(ty) => self.ty(schema, &ty.value),
                MemberType::Struct(body) => self.body(schema, body),
                MemberType::Union(_) => {}
            }
        }
    }

    fn ty(&mut self, schema: &Schema, ty: &'a Type) {
        match ty {
            Type::Array(element, _) => self.ty(schema, &element.value),
            Type::Special(field, target) => {
                if !self.fields.contains(field) {
                    self.fields.push(*field);
                }
                let Some(target) = target else { return };
                let name = target.name.value.as_str();
                let own = schema.types.iter().any(|def| def.name.value == name);
                let list = if own { &mut self.own } else { &mut self.pointees };
                if !list.contains(&name) {
                    list.push(name);
                }
            }
            _ => {}
        }
    }
}

struct KernelStruct {
    field: SpecialField,
    /// The releases whose `linux/bpf.h` defines the struct.
    in_uapi: Option<InUapi>,
}

/// The first release whose `linux/bpf.h` defines a struct, and macros that show the preprocessor
/// whether the included `linux/bpf.h` defines it.
///
/// `linux/version.h` contains the release of the kernel's headers. However, `linux/bpf.h` can come
/// from a different release: libbpf contains a copy of this header, and some distributions install
/// a newer version of it. The C preprocessor can't test whether a struct exists. It can only test
/// whether `linux/bpf.h` defines macros that were added at about the same time as the struct.
/// Macros for new instructions and features are suitable. Macros for flags that belong to a fix are
/// not suitable, because fixes are backported to older releases.
///
/// Source: `include/uapi/linux/bpf.h` in the history of <https://github.com/libbpf/libbpf>.
struct InUapi {
    since: KernelVersion,
    /// The last macro that was added before the struct, or in the same release.
    before: Came,
    /// The first macro that was added after the struct, or in the same release.
    after: Option<&'static str>,
    /// The first version of libbpf whose copy of the header defines the struct.
    libbpf: (u32, u32),
}

/// A macro in `linux/bpf.h`, with the first kernel release and the first version of libbpf whose
/// header defines the macro.
struct Came {
    name: &'static str,
    since: KernelVersion,
    libbpf: (u32, u32),
}

impl InUapi {
    /// Returns a preprocessor expression that is true if the included header defines the struct.
    fn condition(&self) -> String {
        let before = &self.before;
        if self.after == Some(before.name) {
            return format!("defined({})", before.name);
        }
        // If `linux/version.h` is too old for the macros in `linux/bpf.h`, then `linux/bpf.h` comes
        // from a different source, most likely from libbpf. If libbpf is too old as well, the
        // source is unknown. In this case, the expression assumes a newer header that defines the
        // struct.
        let libbpf = |(major, minor): (u32, u32)| major * 1000 + minor;
        let at_hand = "LIBBPF_MAJOR_VERSION * 1000 + LIBBPF_MINOR_VERSION";
        let copied = if before.libbpf == self.libbpf {
            "1".to_owned()
        } else {
            let (without, with) = (libbpf(before.libbpf), libbpf(self.libbpf));
            format!("{at_hand} < {without} || {at_hand} >= {with}")
        };
        let guess = format!(
            "defined({}) && (LINUX_VERSION_CODE >= {:#x} ? LINUX_VERSION_CODE >= {:#x} : \\\n    {copied})",
            before.name,
            version_code(before.since),
            version_code(self.since),
        );
        match self.after {
            Some(after) => format!("defined({after}) || \\\n    {guess}"),
            None => guess,
        }
    }
}

/// Returns the `LINUX_VERSION_CODE` of a release.
fn version_code(version: KernelVersion) -> u32 {
    u32::from(version.major) << 16 | u32::from(version.minor) << 8
}

/// Returns the declaration of the only member of a special field's struct.
fn member(field: SpecialField) -> String {
    let (bits, name) = (field.align() * 8, field.member());
    if field.is_array_of_words() {
        format!("__u{bits} {name}[{}]", field.size() / field.align())
    } else {
        format!("__u{bits} {name}")
    }
}

/// Returns the struct of a special field. Returns `None` if the field is a pointer, or if all
/// supported headers define the struct.
fn kernel_struct(field: SpecialField) -> Option<KernelStruct> {
    let came = |name, (major, minor), libbpf| Came {
        name,
        since: KernelVersion::new(major, minor),
        libbpf,
    };
    let in_uapi = |(major, minor), before, after, libbpf| {
        Some(InUapi { since: KernelVersion::new(major, minor), before, after, libbpf })
    };
    // These macros were added together with the structs.
    let lists = || {
        let before = came("___BPF_FUNC_MAPPER", (6, 2), (1, 1));
        in_uapi((6, 2), before, Some("___BPF_FUNC_MAPPER"), (1, 1))
    };
    let trees = || {
        let before = came("BPF_F_XDP_DEV_BOUND_ONLY", (6, 3), (1, 2));
        in_uapi((6, 3), before, Some("BPF_F_XDP_DEV_BOUND_ONLY"), (1, 2))
    };
    let in_uapi = match field {
        SpecialField::ResSpinLock => None,
        SpecialField::Timer => {
            let before = came("BPF_PSEUDO_MAP_IDX", (5, 14), (0, 5));
            in_uapi((5, 15), before, Some("BPF_F_XDP_HAS_FRAGS"), (0, 5))
        }
        SpecialField::WorkQueue => {
            let before = came("BPF_JCOND", (6, 9), (1, 4));
            in_uapi((6, 10), before, Some("BPF_LOAD_ACQ"), (1, 5))
        }
        SpecialField::TaskWork => {
            let before = came("BPF_LOAD_ACQ", (6, 15), (1, 6));
            in_uapi((6, 18), before, None, (1, 7))
        }
        SpecialField::RefCount => {
            let before = came("BPF_F_XDP_DEV_BOUND_ONLY", (6, 3), (1, 2));
            in_uapi((6, 4), before, Some("BPF_F_BEFORE"), (1, 2))
        }
        SpecialField::ListHead | SpecialField::ListNode => lists(),
        SpecialField::RbRoot | SpecialField::RbNode => trees(),
        SpecialField::SpinLock
        | SpecialField::Kptr
        | SpecialField::UntrustedKptr
        | SpecialField::PerCpuKptr
        | SpecialField::UserPtr => return None,
    };
    Some(KernelStruct { field, in_uapi })
}
