//! Special fields, which the kernel manages.

use crate::{KernelVersion, is_same};

/// Constants in the BTF of kernels that know special fields, each with its first mainline release,
/// oldest first. If a kernel of an older release has the constant, its distribution has backported
/// the fields of that release.
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
    /// A special field of a value, which the kernel manages. User space reads zeros.
    ///
    /// Source: `kernel/bpf/btf.c`, `btf_get_field_type`, and `include/uapi/linux/bpf.h`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum SpecialField {
        /// `struct bpf_spin_lock`: a lock for the other members of the value.
        SpinLock = "bpf_spin_lock",
        /// `struct bpf_res_spin_lock`: a lock whose acquisition can fail, so that it never hangs.
        ResSpinLock = "bpf_res_spin_lock",
        /// `struct bpf_timer`: a function of the program that runs later.
        Timer = "bpf_timer",
        /// `struct bpf_wq`: work that runs later in a context that may sleep.
        WorkQueue = "bpf_wq",
        /// `struct bpf_task_work`: work that a task does before it returns to user space.
        TaskWork = "bpf_task_work",
        /// `struct bpf_refcount`: counts the owners of a node.
        RefCount = "bpf_refcount",
        /// A pointer to an object, of the kernel or of `bpf_obj_new`, that the map owns.
        Kptr = "kptr",
        /// A pointer to an object of the kernel that may have been freed.
        UntrustedKptr = "kptr_untrusted",
        /// A pointer to memory from `bpf_percpu_obj_new`.
        PerCpuKptr = "percpu_kptr",
        /// A pointer to user-space memory, which the kernel pins.
        UserPtr = "uptr",
        /// `struct bpf_list_head`: a list of nodes that the map owns.
        ListHead = "bpf_list_head",
        /// `struct bpf_list_node`, in the type of a list's elements.
        ListNode = "bpf_list_node",
        /// `struct bpf_rb_root`: a sorted tree of nodes that the map owns.
        RbRoot = "bpf_rb_root",
        /// `struct bpf_rb_node`, in the type of a tree's elements.
        RbNode = "bpf_rb_node",
    }

    /// Returns the field's name in a schema. For a struct, this is also its name in C.
    fn name;
}

impl SpecialField {
    /// Returns its bit in the set of a type's special fields.
    #[must_use]
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// Returns the field that is a struct with this name.
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

    /// Returns its size in bytes, which is a multiple of [`Self::align`]. Nodes have their size from Linux 6.6 on;
    /// before, a list node had 16 bytes and a tree node 24.
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

    /// Returns its alignment in bytes.
    #[must_use]
    pub const fn align(self) -> u32 {
        if self.size() == 4 { 4 } else { 8 }
    }

    /// For a struct, returns the name in C of its only member, which is an integer or an array of
    /// integers.
    #[must_use]
    pub const fn member(self) -> &'static str {
        match self {
            Self::SpinLock | Self::ResSpinLock => "val",
            _ => "__opaque",
        }
    }

    /// Returns whether the only member is an array of integers, even if the array has only one
    /// element.
    #[must_use]
    pub const fn is_array_of_words(self) -> bool {
        matches!(self, Self::RefCount) || self.size() > 8
    }

    /// Returns whether it is a pointer whose BTF type tag is the field's [name](Self::name).
    #[must_use]
    pub const fn is_pointer(self) -> bool {
        matches!(self, Self::Kptr | Self::UntrustedKptr | Self::PerCpuKptr | Self::UserPtr)
    }

    /// Returns whether `kernel` recognises the field only if its target is a type of the kernel. If
    /// the target of one such field is a different type, such a kernel treats all fields of this
    /// sort in the value as plain data. From Linux 6.4 on, the kernel also searches the types of
    /// the program.
    ///
    /// Source: `btf_parse_kptrs` in `kernel/bpf/btf.c` of Linux 6.1, `btf_parse_kptr` of Linux 6.4; measured on 6.1.
    #[must_use]
    pub const fn needs_kernel_type(self, kernel: KernelVersion) -> bool {
        matches!(self, Self::Kptr | Self::UntrustedKptr | Self::PerCpuKptr)
            && KernelVersion::new(6, 4).is_newer(kernel)
    }

    /// For the root of a list or a tree, returns the special field that is the node of its
    /// elements.
    #[must_use]
    pub const fn node(self) -> Option<Self> {
        match self {
            Self::ListHead => Some(Self::ListNode),
            Self::RbRoot => Some(Self::RbNode),
            _ => None,
        }
    }

    /// Returns whether a value can contain at most one field of this sort.
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

    /// Returns whether a schema declares the target of the field.
    #[must_use]
    pub const fn has_target(self) -> bool {
        self.is_pointer() || self.node().is_some()
    }
}
