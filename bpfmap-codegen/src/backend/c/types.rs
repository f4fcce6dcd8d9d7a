//! Generates types in C, each with static assertions about its layout.

use std::collections::HashSet;
use std::fmt::Write;

use super::kernel_types::has;
use super::portable::{identifier, member_names, mode};
use super::type_names::TypeNames;
use super::{declarations, push_comment, push_decl_tags};
use bpfmap_schema::ir::{
    Composite, Enum, Int, Member, MemberType, Schema, Target, Type, TypeDef, TypeDefKind,
};
use bpfmap_schema::layout::{CompositeLayout, Item, Layouts, Padding};
use bpfmap_schema::taken::is_in_uapi;

/// Returns the definitions of the types that `schema` itself declares, in an order that is valid in
/// C.
pub(super) fn definitions(schema: &Schema, layouts: &Layouts) -> String {
    let names = TypeNames::new(schema);
    let mut code = String::new();
    declarations::push(&mut code, schema, &names);
    for &index in layouts.definition_order() {
        let def = &schema.types[index];
        if def.include.is_some() {
            continue;
        }
        code.push('\n');
        if let Some(doc) = &def.doc {
            push_comment(&mut code, "", doc);
        }
        let members = match &def.kind {
            TypeDefKind::Struct(body) | TypeDefKind::Union(body) => member_names(body),
            TypeDefKind::Enum(_) | TypeDefKind::Alias(_) => HashSet::new(),
        };
        Definition { code: &mut code, names: &names, members, layouts }.write(def);
    }
    code
}

/// Returns an integer type written with C keywords. The integer type of an enum must not be a
/// typedef such as `__s64`, because Clang does not resolve the typedef when it generates BTF. The
/// BTF would lose the signedness and truncate the values to 32 bits.
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

struct Definition<'a> {
    code: &'a mut String,
    names: &'a TypeNames<'a>,
    /// The names of the type's members.
    members: HashSet<&'a str>,
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

    /// Writes the definition of a type that the kernel's headers may also define. The definition is
    /// only used if no such header is included.
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
        let (word, written) = (self.names.word(name), identifier(name));
        match &def.kind {
            TypeDefKind::Struct(body) | TypeDefKind::Union(body) => {
                let Some(layout) = self.layouts.composite(name) else { return };
                let _ = write!(self.code, "{word} {written} ");
                self.composite_body(body, layout, 1);
            }
            TypeDefKind::Enum(body) => self.enum_definition(name, body),
            TypeDefKind::Alias(target) => {
                let target = self.names.declare(&target.value, &written);
                let _ = write!(self.code, "typedef {target}");
            }
        }
        push_decl_tags(self.code, def.decl_tags.iter().map(|tag| &tag.value));
        self.code.push_str(";\n");
        if def.in_c.typedef {
            let _ = writeln!(self.code, "typedef {word} {written} {written};");
        }
    }

    /// Writes assertions that the type has the same layout in C as in the schema.
    fn prove(&mut self, def: &TypeDef) {
        let name = &def.name.value;
        let ty = Named {
            label: self.names.label(name),
            written: self.names.abstract_type(&Type::Named(name.clone())),
        };
        match &def.kind {
            TypeDefKind::Struct(body) | TypeDefKind::Union(body) => {
                let Some(layout) = self.layouts.composite(name) else { return };
                assert_type(self.code, &ty, layout.size, layout.align);
                self.assert_offsets(&ty, &Named::default(), 0, body, layout);
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
        let repr = body.repr.value;
        let (name_in_c, integer, mode) = (identifier(name), keywords(repr), mode(repr));
        let _ = writeln!(self.code, "BPFMAP_ENUM({name_in_c}, {integer}, {mode}) {{");
        for variant in &body.variants {
            if let Some(doc) = &variant.doc {
                push_comment(self.code, "\t", doc);
            }
            let constant = identifier(&body.c_constant(name, &variant.name.value));
            let _ = writeln!(self.code, "\t{constant} = {},", integer_literal(variant.value.value));
        }
        self.code.push('}');
    }

    /// Writes the members in braces, and the attributes after the closing brace.
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
        let name = member.name.as_ref().map_or_else(String::new, |name| identifier(&name.value));
        match (&member.ty, nested) {
            (MemberType::Type(ty), _) => {
                self.code.push_str(&self.names.declare_beside(&ty.value, &name, &self.members));
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

    /// Writes assertions about the offset of each named member. `path` and `base` are the path and
    /// the offset of the struct or union.
    fn assert_offsets(
        &mut self,
        ty: &Named,
        path: &Named,
        base: u64,
        body: &Composite,
        layout: &CompositeLayout,
    ) {
        for (member, at) in body.members.iter().zip(&layout.members) {
            // C has no `offsetof` for bit-fields. The explicit padding around a bit-field
            // determines its position.
            if member.bits.is_some() {
                continue;
            }
            let offset = base.saturating_add(at.offset());
            let inside = member.name.as_ref().map(|name| path.member(&name.value));
            if let Some(Named { label, written }) = &inside {
                let _ = writeln!(
                    self.code,
                    "_Static_assert(__builtin_offsetof({}, {written}) == {offset}, \
                     \"{label} has the offset {offset} in {}\");",
                    ty.written, ty.label
                );
            }
            if let (MemberType::Struct(body) | MemberType::Union(body), Some(nested)) =
                (&member.ty, &at.nested)
            {
                if let Some(Named { label, written }) = &inside {
                    let _ = writeln!(
                        self.code,
                        "_Static_assert(sizeof((({} *)0)->{written}) == {size}, \
                         \"{label} of {} is {size} bytes\");",
                        ty.written,
                        ty.label,
                        size = nested.size,
                    );
                }
                self.assert_offsets(ty, inside.as_ref().unwrap_or(path), offset, body, nested);
            }
        }
    }
}

/// The type or member whose layout an assertion checks.
#[derive(Default)]
struct Named {
    /// The name in the schema, which messages use.
    label: String,
    /// The spelling in C and C++.
    written: String,
}

impl Named {
    /// Returns the member `name` of this type or member.
    fn member(&self, name: &str) -> Self {
        let path = |before: &str, name: &str| match before {
            "" => name.to_owned(),
            before => format!("{before}.{name}"),
        };
        Self { label: path(&self.label, name), written: path(&self.written, &identifier(name)) }
    }
}

/// Returns the type of the elements of a list or a tree, and the name of the node member in this
/// type. The verifier reads both names from a declaration tag.
fn contained(ty: &MemberType) -> Option<(&Target, &str)> {
    let MemberType::Type(ty) = ty else { return None };
    let Type::Special(_, Some(target)) = &ty.value else { return None };
    Some((target, &target.member.as_ref()?.value))
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

fn assert_type(code: &mut String, ty: &Named, size: u64, align: u64) {
    let bytes = |number: u64| if number == 1 { "byte" } else { "bytes" };
    let Named { label, written } = ty;
    let _ = writeln!(
        code,
        "_Static_assert(sizeof({written}) == {size}, \"{label} is {size} {}\");\n\
         _Static_assert(_Alignof({written}) == {align}, \"{label} is aligned to {align} {}\");",
        bytes(size),
        bytes(align),
    );
}

/// Returns `value` as a C constant whose type can represent it.
fn integer_literal(value: i128) -> String {
    if value == i128::from(i64::MIN) {
        // The minus sign is an operator in C, and the operand of the most negative number would not
        // fit in the type.
        "(-9223372036854775807LL - 1)".to_owned()
    } else if value > i128::from(i64::MAX) {
        format!("{value}ULL")
    } else if i32::try_from(value).is_ok() {
        value.to_string()
    } else {
        format!("{value}LL")
    }
}
