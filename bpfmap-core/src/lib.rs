//! The kernel's rules for each BPF map type, as data.
//!
//! The table [`MAP_TYPES`](map_type::MAP_TYPES) has a row for each map type. A row contains the rules for key, value
//! and `max_entries`, the flags that the map type accepts, and the results of each operation on each kernel. All other
//! parts of bpfmap use this table: the checks of a schema, the methods of a typed map, the expectations of fixture
//! tests and the reference pages.
//!
//! ```
//! use bpfmap_core::map_type::{MapType, Operation};
//! use bpfmap_core::KernelVersion;
//!
//! let hash = MapType::by_name("hash").unwrap();
//! assert_eq!(hash.operation_since(Operation::LookupAndDelete), Some(KernelVersion::new(5, 14)));
//! ```

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

/// The version of the interface between the code that the derives generate and the crate `bpfmap`. `bpfmap` refuses
/// generated code of any other version.
///
/// Increase this number by one when generated code needs a new item of `bpfmap`, or when the meaning of generated code
/// changes.
pub const CODE_FORM: u32 = 3;

/// Declares an enum with a text for each variant, a constant `ALL`, and a method that returns the text.
macro_rules! named {
    (
        $(#[$attribute:meta])*
        pub enum $enum:ident { $($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+ }

        $(#[$name_doc:meta])*
        fn name;
    ) => {
        $(#[$attribute])*
        pub enum $enum { $($(#[doc = $doc])+ $variant,)+ }

        impl $enum {
            /// All variants, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            $(#[$name_doc])*
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Returns the documentation of the variant, as Markdown in one line.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc),+).trim_ascii(),)+
                }
            }
        }
    };
}

mod c_layout;
mod errno;
pub mod fixture;
mod kernel_version;
mod map_def;
mod map_flags;
pub mod map_type;
pub mod migration;
pub mod rule;
#[cfg(feature = "serde")]
mod serialize;
mod special_field;
mod text;
mod type_desc;
mod update_mode;

pub use c_layout::CLayout;
pub use errno::Errno;
pub use kernel_version::{KernelVersion, MATRIX, ParseKernelVersionError};
pub use map_def::{MapDef, Pinning};
pub use map_flags::MapFlags;
pub use migration::{MigrationPlan, MigrationStep};
pub use special_field::{FIELD_CONSTANTS, SpecialField};
pub use text::{Text, is_same};
pub use type_desc::{IntEncoding, MemberDesc, TypeDesc};
pub use update_mode::UpdateMode;

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
