//! Types as BTF describes them.

/// The number of a type; 0 is `void`.
pub type TypeId = u32;

/// A type and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Type<'a> {
    /// The name, or an empty string if the type has none. For a tag, this is its text.
    pub name: &'a str,
    /// The kind of the type and its contents.
    pub kind: Kind<'a>,
}

/// The kind of a type (`BTF_KIND_*`).
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
        /// Whether it is a union and not a struct.
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
        /// The linkage.
        linkage: Linkage,
    },
    /// The type of a function.
    Prototype {
        /// The type of the result.
        result: TypeId,
        /// The parameters. A last parameter without name and type stands for `...`.
        parameters: Vec<Parameter<'a>>,
    },
    /// A variable.
    Variable {
        /// Its type.
        ty: TypeId,
        /// The linkage.
        linkage: Linkage,
    },
    /// A section of variables. A compiler sets the size and the offsets to 0, and the linker or
    /// loader sets the real values.
    DataSection {
        /// The size in bytes.
        size: u32,
        /// The variables.
        variables: Vec<SectionVariable>,
    },
    /// A floating-point number.
    Float {
        /// The size in bytes.
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
    /// If this is a qualifier or a type tag, returns the type that it applies to.
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
    /// The size in bytes.
    pub size: u32,
    /// The number of significant bits. It is less than `size` × 8 only in bit-fields from old
    /// compilers.
    pub bits: u32,
    /// The offset of the first significant bit.
    pub bit_offset: u32,
    /// `BTF_INT_SIGNED`
    pub is_signed: bool,
    /// `BTF_INT_CHAR`, which current compilers do not set.
    pub is_char: bool,
    /// `BTF_INT_BOOL`
    pub is_bool: bool,
}

/// An array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Array {
    /// The type of the elements.
    pub element: TypeId,
    /// The type of the index.
    pub index: TypeId,
    /// The number of elements.
    pub len: u32,
}

/// A struct or union.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composite<'a> {
    /// The size in bytes.
    pub size: u32,
    /// The members.
    pub members: Vec<Member<'a>>,
}

/// A member of a struct or union.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name, or an empty string for an anonymous struct or union.
    pub name: &'a str,
    /// Its type.
    pub ty: TypeId,
    /// The offset in the struct or union, in bits.
    pub bit_offset: u32,
    /// The width of a bit-field, or 0 if the member is not a bit-field.
    pub bits: u32,
}

/// An enum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enum<'a> {
    /// The size in bytes: 1, 2, 4 or 8, or 0 if the enum is only declared.
    pub size: u32,
    /// Whether values can be negative. Clang before version 15 never sets this, and later versions
    /// don't if the enum's integer type is a typedef. A negative value then appears as the unsigned
    /// number with the same 32 bits.
    pub is_signed: bool,
    /// The number of bits of each value in the BTF: 32 (`BTF_KIND_ENUM`) or 64 (`BTF_KIND_ENUM64`).
    /// With compilers for which [`is_signed`](Self::is_signed) is unreliable, an enum of 8 bytes
    /// can have values of 32 bits, which lack the upper half.
    pub value_bits: u32,
    /// The variants.
    pub variants: Vec<Variant<'a>>,
}

/// A variant of an enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant<'a> {
    /// The name.
    pub name: &'a str,
    /// The value of the variant.
    pub value: i128,
}

/// A parameter of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// Its name, or an empty string if it has none.
    pub name: &'a str,
    /// Its type.
    pub ty: TypeId,
}

/// A variable in a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionVariable {
    /// The [variable](Kind::Variable).
    pub variable: TypeId,
    /// The offset in the section, in bytes.
    pub offset: u32,
    /// The size in bytes.
    pub size: u32,
}

/// The linkage of a variable or a function (`BTF_VAR_*`, `BTF_FUNC_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linkage {
    /// Visible only in its file.
    Static,
    /// Visible in every file.
    Global,
    /// Defined in a different file.
    Extern,
    /// An unknown number.
    Other(u32),
}
