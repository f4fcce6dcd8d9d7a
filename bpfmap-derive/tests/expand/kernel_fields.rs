//! Fields that belong to the kernel.

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Job {
    lock: SpinLock,
    _pad: [u8; 4],
    #[bpf(kptr = "task_struct")]
    task: Kptr,
    #[bpf(list_head = Job.node)]
    jobs: ListHead,
    node: ListNode,
    shared: UserPtr<Shared>,
}
