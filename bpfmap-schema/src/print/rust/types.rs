//! Writes types.

use std::fmt::Write as _;

use super::attribute::{
    Named, c_name, history, list, push_attribute, push_doc, string, tags, variant,
};
use super::places::field_names;
use super::spelling::{int_name, is_held_in_bytes, special_field_type};
use super::{Composite, MemberType, Printer, TypeDefKind};
use crate::ir::{Enum, Member, Target, Type, TypeDef};
use crate::layout::{CompositeLayout, MemberLayout};
use crate::print::rust::names::plain;
use crate::print::rust::names::{Scope, camel, identifier};
use bpfmap_core::SpecialField;

/// A type in Rust, and the words in `bpf(…)` that the type needs.
pub(super) struct Spelled {
    pub(super) ty: String,
    pub(super) hints: Vec<String>,
}

/// The traits that an enum derives. With these traits, the variants can be used as patterns and have an order.
const ENUM_TRAITS: &str = "Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash";

/// The traits that a newtype for an enum derives. `Debug` is not in the list, because the word
/// `std_traits` requests a `Debug` that shows the names of the constants.
const NEW_TYPE_TRAITS: &str = "Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash";

/// The word that requests these traits for a type on which the derives of the standard library don't work.
const STD_TRAITS: &str = "std_traits";

/// A struct or union that is being printed.
struct Item<'a> {
    name: String,
    body: &'a Composite,
    layout: &'a CompositeLayout,
    is_union: bool,
}

impl<'a> Printer<'a> {
    pub(super) fn push_type(&mut self, text: &mut String, def: &'a TypeDef) {
        let name = self.names.ty(&def.name.value).to_owned();
        let mut words: Vec<String> = c_name(&name, &def.name.value).into_iter().collect();
        words.extend(tags(&def.decl_tags));
        let said = [("typedef", def.in_c.typedef), ("kernel", def.in_c.kernel)];
        let said = said.into_iter().filter(|(_, said)| *said);
        words.extend(said.map(|(word, _)| word.to_owned()));
        if let TypeDefKind::Enum(Enum { prefix: Some(prefix), .. }) = &def.kind {
            words.push(format!("prefix = {}", string(&prefix.value)));
        }
        let layout = self.layouts.composite(&def.name.value);
        match (&def.kind, layout) {
            (TypeDefKind::Struct(body), Some(layout)) => {
                let body = Item { name, body, layout, is_union: false };
                self.push_composite(text, &body, def.doc.as_ref(), words);
            }
            (TypeDefKind::Union(body), Some(layout)) => {
                let body = Item { name, body, layout, is_union: true };
                self.push_composite(text, &body, def.doc.as_ref(), words);
            }
            (TypeDefKind::Enum(body), _) => {
                push_doc(text, "", def.doc.as_ref());
                if is_plain_enum(body) {
                    self.push_enum(text, &name, body, &words);
                } else {
                    self.push_new_type(text, &name, body, words);
                }
            }
            (TypeDefKind::Alias(target), _) => {
                push_doc(text, "", def.doc.as_ref());
                let spelled = self.spell(&target.value);
                // The reader of Rust files does not find an alias if nothing refers to the alias. For a generated
                // module, this does not matter, because the module is not read again. Other modules can refer to its
                // types.
                let is_found =
                    !self.root.is_empty() || self.mentioned.contains(def.name.value.as_str());
                if words.is_empty() && spelled.hints.is_empty() && is_found {
                    let _ = writeln!(text, "pub type {name} = {};", spelled.ty);
                    return;
                }
                self.push_derive(text, "Clone, Copy");
                text.push_str("#[repr(transparent)]\n");
                words.push(STD_TRAITS.to_owned());
                push_attribute(text, "", "bpf_type", &words);
                let hints = match spelled.hints.as_slice() {
                    [] => String::new(),
                    hints => format!("#[bpf({})] ", hints.join(", ")),
                };
                let _ = writeln!(text, "pub struct {name}({hints}pub {});", spelled.ty);
            }
            _ => {}
        }
    }

    fn push_derive(&mut self, text: &mut String, traits: &str) {
        let _ = writeln!(text, "#[derive({traits}, {})]", self.imports.used("BpfType"));
    }

    fn push_enum(&mut self, text: &mut String, name: &str, body: &Enum, words: &[String]) {
        self.push_derive(text, ENUM_TRAITS);
        let _ = writeln!(text, "#[repr({})]", int_name(body.repr.value));
        push_attribute(text, "", "bpf_type", words);
        let _ = writeln!(text, "pub enum {name} {{");
        let mut scope = Scope::default();
        for one in &body.variants {
            push_doc(text, "    ", one.doc.as_ref());
            let Named { ident, word } = variant(&mut scope, &one.name.value);
            push_attribute(text, "    ", "bpf", &word.into_iter().collect::<Vec<_>>());
            let _ = writeln!(text, "    {ident} = {},", one.value.value);
        }
        text.push_str("}\n");
    }

    /// Writes an enum as a newtype with constants, because a Rust enum can't represent this enum.
    fn push_new_type(&mut self, text: &mut String, name: &str, body: &Enum, words: Vec<String>) {
        self.push_derive(text, NEW_TYPE_TRAITS);
        text.push_str("#[repr(transparent)]\n");
        let mut words = words;
        let variants: Vec<String> = body
            .variants
            .iter()
            .map(|one| {
                let doc = doc_attribute(one.doc.as_ref());
                let ident = identifier(&one.name.value);
                let own = (plain(&ident) != one.name.value)
                    .then(|| format!("#[bpf(name = {})] ", string(&one.name.value)));
                format!("{doc}{}{ident} = {}", own.unwrap_or_default(), one.value.value)
            })
            .collect();
        words.push(STD_TRAITS.to_owned());
        words.push(list("variants", &variants));
        push_attribute(text, "", "bpf_type", &words);
        let _ = writeln!(text, "pub struct {name}(pub {});", int_name(body.repr.value));
    }

    fn push_composite(
        &mut self,
        text: &mut String,
        this: &Item<'a>,
        doc: Option<&String>,
        words: Vec<String>,
    ) {
        let mut fields = Fields::new(this);
        this.body.members.iter().zip(&this.layout.members).for_each(|(member, at)| {
            fields.add(self, this, member, at);
        });
        fields.close(this);
        let Fields { text: members, natural, has_storage, nested, .. } = fields;

        push_doc(text, "", doc);
        self.push_derive(text, "Clone, Copy");
        let (repr, said) = repr(this, natural, has_storage);
        let _ = writeln!(text, "#[repr({repr})]");
        let mut words = words;
        words.extend(said);
        words.push(STD_TRAITS.to_owned());
        push_attribute(text, "", "bpf_type", &words);
        let keyword = if this.is_union { "union" } else { "struct" };
        let _ = write!(text, "pub {keyword} {} {{\n{members}}}\n", this.name);
        for nested in nested {
            text.push('\n');
            self.push_composite(text, &nested, None, vec!["in_place".to_owned()]);
        }
    }

    /// Returns `ty` in Rust.
    pub(super) fn spell(&mut self, ty: &Type) -> Spelled {
        let plain = |ty: &str| Spelled { ty: ty.to_owned(), hints: vec![] };
        match ty {
            Type::Int(int) => plain(int_name(*int)),
            Type::Bool => plain(self.imports.used("Bool")),
            Type::Char => Spelled { ty: "u8".to_owned(), hints: vec!["char".to_owned()] },
            Type::BigEndian(2) => plain(self.imports.used("Be16")),
            Type::BigEndian(4) => plain(self.imports.used("Be32")),
            Type::BigEndian(_) => plain(self.imports.used("Be64")),
            Type::Array(element, len) if matches!(element.value, Type::Char) => {
                plain(&format!("{}<{}>", self.imports.used("CharArray"), len.value))
            }
            Type::Array(element, len) => {
                let Spelled { ty, hints } = self.spell(&element.value);
                Spelled { ty: format!("[{ty}; {}]", len.value), hints }
            }
            Type::Pointer(target) => {
                let target = target.as_ref();
                let hint = target
                    .map(|target| format!("points_to = {}", string(&target.value.to_string())));
                let ty = self.imports.used("KernelPtr").to_owned();
                Spelled { ty, hints: hint.into_iter().collect() }
            }
            Type::Named(name) => {
                let rust = self.names.ty(name).to_owned();
                match self.kind(name) {
                    Some(TypeDefKind::Enum(body)) if is_plain_enum(body) => {
                        plain(&format!("{}<{rust}>", self.imports.used("Enum")))
                    }
                    _ => plain(&rust),
                }
            }
            Type::Special(field, target) => {
                let word = special_field_type(*field);
                let mut ty = self.imports.used(word).to_owned();
                let mut hints = vec![];
                if let Some(target) = target {
                    if *field == SpecialField::UserPtr {
                        let _ = write!(ty, "<{}>", self.names.ty(&target.name.value));
                    } else {
                        hints.push(format!("{} = {}", hint(*field), self.target(target)));
                    }
                }
                Spelled { ty, hints }
            }
        }
    }

    /// Returns the target of a special field. This is a Rust name if the schema declares the target, and a C name
    /// otherwise.
    fn target(&self, target: &Target) -> String {
        let name = &target.name.value;
        let member =
            target.member.as_ref().map(|member| (&member.value, identifier(&member.value)));
        let is_own = self.kind(name).is_some();
        match member {
            None if is_own => self.names.ty(name).to_owned(),
            Some((member, ident)) if is_own && plain(&ident) == member => {
                format!("{}.{ident}", self.names.ty(name))
            }
            _ => string(&target.to_string()),
        }
    }

    fn kind(&self, name: &str) -> Option<&'a TypeDefKind> {
        let schema = self.schema;
        schema.types.iter().find(|def| def.name.value == name).map(|def| &def.kind)
    }
}

/// Returns the words of `repr`. Also returns the words for the alignment of the C type, if this alignment can't be
/// derived from `repr`.
fn repr(this: &Item<'_>, natural: u64, has_storage: bool) -> (String, Vec<String>) {
    let Item { body, layout, .. } = this;
    let mut said = vec![];
    let mut repr = "C".to_owned();
    let asked = body.align.as_ref().map(|align| align.value);
    if body.packed && layout.align == 1 {
        repr.push_str(", packed");
        said.extend(asked.map(|align| format!("align = {align}")));
    } else if body.packed || has_storage {
        if body.packed {
            said.push("packed".to_owned());
        }
        if layout.align > natural {
            let _ = write!(repr, ", align({})", layout.align);
        }
        said.extend(asked.map(|align| format!("align = {align}")));
    } else if let Some(align) = asked {
        let _ = write!(repr, ", align({align})");
    }
    (repr, said)
}

/// The fields of a struct or union.
struct Fields<'a> {
    text: String,
    scope: Scope,
    /// The offset after the fields so far, in bytes.
    end: u64,
    /// The largest alignment of any field.
    natural: u64,
    /// Whether a field stores members as bytes.
    has_storage: bool,
    /// The types that are declared in place.
    nested: Vec<Item<'a>>,
    /// The field names of the members, in the order of the members.
    named: std::vec::IntoIter<Option<Named>>,
    run: Option<Run>,
    numbers: Numbers,
}

/// The next numbers for generated names of items that have no name in the schema.
#[derive(Default)]
struct Numbers {
    runs: u32,
    padding: u32,
}

/// A sequence of consecutive bit-fields.
struct Run {
    start: u64,
    end: u64,
    items: Vec<String>,
}

impl<'a> Fields<'a> {
    fn new(this: &Item<'a>) -> Self {
        let mut scope = Scope::default();
        let named = field_names(this.body, &mut scope).into_iter();
        Self {
            text: String::new(),
            scope,
            end: 0,
            natural: 1,
            has_storage: false,
            nested: vec![],
            named,
            run: None,
            numbers: Numbers::default(),
        }
    }

    fn add(
        &mut self,
        printer: &mut Printer<'a>,
        this: &Item<'a>,
        member: &'a Member,
        at: &'a MemberLayout,
    ) {
        let named = self.named.next().flatten();
        if let (Some(width), MemberType::Type(ty)) = (&member.bits, &member.ty) {
            // A bit-field of `bool` has the Rust type `bool`.
            let ty = match &ty.value {
                Type::Bool => "bool".to_owned(),
                ty => printer.spell(ty).ty,
            };
            let Named { ident, word } =
                named.unwrap_or_else(|| Named { ident: "_".to_owned(), word: None });
            let words: Vec<String> =
                word.into_iter().chain(tags(&member.decl_tags)).chain(history(member)).collect();
            let item = format!("{}{ident}: {ty} = {}", before(member, &words), width.value);
            self.add_bits(this, at, item);
            return;
        }
        self.close_run(this);
        let is_anonymous = member.name.is_none();
        // Only bit-fields can be without a name.
        let Some(Named { ident, word }) = named else { return };
        let Spelled { ty, hints } = self.spell(printer, this, member, at, &ident);
        let mut words: Vec<String> = word.into_iter().collect();
        words.extend(hints);
        words.extend(tags(&member.decl_tags));
        words.extend(history(member));

        let is_packed = this.body.packed && this.layout.align == 1;
        let missing = if this.is_union { this.layout.size - at.ty.size } else { 0 };
        // `Padded` has `repr(packed)`, and Rust refuses a type with `repr(align)` within a type with `repr(packed)`.
        let is_held = missing > 0 && printer.explicit.member(&member.ty, at)
            || missing > 0 && this.body.packed && at.ty.align > this.layout.align
            || is_held_in_bytes(&printer.explicit, this.body, this.layout, is_packed, member, at);
        if is_held {
            let name = if is_anonymous { "_" } else { &ident };
            let item = format!("{}{name}: {ty}", before(member, &words));
            // With a leading underscore, the field could be mistaken for padding.
            let storage = format!("{}_bytes", plain(&ident).trim_matches('_'));
            let storage = self.scope.take(storage.trim_start_matches('_'));
            let size = if this.is_union { this.layout.size } else { at.ty.size };
            self.push_padding(this, at.offset());
            push_attribute(&mut self.text, "    ", "bpf", &[list("holds", &[item])]);
            self.push_field(&storage, &format!("[u8; {size}]"));
            self.has_storage = true;
            self.end = at.offset().saturating_add(size);
            return;
        }
        self.push_padding(this, at.offset());
        push_doc(&mut self.text, "    ", member.doc.as_ref());
        if is_anonymous {
            words.insert(0, "anonymous".to_owned());
        }
        push_attribute(&mut self.text, "    ", "bpf", &words);
        if missing > 0 {
            let padded = printer.imports.used("Padded");
            self.push_field(&ident, &format!("{padded}<{ty}, {missing}>"));
            // `Padded` has an alignment of 1, like the byte arrays that store members.
            self.has_storage = true;
        } else {
            self.push_field(&ident, &ty);
            self.natural = self.natural.max(if is_packed { 1 } else { at.ty.align });
        }
        self.end = at.offset().saturating_add(at.ty.size);
    }

    /// Returns the type of a member that is not a bit-field.
    fn spell(
        &mut self,
        printer: &mut Printer<'a>,
        this: &Item<'a>,
        member: &'a Member,
        at: &'a MemberLayout,
        ident: &str,
    ) -> Spelled {
        let (body, is_union) = match &member.ty {
            MemberType::Type(ty) => return printer.spell(&ty.value),
            MemberType::Struct(body) => (body, false),
            MemberType::Union(body) => (body, true),
        };
        let name = printer.names.take_type(&format!("{}{}", this.name, camel(plain(ident))));
        if let Some(layout) = &at.nested {
            self.nested.push(Item { name: name.clone(), body, layout, is_union });
        }
        Spelled { ty: name, hints: vec![] }
    }

    fn add_bits(&mut self, this: &Item<'_>, at: &MemberLayout, item: String) {
        let (start, end) = (at.offset(), (at.bit_offset.saturating_add(at.bits)).div_ceil(8));
        self.has_storage = true;
        if this.is_union {
            // All bit-fields of a union begin at the first bit.
            self.run = Some(Run { start: 0, end: this.layout.size, items: vec![item] });
            self.close_run(this);
            return;
        }
        match &mut self.run {
            Some(run) => {
                run.end = run.end.max(end);
                run.items.push(item);
            }
            None => self.run = Some(Run { start, end, items: vec![item] }),
        }
    }

    fn close_run(&mut self, this: &Item<'_>) {
        let Some(run) = self.run.take() else { return };
        self.push_padding(this, run.start);
        let name = self.scope.take_numbered("bits", &mut self.numbers.runs);
        push_attribute(&mut self.text, "    ", "bpf", &[list("bits", &run.items)]);
        self.push_field(&name, &format!("[u8; {}]", run.end.saturating_sub(run.start)));
        self.end = run.end;
    }

    /// Adds the last bit-fields and the padding at the end.
    fn close(&mut self, this: &Item<'_>) {
        self.close_run(this);
        self.push_padding(this, this.layout.size);
    }

    /// Adds a field for the padding before the offset `until`.
    fn push_padding(&mut self, this: &Item<'_>, until: u64) {
        if this.is_union || until <= self.end {
            return;
        }
        let name = self.scope.take_numbered("_pad", &mut self.numbers.padding);
        self.push_field(&name, &format!("[u8; {}]", until - self.end));
    }

    fn push_field(&mut self, name: &str, ty: &str) {
        let _ = writeln!(self.text, "    pub {name}: {ty},");
    }
}

/// Returns the attributes of a member that is stored as bytes.
fn before(member: &Member, words: &[String]) -> String {
    let doc = doc_attribute(member.doc.as_ref());
    if words.is_empty() { doc } else { format!("{doc}#[bpf({})] ", words.join(", ")) }
}

/// Returns a doc comment as an attribute, which can be in the middle of a line.
fn doc_attribute(doc: Option<&String>) -> String {
    let Some(doc) = doc else { return String::new() };
    let lines: Vec<String> = doc.split('\n').map(|line| format!(" {line}")).collect();
    let text = match lines.as_slice() {
        [line] => line[1..].to_owned(),
        _ => lines.join("\n"),
    };
    // The reader removes one leading space, so a line that begins with a space gets a second one.
    let text = if text.starts_with(' ') && lines.len() == 1 { format!(" {text}") } else { text };
    format!("#[doc = {}] ", string(&text))
}

/// Returns whether all variants have different values.
#[must_use]
pub fn is_plain_enum(body: &Enum) -> bool {
    let mut values: Vec<i128> = body.variants.iter().map(|variant| variant.value.value).collect();
    values.sort_unstable();
    values.windows(2).all(|two| two[0] != two[1])
}

/// Returns the attribute word for the target of a field.
fn hint(field: SpecialField) -> &'static str {
    match field {
        SpecialField::ListHead => "list_head",
        SpecialField::RbRoot => "rb_root",
        other => other.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docs_in_a_line_keep_their_spaces() {
        assert_eq!(doc_attribute(Some(&"one".to_owned())), "#[doc = \"one\"] ");
        assert_eq!(doc_attribute(Some(&" one".to_owned())), "#[doc = \"  one\"] ");
        assert_eq!(doc_attribute(Some(&"a\nb".to_owned())), "#[doc = \" a\\n b\"] ");
    }
}
