//! The maps that are measured, with a handle for each contender.

use aya::maps::{Map as AyaMap, MapData};
use bpfmap::{Map, MapDef, MapFlags, MapSpec};
use bpfmap::{MemberDesc, TypeDesc};
use libbpf_rs::MapHandle;
use std::os::fd::{AsFd, AsRawFd, RawFd};

pub(crate) type Error = Box<dyn std::error::Error>;

macro_rules! spec {
    ($name:ident: $kind:ident, $key:ty as $key_layout:expr => u64, max $max:expr $(, $field:ident = $content:expr)*) => {
        pub(crate) enum $name {}
        impl MapSpec for $name {
            type Kind = bpfmap::kind::$kind;
            type Key = $key;
            type Value = u64;
            const DEF: MapDef<'static> = bpfmap::kind::$kind::def(stringify!($name), $key_layout, TypeDesc::U64)
                .max_entries($max)
                $(.$field($content))*;
        }
    };
}

/// An IPv4 prefix.
#[repr(C)]
pub(crate) struct Prefix {
    pub(crate) prefixlen: u32,
    pub(crate) address: u32,
}
bpfmap::plain_struct!(Prefix { prefixlen: u32, address: u32 });

const PREFIX: &TypeDesc<'static> = &TypeDesc::Struct {
    name: "prefix",
    size: 8,
    members: &[
        MemberDesc { name: "prefixlen", bit_offset: 0, bits: 0, ty: TypeDesc::U32 },
        MemberDesc { name: "address", bit_offset: 32, bits: 0, ty: TypeDesc::U32 },
    ],
};

spec!(Hash: Hash, u32 as TypeDesc::U32 => u64, max 200_000);
spec!(Array: Array, u32 as TypeDesc::U32 => u64, max 100_000);
spec!(PercpuHash: PercpuHash, u32 as TypeDesc::U32 => u64, max 200_000);
spec!(PercpuArray: PercpuArray, u32 as TypeDesc::U32 => u64, max 4096);
spec!(Lpm: LpmTrie, Prefix as PREFIX => u64, max 4096, flags = MapFlags::NO_PREALLOC);
spec!(Queue: Queue, () as TypeDesc::VOID => u64, max 4096);

/// A map, with an open handle for each contender.
pub(crate) struct Contended<S: MapSpec> {
    pub(crate) fd: RawFd,
    pub(crate) own: Map<S>,
    pub(crate) libbpf: MapHandle,
}

impl<S: MapSpec> Contended<S> {
    pub(crate) fn new() -> Result<Self, Error> {
        let own = Map::<S>::create()?;
        let libbpf = MapHandle::from_map_id(own.info()?.id)?;
        Ok(Self { fd: own.as_raw_fd(), own, libbpf })
    }

    /// Returns aya's handle to the map. `wrap` is the variant of aya's enum `Map` for this map
    /// type.
    pub(crate) fn aya<T: TryFrom<AyaMap>>(&self, wrap: fn(MapData) -> AyaMap) -> Result<T, Error>
    where
        T::Error: std::error::Error + 'static,
    {
        let data = MapData::from_fd(self.own.as_fd().try_clone_to_owned()?)?;
        Ok(T::try_from(wrap(data))?)
    }
}
