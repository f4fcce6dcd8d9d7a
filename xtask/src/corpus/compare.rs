//! Compares maps of two objects as libbpf and the kernel interpret them.
//!
//! These differences are ignored:
//!
//! - the name of an integer (`long` and `long long` are the same)
//! - a typedef with the name of its struct
//! - the generated name of a nameless type
//! - padding that has a name on only one side
//! - the target of a pointer, except the name of the struct that it points to
//! - the type of a key, if the kernel accepts no BTF for it
//! - a missing size, if the map type allows only one size
//! - the members that a program declares for a struct that is a special field of the kernel
//! - `const`, `volatile` and `restrict`
//!
//! Everything else must be equal.

use std::collections::HashSet;

use bpfmap_btf::{Btf, Kind, Member, Type, TypeId};
use bpfmap_core::SpecialField;
use bpfmap_core::map_type::{KeyRule, MAP_TYPES};
use bpfmap_schema::front::btf::MapDefinition;
use bpfmap_schema::type_word;

/// A difference between two maps.
pub(super) struct Difference {
    pub(super) text: String,
    /// The rules of the importer that report this difference.
    pub(super) rules: &'static [&'static str],
}

/// A difference: its path, its description, and the rules that may report it.
macro_rules! differs {
    ($path:expr, $what:expr, $rules:expr $(,)?) => {
        Some(Difference { text: format!("{}: {}", $path, $what), rules: $rules })
    };
}

const BYTES: &[&str] = &["import-type", "import-layout", "import-bytes"];

const ENUM: &[&str] = &["import-enum", "import-type"];

type Side<'s, 'a> = (&'s Btf<'a>, &'s MapDefinition);

/// Returns the difference between the map of an original and its copy.
pub(super) fn maps(original: Side<'_, '_>, copy: Side<'_, '_>) -> Option<Difference> {
    definition("map", original, copy).or_else(|| {
        let (tags, copied) = (
            tags_of(original.0, original.1.variable, None),
            tags_of(copy.0, copy.1.variable, None),
        );
        if tags == copied {
            None
        } else {
            differs!("map", format!("tags {tags:?}, {copied:?}"), &[])
        }
    })
}

fn definition(path: &str, original: Side<'_, '_>, copy: Side<'_, '_>) -> Option<Difference> {
    let (from, to) = (original.1, copy.1);
    let attributes = |side: &Side<'_, '_>| {
        let (btf, map) = side;
        let (mut key_size, mut value_size) = map.sizes(btf);
        if let Some(row) = MAP_TYPES.iter().find(|row| Some(row.number) == map.map_type) {
            if key_size == 0 && row.key.is_implied() {
                key_size = 4;
            }
            if value_size == 0 {
                let implied = row.value.implied_size().and_then(|size| u32::try_from(size).ok());
                value_size = implied.unwrap_or(0);
            }
        }
        [
            ("type", u64::from(map.map_type.unwrap_or_default())),
            ("key_size", key_size.into()),
            ("value_size", value_size.into()),
            ("max_entries", map.max_entries.unwrap_or_default().into()),
            ("map_flags", map.flags.unwrap_or_default().into()),
            ("pinning", map.pinning.unwrap_or_default().into()),
            ("numa_node", map.numa_node.unwrap_or_default().into()),
            ("map_extra", map.map_extra.unwrap_or_default()),
        ]
    };
    for ((what, one), (_, other)) in attributes(&original).into_iter().zip(attributes(&copy)) {
        if one != other {
            return differs!(path, format!("{what} {one}, then {other}"), &[]);
        }
    }
    if from.values != to.values {
        return differs!(path, format!("values {:?}, then {:?}", from.values, to.values), &[]);
    }
    let types = |(btf, map): Side<'_, '_>| {
        [map.key_type(btf), map.value_type(btf), map.event.map(|event| event.ty)]
    };
    for (what, (one, other)) in
        ["key", "value", "event"].into_iter().zip(types(original).into_iter().zip(types(copy)))
    {
        let difference = match (one, other) {
            (None, None) => None,
            // The kernel does not accept BTF for the original key, and the copy has no type for its
            // key.
            (Some(_), None) if what == "key" && !takes_key(original) => None,
            (Some(one), Some(other)) => {
                let mut comparison =
                    Comparison { from: original.0, to: copy.0, seen: HashSet::new() };
                comparison.types(&format!("{path}.{what}"), one, other)
            }
            (one, _) => differs!(path, format!("{what} typed: {}", one.is_some()), BYTES),
        };
        if difference.is_some() {
            return difference;
        }
    }
    let difference = match (from.event, to.event) {
        (None, None) => None,
        (Some(one), Some(other)) => {
            let mut comparison = Comparison { from: original.0, to: copy.0, seen: HashSet::new() };
            comparison.types(&format!("{path}.event"), one.ty, other.ty)
        }
        (one, _) => differs!(path, format!("event typed: {}", one.is_some()), BYTES),
    };
    if difference.is_some() {
        return difference;
    }
    match (&from.inner, &to.inner) {
        (None, None) => None,
        (Some(one), Some(other)) => {
            definition(&format!("{path}.inner"), (original.0, one), (copy.0, other))
        }
        _ => differs!(path, "only one of the maps has an inner map", &[]),
    }
}

/// Returns whether the kernel accepts BTF for a map's key. If it does not, libbpf creates the map
/// without BTF.
///
/// Source: `array_map_check_btf` in `kernel/bpf/arraymap.c`, `trie_check_btf` in `kernel/bpf/lpm_trie.c`.
fn takes_key((btf, map): Side<'_, '_>) -> bool {
    let row = MAP_TYPES.iter().find(|row| Some(row.number) == map.map_type);
    let key = map.key_type(btf).and_then(|id| btf.resolve(id).ok().flatten()).map(|ty| &ty.kind);
    match (row.map(|row| row.key), key) {
        (Some(rule), key) if rule.is_implied() => matches!(key, Some(Kind::Int(_))),
        (Some(KeyRule::LpmPrefix), key) => matches!(key, Some(Kind::Struct(_))),
        _ => true,
    }
}

fn tags_of<'a>(btf: &Btf<'a>, id: TypeId, component: Option<u32>) -> Vec<&'a str> {
    let tags = btf.iter().filter_map(|(_, ty)| match ty.kind {
        Kind::DeclTag { target, component: on } if target == id && on == component => Some(ty.name),
        _ => None,
    });
    let mut tags: Vec<&str> = tags.collect();
    tags.sort_unstable();
    tags
}

/// The names of typedefs and the type tags that lead to a type.
#[derive(Debug, PartialEq, Eq, Default)]
struct Before<'a> {
    typedefs: Vec<&'a str>,
    tags: Vec<&'a str>,
}

struct Comparison<'s, 'a, 'b> {
    from: &'s Btf<'a>,
    to: &'s Btf<'b>,
    seen: HashSet<(TypeId, TypeId)>,
}

impl Comparison<'_, '_, '_> {
    fn types(&mut self, path: &str, from: TypeId, to: TypeId) -> Option<Difference> {
        if !self.seen.insert((from, to)) {
            return None;
        }
        let (mut before, from_id, one) = strip(self.from, from);
        let (mut copied, to_id, other) = strip(self.to, to);
        let (Some(one), Some(other)) = (one, other) else {
            return differs!(path, "a type is missing", BYTES);
        };
        // A nameless type gets the name of its typedef.
        let has_tag = matches!(one.kind, Kind::Struct(_) | Kind::Union(_) | Kind::Enum(_));
        let name = if one.name.is_empty() && has_tag {
            before.typedefs.last().copied().unwrap_or_default()
        } else {
            one.name
        };
        before.typedefs.retain(|typedef| *typedef != name || !has_tag);
        copied.typedefs.retain(|typedef| *typedef != other.name);
        if before.typedefs != copied.typedefs {
            let what = format!("typedefs {:?}, then {:?}", before.typedefs, copied.typedefs);
            return differs!(path, what, &["import-renamed", "import-type"]);
        }
        if before.tags != copied.tags {
            let what = format!("type tags {:?}, then {:?}", before.tags, copied.tags);
            return differs!(path, what, &["import-type-tag"]);
        }
        let nameless = name.is_empty();
        let renamed = || {
            differs!(path, format!("called `{name}`, then `{}`", other.name), &["import-renamed"])
        };
        match (&one.kind, &other.kind) {
            (Kind::Int(one_int), Kind::Int(other_int)) => {
                let same = one_int.size == other_int.size
                    && one_int.is_bool == other_int.is_bool
                    && (one.name == "char") == (other.name == "char")
                    // Whether `char` is signed depends on the machine for which a program was
                    // compiled.
                    && (one_int.is_signed == other_int.is_signed || one.name == "char");
                if same { None } else { differs!(path, format!("{one:?}, then {other:?}"), &[]) }
            }
            (Kind::Pointer(one), Kind::Pointer(other)) => self.pointers(path, *one, *other),
            (Kind::Array(one), Kind::Array(other)) => {
                if one.len != other.len {
                    return differs!(
                        path,
                        format!("{} elements, then {}", one.len, other.len),
                        BYTES,
                    );
                }
                self.types(&format!("{path}[]"), one.element, other.element)
            }
            (Kind::Enum(one), Kind::Enum(other_enum)) => {
                if !nameless && name != other.name {
                    return renamed();
                }
                let same = one.size == other_enum.size
                    && one.is_signed == other_enum.is_signed
                    && one.variants == other_enum.variants;
                if same { None } else { differs!(path, "a different enum", ENUM) }
            }
            // The kernel finds its special fields by the names of their structs.
            (Kind::Struct(one), Kind::Struct(copy)) if is_kernels(name) && name == other.name => {
                if one.size == copy.size {
                    None
                } else {
                    differs!(path, "a different size", &[])
                }
            }
            (Kind::Struct(one), Kind::Struct(copy)) | (Kind::Union(one), Kind::Union(copy)) => {
                if !nameless && name != other.name {
                    return renamed();
                }
                if one.size != copy.size {
                    return differs!(path, format!("{} bytes, then {}", one.size, copy.size), &[]);
                }
                let tags = (tags_of(self.from, from_id, None), tags_of(self.to, to_id, None));
                if tags.0 != tags.1 {
                    return differs!(path, format!("tags {:?}, then {:?}", tags.0, tags.1), &[]);
                }
                self.members(path, (from_id, &one.members), (to_id, &copy.members))
            }
            _ => differs!(path, "a different kind of type", BYTES),
        }
    }

    fn members(
        &mut self,
        path: &str,
        (from, one): (TypeId, &[Member<'_>]),
        (to, other): (TypeId, &[Member<'_>]),
    ) -> Option<Difference> {
        let names: HashSet<&str> = one.iter().map(|member| member.name).collect();
        let real =
            |member: &Member<'_>| !member.name.starts_with("__pad") || names.contains(member.name);
        let mut copied = (0_u32..).zip(other).filter(|(_, member)| real(member));
        for (index, member) in (0_u32..).zip(one) {
            let path = format!("{path}.{}", member.name);
            let Some((copy_index, copy)) = copied.next() else {
                return differs!(&path, "the member is missing", BYTES);
            };
            let place = |btf: &Btf<'_>, member: &Member<'_>| {
                let mut place = (member.bit_offset, member.bits);
                if let Ok(Some(Type { kind: Kind::Int(int), .. })) = btf.resolve(member.ty)
                    && place.1 == 0
                    && int.bits != int.size * 8
                    && !int.is_bool
                {
                    place = (place.0 + int.bit_offset, int.bits);
                }
                place
            };
            // The tag of a Rust enum has no name.
            let is_tag = member.name.is_empty() && self.is_plain(member);
            if member.name != copy.name && !is_tag {
                return differs!(&path, format!("`{}` in its place", copy.name), BYTES);
            }
            let (one, other) = (place(self.from, member), place(self.to, copy));
            if one != other {
                return differs!(&path, format!("at {one:?}, then {other:?}"), BYTES);
            }
            let tags =
                (tags_of(self.from, from, Some(index)), tags_of(self.to, to, Some(copy_index)));
            if tags.0 != tags.1 {
                return differs!(&path, format!("tags {:?}, then {:?}", tags.0, tags.1), BYTES);
            }
            let difference = self.types(&path, member.ty, copy.ty);
            if difference.is_some() {
                return difference;
            }
        }
        let (_, more) = copied.next()?;
        differs!(path, format!("one more member, `{}`", more.name), BYTES)
    }

    /// Returns whether a member is neither a bit-field nor a struct or union.
    fn is_plain(&self, member: &Member<'_>) -> bool {
        let ty = self.from.resolve(member.ty).ok().flatten();
        member.bits == 0
            && ty.is_some_and(|ty| !matches!(ty.kind, Kind::Struct(_) | Kind::Union(_)))
    }

    /// User space only copies pointers. Their tags and the name of the struct that they point to
    /// are compared.
    fn pointers(&mut self, path: &str, one: TypeId, other: TypeId) -> Option<Difference> {
        let (before, _, one) = strip(self.from, one);
        let (copied, _, other) = strip(self.to, other);
        if before.tags != copied.tags {
            let what = format!("type tags {:?}, then {:?}", before.tags, copied.tags);
            return differs!(path, what, &["import-type-tag"]);
        }
        let target = |ty: Option<&Type<'_>>| match ty {
            Some(Type { name, kind: Kind::Struct(_) | Kind::Forward { union: false } })
                if !name.is_empty() =>
            {
                (*name).to_owned()
            }
            _ => String::new(),
        };
        let (one, other) = (target(one), target(other));
        if one == other {
            None
        } else {
            differs!(path, format!("leads to `{one}`, then `{other}`"), &["import-renamed"])
        }
    }
}

/// Returns whether a struct with this name is a special field of the kernel.
fn is_kernels(name: &str) -> bool {
    SpecialField::ALL.iter().any(|field| !field.is_pointer() && field.name() == name)
}

/// Returns the type behind typedefs, qualifiers and tags, together with the names of these typedefs
/// and tags. A typedef that means the same as an integer type of a schema is treated as that
/// integer.
fn strip<'s, 'a>(btf: &'s Btf<'a>, id: TypeId) -> (Before<'a>, TypeId, Option<&'s Type<'a>>) {
    let mut before = Before::default();
    let mut at = id;
    for _ in 0..64 {
        let Some(ty) = btf.get(at) else { break };
        at = match &ty.kind {
            Kind::Typedef(target) => {
                // The typedef has the same meaning as the word.
                if type_word::meant(ty.name).is_some() {
                    before.typedefs.push("");
                } else {
                    before.typedefs.push(ty.name);
                }
                *target
            }
            Kind::Const(target) | Kind::Volatile(target) | Kind::Restrict(target) => *target,
            Kind::TypeTag(target) => {
                before.tags.push(ty.name);
                *target
            }
            _ => {
                if let Some(word) = before.typedefs.iter().position(|typedef| typedef.is_empty()) {
                    before.typedefs.truncate(word);
                }
                return (before, at, Some(ty));
            }
        };
    }
    (before, at, None)
}
