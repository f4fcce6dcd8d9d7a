//! Types as BTF describes them.

/// The number of a type; 0 is `void`.
pub type TypeId = u32;

/// A type with its name, empty where it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Type<'a> {
    /// The name; of a tag, its text.
    pub name: &'a str,
    /// What it is.
    pub kind: Kind<'a>,
}

/// What a type is (`BTF_KIND_*`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind<'a> {
    /// An integer.
    Int(Int),
    /// A pointer.
    Pointer(TypeId),
    /// An array.
    Array(Array),
    /// A struct.
    Struct(Composite<'a>),
    /// A union.
    Union(Composite<'a>),
    /// An enum: `BTF_KIND_ENUM` and `BTF_KIND_ENUM64`.
    Enum(Enum<'a>),
    /// A struct or union that is only declared.
    Forward {
        /// Whether it is a union.
        union: bool,
    },
    /// Another name for a type.
    Typedef(TypeId),
    /// `volatile`.
    Volatile(TypeId),
    /// `const`.
    Const(TypeId),
    /// `restrict`.
    Restrict(TypeId),
    /// A function.
    Function {
        /// Its [prototype](Kind::Prototype).
        prototype: TypeId,
        /// Who sees it.
        linkage: Linkage,
    },
    /// The type of a function.
    Prototype {
        /// What it returns.
        result: TypeId,
        /// What it takes; one without name and type at the end stands for `...`.
        parameters: Vec<Parameter<'a>>,
    },
    /// A variable.
    Variable {
        /// Its type.
        ty: TypeId,
        /// Who sees it.
        linkage: Linkage,
    },
    /// A section of variables. A compiler leaves size and offsets 0; the linker or loader fills them in.
    DataSection {
        /// Bytes.
        size: u32,
        /// The variables.
        variables: Vec<SectionVariable>,
    },
    /// A floating-point number.
    Float {
        /// Bytes.
        size: u32,
    },
    /// A tag on a declaration, `btf_decl_tag`.
    DeclTag {
        /// The tagged struct, union, function, variable or typedef.
        target: TypeId,
        /// The tagged member or parameter; `None` if the whole target is tagged.
        component: Option<u32>,
    },
    /// A tag on a type, `btf_type_tag`.
    TypeTag(TypeId),
}

impl Kind<'_> {
    /// Returns what a qualifier or a type tag is before.
    pub(crate) fn qualified(&self) -> Option<TypeId> {
        match self {
            Self::Volatile(target)
            | Self::Const(target)
            | Self::Restrict(target)
            | Self::TypeTag(target) => Some(*target),
            _ => None,
        }
    }
}

/// An integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Int {
    /// Bytes.
    pub size: u32,
    /// Bits that count: fewer than the bytes have only where an old compiler describes a bit-field.
    pub bits: u32,
    /// The first of the bits that count.
    pub bit_offset: u32,
    /// `BTF_INT_SIGNED`
    pub is_signed: bool,
    /// `BTF_INT_CHAR`, which today's compilers leave out.
    pub is_char: bool,
    /// `BTF_INT_BOOL`
    pub is_bool: bool,
}

/// An array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Array {
    /// What it holds.
    pub element: TypeId,
    /// What counts it.
    pub index: TypeId,
    /// How many.
    pub len: u32,
}

/// A struct or union.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composite<'a> {
    /// Bytes.
    pub size: u32,
    /// The members.
    pub members: Vec<Member<'a>>,
}

/// A member of a struct or union.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name, empty for an anonymous struct or union.
    pub name: &'a str,
    /// Its type.
    pub ty: TypeId,
    /// The first bit.
    pub bit_offset: u32,
    /// The width of a bit-field; 0: none.
    pub bits: u32,
}

/// An enum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enum<'a> {
    /// Bytes: 1, 2, 4 or 8; 0 of one that is only declared.
    pub size: u32,
    /// Whether values can be negative. Clang before version 15 never says so, and later versions don't if the enum's
    /// integer is a typedef: a negative value is then the unsigned number of the same 32 bits.
    pub is_signed: bool,
    /// How many bits of each value the BTF holds: 32 (`BTF_KIND_ENUM`) or 64 (`BTF_KIND_ENUM64`). Where
    /// [`is_signed`](Self::is_signed) can't be relied on, an enum of 8 bytes can have values of 32 bits: the upper
    /// half is lost.
    pub value_bits: u32,
    /// The names.
    pub variants: Vec<Variant<'a>>,
}

/// A name of an enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant<'a> {
    /// The name.
    pub name: &'a str,
    /// What it stands for.
    pub value: i128,
}

/// A parameter of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// Its name, empty where it has none.
    pub name: &'a str,
    /// Its type.
    pub ty: TypeId,
}

/// A variable in a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionVariable {
    /// The [variable](Kind::Variable).
    pub variable: TypeId,
    /// Where it is in the section.
    pub offset: u32,
    /// Bytes.
    pub size: u32,
}

/// Who sees a variable or a function (`BTF_VAR_*`, `BTF_FUNC_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linkage {
    /// This file alone.
    Static,
    /// Every file.
    Global,
    /// It is defined elsewhere.
    Extern,
    /// A number that has no meaning.
    Other(u32),
}
