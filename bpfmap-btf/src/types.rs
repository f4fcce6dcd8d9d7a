//! The types in BTF.

/// The number of a type in its BTF. The number 0 is `void`.
pub type TypeId = u32;

/// A type and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Type<'a> {
    /// The name, or an empty string for a type without a name. For a tag, the name is the text of the tag.
    pub name: &'a str,
    /// The kind of the type, with the data of this kind.
    pub kind: Kind<'a>,
}

/// The kind of a type (`BTF_KIND_*`), with the data of this kind.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind<'a> {
    /// An integer.
    Int(Int),
    /// A pointer to this type.
    Pointer(TypeId),
    /// An array.
    Array(Array),
    /// A struct.
    Struct(Composite<'a>),
    /// A union.
    Union(Composite<'a>),
    /// An enum (`BTF_KIND_ENUM` or `BTF_KIND_ENUM64`).
    Enum(Enum<'a>),
    /// A struct or union that is declared but not defined.
    Forward {
        /// Whether the type is a union. Otherwise, it is a struct.
        union: bool,
    },
    /// A `typedef`: another name for this type.
    Typedef(TypeId),
    /// This type with the qualifier `volatile`.
    Volatile(TypeId),
    /// This type with the qualifier `const`.
    Const(TypeId),
    /// This type with the qualifier `restrict`.
    Restrict(TypeId),
    /// A function.
    Function {
        /// The number of the function's [prototype](Kind::Prototype).
        prototype: TypeId,
        /// The linkage of the function.
        linkage: Linkage,
    },
    /// The type of a function.
    Prototype {
        /// The type of the return value.
        result: TypeId,
        /// The parameters. If the last parameter has neither a name nor a type, it represents `...`.
        parameters: Vec<Parameter<'a>>,
    },
    /// A variable.
    Variable {
        /// The type of the variable.
        ty: TypeId,
        /// The linkage of the variable.
        linkage: Linkage,
    },
    /// A section with variables. The compiler sets the size and the offsets to 0. The linker or the loader replaces
    /// them with the real values.
    DataSection {
        /// The size in bytes.
        size: u32,
        /// The variables in the section.
        variables: Vec<SectionVariable>,
    },
    /// A floating-point number.
    Float {
        /// The size in bytes.
        size: u32,
    },
    /// A declaration tag (`btf_decl_tag`).
    DeclTag {
        /// The number of the struct, union, function, variable or typedef with the tag.
        target: TypeId,
        /// The index of the member or parameter with the tag, or `None` if the tag belongs to the target itself.
        component: Option<u32>,
    },
    /// This type with a type tag (`btf_type_tag`).
    TypeTag(TypeId),
}

impl Kind<'_> {
    /// If this is a qualifier or a type tag, returns the type to which it applies.
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
    /// The number of significant bits, which is usually `size` × 8. Old compilers use a smaller number for bit-fields.
    pub bits: u32,
    /// The offset of the first significant bit.
    pub bit_offset: u32,
    /// Whether the integer is signed (`BTF_INT_SIGNED`).
    pub is_signed: bool,
    /// Whether the integer is a character (`BTF_INT_CHAR`). Current compilers do not set this bit.
    pub is_char: bool,
    /// Whether the integer is a `bool` (`BTF_INT_BOOL`).
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
    /// The name of the member, or an empty string for an anonymous struct or union.
    pub name: &'a str,
    /// The type of the member.
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
    /// Whether values can be negative. Clang before version 15 never sets this bit, and later versions do not set it if
    /// the enum's integer type is a typedef. In these cases, a negative value appears as the unsigned number with the
    /// same 32 bits.
    pub is_signed: bool,
    /// The number of bits of each value in the BTF: 32 (`BTF_KIND_ENUM`) or 64 (`BTF_KIND_ENUM64`). If a compiler does
    /// not set [`is_signed`](Self::is_signed) correctly, the BTF of an 8-byte enum can contain only the lower 32 bits
    /// of each value.
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
    /// The name of the parameter, or an empty string for a parameter without a name.
    pub name: &'a str,
    /// The type of the parameter.
    pub ty: TypeId,
}

/// A variable in a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionVariable {
    /// The number of the [variable](Kind::Variable).
    pub variable: TypeId,
    /// The offset of the variable in the section, in bytes.
    pub offset: u32,
    /// The size in bytes.
    pub size: u32,
}

/// The linkage of a variable or a function (`BTF_VAR_*`, `BTF_FUNC_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linkage {
    /// The name is visible only in its own file.
    Static,
    /// The name is visible in all files.
    Global,
    /// The variable or function is defined in a different file.
    Extern,
    /// The number of an unknown linkage.
    Other(u32),
}
