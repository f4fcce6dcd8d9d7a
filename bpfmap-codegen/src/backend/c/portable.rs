//! Generates the parts of a header that make it usable in user space. The types in a header compile
//! as C and as C++, with GCC and with Clang.
//!
//! The generated code uses a macro wherever compilers need different code. The header defines the
//! macros that it uses. In BPF programs, each macro expands to exactly the code that it replaces.

use std::collections::HashSet;

use bpfmap_schema::ir::{Composite, Int, MemberType};

/// A macro, with the lines of C that define it.
struct Macro {
    /// The text in the generated code that uses the macro.
    used_as: &'static str,
    definition: &'static str,
}

const MACROS: &[Macro] = &[
    Macro {
        used_as: "_Static_assert(",
        definition: "
#if defined(__cplusplus) && !defined(_Static_assert)
#define _Static_assert static_assert
#endif
",
    },
    Macro {
        used_as: "_Alignof(",
        definition: "
#if defined(__cplusplus) && !defined(_Alignof)
#define _Alignof alignof
#endif
",
    },
    Macro {
        used_as: "_Bool",
        definition: "
#if defined(__cplusplus) && !defined(_Bool)
#define _Bool bool
#endif
",
    },
    Macro {
        used_as: "BPFMAP_ENUM(",
        definition: "
/* An enum with this integer type. In C, GCC before 13 needs a mode to set the size of an enum. */
#ifndef BPFMAP_ENUM
#if defined(__GNUC__) && __GNUC__ < 13 && !defined(__clang__) && !defined(__cplusplus)
#define BPFMAP_ENUM(name, integer, mode_of_size) enum __attribute__((mode(mode_of_size))) name
#else
#define BPFMAP_ENUM(name, integer, mode_of_size) enum name : integer
#endif
#endif
",
    },
    Macro {
        used_as: "BPFMAP_NAME(",
        definition: "
/* A name that is a keyword in C++. In C++, the macro appends an underscore to the name. */
#ifndef BPFMAP_NAME
#ifdef __cplusplus
#define BPFMAP_NAME(name) name##_
#else
#define BPFMAP_NAME(name) name
#endif
#endif
",
    },
    Macro {
        used_as: "BPFMAP_TYPE(",
        definition: "
/* A type that has the same name as a member of the struct. Without ::, C++ would find the member. */
#ifndef BPFMAP_TYPE
#ifdef __cplusplus
#define BPFMAP_TYPE(name) ::name
#else
#define BPFMAP_TYPE(name) name
#endif
#endif
",
    },
    Macro {
        used_as: "BPFMAP_DECL_TAG(",
        definition: "
/* Tags for the BTF of programs. */
#ifndef BPFMAP_DECL_TAG
#ifdef __bpf__
#define BPFMAP_DECL_TAG(tag) __attribute__((btf_decl_tag(tag)))
#else
#define BPFMAP_DECL_TAG(tag)
#endif
#endif
",
    },
    Macro {
        used_as: "BPFMAP_TYPE_TAG(",
        definition: "
/* Type tags for the BTF of programs. The kernel finds kptrs by these tags. */
#ifndef BPFMAP_TYPE_TAG
#ifdef __bpf__
#define BPFMAP_TYPE_TAG(tag) __attribute__((btf_type_tag(tag)))
#else
#define BPFMAP_TYPE_TAG(tag)
#endif
#endif
",
    },
];

/// Returns the definitions of the macros that `text` uses, except for the macros that `before` also
/// uses.
pub(super) fn macros(text: &str, before: &str) -> String {
    let used = |it: &&Macro| text.contains(it.used_as) && !before.contains(it.used_as);
    MACROS.iter().filter(used).map(|it| it.definition).collect()
}

/// Returns code that includes a header with the basic types in user space. A program does not need
/// this header, because it has already included `vmlinux.h` or the kernel's headers.
pub(super) fn user_space_include(needs_bpf_h: bool) -> String {
    let header = if needs_bpf_h { "linux/bpf.h" } else { "linux/types.h" };
    format!("\n#if !defined(__bpf__) && !defined(__VMLINUX_H__)\n#include <{header}>\n#endif\n")
}

/// Returns `types` with pragmas that disable a GCC warning. GCC warns about packed structs that
/// have a member with a requested alignment. The assertions prove that such a member has the right
/// offset.
pub(super) fn without_warnings(types: String) -> String {
    if !types.contains("__attribute__((packed") {
        return types;
    }
    format!(
        "\n#if defined(__GNUC__) && !defined(__clang__)\n#pragma GCC diagnostic push\n\
         #pragma GCC diagnostic ignored \"-Wpacked-not-aligned\"\n#endif\n\
         {types}\n\
         #if defined(__GNUC__) && !defined(__clang__)\n#pragma GCC diagnostic pop\n#endif\n"
    )
}

/// Returns `name` as an identifier that is valid in C and C++.
pub(super) fn identifier(name: &str) -> String {
    if WORDS_OF_CPP.contains(&name) { format!("BPFMAP_NAME({name})") } else { name.to_owned() }
}

/// Returns GCC's machine mode for an integer of this size.
pub(super) fn mode(int: Int) -> &'static str {
    match int.size {
        1 => "QI",
        2 => "HI",
        4 => "SI",
        _ => "DI",
    }
}

/// Returns the names of all members, including the members of structs and unions that are declared
/// in place.
pub(super) fn member_names(body: &Composite) -> HashSet<&str> {
    let mut names = HashSet::new();
    let mut bodies = vec![body];
    while let Some(body) = bodies.pop() {
        for member in &body.members {
            names.extend(member.name.as_ref().map(|name| name.value.as_str()));
            if let MemberType::Struct(body) | MemberType::Union(body) = &member.ty {
                bodies.push(body);
            }
        }
    }
    names
}

/// Keywords of C++ that are valid names in C, and keywords that GCC adds by default. Source: C++23,
/// [lex.key] and [lex.digraph].
const WORDS_OF_CPP: &[&str] = &[
    "alignas",
    "alignof",
    "and",
    "and_eq",
    "bitand",
    "bitor",
    "bool",
    "catch",
    "char16_t",
    "char32_t",
    "char8_t",
    "class",
    "co_await",
    "co_return",
    "co_yield",
    "compl",
    "concept",
    "const_cast",
    "consteval",
    "constexpr",
    "constinit",
    "decltype",
    "delete",
    "dynamic_cast",
    "explicit",
    "export",
    "false",
    "friend",
    "mutable",
    "namespace",
    "new",
    "noexcept",
    "not",
    "not_eq",
    "nullptr",
    "operator",
    "or",
    "or_eq",
    "private",
    "protected",
    "public",
    "reinterpret_cast",
    "requires",
    "static_assert",
    "static_cast",
    "template",
    "this",
    "thread_local",
    "throw",
    "true",
    "try",
    "typeid",
    "typename",
    "using",
    "virtual",
    "wchar_t",
    "xor",
    "xor_eq",
];
