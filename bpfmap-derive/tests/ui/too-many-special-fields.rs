use bpfmap::{BpfType, Kptr};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Tasks {
    #[bpf(kptr = "task_struct")]
    tasks: [Kptr; 12],
}

fn main() {}
