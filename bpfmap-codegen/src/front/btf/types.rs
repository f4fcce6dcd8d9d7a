//! From types of BTF to types of a schema.

use std::collections::{HashMap, HashSet};

use bpfmap_btf::{Btf, Kind, Member as BtfMember, TypeId};

use super::fit::{Placed, fit};
use super::kernel::KernelTypes;
use super::places::{Owner, Places};
use super::sources::{Source, same};
use super::{Failed, LeftOut, Tags};
use crate::check::is_kernels;
use crate::diagnostics::Finding;
use crate::front::type_word;
use crate::ir::{
    Composite, Enum, InC, Int, Member, MemberType, SpecialField, Target, Type, TypeDef,
    TypeDefKind, Variant,
};
use crate::layout::Layouts;
use crate::rules::{self, Rule};
use crate::source::{Span, Spanned};

/// How deep types are followed; the kernel follows 32.
const MAX_DEPTH: usize = 64;

/// The longest name that a schema takes.
const MAX_NAME: usize = 127;

/// Makes types of a schema, each when it is first asked for.
pub(super) struct Types<'a> {
    /// All that types are read from; one, unless maps of several programs become one schema.
    sources: &'a [Source<'a>],
    /// Which of them is read now.
    source: usize,
    kernel: Option<&'a KernelTypes<'a>>,
    pub(super) places: Places,
    pub(super) findings: Vec<Finding>,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) defs: Vec<TypeDef>,
    layouts: Layouts,
    /// The name that each type of each source got.
    names: HashMap<(usize, TypeId), String>,
    /// Which type has a name.
    named: HashMap<String, (usize, TypeId)>,
    /// The constants of enums.
    constants: HashSet<&'a str>,
    /// The names that are given.
    taken: HashSet<String>,
    /// Of a name that was wanted more than once, the number that may be free.
    numbers: HashMap<String, u32>,
    /// How many more bytes of text, and members, the file may take. Types that are used many times,
    /// and names that share one text, could take far more than the file has.
    room: usize,
}

/// What a type is a part of: where findings about it stand, and how it is called if it has no name.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub(super) span: Span,
    /// `stats_rx`
    pub(super) name: &'p str,
    pub(super) depth: usize,
}

impl Place<'_> {
    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }
}

type Made<T> = Result<T, Failed>;

impl<'a> Types<'a> {
    pub(super) fn new(
        sources: &'a [Source<'a>],
        kernel: Option<&'a KernelTypes<'a>>,
        places: Places,
        room: usize,
    ) -> Self {
        Self {
            sources,
            source: 0,
            kernel,
            places,
            findings: vec![],
            left_out: vec![],
            defs: vec![],
            layouts: Layouts::default(),
            names: HashMap::new(),
            taken: HashSet::new(),
            numbers: HashMap::new(),
            named: HashMap::new(),
            constants: HashSet::new(),
            room,
        }
    }

    /// Reads types of the source of this number from now on.
    pub(super) fn enter(&mut self, source: usize) {
        self.source = source;
    }

    /// What types are read from now.
    pub(super) fn btf(&self) -> &'a Btf<'a> {
        &self.sources[self.source].btf
    }

    pub(super) fn tags(&self) -> &'a Tags<'a> {
        &self.sources[self.source].tags
    }

    /// Takes room; an error once there is none left.
    pub(super) fn spend(&mut self, bytes: usize) -> Made<()> {
        self.room = self.room.checked_sub(bytes).ok_or(Failed)?;
        Ok(())
    }

    fn report(&mut self, rule: &'static Rule, span: Span, message: String, help: &str) {
        // What it takes is not worth an error: there is no room for much more.
        self.room = self.room.saturating_sub(512);
        self.findings.push(Finding::new(rule, span, message).help(help));
    }

    /// Says that a map is left out, and why.
    pub(super) fn leave_out(
        &mut self,
        map: &str,
        rule: &'static Rule,
        span: Span,
        message: String,
    ) {
        self.findings.push(Finding::new(rule, span, message));
        self.left_out.push(LeftOut { map: map.to_owned(), rule });
    }

    /// The type of a key, a value, a member or an element.
    pub(super) fn ty(&mut self, id: TypeId, place: Place<'_>) -> Made<Spanned<Type>> {
        self.spend(8)?;
        let of = |ty| Ok(Spanned::new(ty, place.span));
        if place.depth > MAX_DEPTH {
            return self.bytes(id, place, "nests too deep");
        }
        let Ok((id, Some(ty))) = self.btf().unqualified(id) else {
            return self.bytes(id, place, "has no type");
        };
        match &ty.kind {
            Kind::Int(int) => match (ty.name, int.size) {
                _ if int.is_bool && int.size == 1 => of(Type::Bool),
                ("char", 1) => of(Type::Char),
                (_, size @ (1 | 2 | 4 | 8 | 16)) => {
                    of(Type::Int(Int { size, signed: int.is_signed }))
                }
                _ => self.bytes(id, place, "is an integer of an odd size"),
            },
            Kind::Pointer(target) => {
                let target = self.pointer(*target, place)?;
                of(target)
            }
            Kind::Array(array) => {
                let element = self.ty(array.element, place.deeper())?;
                let len = Spanned::new(array.len, place.span);
                of(Type::Array(Box::new(element), len))
            }
            Kind::Struct(_) => {
                if let Some(special) = special_struct(ty.name) {
                    // What a list or a tree holds is on its member.
                    return of(Type::Special(special, None));
                }
                let name = self.named(id, None, place)?;
                of(Type::Named(name))
            }
            Kind::Union(_) | Kind::Enum(_) => {
                let name = self.named(id, None, place)?;
                of(Type::Named(name))
            }
            Kind::Typedef(target) => {
                if let Some(word) = type_word::meant(ty.name)
                    && self.is_like(*target, &word)
                {
                    return of(word);
                }
                let Ok((behind, Some(target))) = self.btf().unqualified(*target) else {
                    return self.bytes(id, place, "has no type");
                };
                let has_tag =
                    matches!(target.kind, Kind::Struct(_) | Kind::Union(_) | Kind::Enum(_));
                let name = if has_tag && (target.name.is_empty() || target.name == ty.name) {
                    self.named(behind, Some(ty.name), place)?
                } else {
                    self.alias(id, ty.name, behind, place)?
                };
                of(Type::Named(name))
            }
            Kind::TypeTag(target) => {
                self.tag_lost(ty.name, place.span);
                self.ty(*target, place.deeper())
            }
            Kind::Float { .. } => self.bytes(id, place, "is a floating-point number"),
            Kind::Forward { .. } => self.bytes(id, place, "is only declared"),
            _ => self.bytes(id, place, "is no data"),
        }
    }

    /// So many bytes, where a schema has no word for what they are.
    fn bytes(&mut self, id: TypeId, place: Place<'_>, why: &str) -> Made<Spanned<Type>> {
        let size = self.btf().size(id).ok().and_then(|size| u32::try_from(size).ok()).unwrap_or(0);
        let name = place.name;
        let message = format!("`{name}` {why}, and becomes {size} bytes");
        self.spend(message.len())?;
        let help = "its place and size are kept; what it means is for you to say";
        self.report(&rules::IMPORT_TYPE, place.span, message, help);
        let byte = Type::Int(Int { size: 1, signed: false });
        let element = Box::new(Spanned::new(byte, place.span));
        let array = Type::Array(element, Spanned::new(size, place.span));
        Ok(Spanned::new(array, place.span))
    }

    fn tag_lost(&mut self, tag: &str, span: Span) {
        let message = format!("the type tag `{tag}` is left out");
        let help =
            "a schema has the tags by which the kernel finds its own pointers, and no others";
        self.report(&rules::IMPORT_TYPE_TAG, span, message, help);
    }

    /// Whether a word of every schema means what the typedef of the same name leads to.
    fn is_like(&self, target: TypeId, word: &Type) -> bool {
        let Ok(Some(ty)) = self.btf().resolve(target) else { return false };
        match (&ty.kind, word) {
            (Kind::Int(int), Type::Int(word)) => {
                int.size == word.size && int.is_signed == word.signed
            }
            (Kind::Int(int), Type::BigEndian(size)) => int.size == *size && !int.is_signed,
            (Kind::Int(int), Type::Bool) => int.is_bool && int.size == 1,
            _ => false,
        }
    }

    /// What a pointer leads to. User space only carries it, so nothing follows from it but a name.
    fn pointer(&mut self, target: TypeId, place: Place<'_>) -> Made<Type> {
        self.spend(8)?;
        let none = Type::Pointer(None);
        let mut at = target;
        let mut field = None;
        for _ in 0..MAX_DEPTH {
            let Ok((id, Some(ty))) = self.btf().unqualified(at) else { return Ok(none) };
            match &ty.kind {
                Kind::TypeTag(next) => {
                    match pointer_tag(ty.name) {
                        Some(special) => field = Some(special),
                        None => self.tag_lost(ty.name, place.span),
                    }
                    at = *next;
                }
                // A kernel's own pointer leads to the struct itself, the typedef is transparent.
                Kind::Typedef(next) => at = *next,
                Kind::Struct(_) | Kind::Forward { union: false } => {
                    let is_plain = special_struct(ty.name).is_none()
                        && type_word::builtin(ty.name).is_none()
                        && is_name(ty.name);
                    self.spend(ty.name.len())?;
                    return Ok(match field {
                        Some(field) if is_name(ty.name) => {
                            self.follow(field, id, ty.name, place)?;
                            let name = Spanned::new(ty.name.to_owned(), place.span);
                            Type::Special(field, Some(Box::new(Target { name, member: None })))
                        }
                        None if is_plain => {
                            let name = Type::Named(ty.name.to_owned());
                            Type::Pointer(Some(Box::new(Spanned::new(name, place.span))))
                        }
                        _ => none,
                    });
                }
                Kind::Int(_) | Kind::Pointer(_) if field.is_none() => {
                    if place.depth > MAX_DEPTH {
                        return Ok(none);
                    }
                    let target = self.ty(id, place.deeper())?;
                    return Ok(Type::Pointer(Some(Box::new(target))));
                }
                _ => {
                    if let Some(field) = field {
                        self.tag_lost(field.name(), place.span);
                    }
                    return Ok(none);
                }
            }
        }
        Ok(none)
    }

    /// Makes what a special field leads to a type of the schema, where that is the program's own.
    fn follow(
        &mut self,
        field: SpecialField,
        id: TypeId,
        name: &str,
        place: Place<'_>,
    ) -> Made<()> {
        if place.depth > MAX_DEPTH || !self.is_defined(id) || self.is_kernels(id, name) {
            return Ok(());
        }
        // Without the kernel's BTF, what has fields of the kernel's is what programs allocate.
        let is_own = self.kernel.is_some()
            || matches!(field, SpecialField::UserPtr | SpecialField::PerCpuKptr)
            || self.has_special_member(id);
        if is_own {
            self.named(id, None, place.deeper())?;
        }
        Ok(())
    }

    fn is_defined(&self, id: TypeId) -> bool {
        self.btf().get(id).is_some_and(|ty| matches!(ty.kind, Kind::Struct(_)))
    }

    fn has_special_member(&self, id: TypeId) -> bool {
        let Some(Kind::Struct(body)) = self.btf().get(id).map(|ty| &ty.kind) else { return false };
        body.members.iter().any(|member| {
            let ty = self.btf().resolve(member.ty).ok().flatten();
            ty.is_some_and(|ty| special_struct(ty.name).is_some())
        })
    }

    /// Whether the kernel defines the type.
    fn is_kernels(&self, id: TypeId, name: &str) -> bool {
        // What is a word of C's or the kernel's may be defined by other headers, with another meaning.
        let by_name = || is_kernels(name) || type_word::in_other_words(name).is_some();
        self.kernel.map_or_else(by_name, |kernel| kernel.has(self.btf(), id, name))
    }

    /// A name for the type `id` that nothing else has.
    fn name(&mut self, id: TypeId, wanted: &str, place: Place<'_>) -> Made<String> {
        let mut name: String = wanted
            .chars()
            .map(|char| if char.is_ascii_alphanumeric() || char == '_' { char } else { '_' })
            .take(MAX_NAME - 8)
            .collect();
        if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
            name.insert(0, '_');
        }
        name = self.free(name);
        self.spend(name.len() * 2)?;
        if name != wanted {
            let message = format!("`{wanted}` becomes `{name}`");
            self.spend(message.len())?;
            let help = "another type has the name, or it is no name in C";
            self.report(&rules::IMPORT_RENAMED, place.span, message, help);
        }
        self.taken.insert(name.clone());
        self.names.insert((self.source, id), name.clone());
        self.named.insert(name.clone(), (self.source, id));
        Ok(name)
    }

    /// The name of a struct, union or enum, which is made when it is first asked for.
    fn named(&mut self, id: TypeId, typedef: Option<&str>, place: Place<'_>) -> Made<String> {
        if let Some(name) = self.names.get(&(self.source, id)) {
            let name = name.clone();
            self.spend(name.len())?;
            return Ok(name);
        }
        let Some(ty) = self.btf().get(id) else { return Err(Failed) };
        let wanted = match (ty.name, typedef) {
            ("", Some(typedef)) => typedef.to_owned(),
            ("", None) => place.name.to_owned(),
            (name, _) => name.to_owned(),
        };
        if let Some(name) = self.shared(id, &wanted)? {
            return Ok(name);
        }
        let wanted =
            if ty.name.is_empty() && typedef.is_none() { self.free(wanted) } else { wanted };
        let name = self.name(id, &wanted, place)?;
        let kernel = self.is_kernels(id, &wanted) && name == wanted;
        let in_c = InC { typedef: typedef.is_some(), kernel };
        let holder = self.places.owner();
        let span = self.places.begin(Owner::Type(name.clone()));
        self.spend(name.len())?;
        let inside = Place { span, name: &name, depth: place.depth + 1 };
        let kind = match &ty.kind {
            Kind::Struct(body) => {
                TypeDefKind::Struct(self.composite(id, &body.members, body.size, false, inside)?)
            }
            Kind::Union(body) => {
                TypeDefKind::Union(self.composite(id, &body.members, body.size, true, inside)?)
            }
            Kind::Enum(body) => TypeDefKind::Enum(self.enumeration(body, inside)?),
            _ => return Err(Failed),
        };
        self.add(id, &name, span, kind, in_c);
        self.places.resume(holder);
        Ok(name)
    }

    /// The name of a type of another source that is called so too and is the same.
    fn shared(&mut self, id: TypeId, wanted: &str) -> Made<Option<String>> {
        if self.sources.len() == 1 {
            return Ok(None);
        }
        let last = self.numbers.get(wanted).copied().unwrap_or(1);
        for number in 1..=last {
            let name = if number == 1 { wanted.to_owned() } else { format!("{wanted}_{number}") };
            let Some((source, other)) = self.named.get(&name).copied() else { continue };
            if source != self.source
                && same((&self.sources[source], other), (&self.sources[self.source], id))
            {
                self.spend(name.len())?;
                self.names.insert((self.source, id), name.clone());
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// `stem`, with a number if the name is taken.
    fn free(&mut self, stem: String) -> String {
        if !self.taken.contains(&stem) {
            return stem;
        }
        let number = self.numbers.entry(stem.clone()).or_insert(2);
        loop {
            let name = format!("{stem}_{number}");
            if !self.taken.contains(&name) {
                return name;
            }
            *number = number.saturating_add(1);
        }
    }

    fn alias(
        &mut self,
        id: TypeId,
        wanted: &str,
        target: TypeId,
        place: Place<'_>,
    ) -> Made<String> {
        if let Some(name) = self.names.get(&(self.source, id)) {
            let name = name.clone();
            self.spend(name.len())?;
            return Ok(name);
        }
        if let Some(name) = self.shared(id, wanted)? {
            return Ok(name);
        }
        let target = self.ty(target, place.deeper())?;
        let name = self.name(id, wanted, place)?;
        let kernel = self.is_kernels(id, wanted) && name == wanted;
        let holder = self.places.owner();
        let span = self.places.begin(Owner::Type(name.clone()));
        let in_c = InC { typedef: false, kernel };
        let target = Spanned::new(target.value, span);
        self.add(id, &name, span, TypeDefKind::Alias(target), in_c);
        self.places.resume(holder);
        Ok(name)
    }

    fn add(&mut self, id: TypeId, name: &str, span: Span, kind: TypeDefKind, in_c: InC) {
        let decl_tags = self.tags().of(id, None, span);
        let name = Spanned::new(name.to_owned(), span);
        let def = TypeDef { name, doc: None, kind, decl_tags, in_c };
        self.layouts.add(&def);
        self.defs.push(def);
    }

    fn enumeration(&mut self, body: &bpfmap_btf::Enum<'a>, place: Place<'_>) -> Made<Enum> {
        // Before clang 16, BTF did not say of which sign an enum is: 32 bits count then.
        let repr = Int { size: body.size, signed: body.is_signed };
        let mut variants = Vec::with_capacity(body.variants.len());
        for variant in &body.variants {
            self.spend(variant.name.len() + 32)?;
            variants.push(Variant {
                name: Spanned::new(variant.name.to_owned(), place.span),
                value: Spanned::new(variant.value, place.span),
                doc: None,
            });
        }
        // C has one name space for the constants of all enums, a program's own.
        let is_taken = self.sources.len() > 1
            && body.variants.iter().any(|variant| self.constants.contains(variant.name));
        let prefix = if is_taken {
            let name = place.name;
            let message = format!("the constants of `{name}` get the prefix `{name}_`");
            let help = "an enum of another program has constants of the same names";
            self.report(&rules::IMPORT_RENAMED, place.span, message, help);
            format!("{name}_")
        } else {
            self.constants.extend(body.variants.iter().map(|variant| variant.name));
            String::new()
        };
        Ok(Enum {
            repr: Spanned::new(repr, place.span),
            prefix: Some(Spanned::new(prefix, place.span)),
            variants,
        })
    }

    /// The body of a struct or union.
    fn composite(
        &mut self,
        id: TypeId,
        members: &[BtfMember<'_>],
        size: u32,
        is_union: bool,
        place: Place<'_>,
    ) -> Made<Composite> {
        let mut placed = Vec::with_capacity(members.len());
        for (index, member) in (0_u32..).zip(members) {
            placed.push(self.member(id, index, member, place)?);
        }
        if let Some(body) = fit(&self.layouts, &placed, size.into(), is_union) {
            return Ok(body);
        }
        let name = place.name;
        let message =
            format!("the members of `{name}` can't lie where they do: it becomes {size} bytes");
        let help = "its size is kept; what is in it is for you to say";
        self.report(&rules::IMPORT_LAYOUT, place.span, message, help);
        let byte = Type::Int(Int { size: 1, signed: false });
        let array = Type::Array(Box::new(byte.into()), size.into());
        let bytes = Member {
            name: Some("bytes".to_owned().into()),
            doc: None,
            ty: MemberType::Type(Spanned::new(array, place.span)),
            bits: None,
            decl_tags: vec![],
            default: None,
            renamed_from: None,
            span: place.span,
        };
        Ok(Composite { packed: false, align: None, members: vec![bytes] })
    }

    fn member(
        &mut self,
        parent: TypeId,
        index: u32,
        member: &BtfMember<'_>,
        place: Place<'_>,
    ) -> Made<Placed> {
        self.spend(64 + member.name.len() * 2 + place.name.len() * 2)?;
        let span = self.places.line(&format!("{}.{}", place.name, member.name));
        let name = format!("{}_{}", place.name, member.name);
        let inside = Place { span, name: &name, depth: place.depth + 1 };
        let (mut bits, mut bit_offset) = (member.bits, u64::from(member.bit_offset));
        let unqualified = self.btf().unqualified(member.ty).ok();
        // Old compilers put the width of a bit-field into the type of its integer.
        if let Some((_, Some(ty))) = unqualified
            && let Kind::Int(int) = &ty.kind
            && bits == 0
            && int.bits != 0
            && (u64::from(int.bits) < u64::from(int.size) * 8 && !int.is_bool)
        {
            bits = int.bits;
            bit_offset += u64::from(int.bit_offset);
        }
        let in_place = unqualified.and_then(|(id, ty)| {
            // With Microsoft's extensions, C has nameless members of structs with names.
            let ty = ty.filter(|ty| ty.name.is_empty() || member.name.is_empty())?;
            match &ty.kind {
                Kind::Struct(body) => Some((id, body.clone(), false)),
                Kind::Union(body) => Some((id, body.clone(), true)),
                _ => None,
            }
        });
        let mut decl_tags = self.tags().of(parent, Some(index), span);
        let ty = match in_place {
            Some((id, body, is_union)) if inside.depth <= MAX_DEPTH => {
                let body = self.composite(id, &body.members, body.size, is_union, inside)?;
                if is_union { MemberType::Union(body) } else { MemberType::Struct(body) }
            }
            _ => {
                let mut ty = self.ty(member.ty, inside)?;
                self.contained(&mut ty, &mut decl_tags, inside)?;
                MemberType::Type(ty)
            }
        };
        let is_nameless = bits != 0 || !matches!(ty, MemberType::Type(_));
        let name = match member.name {
            "" if is_nameless => None,
            // No compiler makes such a member.
            "" => Some(format!("__unnamed{index}")),
            name => Some(name.to_owned()),
        };
        let member = Member {
            name: name.map(|name| Spanned::new(name, span)),
            doc: None,
            ty,
            bits: (bits != 0).then(|| Spanned::new(bits, span)),
            decl_tags,
            default: None,
            renamed_from: None,
            span,
        };
        Ok(Placed { member, bit_offset })
    }

    /// What a list or tree holds stands in a tag: `contains:STRUCT:MEMBER`.
    fn contained(
        &mut self,
        ty: &mut Spanned<Type>,
        tags: &mut Vec<Spanned<String>>,
        place: Place<'_>,
    ) -> Made<()> {
        let Type::Special(field, target @ None) = &mut ty.value else { return Ok(()) };
        if field.node().is_none() {
            return Ok(());
        }
        let contains = |tag: &Spanned<String>| {
            let (name, member) = tag.value.strip_prefix("contains:")?.split_once(':')?;
            Some((name.to_owned(), member.to_owned()))
        };
        let found = tags.iter().position(|tag| contains(tag).is_some());
        let Some((name, member)) = found.and_then(|at| contains(&tags.remove(at))) else {
            let message = format!("the `{}` does not say what it holds", field.name());
            let help = "programs say it with the macro `__contains`";
            let (rule, size) = (&rules::IMPORT_TYPE, Layouts::default().of(&ty.value).size);
            let words = u32::try_from(size / 8).unwrap_or_default();
            self.report(rule, place.span, message, help);
            let word = Type::Int(Int { size: 8, signed: false });
            ty.value = Type::Array(Box::new(word.into()), words.into());
            return Ok(());
        };
        let named = |text: String| Spanned::new(text, place.span);
        *target = Some(Box::new(Target { name: named(name.clone()), member: Some(named(member)) }));
        if let Some(id) = self.sources[self.source].structs.get(name.as_str()).copied() {
            self.named(id, None, place.deeper())?;
        }
        Ok(())
    }
}

/// The special field that is a struct of this name.
fn special_struct(name: &str) -> Option<SpecialField> {
    let mut fields = SpecialField::ALL.iter().copied();
    fields.find(|field| !field.is_pointer() && field.name() == name)
}

/// The special field that a type tag marks.
fn pointer_tag(tag: &str) -> Option<SpecialField> {
    let mut fields = SpecialField::ALL.iter().copied();
    fields.find(|field| field.is_pointer() && field.name() == tag)
}

fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
