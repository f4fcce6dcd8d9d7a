use bpfmap::{BpfType, ListNode, RbNode};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Job {
    in_list: ListNode,
    in_tree: RbNode,
}

fn main() {}
