//! Types in C, each with the proof of its layout.

use std::collections::HashSet;
use std::fmt::Write;

use super::kernel_types::has;
use super::{push_comment, push_decl_tags};
use bpfmap_schema::ir::{
    Composite, Enum, Int, MapDecl, Member, MemberType, Schema, Target, Type, TypeDef, TypeDefKind,
};
use bpfmap_schema::layout::{CompositeLayout, Item, Layouts, Padding};
use bpfmap_schema::taken::is_in_uapi;

/// All types of `schema`, in an order in which C takes them.
pub(super) fn definitions(schema: &Schema, layouts: &Layouts) -> String {
    let names = TypeNames::new(schema);
    let mut code = String::new();
    let declared = declarations(schema);
    if !declared.is_empty() {
        code.push('\n');
        for tag in declared {
            match tag.split_once(' ') {
                Some((_, name)) if names.typedefs.contains(name) => {
                    let _ = writeln!(code, "typedef {tag} {name};");
                }
                _ => {
                    let _ = writeln!(code, "{tag};");
                }
            }
        }
    }
    for &index in layouts.definition_order() {
        let def = &schema.types[index];
        code.push('\n');
        if let Some(doc) = &def.doc {
            push_comment(&mut code, "", doc);
        }
        Definition { code: &mut code, names: &names, layouts }.write(def);
    }
    code
}

/// How C names the types of a schema: with the word `struct`, `union` or `enum`, or without.
pub(super) struct TypeNames<'a> {
    typedefs: HashSet<&'a str>,
    unions: HashSet<&'a str>,
    enums: HashSet<&'a str>,
    aliases: HashSet<&'a str>,
}

impl<'a> TypeNames<'a> {
    pub(super) fn new(schema: &'a Schema) -> Self {
        let mut names = Self {
            typedefs: HashSet::new(),
            unions: HashSet::new(),
            enums: HashSet::new(),
            aliases: HashSet::new(),
        };
        for def in &schema.types {
            if def.in_c.typedef {
                names.typedefs.insert(&def.name.value);
            }
            let set = match def.kind {
                TypeDefKind::Struct(_) => continue,
                TypeDefKind::Union(_) => &mut names.unions,
                TypeDefKind::Enum(_) => &mut names.enums,
                TypeDefKind::Alias(_) => &mut names.aliases,
            };
            set.insert(&def.name.value);
        }
        names
    }

    /// The type without a declarator, as a cast or `sizeof` takes it: `__u32[4]`.
    pub(super) fn abstract_type(&self, ty: &Type) -> String {
        self.declare(ty, "")
    }

    /// A declaration of `name` with the type `ty`: `__u32 name[4]`. C writes the innermost type
    /// first and what leads to it around the name.
    pub(super) fn declare(&self, ty: &Type, name: &str) -> String {
        let mut declarator = name.to_owned();
        let mut inner = ty;
        let mut after_pointer = false;
        loop {
            match inner {
                Type::Array(element, len) => {
                    if after_pointer {
                        declarator = format!("({declarator})");
                    }
                    let _ = write!(declarator, "[{}]", len.value);
                    after_pointer = false;
                    inner = &element.value;
                }
                Type::Pointer(target) => {
                    declarator.insert(0, '*');
                    after_pointer = true;
                    match target {
                        Some(target) => inner = &target.value,
                        None => break,
                    }
                }
                Type::Special(field, Some(_)) if field.is_pointer() => {
                    declarator.insert(0, '*');
                    break;
                }
                _ => break,
            }
        }
        let base = match inner {
            Type::Pointer(_) => "void".to_owned(),
            Type::Special(field, Some(target)) if field.is_pointer() => {
                let (name, tag) = (&target.name.value, field.name());
                format!("struct {name} __attribute__((btf_type_tag(\"{tag}\")))")
            }
            _ => self.base(inner),
        };
        match declarator.as_bytes().first() {
            None | Some(b'[') => format!("{base}{declarator}"),
            _ => format!("{base} {declarator}"),
        }
    }

    /// The name of what is neither an array nor a pointer.
    fn base(&self, ty: &Type) -> String {
        match ty {
            Type::Int(int) => int_name(*int).to_owned(),
            // `bool` is a name of its own only after stdbool.h or vmlinux.h.
            Type::Bool => "_Bool".to_owned(),
            Type::Char => "char".to_owned(),
            Type::BigEndian(size) => format!("__be{}", u64::from(*size) * 8),
            Type::Special(field, _) => format!("struct {}", field.name()),
            Type::Named(name)
                if self.aliases.contains(name.as_str())
                    || self.typedefs.contains(name.as_str()) =>
            {
                name.clone()
            }
            Type::Named(_) => self.tag(ty),
            Type::Array(..) | Type::Pointer(_) => self.declare(ty, ""),
        }
    }

    /// The tag of a struct, union or enum: `struct ip_key`.
    fn tag(&self, ty: &Type) -> String {
        match ty {
            Type::Named(name) if self.enums.contains(name.as_str()) => format!("enum {name}"),
            Type::Named(name) if self.unions.contains(name.as_str()) => format!("union {name}"),
            // One of the schema's, or one of the kernel's behind a pointer.
            Type::Named(name) if !self.aliases.contains(name.as_str()) => format!("struct {name}"),
            _ => self.base(ty),
        }
    }
}

fn int_name(int: Int) -> &'static str {
    match (int.signed, int.size) {
        (false, 1) => "__u8",
        (false, 2) => "__u16",
        (false, 4) => "__u32",
        (false, 8) => "__u64",
        (false, _) => "unsigned __int128",
        (true, 1) => "__s8",
        (true, 2) => "__s16",
        (true, 4) => "__s32",
        (true, 8) => "__s64",
        (true, _) => "__int128",
    }
}

/// An integer in C's own words. Clang describes an enum in BTF by the integer that stands in its definition: behind a
/// typedef such as `__s64` it does not find the sign, and cuts the values to 32 bits.
fn keywords(int: Int) -> &'static str {
    match (int.signed, int.size) {
        (false, 1) => "unsigned char",
        (false, 2) => "unsigned short",
        (false, 4) => "unsigned int",
        (false, _) => "unsigned long long",
        (true, 1) => "signed char",
        (true, 2) => "short",
        (true, 4) => "int",
        (true, _) => "long long",
    }
}

/// The structs and unions that a pointer names before, or without, their definition: `struct
/// task_struct`.
fn declarations(schema: &Schema) -> Vec<String> {
    let mut found = Pointees { names: TypeNames::new(schema), seen: HashSet::new(), tags: vec![] };
    for def in &schema.types {
        match &def.kind {
            TypeDefKind::Struct(body) | TypeDefKind::Union(body) => found.composite(body),
            TypeDefKind::Enum(_) => {}
            TypeDefKind::Alias(target) => found.ty(&target.value),
        }
    }
    for map in &schema.maps {
        found.map(map);
    }
    found.tags
}

struct Pointees<'a> {
    names: TypeNames<'a>,
    seen: HashSet<&'a str>,
    tags: Vec<String>,
}

impl<'a> Pointees<'a> {
    fn map(&mut self, map: &'a MapDecl) {
        map.types().for_each(|ty| self.ty(&ty.value));
        if let Some(bpfmap_schema::ir::InnerMap::Template(inner)) =
            map.inner.as_ref().map(|inner| &inner.value)
        {
            self.map(inner);
        }
    }

    fn composite(&mut self, body: &'a Composite) {
        for member in &body.members {
            match &member.ty {
                MemberType::Type(ty) => self.ty(&ty.value),
                MemberType::Struct(body) | MemberType::Union(body) => self.composite(body),
            }
        }
    }

    fn ty(&mut self, mut ty: &'a Type) {
        let mut behind_pointer = false;
        loop {
            ty = match ty {
                Type::Array(element, _) => &element.value,
                Type::Pointer(Some(target)) => {
                    behind_pointer = true;
                    &target.value
                }
                Type::Special(field, Some(target)) if field.is_pointer() => {
                    let name = &target.name.value;
                    if self.seen.insert(name) {
                        self.tags.push(format!("struct {name}"));
                    }
                    break;
                }
                Type::Named(name) if behind_pointer => {
                    let tag = self.names.tag(ty);
                    let declarable = tag.starts_with("struct ") || tag.starts_with("union ");
                    if declarable && self.seen.insert(name) {
                        self.tags.push(tag);
                    }
                    break;
                }
                _ => break,
            }
        }
    }
}

struct Definition<'a> {
    code: &'a mut String,
    names: &'a TypeNames<'a>,
    layouts: &'a Layouts,
}

impl Definition<'_> {
    fn write(&mut self, def: &TypeDef) {
        if def.in_c.kernel {
            self.guarded(def);
        } else {
            self.define(def);
        }
        self.prove(def);
    }

    /// What the kernel's headers may have, for programs that include none of them.
    fn guarded(&mut self, def: &TypeDef) {
        let name = &def.name.value;
        if is_in_uapi(name) {
            return;
        }
        let has = has(name);
        let _ =
            write!(self.code, "#if !defined(__VMLINUX_H__) && !defined({has})\n#define {has}\n");
        self.define(def);
        self.code.push_str("#endif\n");
    }

    fn define(&mut self, def: &TypeDef) {
        let name = &def.name.value;
        let tags = def.decl_tags.iter().map(|tag| &tag.value);
        let typedef = |word: &str| {
            if def.in_c.typedef {
                format!("typedef {word} {name} {name};\n")
            } else {
                String::new()
            }
        };
        match &def.kind {
            TypeDefKind::Struct(body) | TypeDefKind::Union(body) => {
                let Some(layout) = self.layouts.composite(name) else { return };
                let word = composite_word(&def.kind);
                let _ = write!(self.code, "{word} {name} ");
                self.composite_body(body, layout, 1);
                push_decl_tags(self.code, tags);
                self.code.push_str(";\n");
                self.code.push_str(&typedef(word));
            }
            TypeDefKind::Enum(body) => {
                self.enum_definition(name, body);
                push_decl_tags(self.code, tags);
                self.code.push_str(";\n");
                self.code.push_str(&typedef("enum"));
            }
            TypeDefKind::Alias(target) => {
                let _ = write!(self.code, "typedef {}", self.names.declare(&target.value, name));
                push_decl_tags(self.code, tags);
                self.code.push_str(";\n");
            }
        }
    }

    /// The proof that C lays the type out as the schema does.
    fn prove(&mut self, def: &TypeDef) {
        let name = &def.name.value;
        let ty = self.names.abstract_type(&Type::Named(name.clone()));
        match &def.kind {
            TypeDefKind::Struct(body) | TypeDefKind::Union(body) => {
                let Some(layout) = self.layouts.composite(name) else { return };
                assert_type(self.code, &ty, layout.size, layout.align);
                self.assert_offsets(&ty, "", 0, body, layout);
            }
            TypeDefKind::Enum(body) => {
                let size = u64::from(body.repr.value.size);
                assert_type(self.code, &ty, size, size);
            }
            TypeDefKind::Alias(target) => {
                let layout = self.layouts.of(&target.value);
                assert_type(self.code, &ty, layout.size, layout.align);
            }
        }
    }

    fn enum_definition(&mut self, name: &str, body: &Enum) {
        // The width of an enum is C23; clang takes it in every dialect, without a warning.
        let _ = writeln!(self.code, "enum {name} : {} {{", keywords(body.repr.value));
        for variant in &body.variants {
            if let Some(doc) = &variant.doc {
                push_comment(self.code, "\t", doc);
            }
            let constant = body.c_constant(name, &variant.name.value);
            let _ = writeln!(self.code, "\t{constant} = {},", integer_literal(variant.value.value));
        }
        self.code.push('}');
    }

    /// Writes `{ … }` and the attributes after it.
    fn composite_body(&mut self, body: &Composite, layout: &CompositeLayout, depth: usize) {
        self.code.push_str("{\n");
        let indent = "\t".repeat(depth);
        for item in layout.items(body) {
            match item {
                Item::Padding(padding) => push_padding(self.code, &indent, padding),
                Item::Member(index, member) => {
                    let nested = member.nested.as_ref();
                    self.member(&body.members[index], nested, &indent, depth);
                }
            }
        }
        let _ = write!(self.code, "{}}}", "\t".repeat(depth - 1));
        push_attributes(self.code, body);
    }

    fn member(
        &mut self,
        member: &Member,
        nested: Option<&CompositeLayout>,
        indent: &str,
        depth: usize,
    ) {
        if let Some(doc) = &member.doc {
            push_comment(self.code, indent, doc);
        }
        self.code.push_str(indent);
        let name = member.name.as_ref().map_or("", |name| name.value.as_str());
        match (&member.ty, nested) {
            (MemberType::Type(ty), _) => {
                self.code.push_str(&self.names.declare(&ty.value, name));
            }
            (MemberType::Struct(body), Some(layout)) => {
                self.code.push_str("struct ");
                self.composite_body(body, layout, depth + 1);
            }
            (MemberType::Union(body), Some(layout)) => {
                self.code.push_str("union ");
                self.composite_body(body, layout, depth + 1);
            }
            (MemberType::Struct(_) | MemberType::Union(_), None) => {}
        }
        if !matches!(member.ty, MemberType::Type(_)) && !name.is_empty() {
            let _ = write!(self.code, " {name}");
        }
        if let Some(bits) = &member.bits {
            let _ = write!(self.code, ":{}", bits.value);
        }
        let contains = contained(&member.ty)
            .map(|(target, node)| format!("contains:{}:{}", target.name.value, node));
        let tags = member.decl_tags.iter().map(|tag| &tag.value);
        push_decl_tags(self.code, contains.iter().chain(tags));
        self.code.push_str(";\n");
    }

    /// Asserts where each named member lies; `path` and `base` lead to the struct or union.
    fn assert_offsets(
        &mut self,
        ty: &str,
        path: &str,
        base: u64,
        body: &Composite,
        layout: &CompositeLayout,
    ) {
        for (member, at) in body.members.iter().zip(&layout.members) {
            // C does not tell where a bit-field lies; the padding around it holds it in its place.
            if member.bits.is_some() {
                continue;
            }
            let offset = base.saturating_add(at.offset());
            let path = match &member.name {
                Some(name) => {
                    let name = format!("{path}{}", name.value);
                    let _ = writeln!(
                        self.code,
                        "_Static_assert(__builtin_offsetof({ty}, {name}) == {offset}, \
                         \"{name} lies at byte {offset} of {ty}\");"
                    );
                    format!("{name}.")
                }
                None => path.to_owned(),
            };
            if let (MemberType::Struct(body) | MemberType::Union(body), Some(nested)) =
                (&member.ty, &at.nested)
            {
                if member.name.is_some() {
                    let member = format!("(({ty} *)0)->{}", path.trim_end_matches('.'));
                    let _ = writeln!(
                        self.code,
                        "_Static_assert(sizeof({member}) == {size}, \
                         \"{name} of {ty} is {size} bytes\");",
                        name = path.trim_end_matches('.'),
                        size = nested.size,
                    );
                }
                self.assert_offsets(ty, &path, offset, body, nested);
            }
        }
    }
}

/// The type of the elements of a list or a tree, and the name of the node in it. The verifier reads
/// both from a declaration tag.
fn contained(ty: &MemberType) -> Option<(&Target, &str)> {
    let MemberType::Type(ty) = ty else { return None };
    let Type::Special(_, Some(target)) = &ty.value else { return None };
    Some((target, &target.member.as_ref()?.value))
}

pub(super) fn composite_word(kind: &TypeDefKind) -> &'static str {
    if matches!(kind, TypeDefKind::Union(_)) { "union" } else { "struct" }
}

fn push_padding(code: &mut String, indent: &str, padding: Padding) {
    let name = padding.name();
    let _ = match padding.bytes() {
        Some(1) => writeln!(code, "{indent}__u8 {name};"),
        Some(bytes) => writeln!(code, "{indent}__u8 {name}[{bytes}];"),
        None => writeln!(code, "{indent}__u8 {name}:{};", padding.bits),
    };
}

fn push_attributes(code: &mut String, body: &Composite) {
    match (body.packed, &body.align) {
        (false, None) => {}
        (true, None) => code.push_str(" __attribute__((packed))"),
        (packed, Some(align)) => {
            let packed = if packed { "packed, " } else { "" };
            let _ = write!(code, " __attribute__(({packed}aligned({})))", align.value);
        }
    }
}

fn assert_type(code: &mut String, ty: &str, size: u64, align: u64) {
    let bytes = |number: u64| if number == 1 { "byte" } else { "bytes" };
    let _ = writeln!(
        code,
        "_Static_assert(sizeof({ty}) == {size}, \"{ty} is {size} {}\");\n\
         _Static_assert(_Alignof({ty}) == {align}, \"{ty} is aligned to {align} {}\");",
        bytes(size),
        bytes(align),
    );
}

/// `value` as a C constant of a type that holds it.
fn integer_literal(value: i128) -> String {
    if value == i128::from(i64::MIN) {
        // The minus is an operator, and its operand would not fit.
        "(-9223372036854775807LL - 1)".to_owned()
    } else if value > i128::from(i64::MAX) {
        format!("{value}ULL")
    } else if i32::try_from(value).is_ok() {
        value.to_string()
    } else {
        format!("{value}LL")
    }
}
