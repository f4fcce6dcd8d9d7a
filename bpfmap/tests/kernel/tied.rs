//! Maps of maps whose inner values refer to a struct in their own BTF.

use crate::common::{ENOTSUPP, errno, kernel};
use bpfmap::{Map, OuterMapSpec};

/// Members that refer to a struct which the kernel knows only from the BTF of the object.
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

    /// `tied!(Outer of Inner of Value { the member that refers to a struct })`
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

/// The kernel compares the addresses of the BTF to which these members refer (`btf_record_equal`).
#[test]
fn a_map_that_refers_to_a_struct_in_its_btf_does_not_match_other_maps() {
    fn outcome<S: OuterMapSpec<Key = u32>>() -> bpfmap::Result<()>
    where
        S::Kind: for<'a> bpfmap::kind::HoldObjects<S, Object<'a> = &'a Map<S::Inner>>,
    {
        Map::<S>::create()?.set(&0, &Map::<S::Inner>::create()?)
    }
    if kernel() < (6, 6) {
        // Older kernels lack these members, or do not allow inner maps with a lock.
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
        assert!(error.contains("both maps must have the same BTF"), "{error}");
    }
    // Structs of the kernel are the same for all maps.
    outcome::<maps::Tasks>().unwrap();
}
