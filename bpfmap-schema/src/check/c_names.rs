//! Compares all C names of a schema with each other and with the names that C reserves. Names that Rust reserves are
//! allowed, because the Rust back end escapes them.

use super::context::Context;
use super::names::{Seen, unique};
use crate::diagnostics::Finding;
use crate::ir::{Composite, Enum, MemberType, TypeDef, TypeDefKind};
use crate::naming::c_event_function;
use crate::rules::{self, Rule};
use crate::source::Spanned;
use crate::taken::{NameKind, Namespace};
use crate::type_word;
use bpfmap_core::map_type::MapType;

/// The prefixes of the names that the generated C uses for its own macros, functions and fixtures.
/// A schema can't declare names with these prefixes.
const OWN: [&str; 2] = ["BPFMAP_", "__bpfmap_"];

/// A name that the header of a schema declares.
struct CName<'a> {
    /// The name in C.
    written: String,
    space: Namespace,
    /// The name in the schema.
    given: &'a Spanned<String>,
    is: Is,
    /// Whether the name belongs to a kernel type or to a constant of a kernel type. Such a name is
    /// allowed even if it is reserved, unless it is the name of a macro or a keyword.
    kernel: bool,
}

/// The kind of a declaration that has a name in C.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Is {
    Type,
    /// A type with a plain name: an alias, or a type with `typedef`.
    Typedef,
    Map,
    Member,
    Constant,
    EventFunction,
    /// A program in the initial contents of a map.
    Program,
}

pub(super) fn check(cx: &mut Context<'_>) {
    for def in cx.types() {
        if let Some(why) = as_type(def) {
            let name = &def.name;
            let message = format!("the name `{}` is reserved: {why}", name.value);
            cx.report(
                Finding::new(&rules::RESERVED_NAME, name.span, message).help(another(&name.value)),
            );
        }
    }
    let names = all(cx);
    for name in &names {
        not_taken(cx, name);
    }
    different(cx, &names);
}

/// Reports the name of a program if C reserves this name. The header declares the program with this
/// name.
pub(super) fn program(cx: &mut Context<'_>, given: &Spanned<String>) {
    let (written, space) = (given.value.clone(), Namespace::Function);
    not_taken(cx, &CName { written, space, given, is: Is::Program, kernel: false });
}

/// Returns all C names of the schema. If a declaration occurs twice, returns its name only once.
fn all<'a>(cx: &Context<'a>) -> Vec<CName<'a>> {
    let mut names = vec![];
    // Names of built-in types have already been reported.
    let types = || cx.types().iter().filter(|def| as_type(def).is_none());
    for def in types() {
        let kernel = def.in_c.kernel;
        let mut add = |space, given: &'a Spanned<String>, is| {
            names.push(CName { written: given.value.clone(), space, given, is, kernel });
        };
        if !matches!(def.kind, TypeDefKind::Alias(_)) {
            add(Namespace::Tag, &def.name, Is::Type);
        }
        if let TypeDefKind::Struct(body) | TypeDefKind::Union(body) = &def.kind {
            members(body, &mut |name| add(Namespace::Member, name, Is::Member));
        }
    }
    for map in cx.maps() {
        let (written, given) = (map.name.value.clone(), &map.name);
        let space = Namespace::Variable;
        names.push(CName { written, space, given, is: Is::Map, kernel: false });
    }
    for map in cx.maps().iter().filter(|map| map.event.is_some()) {
        let Some(row) = MapType::by_name(&map.map_type.value) else { continue };
        names.extend(row.event_functions().iter().map(|function| CName {
            written: c_event_function(&map.name.value, function),
            space: Namespace::Function,
            given: &map.name,
            is: Is::EventFunction,
            kernel: false,
        }));
    }
    for def in types() {
        if matches!(def.kind, TypeDefKind::Alias(_)) || def.in_c.typedef {
            names.push(CName {
                written: def.name.value.clone(),
                space: Namespace::Typedef,
                given: &def.name,
                is: Is::Typedef,
                kernel: def.in_c.kernel,
            });
        }
        if let TypeDefKind::Enum(body) = &def.kind {
            constants(def, body, &mut names);
        }
    }
    names
}

fn members<'a>(body: &'a Composite, add: &mut impl FnMut(&'a Spanned<String>)) {
    for member in &body.members {
        member.name.iter().for_each(&mut *add);
        if let MemberType::Struct(body) | MemberType::Union(body) = &member.ty {
            members(body, add);
        }
    }
}

fn constants<'a>(def: &'a TypeDef, body: &'a Enum, names: &mut Vec<CName<'a>>) {
    let mut seen = std::collections::HashSet::new();
    for variant in &body.variants {
        let written = body.c_constant(&def.name.value, &variant.name.value);
        // Another rule reports equal variants of one enum.
        if seen.insert(written.clone()) {
            names.push(CName {
                written,
                space: Namespace::Constant,
                given: &variant.name,
                is: Is::Constant,
                kernel: def.in_c.kernel,
            });
        }
    }
}

/// Reports a name that is already in use.
fn not_taken(cx: &mut Context<'_>, name: &CName<'_>) {
    let written = name.written.as_str();
    let (what, is_certain) = if OWN.iter().any(|own| written.starts_with(own)) {
        ("the generated C code uses names with this prefix".to_owned(), true)
    } else {
        let Some(why) = cx.taken.why(written, name.space) else { return };
        if name.kernel && !matches!(why.kind, NameKind::Macro | NameKind::Keyword) {
            return;
        }
        // If only a single item is visible, it is unknown whether there is a C program and which headers this program
        // includes.
        if !why.is_certain && cx.open {
            return;
        }
        (format!("it is {}", why.what), why.is_certain)
    };
    let rule: &'static Rule =
        if is_certain { &rules::RESERVED_NAME } else { &rules::NAME_MAY_CLASH };
    let taken = if is_certain { "is reserved" } else { "may be reserved" };
    let another = another(&name.given.value);
    let help = match name.is {
        Is::Constant => "choose another name, or another `prefix`".to_owned(),
        Is::Type | Is::Typedef if !is_certain => {
            format!("{another}, or write {} if you mean that type", cx.syntax.kernel())
        }
        _ => another,
    };
    let mut finding =
        Finding::new(rule, name.given.span, format!("the name `{written}` {taken}: {what}"))
            .help(help);
    match name.is {
        Is::Constant if written != name.given.value => {
            finding = finding.label("becomes this name in C");
        }
        Is::EventFunction => {
            finding = finding.label("the generated C contains a function with this name");
        }
        _ => {}
    }
    if !is_certain {
        finding = finding.note("a program with both declarations does not compile");
    }
    cx.report(finding);
}

fn another(name: &str) -> String {
    let other = format!("{}_", name.trim_matches('_'));
    if OWN.iter().any(|own| other.starts_with(own)) {
        "choose a name with a different prefix".to_owned()
    } else {
        format!("choose another name, such as `{other}`")
    }
}

/// If the type has the name of a built-in type, returns the reason why a schema can't use this
/// name. This applies even if C allows the name.
fn as_type(def: &TypeDef) -> Option<&'static str> {
    let word = def.name.value.as_str();
    if type_word::builtin(word).is_some() || type_word::pointing(word).is_some() || word == "void" {
        Some("a type already has this name")
    } else if type_word::in_other_words(word).is_some() && !def.in_c.kernel {
        Some("it is a type in C, in the kernel or in Rust")
    } else {
        None
    }
}

/// Compares all names with each other. In C, tags have a namespace of their own, and so do the
/// members of each struct. All other names share one namespace.
fn different(cx: &mut Context<'_>, names: &[CName<'_>]) {
    let mut seen = Seen::default();
    let message = |name: &str, first: &str, written: &str| {
        if name == first {
            format!("`{name}` would be declared twice in C")
        } else {
            format!("`{first}` and `{name}` would both become `{written}` in C")
        }
    };
    for name in names {
        let written = name.written.clone();
        match name.is {
            // In a schema, types of all kinds share one namespace: see `names`.
            Is::Type | Is::Member | Is::Program => {}
            Is::Map => {
                let twice = |name: &str, _: &str, _: &str| format!("there are two maps `{name}`");
                unique(cx, &mut seen, written, name.given, &rules::DUPLICATE_MAP, twice);
            }
            Is::Typedef | Is::Constant | Is::EventFunction => {
                unique(cx, &mut seen, written, name.given, &rules::DUPLICATE_C_NAME, message);
            }
        }
    }
}
