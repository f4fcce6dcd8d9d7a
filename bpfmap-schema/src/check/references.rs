//! Rules about references to types. Each type must be declared, and a type can't contain itself.

use super::context::{Context, by_value, for_each_type};
use crate::diagnostics::Finding;
use crate::ir::{MapDecl, Type};
use crate::naming::snake_case;
use crate::nearest::nearest;
use crate::rules;
use crate::source::{Span, Spanned};
use crate::syntax::Syntax;
use crate::type_word;

pub(super) fn check(cx: &mut Context<'_>) {
    unknown_types(cx);
    containment(cx);
}

fn unknown_types(cx: &mut Context<'_>) {
    let mut unknown = Vec::new();
    for def in cx.types() {
        let before = unknown.len();
        for_each_type(def, &mut |ty, _| unknown_names(cx, ty, false, &mut unknown));
        if unknown.len() > before || cx.incomplete.types.contains(&def.name.value) {
            cx.unsound.insert(&def.name.value);
        }
    }
    let templates = cx.maps().iter().filter_map(MapDecl::template);
    for map in cx.maps().iter().chain(templates) {
        map.types().for_each(|ty| unknown_names(cx, ty, false, &mut unknown));
    }
    for (name, span) in unknown {
        cx.unsound.insert(name);
        if cx.open {
            continue;
        }
        // The name of this type is different in Rust.
        let is_of_rust = |written: &&str| *written != name && snake_case(written) == name;
        let written = cx.text(span).filter(is_of_rust);
        let called = written.unwrap_or(name);
        let finding = Finding::new(&rules::UNKNOWN_TYPE, span, format!("unknown type `{called}`"));
        let help = type_word::in_other_words(name).map_or_else(
            || {
                if written.is_some() {
                    return format!(
                        "declare `{called}` with `#[derive(BpfType)]`, or import it with `use`; \
                         if it is a type of another crate, pass the source of that crate with \
                         `--extern` on the command line or `Builder::extern_crate` in a build \
                         script"
                    );
                }
                let mut words: Vec<&str> = type_word::all().collect();
                words.extend(cx.types().iter().map(|def| def.name.value.as_str()));
                let nearest = nearest(name, words);
                if cx.syntax == Syntax::Rust || nearest.starts_with("did you mean") {
                    return nearest;
                }
                format!(
                    "declare the type as `[types.{name}]`, or add the schema that declares it to \
                     `include`, or {nearest}"
                )
            },
            str::to_owned,
        );
        cx.report(finding.label("not declared").help(help));
    }
}

/// Adds each unknown name in `ty` to the list. `declarable` is true if `ty` is the target of a
/// pointer. Such a target can have an unknown name, because the name then means a struct of the
/// kernel.
fn unknown_names<'a>(
    cx: &Context<'a>,
    ty: &'a Spanned<Type>,
    declarable: bool,
    found: &mut Vec<(&'a str, Span)>,
) {
    match &ty.value {
        Type::Named(name) if !declarable && cx.resolved.type_def(name).is_none() => {
            found.push((name, ty.span));
        }
        Type::Array(element, _) => unknown_names(cx, element, false, found),
        Type::Pointer(Some(target)) => unknown_names(cx, target, true, found),
        _ => {}
    }
}

/// The maximum nesting depth of types that contain other types by value.
///
/// Source: `MAX_RESOLVE_DEPTH` in `kernel/bpf/btf.c`.
const MAX_DEPTH: usize = 32;

/// An edge from a type to a type that it contains by value.
struct Edge<'a> {
    to: usize,
    ty: &'a Spanned<Type>,
    /// The number of levels between the two types. Arrays, and structs and unions in place, count as levels.
    depth: usize,
}

/// Reports types that contain themselves, and types that are nested too deeply. A type that
/// contains an unsound type is marked as unsound too.
fn containment(cx: &mut Context<'_>) {
    let types = cx.types();
    let edges: Vec<Vec<Edge<'_>>> = (0..types.len()).map(|index| edges(cx, index)).collect();
    let mut walk = Walk { stack: Vec::new(), state: vec![State::New; types.len()] };
    // A chain of types can be long, so this search has its own stack instead of recursive calls.
    for root in 0..types.len() {
        walk.enter(root);
        while let Some((from, next)) = walk.stack.last_mut() {
            let from = *from;
            let edge = edges[from].get(*next);
            *next += 1;
            match edge {
                Some(edge) if walk.state[edge.to] == State::Open => {
                    report_cycle(cx, &walk.stack, &edges, edge);
                }
                Some(edge) => walk.enter(edge.to),
                None => {
                    walk.stack.pop();
                    walk.state[from] = State::Done(depth(cx, from, &edges[from], &walk.state));
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    /// The type is on the stack.
    Open,
    /// The type is finished, and its content has this depth.
    Done(usize),
}

struct Walk {
    /// The current chain of types. Each type is contained in the previous one. Each element
    /// consists of the index of a type and the index of the edge to visit next.
    stack: Vec<(usize, usize)>,
    state: Vec<State>,
}

impl Walk {
    fn enter(&mut self, index: usize) {
        if self.state[index] == State::New {
            self.state[index] = State::Open;
            self.stack.push((index, 0));
        }
    }
}

fn edges<'a>(cx: &Context<'a>, index: usize) -> Vec<Edge<'a>> {
    let mut edges = Vec::new();
    for_each_type(&cx.types()[index], &mut |ty, in_place| {
        let Some(&to) = by_value(&ty.value).and_then(|name| cx.resolved.index.get(name)) else {
            return;
        };
        let mut depth = 1 + in_place;
        let mut element = &ty.value;
        while let Type::Array(inner, _) = element {
            depth += 1;
            element = &inner.value;
        }
        edges.push(Edge { to, ty, depth });
    });
    edges
}

/// Returns the depth of the type at `index`. All types that this type contains must be finished. If one of them is
/// unsound, this function marks the type as unsound too.
fn depth(cx: &mut Context<'_>, index: usize, edges: &[Edge<'_>], state: &[State]) -> usize {
    let def = &cx.types()[index];
    let mut deepest = 0;
    for edge in edges {
        if cx.unsound.contains(cx.types()[edge.to].name.value.as_str()) {
            cx.unsound.insert(&def.name.value);
        }
        if let State::Done(below) = state[edge.to] {
            deepest = deepest.max(below.saturating_add(edge.depth));
        }
    }
    let name = &def.name;
    // If a type is too deep only because it contains a reported type, it is not reported again. A cycle has no depth.
    if deepest > MAX_DEPTH && deepest < TOO_DEEP && !cx.unsound.contains(name.value.as_str()) {
        let message =
            format!("the types in `{}` are nested more than {MAX_DEPTH} levels deep", name.value);
        cx.report(
            Finding::new(&rules::NESTED_TOO_DEEP, name.span, message)
                .help("use fewer levels; arrays and aliases count as levels too"),
        );
        return TOO_DEEP;
    }
    deepest
}

/// The depth of a type that was already reported as too deep.
const TOO_DEEP: usize = usize::MAX;

/// The maximum number of types that are shown for a cycle.
const MAX_SHOWN: usize = 8;

fn report_cycle<'a>(
    cx: &mut Context<'a>,
    stack: &[(usize, usize)],
    edges: &[Vec<Edge<'a>>],
    closing: &Edge<'a>,
) {
    let start = stack.iter().position(|(index, _)| *index == closing.to).unwrap_or_default();
    let name = &cx.types()[closing.to].name.value;
    let message = format!("`{name}` contains itself, so it has no finite size");
    let mut finding = Finding::new(&rules::RECURSIVE_TYPE, closing.ty.span, message)
        .label("closes the cycle")
        .help(format!("use the pointer `*{name}` or an index instead"));
    for (position, (index, next)) in stack[start..].iter().enumerate() {
        cx.unsound.insert(&cx.types()[*index].name.value);
        let edge = &edges[*index][next - 1];
        if edge.ty.span != closing.ty.span && position < MAX_SHOWN {
            let held = &cx.types()[edge.to].name.value;
            finding = finding.related(edge.ty.span, format!("contains `{held}`"));
        }
    }
    cx.report(finding);
}
