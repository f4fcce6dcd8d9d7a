//! Reads the tables `[types.NAME]`.

use toml::de::{DeTable, DeValue};

use super::file::{Fields, File, Value, as_written};
use super::grammar;
use crate::draft::Draft;
use crate::front::type_expression;
use crate::ir::{
    Composite, DefaultValue, Enum, InC, Int, Member, MemberType, Type, TypeDef, TypeDefKind,
    Variant,
};
use crate::source::{Span, Spanned};

/// Adds the types of the table `types` to `draft`.
pub(super) fn read(file: &File<'_>, types: &DeTable<'_>, draft: &mut Draft) {
    for (key, value) in as_written(types) {
        let before = file.findings_count();
        let name = Spanned::new(key.get_ref().to_string(), file.span(key.span()));
        let type_def =
            file.table(value, &name.value).map(|table| type_def(file, name.clone(), table));
        if file.findings_count() > before {
            draft.incomplete.types.insert(name.value.clone());
        }
        // The name is kept even if the type can't be read, because other declarations can use the name.
        let type_def = type_def.unwrap_or_else(|| TypeDef {
            name,
            doc: None,
            kind: TypeDefKind::Struct(Composite::default()),
            decl_tags: Vec::new(),
            in_c: InC::default(),
            include: None,
        });
        draft.schema.types.push(type_def);
    }
}

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Struct,
    Union,
    Enum,
    Alias,
}

pub(super) const KINDS: &[(&str, Kind)] = &[
    ("struct", Kind::Struct),
    ("union", Kind::Union),
    ("enum", Kind::Enum),
    ("alias", Kind::Alias),
];

/// The kinds of types that a member can declare in place. The boolean is whether the kind is a
/// struct.
pub(super) const MEMBER_KINDS: &[(&str, bool)] = &[("struct", true), ("union", false)];

fn type_def(file: &File<'_>, name: Spanned<String>, table: &DeTable<'_>) -> TypeDef {
    let mut fields = Fields::new(file, table, name.span, &grammar::TYPE);
    let doc = fields.doc();
    let decl_tags = fields.strings("decl_tags");
    let in_c = InC {
        typedef: fields.bool("typedef").is_some_and(|typedef| typedef.value),
        kernel: fields.bool("kernel").is_some_and(|kernel| kernel.value),
    };
    let kind = fields.string("kind");
    let Some(kind) = kind.and_then(|kind| file.word_or_similar(&kind, "kind", KINDS)) else {
        // Without a kind, the possible keys are unknown, so wrong keys are not reported.
        let kind = TypeDefKind::Struct(Composite::default());
        return TypeDef { name, doc, kind, decl_tags, in_c, include: None };
    };
    let kind = match kind {
        Kind::Struct => {
            fields.is(&grammar::STRUCT);
            TypeDefKind::Struct(composite(&fields))
        }
        Kind::Union => {
            fields.is(&grammar::UNION);
            TypeDefKind::Union(composite(&fields))
        }
        Kind::Enum => {
            fields.is(&grammar::ENUM);
            TypeDefKind::Enum(enumeration(&fields))
        }
        Kind::Alias => {
            fields.is(&grammar::ALIAS);
            let target = fields.get("type").and_then(|value| type_of(file, value, "type"));
            TypeDefKind::Alias(target.unwrap_or_else(placeholder))
        }
    };
    fields.finish();
    TypeDef { name, doc, kind, decl_tags, in_c, include: None }
}

fn composite(fields: &Fields<'_, '_, '_>) -> Composite {
    let file = fields.file;
    let packed = fields.bool("packed").is_some_and(|packed| packed.value);
    let align = fields.integer("align");
    let members = fields
        .get("members")
        .and_then(|value| file.array(value, "members"))
        .map(|members| members.iter().filter_map(|value| member(file, value)).collect())
        .unwrap_or_default();
    Composite { packed, align, members }
}

fn member(file: &File<'_>, value: &Value<'_>) -> Option<Member> {
    let table = file.table(value, "members")?;
    let span = file.span(value.span());
    let mut fields = Fields::new(file, table, span, &grammar::ANY_MEMBER);
    let doc = fields.doc();
    let decl_tags = fields.strings("decl_tags");
    let renamed_from = fields.string("renamed_from");
    let in_place = fields.string("kind");
    let (name, ty, bits, default);
    if let Some(kind) = in_place {
        name = fields.string("name");
        (bits, default) = (None, None);
        let is_struct = file.word_or_similar(&kind, "kind", MEMBER_KINDS)?;
        fields.is(if is_struct { &grammar::STRUCT_MEMBER } else { &grammar::UNION_MEMBER });
        let body = composite(&fields);
        ty = if is_struct { MemberType::Struct(body) } else { MemberType::Union(body) };
    } else {
        fields.is(&grammar::MEMBER);
        bits = fields.integer("bits");
        default = fields.get("default").and_then(|value| default_value(file, value));
        name = fields.string("name");
        let target = fields.get("type").and_then(|value| type_of(file, value, "type"));
        ty = MemberType::Type(target.unwrap_or_else(placeholder));
    }
    fields.finish();
    Some(Member { name, doc, ty, bits, decl_tags, renamed_from, default, span })
}

fn default_value(file: &File<'_>, value: &Value<'_>) -> Option<Spanned<DefaultValue>> {
    let default = match value.get_ref() {
        DeValue::Boolean(truth) => DefaultValue::Bool(*truth),
        DeValue::String(name) => DefaultValue::Variant(name.to_string()),
        _ => DefaultValue::Number(file.integer(value, "default")?.value),
    };
    Some(Spanned::new(default, file.span(value.span())))
}

fn enumeration(fields: &Fields<'_, '_, '_>) -> Enum {
    let file = fields.file;
    let repr = fields
        .string("repr")
        .and_then(|text| {
            let int = file.word(&text, "repr", REPRS)?;
            Some(Spanned::new(int, text.span))
        })
        .unwrap_or_else(|| Int { size: 4, signed: false }.into());
    let prefix = fields.string("prefix");
    let variants = fields
        .get("variants")
        .and_then(|value| file.table(value, "variants"))
        .map(|table| variants(file, table))
        .unwrap_or_default();
    Enum { repr, prefix, variants }
}

/// The integer types that an enum can have. In BTF, an enum has at most 64 bits.
pub(super) const REPRS: &[(&str, Int)] = &[
    ("u8", Int { size: 1, signed: false }),
    ("i8", Int { size: 1, signed: true }),
    ("u16", Int { size: 2, signed: false }),
    ("i16", Int { size: 2, signed: true }),
    ("u32", Int { size: 4, signed: false }),
    ("i32", Int { size: 4, signed: true }),
    ("u64", Int { size: 8, signed: false }),
    ("i64", Int { size: 8, signed: true }),
];

fn variants(file: &File<'_>, table: &DeTable<'_>) -> Vec<Variant> {
    let mut variants = Vec::with_capacity(table.len());
    for (key, value) in as_written(table) {
        let name = Spanned::new(key.get_ref().to_string(), file.span(key.span()));
        let (value, doc) = match value.get_ref() {
            DeValue::Table(table) => {
                let fields = Fields::new(file, table, name.span, &grammar::VARIANT);
                let doc = fields.doc();
                let value = fields.get("value").and_then(|value| file.integer(value, "value"));
                fields.finish();
                (value, doc)
            }
            _ => (file.integer(value, &name.value), None),
        };
        variants.extend(value.map(|value| Variant { name, value, doc }));
    }
    variants
}

/// Reads the type in the value of `key`.
pub(super) fn type_of(file: &File<'_>, value: &Value<'_>, key: &str) -> Option<Spanned<Type>> {
    let text = file.string(value, key)?;
    let verbatim = file.is_verbatim(text.span, &text.value);
    let place = |range: std::ops::Range<usize>| {
        let offset = text.span.start + 1;
        let within = Span { start: offset + range.start, end: offset + range.end, ..text.span };
        if verbatim { within } else { text.span }
    };
    type_expression::read(&text.value, &place).map_err(|finding| file.report(*finding)).ok()
}

/// Returns a placeholder for a type that could not be read. The type or map that uses the placeholder is marked as
/// incomplete, so rules don't report mistakes that depend on the placeholder.
fn placeholder() -> Spanned<Type> {
    Type::Int(Int { size: 1, signed: false }).into()
}
