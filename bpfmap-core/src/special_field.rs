//! Special fields: members of a value that the kernel manages, such as locks and timers.

use crate::{KernelVersion, is_same};

/// Constants whose presence in a kernel's BTF shows which special fields the kernel supports. Each constant is listed
/// with the first mainline release that contains it, in the order of these releases. If the BTF of an older kernel
/// contains a constant, the distribution has backported the special fields of the listed release.
///
/// Source: `enum bpf_func_id` in `include/uapi/linux/bpf.h`, `enum btf_field_type` in `include/linux/bpf.h`.
pub const FIELD_CONSTANTS: &[(KernelVersion, &str)] = &[
    (KernelVersion::new(5, 1), "BPF_FUNC_spin_lock"),
    (KernelVersion::new(5, 15), "BPF_FUNC_timer_init"),
    (KernelVersion::new(5, 19), "BPF_FUNC_kptr_xchg"),
    (KernelVersion::new(6, 2), "BPF_LIST_HEAD"),
    (KernelVersion::new(6, 3), "BPF_RB_ROOT"),
    (KernelVersion::new(6, 4), "BPF_REFCOUNT"),
    (KernelVersion::new(6, 7), "BPF_KPTR_PERCPU"),
    (KernelVersion::new(6, 10), "BPF_WORKQUEUE"),
    (KernelVersion::new(6, 13), "BPF_UPTR"),
    (KernelVersion::new(6, 15), "BPF_RES_SPIN_LOCK"),
    (KernelVersion::new(6, 18), "BPF_TASK_WORK"),
];

named! {
    /// A special field: a member of a value that the kernel manages, such as a lock or a timer. User space reads the
    /// bytes of a special field as zeros.
    ///
    /// Source: `kernel/bpf/btf.c`, `btf_get_field_type`, and `include/uapi/linux/bpf.h`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum SpecialField {
        /// `struct bpf_spin_lock`: a lock that protects the other members of the value.
        SpinLock = "bpf_spin_lock",
        /// `struct bpf_res_spin_lock`: a spin lock whose acquisition fails instead of causing a deadlock.
        ResSpinLock = "bpf_res_spin_lock",
        /// `struct bpf_timer`: a timer that calls a function of the program later.
        Timer = "bpf_timer",
        /// `struct bpf_wq`: a work queue that calls a function of the program later, in a context that can sleep.
        WorkQueue = "bpf_wq",
        /// `struct bpf_task_work`: calls a function of the program in the context of a task, before the task returns to
        /// user space.
        TaskWork = "bpf_task_work",
        /// `struct bpf_refcount`: a reference count, which is the number of owners of an object.
        RefCount = "bpf_refcount",
        /// A pointer to an object that the map owns: either a kernel object or an object from `bpf_obj_new`.
        Kptr = "kptr",
        /// A pointer to a kernel object that may already have been freed.
        UntrustedKptr = "kptr_untrusted",
        /// A pointer to per-CPU memory from `bpf_percpu_obj_new`.
        PerCpuKptr = "percpu_kptr",
        /// A pointer to user-space memory, which the kernel pins.
        UserPtr = "uptr",
        /// `struct bpf_list_head`: a list of nodes that the map owns.
        ListHead = "bpf_list_head",
        /// `struct bpf_list_node`: the node in each element of a list.
        ListNode = "bpf_list_node",
        /// `struct bpf_rb_root`: a sorted tree of nodes that the map owns.
        RbRoot = "bpf_rb_root",
        /// `struct bpf_rb_node`: the node in each element of a tree.
        RbNode = "bpf_rb_node",
    }

    /// Returns the name of the field in a schema. If the field is a struct, the struct has the same name in C.
    fn name;
}

impl SpecialField {
    /// Returns a number with one bit set, which represents the field in a set of special fields.
    #[must_use]
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// Returns the special field that is a struct with this name in C, or `None` if there is no such field.
    #[must_use]
    pub const fn by_struct(name: &str) -> Option<Self> {
        let mut index = 0;
        while index < Self::ALL.len() {
            let field = Self::ALL[index];
            if !field.is_pointer() && is_same(field.name(), name) {
                return Some(field);
            }
            index += 1;
        }
        None
    }

    /// Returns the size of the field in bytes, which is a multiple of [`Self::align`]. For nodes, this is the size from
    /// Linux 6.6 on. In older kernels, a list node has 16 bytes and a tree node has 24 bytes.
    ///
    /// Source: `include/uapi/linux/bpf.h`, and `include/asm-generic/rqspinlock.h` for the resilient lock.
    #[must_use]
    pub const fn size(self) -> u32 {
        match self {
            Self::SpinLock | Self::ResSpinLock | Self::RefCount => 4,
            Self::TaskWork
            | Self::Kptr
            | Self::UntrustedKptr
            | Self::PerCpuKptr
            | Self::UserPtr => 8,
            Self::Timer | Self::WorkQueue | Self::ListHead | Self::RbRoot => 16,
            Self::ListNode => 24,
            Self::RbNode => 32,
        }
    }

    /// Returns the alignment of the field in bytes.
    #[must_use]
    pub const fn align(self) -> u32 {
        if self.size() == 4 { 4 } else { 8 }
    }

    /// Returns the C name of the only member of the field's struct. The member is an integer or an array of integers.
    #[must_use]
    pub const fn member(self) -> &'static str {
        match self {
            Self::SpinLock | Self::ResSpinLock => "val",
            _ => "__opaque",
        }
    }

    /// Returns whether the only member of the field's struct is an array of integers. The array can have a single
    /// element.
    #[must_use]
    pub const fn is_array_of_words(self) -> bool {
        matches!(self, Self::RefCount) || self.size() > 8
    }

    /// Returns whether the field is a pointer. The BTF type tag of such a pointer is the [name](Self::name) of the
    /// field.
    #[must_use]
    pub const fn is_pointer(self) -> bool {
        matches!(self, Self::Kptr | Self::UntrustedKptr | Self::PerCpuKptr | Self::UserPtr)
    }

    /// Returns whether `kernel` recognises the field only if the target of the pointer is a type of the kernel. If one
    /// pointer in the value has a different target, such a kernel treats all pointers of this kind in the value as
    /// plain data. From Linux 6.4 on, the target can also be a type of the program.
    ///
    /// Source: `btf_parse_kptrs` in `kernel/bpf/btf.c` of Linux 6.1, `btf_parse_kptr` of Linux 6.4; measured on 6.1.
    #[must_use]
    pub const fn needs_kernel_type(self, kernel: KernelVersion) -> bool {
        matches!(self, Self::Kptr | Self::UntrustedKptr | Self::PerCpuKptr)
            && KernelVersion::new(6, 4).is_newer(kernel)
    }

    /// For a list or a tree, returns the special field that is the node in its elements. Returns `None` for all other
    /// fields.
    #[must_use]
    pub const fn node(self) -> Option<Self> {
        match self {
            Self::ListHead => Some(Self::ListNode),
            Self::RbRoot => Some(Self::RbNode),
            _ => None,
        }
    }

    /// Returns whether a value can contain at most one field of this kind.
    #[must_use]
    pub const fn is_single(self) -> bool {
        matches!(
            self,
            Self::SpinLock
                | Self::ResSpinLock
                | Self::Timer
                | Self::WorkQueue
                | Self::TaskWork
                | Self::RefCount
        )
    }

    /// Returns whether the field has a target in a schema, such as `kptr<task_struct>`.
    #[must_use]
    pub const fn has_target(self) -> bool {
        self.is_pointer() || self.node().is_some()
    }
}
