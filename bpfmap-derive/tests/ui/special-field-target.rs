use bpfmap::{BpfType, ListHead, SpinLock};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Job {
    lock: SpinLock,
    _pad: [u8; 4],
    #[bpf(list_head = Job.node)]
    jobs: ListHead,
}

fn main() {}
