//! Compares the traits that the markers implement with the facts table, at compile time.

#![allow(
    dead_code,
    reason = "everything is only used in constants, which Rust 1.85 does not count as a use, and later versions do"
)]

use super::Kind;
use crate::spec::{MapSpec, OuterMapSpec};
use crate::user_space::held::Held;
use bpfmap_core::Text;
use bpfmap_core::TypeDesc;
use bpfmap_core::map_type::Capability;

/// The spec `S` with which the check tests the traits `HoldObjects<S>` and `ShowObjects<S>`. All
/// map types of kernel objects can implement these traits for this spec.
pub(super) enum Probe {}

impl MapSpec for Probe {
    type Kind = super::HashOfMaps;
    type Key = u32;
    type Value = u64;
    const DEF: bpfmap_core::MapDef<'static> =
        super::HashOfMaps::def("probe", TypeDesc::U32, TypeDesc::U64);
}

impl OuterMapSpec for Probe {
    type Inner = Self;
}

/// The default value of `IMPLEMENTED`. It applies if a struct from [`probes`] does not have its own
/// constant with this name.
pub(super) trait Otherwise {
    const IMPLEMENTED: bool = false;
}

impl<T> Otherwise for T {}

/// Defines a struct for each trait, as in `probes!(LookupElement HoldObjects<Probe>)`. The constant
/// of the struct is true if a type implements the trait.
macro_rules! probes {
    ($dollar:tt $($name:ident $(<$spec:ident>)?)*) => {
        pub(super) mod probes {
            use super::Probe;
            use core::marker::PhantomData;

            $(
                pub(in crate::kind) struct $name<K>(PhantomData<K>);

                impl<K: crate::kind::$name $(<$spec>)?> $name<K> {
                    pub(in crate::kind) const IMPLEMENTED: bool = true;
                }
            )*
        }

        /// Expands to a list of all capabilities, and whether a marker implements the trait of each
        /// capability.
        macro_rules! implemented {
            ($dollar kind:ident) => {{
                #[allow(unused_imports, reason = "not needed for capabilities that the marker implements")]
                use crate::kind::agreement::Otherwise as _;
                &[$((
                    bpfmap_core::map_type::Capability::$name,
                    crate::kind::agreement::probes::$name::<$dollar kind>::IMPLEMENTED,
                )),*]
            }};
        }
        pub(super) use implemented;
    };
}
probes! {
    $ HoldObjects<Probe> ShowObjects<Probe> AttachValues LookupElement UpdateElement InsertElement SelectCpu DeleteElement
    TakeElement Iterate UpdateBatch DeleteBatch Push Pop Peek Filter HoldStacks ReadRecords ReadPerCpuRecords WriteRecords
    RegisterOps MapArena MapValues Lock
}

/// Checks at compile time that `K` implements exactly the capabilities of its row.
///
/// # Panics
/// Panics at compile time if the check fails.
pub(super) const fn agrees<K: Kind>(implemented: &[(Capability, bool)]) {
    let facts = K::FACTS;
    assert!(
        facts.per_cpu == <K::Value<u64> as Held>::PER_CPU,
        "the row and the marker agree about per-CPU values"
    );
    assert!(implemented.len() == Capability::ALL.len(), "each capability is checked");
    let mut index = 0;
    while index < implemented.len() {
        let (capability, implemented) = implemented[index];
        assert!(
            capability as u8 == Capability::ALL[index] as u8,
            "the capabilities must be in the order of `Capability`"
        );
        if implemented != facts.offers(capability) {
            let verb = if implemented { " implements " } else { " does not implement " };
            let says = if implemented { "lacks this capability" } else { "has this capability" };
            let text = Text::new().and("the marker of `").and(facts.name).and("`").and(verb);
            let text = text.and("`").and(capability.name()).and("`, but its row ").and(says);
            panic!("{}", text.as_str());
        }
        index += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;

    macro_rules! markers {
        ($($kind:ident)*) => {
            const MARKERS: &[&MapType] = &[$($kind::FACTS),*];
        };
    }
    markers! {
        Hash Array ProgArray PerfEventArray PercpuHash PercpuArray StackTrace CgroupArray LruHash LruPercpuHash LpmTrie
        ArrayOfMaps HashOfMaps Devmap Sockmap Cpumap Xskmap Sockhash CgroupStorage ReuseportSockarray
        PercpuCgroupStorage Queue Stack SkStorage DevmapHash StructOps Ringbuf InodeStorage TaskStorage BloomFilter
        UserRingbuf CgrpStorage Arena InsnArray Rhash
    }

    #[test]
    fn each_row_has_a_marker() {
        let rows = bpfmap_core::map_type::MAP_TYPES.iter().map(|row| row.number);
        assert!(MARKERS.iter().map(|facts| facts.number).eq(rows));
    }
}
