use bpfmap::{BpfType, ListHead};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Queue {
    #[bpf(list_head = "job.node")]
    jobs: ListHead,
}

fn main() {}
