//! The markers: one row of the facts table each, one line a fact; a file a family of map types.

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

macro_rules! kind {
    ($(#[$doc:meta])* $name:ident, $number:literal, $text:literal, btf: $btf:literal, cursor: $cursor:ident, value: $v:ident => $value:ty
        $(, adds: $flag:ident)? $(, delete_missing: $errno:ident)? $(, entries: $entries:path)?
        $(, try_entries: $try_entries:path)?
        $(, kernel_value: $kernel:literal)? $(, user_ptrs: $pointers:literal)?
        $(, holds_maps: $maps:literal)?) => {
        $(#[$doc])*
        pub enum $name {}
        impl Sealed for $name {}
        impl Kind for $name {
            const TYPE: u32 = $number;
            const NAME: &'static str = $text;
            const BTF: bool = $btf;
            const BATCH_CURSOR: BatchCursor = BatchCursor::$cursor;
            type Value<$v: Plain> = $value;
            $(const ADDED_FLAGS: crate::spec::MapFlags = crate::spec::MapFlags::$flag;)?
            $(const KERNEL_VALUE: bool = $kernel;)?
            $(const USER_PTRS: bool = $pointers;)?
            $(const HOLDS_MAPS: bool = $maps;)?
            $(const DELETE_MISSING: i32 = libc::$errno;)?
            $(fn entries(said: Option<u32>) -> crate::Result<Option<u32>> {
                Ok($entries(said))
            })?
            $(fn entries(said: Option<u32>) -> crate::Result<Option<u32>> {
                $try_entries(said)
            })?
        }
    };
}
use kind;
