//! Maps in maps whose values lead to a struct of their own BTF.

use crate::common::{ENOTSUPP, errno, kernel};
use bpfmap::{Map, OuterMapSpec};

/// What a value can lead to that the kernel knows by the BTF of the object alone.
mod maps {
    use bpfmap::{BpfMap, BpfType, Kptr, ListHead, ListNode, RbNode, RbRoot, SpinLock};

    #[derive(Clone, Copy, BpfType)]
    #[repr(C)]
    pub(super) struct Job {
        id: u64,
        node: ListNode,
    }

    #[derive(Clone, Copy, BpfType)]
    #[repr(C)]
    pub(super) struct Leaf {
        id: u64,
        node: RbNode,
    }

    #[derive(Clone, Copy, BpfType)]
    #[repr(C)]
    pub(super) struct Tally {
        hits: u64,
    }

    /// `tied!(Outer of Inner of Value { the member that leads to a struct })`
    macro_rules! tied {
        ($outer:ident of $inner:ident of $value:ident { $(#[$meta:meta])* $member:ty }) => {
            #[derive(Clone, Copy, BpfType)]
            #[repr(C)]
            pub(super) struct $value {
                lock: SpinLock,
                length: u32,
                $(#[$meta])*
                leads: $member,
            }

            #[derive(BpfMap)]
            #[bpf_map(template, array, max_entries = 1)]
            pub(super) struct $inner {
                value: $value,
            }

            #[derive(BpfMap)]
            #[bpf_map(array_of_maps, max_entries = 1)]
            pub(super) struct $outer {
                inner: $inner,
            }
        };
    }

    tied!(Lists of ListInner of List { #[bpf(list_head = Job.node)] ListHead });
    tied!(Trees of TreeInner of Tree { #[bpf(rb_root = Leaf.node)] RbRoot });
    tied!(Owned of OwnedInner of Owner { #[bpf(kptr = Tally)] Kptr });
    tied!(PerCpu of PerCpuInner of OfEachCpu { #[bpf(percpu_kptr = Tally)] Kptr });
    tied!(Tasks of TaskInner of Task { #[bpf(kptr = "task_struct")] Kptr });
}

/// The kernel compares by address what these lead to (`btf_record_equal`).
#[test]
fn a_map_that_leads_to_a_struct_of_its_btf_fits_no_other() {
    fn outcome<S: OuterMapSpec<Key = u32>>() -> bpfmap::Result<()>
    where
        S::Kind: for<'a> bpfmap::kind::HoldObjects<S, Object<'a> = &'a Map<S::Inner>>,
    {
        Map::<S>::create()?.set(&0, &Map::<S::Inner>::create()?)
    }
    if kernel() < (6, 6) {
        // They came later, and no map with a lock could be in another.
        assert_eq!(errno(outcome::<maps::Lists>()), ENOTSUPP);
        return;
    }
    let tied = [
        outcome::<maps::Lists>(),
        outcome::<maps::Trees>(),
        outcome::<maps::Owned>(),
        outcome::<maps::PerCpu>(),
    ];
    for error in tied.map(|outcome| outcome.unwrap_err().to_string()) {
        assert!(error.contains("only the same in a map with the same BTF"), "{error}");
    }
    // The kernel's own structs are the same in all BTF.
    outcome::<maps::Tasks>().unwrap();
}
