//! The markers of the map types. Each marker refers to its row of the facts table, and implements
//! one trait for each capability. Each file contains the markers of one family of map types.

mod network;
mod objects;
mod plain;
mod streams;

pub use network::*;
pub use objects::*;
mod others;
pub use others::*;
pub use plain::*;
mod storage;
pub use storage::*;
pub use streams::*;

/// `kind!(/// docs Hash, HASH, V => V);` defines a marker from its row of the facts table and the
/// type of an entry's content.
macro_rules! kind {
    ($(#[$doc:meta])* $name:ident, $row:ident, $v:ident => $value:ty) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}
        impl $name {
            /// Returns the definition of a map of this type with this key and value, and without
            /// other attributes.
            #[must_use]
            pub const fn def<'a>(
                name: &'a str,
                key: &'a bpfmap_core::TypeDesc<'a>,
                value: &'a bpfmap_core::TypeDesc<'a>,
            ) -> bpfmap_core::MapDef<'a> {
                bpfmap_core::MapDef::new(name, <Self as Kind>::TYPE, key, value)
            }
        }
        impl Sealed for $name {}
        impl Kind for $name {
            const FACTS: &'static bpfmap_core::map_type::MapType = &bpfmap_core::map_type::$row;
            #[cfg(not(target_arch = "bpf"))]
            type Value<$v: Plain> = $value;
        }
        #[cfg(not(target_arch = "bpf"))]
        const _: () = {
            crate::kind::agreement::agrees::<$name>(crate::kind::agreement::implemented!($name));
        };
    };
}
use kind;
