//! Random words: names, docs, tags, and new names for the types of a random schema.

use std::collections::HashSet;

use bpfmap_schema::ir::{Composite, MemberType, Schema, Type, TypeDefKind};
use bpfmap_schema::source::Spanned;

/// Numbers that follow from the first, as of a linear congruential generator.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Once in `rarity` times.
    pub(crate) fn sometimes<T>(
        &mut self,
        rarity: usize,
        make: impl FnOnce(&mut Self) -> T,
    ) -> Option<T> {
        (self.below(rarity) == 0).then(|| make(self))
    }
}

/// Names as C has them, some of them taken in Rust.
pub(crate) const NAMES: &[&str] = &[
    "counters",
    "ip_key",
    "type",
    "self",
    "Self",
    "crate",
    "match",
    "HTTPEvent",
    "traffic_0",
    "_x",
    "__pad0",
    "__pad1",
    "_pad",
    "bits0",
    "anon0",
    "a__b",
    "tail_",
    "x86_64",
    "IPv4Header",
    "Option",
    "result",
    "timer",
    "spin_lock",
    "enum_",
    "camelCase",
    "u",
    "be32_pair",
    "maps",
    "list_head",
    // Words of C and of its headers.
    "auto_",
    "bool_",
    "errno",
    "log",
    "offsetof",
    "stdin",
    "NULL_",
    "size_t_",
    // Words of the kernel.
    "key",
    "node",
    "context",
    "task",
    "page",
    "inode",
    "file",
    "cpu",
    "state",
    "current",
    "xdp",
    "sk_buff_",
    // Words of BPF programs, of libbpf's headers and of the fixtures.
    "license",
    "value",
    "values",
    "scratch",
    "view",
    "ctx",
    "event",
    "max_entries",
    "kconfig",
    "bpf_map",
    "inner_map",
    "object",
    "program",
    // Words of Rust.
    "async",
    "await",
    "dyn",
    "impl",
    "loop",
    "mod",
    "move",
    "ref",
    "str",
    "trait",
    "try",
    "union",
    "use",
    "where",
    "yield",
    "gen",
    "super",
    "Vec",
    "String",
    "Some",
    "None",
    "Ok",
    "Err",
    "core",
    "std",
    "main",
    "test",
    "schema",
    "from_bytes",
    "default",
    "new",
    "as_ref",
    "u8",
];

const DOCS: &[&str] = &[
    "One line.",
    "Two\nlines",
    "`code` and \"quotes\" \\ */ and /*",
    "  set in\n\n    code\nand out",
    "\u{e9}\u{1f600}",
    "An example:\n\n```\nlet packets = maps.packets.lookup(&source)?;\n```",
    "In C:\n\n```c\nstruct key *k = &key;\n```\nand ~~~ as well",
    "See https://www.kernel.org/doc/ and <https://docs.kernel.org/bpf/>.",
    "A [link] to nothing, [another](nowhere), <b>bold</b> and Vec<u8>",
    "# A heading\n\n* a point\n\t* a point below it\n\n1. one",
    "",
];

pub(crate) fn doc(random: &mut Random) -> Option<String> {
    random.sometimes(4, |random| random.pick(DOCS).to_owned())
}

pub(crate) fn tags(random: &mut Random) -> Vec<Spanned<String>> {
    let tags = [vec![], vec![], vec![], vec!["one"], vec!["say \"two\"", "line\nbreak\\"]];
    let tags = &tags[random.below(tags.len())];
    tags.iter().map(|tag| (*tag).to_owned().into()).collect()
}

pub(crate) fn name(random: &mut Random, taken: &mut HashSet<String>) -> String {
    let mut name = random.pick(NAMES).to_owned();
    while !taken.insert(name.clone()) {
        name.push(random.pick(&['a', '_', '7', 'B']));
    }
    name
}

/// Gives some types odd names, and says so wherever they are named.
pub(crate) fn rename_types(schema: &mut Schema, random: &mut Random) {
    let mut taken = HashSet::new();
    for index in 0..schema.types.len() {
        if random.below(2) == 0 {
            continue;
        }
        let old = schema.types[index].name.value.clone();
        let mut new = name(random, &mut taken);
        // No name of a type of another kind.
        new.push_str("_t");
        taken.insert(new.clone());
        schema.types[index].name.value.clone_from(&new);
        for def in &mut schema.types {
            match &mut def.kind {
                TypeDefKind::Struct(body) | TypeDefKind::Union(body) => {
                    rename_in(body, &old, &new);
                }
                TypeDefKind::Alias(target) => rename(&mut target.value, &old, &new),
                TypeDefKind::Enum(_) => {}
            }
        }
    }
}

fn rename_in(body: &mut Composite, old: &str, new: &str) {
    for member in &mut body.members {
        match &mut member.ty {
            MemberType::Type(ty) => rename(&mut ty.value, old, new),
            MemberType::Struct(body) | MemberType::Union(body) => rename_in(body, old, new),
        }
    }
}

fn rename(ty: &mut Type, old: &str, new: &str) {
    match ty {
        Type::Named(name) if name == old => new.clone_into(name),
        Type::Array(element, _) => rename(&mut element.value, old, new),
        Type::Pointer(Some(target)) => rename(&mut target.value, old, new),
        _ => {}
    }
}
