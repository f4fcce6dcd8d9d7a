//! The names that are reserved in C: keywords and builtins of clang, and declarations in the headers that BPF programs
//! include.
//!
//! `cargo xtask names` reads the types of all kernels of the test matrix, tests each name with clang, and writes the
//! list `names.txt`. [`Taken`] uses this list or the BTF of one kernel.

mod kernel;
mod list;

use std::borrow::Cow;
use std::fmt;

pub use kernel::{KernelName, KernelNames};
pub use list::{KERNELS, LIST, List, encode};

/// A namespace of C. Two equal names don't conflict if they are in different namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Namespace {
    /// The names of structs, unions and enums, which follow the keyword `struct`, `union` or
    /// `enum`.
    Tag,
    /// The names of variables. Each map is a variable in C.
    Variable,
    /// The names of constants of enums.
    Constant,
    /// The names of typedefs.
    Typedef,
    /// The names of functions.
    Function,
    /// The names of the members of a struct or union.
    Member,
}

impl Namespace {
    /// All namespaces.
    pub const ALL: [Self; 6] =
        [Self::Tag, Self::Variable, Self::Constant, Self::Typedef, Self::Function, Self::Member];
}

/// The kind of a reserved name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NameKind {
    /// A struct: `struct NAME`.
    Struct,
    /// A union: `union NAME`.
    Union,
    /// An enum: `enum NAME`.
    Enum,
    /// A typedef.
    Typedef,
    /// A constant of an enum.
    Constant,
    /// A function or a variable.
    Function,
    /// A macro without parameters. The preprocessor replaces the name everywhere.
    Macro,
    /// A macro with parameters. The preprocessor replaces the name if a parenthesis follows.
    FunctionMacro,
    /// A keyword of C.
    Keyword,
    /// A function that clang provides without a declaration.
    Builtin,
    /// A section that contains programs. Each section is a symbol, and an object file can't have
    /// two symbols with the same name.
    Section,
    /// A variable that BPF programs define.
    Symbol,
}

impl NameKind {
    /// All kinds, each with its letter in the list.
    const LETTERS: [(u8, Self); 12] = [
        (b's', Self::Struct),
        (b'u', Self::Union),
        (b'e', Self::Enum),
        (b't', Self::Typedef),
        (b'c', Self::Constant),
        (b'f', Self::Function),
        (b'm', Self::Macro),
        (b'p', Self::FunctionMacro),
        (b'w', Self::Keyword),
        (b'b', Self::Builtin),
        (b'x', Self::Section),
        (b'y', Self::Symbol),
    ];

    /// Returns the letter of the kind in the list.
    #[must_use]
    pub fn letter(self) -> char {
        let letter = Self::LETTERS.iter().find(|(_, kind)| *kind == self);
        letter.map_or('?', |(letter, _)| char::from(*letter))
    }

    fn of(letter: u8) -> Option<Self> {
        Self::LETTERS.iter().find(|(known, _)| *known == letter).map(|(_, kind)| *kind)
    }

    /// Returns whether a declaration with the same name in `space` is an error.
    #[must_use]
    pub fn takes(self, space: Namespace) -> bool {
        match self {
            Self::Struct | Self::Union | Self::Enum => space == Namespace::Tag,
            Self::Typedef | Self::Constant | Self::Function => {
                !matches!(space, Namespace::Tag | Namespace::Member)
            }
            Self::Macro | Self::Keyword => true,
            Self::FunctionMacro => space == Namespace::Function,
            Self::Builtin => space == Namespace::Variable,
            // A function conflicts with a section if the function is a program.
            Self::Section => matches!(space, Namespace::Variable | Namespace::Function),
            Self::Symbol => {
                matches!(space, Namespace::Variable | Namespace::Constant | Namespace::Typedef)
            }
        }
    }

    /// Returns whether the item is a type.
    #[must_use]
    pub const fn is_type(self) -> bool {
        matches!(self, Self::Struct | Self::Union | Self::Enum | Self::Typedef)
    }
}

/// Writes the kind with an article for messages, such as `a struct`.
impl fmt::Display for NameKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Struct => "a struct",
            Self::Union => "a union",
            Self::Enum => "an enum",
            Self::Typedef => "a typedef",
            Self::Constant => "a constant",
            Self::Function => "a function",
            Self::Macro | Self::FunctionMacro => "a macro",
            Self::Keyword => "a keyword of C",
            Self::Builtin => "a builtin function of clang",
            Self::Section => "a section of BPF programs",
            Self::Symbol => "a variable of BPF programs",
        })
    }
}

/// Where a reserved name is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// The header `vmlinux.h`, which bpftool writes from the BTF of a kernel.
    Kernel,
    /// The compiler clang itself.
    Clang,
    /// The headers `stdbool.h` and `stddef.h` of clang.
    Standard,
    /// The header `linux/bpf.h` and the headers that it includes.
    Uapi,
    /// The header `bpf/bpf_helpers.h`, which the header of every schema needs.
    Helpers,
    /// The header `bpf/bpf_core_read.h`.
    CoreRead,
    /// The header `bpf/bpf_tracing.h`.
    Tracing,
    /// The header `bpf/bpf_endian.h`.
    Endian,
    /// The section `license`, which every object file has.
    License,
    /// The other sections and variables of BPF programs.
    Program,
}

impl Origin {
    /// All origins except the kernel, in the order of their digits in the list. The first digit is 1.
    const DIGITS: [Self; 9] = [
        Self::Clang,
        Self::Standard,
        Self::Uapi,
        Self::Helpers,
        Self::CoreRead,
        Self::Tracing,
        Self::Endian,
        Self::License,
        Self::Program,
    ];

    /// Returns the name of the header, or `None` if the origin is not a header.
    #[must_use]
    pub const fn header(self) -> Option<&'static str> {
        Some(match self {
            Self::Kernel => "the kernel's vmlinux.h",
            Self::Standard => "clang's stdbool.h or stddef.h",
            Self::Uapi => "linux/bpf.h",
            Self::Helpers => "bpf/bpf_helpers.h",
            Self::CoreRead => "bpf/bpf_core_read.h",
            Self::Tracing => "bpf/bpf_tracing.h",
            Self::Endian => "bpf/bpf_endian.h",
            Self::Clang | Self::License | Self::Program => return None,
        })
    }

    /// Returns whether the names of this origin are reserved in every program. All programs include
    /// `bpf/bpf_helpers.h`, and either `linux/bpf.h` or `vmlinux.h`. The header of a schema must work with both. Most
    /// of the types in `vmlinux.h` do not exist in a program that includes `linux/bpf.h`.
    #[must_use]
    pub const fn is_everywhere(self) -> bool {
        matches!(self, Self::Clang | Self::Standard | Self::Uapi | Self::Helpers | Self::License)
    }

    /// Returns the digit of the origin in the list. Returns 0 for the kernel, which has no digit in the list.
    #[must_use]
    pub fn digit(self) -> usize {
        Self::DIGITS.iter().position(|origin| *origin == self).map_or(0, |at| at + 1)
    }
}

/// The releases of a header that contain a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Releases {
    /// All tested releases.
    All,
    /// Only older releases.
    Older,
    /// Only newer releases.
    Newer,
}

/// A use of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Use {
    /// The origin that declares the name.
    pub origin: Origin,
    /// The kind of the item with this name.
    pub kind: NameKind,
    /// The first and the last kernel version that contain the name, as indexes into [`KERNELS`]. `None` for other
    /// origins.
    pub kernels: Option<(u8, u8)>,
    /// For a header, the releases that contain the name.
    pub releases: Releases,
    /// For a kernel type that has the same size in all kernels, its size in bytes.
    pub size: Option<u32>,
}

impl Use {
    /// Creates a use in all releases of an origin.
    #[must_use]
    pub const fn new(origin: Origin, kind: NameKind) -> Self {
        Self { origin, kind, kernels: None, releases: Releases::All, size: None }
    }
}

/// The prefix of clang's builtin functions. The list does not contain names with this prefix.
pub const BUILTIN_PREFIX: &str = "__builtin_";

/// The set of reserved names.
#[derive(Debug, Clone, Copy, Default)]
pub struct Taken<'a> {
    kernel: Option<&'a KernelNames>,
}

/// The reason why a name is reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// A description of the item that already has the name, such as `a struct in the kernel's vmlinux.h (Linux 5.10 to
    /// 7.3)`.
    pub what: Cow<'static, str>,
    /// The kind of the item with this name.
    pub kind: NameKind,
    /// The origin that declares the name.
    pub origin: Origin,
    /// Whether the name is reserved in every program.
    pub is_certain: bool,
}

impl<'a> Taken<'a> {
    /// Creates the set of reserved names for programs that include the `vmlinux.h` of one kernel. These programs do not
    /// include `linux/bpf.h`.
    #[must_use]
    pub const fn by_kernel(kernel: &'a KernelNames) -> Self {
        Self { kernel: Some(kernel) }
    }

    /// Returns the reason why `name` can't be used in `space`, or `None` if it can be used. If there are several
    /// reasons, prefers a reason that applies to every program.
    #[must_use]
    pub fn why(&self, name: &str, space: Namespace) -> Option<Why> {
        let mut uses = LIST.find(name);
        if name.starts_with(BUILTIN_PREFIX) {
            uses.push(Use::new(Origin::Clang, NameKind::Keyword));
        }
        let listed = uses.into_iter().filter(|taken| taken.kind.takes(space));
        let listed = listed.filter(|taken| {
            self.kernel.is_none() || !matches!(taken.origin, Origin::Kernel | Origin::Uapi)
        });
        let listed = listed.map(|taken| Why {
            what: what(taken).into(),
            kind: taken.kind,
            origin: taken.origin,
            is_certain: taken.origin.is_everywhere(),
        });
        let asked = self.kernel.and_then(|kernel| {
            let kind = kernel.kinds(name).find(|kind| kind.takes(space))?;
            Some(Why {
                what: format!("{kind} in {}", kernel.label()).into(),
                kind,
                origin: Origin::Kernel,
                is_certain: true,
            })
        });
        let mut found: Vec<Why> = listed.chain(asked).collect();
        found.sort_by_key(|why| !why.is_certain);
        found.into_iter().next()
    }
}

fn what(taken: Use) -> String {
    let kind = taken.kind;
    let Some(header) = taken.origin.header() else { return kind.to_string() };
    match (taken.kernels, taken.releases) {
        (Some((first, last)), _) if first == last => {
            format!("{kind} in {header} (Linux {})", kernel(first))
        }
        (Some((first, last)), _) => {
            format!("{kind} in {header} (Linux {} to {})", kernel(first), kernel(last))
        }
        (None, Releases::All) => format!("{kind} in {header}"),
        (None, Releases::Newer) => format!("{kind} in newer releases of {header}"),
        (None, Releases::Older) => format!("{kind} in older releases of {header}"),
    }
}

fn kernel(at: u8) -> &'static str {
    KERNELS.get(usize::from(at)).copied().unwrap_or_default()
}

/// Returns whether at least one release of `linux/bpf.h` declares a type `name`.
#[must_use]
pub fn is_in_uapi(name: &str) -> bool {
    let uses = LIST.find(name);
    uses.iter().any(|taken| taken.origin == Origin::Uapi && taken.kind.is_type())
}

/// Returns whether the kernel has a type `name`. If only `vmlinux.h` declares the type and `size` is not `None`, the
/// type must also have this size, because unrelated types can have the same name.
#[must_use]
pub fn is_kernels(name: &str, size: Option<u64>) -> bool {
    LIST.find(name).iter().any(|taken| match taken.origin {
        Origin::Uapi => taken.kind.is_type(),
        Origin::Kernel => {
            let is_like = size.is_none_or(|size| {
                taken.kind != NameKind::Enum && taken.size.map(u64::from) == Some(size)
            });
            taken.kind.is_type() && is_like
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::{NameKind, Namespace, Origin, Taken, is_in_uapi, is_kernels};

    #[test]
    fn each_namespace_has_separate_names() {
        let why = |name, space| Taken::default().why(name, space).map(|why| why.what.into_owned());
        let struct_key = "a struct in the kernel's vmlinux.h (Linux 5.10 to 7.3)";
        assert_eq!(why("key", Namespace::Tag).as_deref(), Some(struct_key));
        assert_eq!(why("key", Namespace::Variable), None);
        assert_eq!(why("key", Namespace::Member), None);
        let log = Taken::default().why("log", Namespace::Variable).unwrap();
        assert_eq!(
            (log.kind, log.origin, log.is_certain),
            (NameKind::Builtin, Origin::Clang, true)
        );
        assert_eq!(why("log", Namespace::Tag), None);
        assert_eq!(why("log", Namespace::Member), None);
        for space in Namespace::ALL {
            assert_eq!(why("int", space).as_deref(), Some("a keyword of C"));
            assert_eq!(why("bpfmap_flow", space), None);
            assert_eq!(why("", space), None);
        }
        let pass = why("XDP_PASS", Namespace::Constant);
        assert_eq!(pass.as_deref(), Some("a constant in linux/bpf.h"));
        assert_eq!(why("XDP_PASS", Namespace::Tag), None);
    }

    #[test]
    fn kernel_types_are_recognised_by_name_and_size() {
        assert!(is_in_uapi("xdp_md") && !is_in_uapi("iphdr") && !is_in_uapi("bpfmap_flow"));
        assert!(is_kernels("iphdr", Some(20)) && !is_kernels("iphdr", Some(21)));
        assert!(is_kernels("task_struct", None) && !is_kernels("task_struct", Some(8)));
        assert!(is_kernels("bpf_cpumap_val", Some(1)));
    }
}
