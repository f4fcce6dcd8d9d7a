//! Converts BTF types to types of a schema.

mod definitions;
mod names;

use std::collections::{HashMap, HashSet};

use bpfmap_btf::{Btf, Composite, Kind, TypeId};

use self::names::is_name;
use super::kernel::KernelTypes;
use super::places::Places;
use super::sources::Source;
use super::{Failed, LeftOut, Tags};
use crate::diagnostics::Finding;
use crate::front::type_expression;
use crate::ir::{Int, Target, Type, TypeDef};
use crate::layout::Layouts;
use crate::rules::{self, Rule};
use crate::source::{Span, Spanned};
use crate::taken::is_kernels;
use crate::type_word;
use bpfmap_core::SpecialField;

/// The maximum nesting depth of types that are converted. The kernel's limit is 32.
const MAX_DEPTH: usize = 64;

/// Converts BTF types to types of a schema. Each type is converted when it is first needed.
pub(super) struct Types<'a> {
    /// The sources of the types. There are several sources only if the maps of several programs become one schema.
    sources: &'a [Source<'a>],
    /// The index of the current source.
    source: usize,
    kernel: Option<&'a KernelTypes<'a>>,
    pub(super) places: Places,
    pub(super) findings: Vec<Finding>,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) defs: Vec<TypeDef>,
    layouts: Layouts,
    /// The schema name of each type of each source.
    names: HashMap<(usize, TypeId), String>,
    /// The source and the ID of the type to which each schema name belongs.
    named: HashMap<String, (usize, TypeId)>,
    /// The names of enum constants.
    constants: HashSet<&'a str>,
    /// The type names that are already used.
    taken: HashSet<String>,
    /// For each requested name, the last number that was appended to it.
    numbers: HashMap<String, u32>,
    /// The memory that is still available, in bytes. The limit is necessary because types that are used many times, and
    /// names that are parts of one string, could need far more memory than the size of the file.
    room: usize,
}

/// The part of the schema that contains a type. This part determines the position of diagnostics about the type, and
/// the name of a type without a name.
#[derive(Clone, Copy)]
pub(super) struct Enclosing<'p> {
    pub(super) span: Span,
    /// The name for a type without a name, such as `stats_rx`.
    pub(super) name: &'p str,
    pub(super) depth: usize,
    /// The number of arrays and pointers that contain the type in the type expression.
    pub(super) nested: usize,
}

impl Enclosing<'_> {
    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, nested: self.nested + 1, ..self }
    }

    /// Returns whether the type is nested so deeply that it can only become an array of bytes.
    fn is_too_deep(self) -> bool {
        self.depth > MAX_DEPTH || self.nested + 1 >= type_expression::MAX_DEPTH
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

    /// Selects the source from which types are read.
    pub(super) fn enter(&mut self, source: usize) {
        self.source = source;
    }

    /// Returns the BTF of the current source.
    pub(super) fn btf(&self) -> &'a Btf<'a> {
        &self.sources[self.source].btf
    }

    pub(super) fn tags(&self) -> &'a Tags<'a> {
        &self.sources[self.source].tags
    }

    /// Subtracts `bytes` from the available memory. Fails if there is not enough left.
    pub(super) fn spend(&mut self, bytes: usize) -> Made<()> {
        self.room = self.room.checked_sub(bytes).ok_or(Failed)?;
        Ok(())
    }

    fn report(&mut self, rule: &'static Rule, span: Span, message: String, help: &str) {
        // If there is too little memory, this function does not fail, because the next call of `spend` fails.
        self.room = self.room.saturating_sub(512);
        self.findings.push(Finding::new(rule, span, message).help(help));
    }

    /// Reports that a map is left out, with the reason.
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

    /// Returns the type of a key, a value, a member or an element.
    pub(super) fn ty(&mut self, id: TypeId, place: Enclosing<'_>) -> Made<Spanned<Type>> {
        self.spend(8)?;
        let of = |ty| Ok(Spanned::new(ty, place.span));
        if place.is_too_deep() {
            return self.bytes(id, place, "is nested too deeply");
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
                _ => self.bytes(id, place, "is an integer of an unsupported size"),
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
            Kind::Struct(_) if ty.is_replaced_float() => {
                self.bytes(id, place, "is a floating-point number")
            }
            Kind::Union(_) if self.btf().is_replaced_enum(ty) => {
                let message = format!(
                    "the kernel's BTF has no values for the enum `{}`, which becomes `u64`",
                    ty.name
                );
                let help = "import the object file, or write the enum in the schema; kernels \
                            before Linux 6.0 do not support 64-bit enums";
                self.report(&rules::IMPORT_ENUM, place.span, message, help);
                of(Type::Int(Int { size: 8, signed: false }))
            }
            Kind::Struct(body) => {
                if let Some(word) = self.in_network_order(ty.name, body) {
                    return of(word);
                }
                if let Some(special) = special_struct(ty.name) {
                    // The element type of a list or a tree is in a tag of the member.
                    return of(Type::Special(special, None));
                }
                let name = self.named(id, None, place)?;
                of(Type::Named(name))
            }
            Kind::Enum(body) if body.size == 0 => {
                self.bytes(id, place, "is declared, but not defined")
            }
            Kind::Union(_) | Kind::Enum(_) => {
                let name = self.named(id, None, place)?;
                of(Type::Named(name))
            }
            Kind::Typedef(target) => {
                if let Some(word) = type_word::meant(ty.name) {
                    if self.is_like(*target, &word) {
                        return of(word);
                    }
                }
                let Ok((behind, Some(target))) = self.btf().unqualified(*target) else {
                    return self.bytes(id, place, "has no type");
                };
                let has_tag = match &target.kind {
                    Kind::Struct(_) | Kind::Union(_) => true,
                    Kind::Enum(body) => body.size != 0,
                    _ => false,
                };
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
            Kind::Forward { .. } => self.bytes(id, place, "is declared, but not defined"),
            _ => self.bytes(id, place, "is not data"),
        }
    }

    /// Returns an array of bytes for a type that a schema can't express.
    fn bytes(&mut self, id: TypeId, place: Enclosing<'_>, why: &str) -> Made<Spanned<Type>> {
        let size = self.btf().size(id).ok().and_then(|size| u32::try_from(size).ok()).unwrap_or(0);
        let name = place.name;
        let message = format!("`{name}` {why}, so it becomes {size} bytes");
        self.spend(message.len())?;
        let help = "declare its type in the schema; its offset and size are unchanged";
        self.report(&rules::IMPORT_TYPE, place.span, message, help);
        let byte = Type::Int(Int { size: 1, signed: false });
        let element = Box::new(Spanned::new(byte, place.span));
        let array = Type::Array(element, Spanned::new(size, place.span));
        Ok(Spanned::new(array, place.span))
    }

    fn tag_lost(&mut self, tag: &str, span: Span) {
        let message = format!("the type tag `{tag}` is left out");
        let help = "no change is needed: only the tags of pointers that the kernel manages have a \
                    meaning in a map";
        self.report(&rules::IMPORT_TYPE_TAG, span, message, help);
    }

    /// Returns the built-in type of a struct that contains only an integer and has the name of an
    /// integer in network byte order, such as `__be32`. Rust has no typedefs that BTF contains, so a
    /// program in Rust describes such an integer as a struct.
    fn in_network_order(&self, name: &str, body: &Composite<'_>) -> Option<Type> {
        let word = type_word::meant(name).filter(|word| matches!(word, Type::BigEndian(_)))?;
        let [member] = body.members.as_slice() else { return None };
        (member.bits == 0 && self.is_like(member.ty, &word)).then_some(word)
    }

    /// Returns whether the built-in type `word` is the same type as the target of the typedef with
    /// the same name.
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

    /// Returns the type of a pointer. User space only copies the pointer, so the schema needs only the name of its
    /// target.
    fn pointer(&mut self, target: TypeId, place: Enclosing<'_>) -> Made<Type> {
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
                // For a kernel pointer, the kernel follows the typedef to the struct.
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
                    if place.is_too_deep() {
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

    /// Converts the target of a special field, if the target is a type of the program and not of
    /// the kernel.
    fn follow(
        &mut self,
        field: SpecialField,
        id: TypeId,
        name: &str,
        place: Enclosing<'_>,
    ) -> Made<()> {
        // Programs often declare only the members of a kernel struct that they read, so this declaration is not used.
        let is_kernels = self
            .kernel
            .map_or_else(|| is_kernels(name, None), |kernel| kernel.has(self.btf(), id, name));
        if place.depth > MAX_DEPTH || !self.is_defined(id) || is_kernels {
            return Ok(());
        }
        // Without the kernel's BTF, a struct with special fields is assumed to be a type that
        // programs allocate.
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

    /// Returns whether the kernel defines the type.
    fn is_kernels(&self, id: TypeId, name: &str) -> bool {
        // Other headers can define the name of a C or kernel type with a different meaning.
        let size = self.btf().size(id).unwrap_or_default();
        let by_name = || is_kernels(name, Some(size)) || type_word::in_other_words(name).is_some();
        self.kernel.map_or_else(by_name, |kernel| kernel.has(self.btf(), id, name))
    }
}

/// Returns the special field whose struct has this name, or `None` if there is no such field.
fn special_struct(name: &str) -> Option<SpecialField> {
    let mut fields = SpecialField::ALL.iter().copied();
    fields.find(|field| !field.is_pointer() && field.name() == name)
}

/// Returns the special field that this type tag marks, or `None` for other tags.
fn pointer_tag(tag: &str) -> Option<SpecialField> {
    let mut fields = SpecialField::ALL.iter().copied();
    fields.find(|field| field.is_pointer() && field.name() == tag)
}
