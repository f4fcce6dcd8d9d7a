//! Names that a schema can't use, since C or the kernel has taken them. Those that Rust has taken
//! are no concern: the Rust back end writes them in another way.

/// Why `word` can't name a type, a member, a variant or a map.
pub(super) fn anywhere(word: &str) -> Option<&'static str> {
    if OWN_PREFIXES.iter().any(|prefix| word.starts_with(prefix)) {
        return Some("the generated C has names of its own that begin so");
    }
    C_KEYWORDS.contains(&word).then_some("it is a word of C")
}

/// What every name begins with that the generated C has of its own: macros, functions of headers, and all that a
/// fixture declares. So none of them is ever a name of the schema.
const OWN_PREFIXES: &[&str] = &["__bpfmap_", "BPFMAP_"];

/// Why `word` can't name a type, although it could name a member. A type of the `kernel`'s may be
/// called as it is there.
pub(super) fn as_type(word: &str, kernel: bool) -> Option<&'static str> {
    if crate::front::type_word::builtin(word).is_some()
        || crate::front::type_word::pointing(word).is_some()
        || word == "void"
    {
        Some("it is a type already")
    } else if kernel {
        None
    } else if crate::front::type_word::in_other_words(word).is_some() {
        Some("it is a type of C, of the kernel or of Rust")
    } else if is_kernels(word) {
        Some("the kernel's headers define it")
    } else {
        None
    }
}

/// Whether the kernel's headers are known to define a type `word`.
pub(crate) fn is_kernels(word: &str) -> bool {
    is_in_uapi(word) || KERNEL_TYPES.contains(&word)
}

/// Whether every BPF program has a type `word` from the headers that it can't do without.
pub(crate) fn is_in_uapi(word: &str) -> bool {
    UAPI_TYPES.contains(&word)
}

/// Why `word` can't name a map, although it could name a member.
pub(super) fn as_map(word: &str) -> Option<&'static str> {
    let is_typedef = crate::front::type_word::builtin(word).is_some()
        || word.ends_with("_t") && crate::front::type_word::in_other_words(word).is_some();
    is_typedef.then_some("the kernel's headers define it as a type")
}

/// C11 and what clang adds in its GNU mode, sorted.
const C_KEYWORDS: &[&str] = &[
    "_Alignas",
    "_Alignof",
    "_Atomic",
    "_Bool",
    "_Complex",
    "_Generic",
    "_Imaginary",
    "_Noreturn",
    "_Static_assert",
    "_Thread_local",
    "__attribute__",
    "__auto_type",
    "__extension__",
    "__int128",
    "__typeof__",
    "__u128",
    "asm",
    "auto",
    "break",
    "case",
    "char",
    "const",
    "continue",
    "default",
    "do",
    "double",
    "else",
    "enum",
    "extern",
    "float",
    "for",
    "goto",
    "if",
    "inline",
    "int",
    "long",
    "register",
    "restrict",
    "return",
    "short",
    "signed",
    "sizeof",
    "static",
    "struct",
    "switch",
    "typedef",
    "typeof",
    "union",
    "unsigned",
    "void",
    "volatile",
    "while",
    // Macros of stdbool.h and linux/stddef.h; in vmlinux.h the constants of an enum.
    "NULL",
    "bool",
    "false",
    "true",
];

/// Types that programs see after `vmlinux.h` and after `linux/bpf.h`: all that maps and programs share
/// with user space.
const UAPI_TYPES: &[&str] = &[
    // linux/bpf.h
    "bpf_adj_room_mode",
    "bpf_attach_type",
    "bpf_attr",
    "bpf_btf_info",
    "bpf_cgroup_dev_ctx",
    "bpf_cgroup_iter_order",
    "bpf_cgroup_storage_key",
    "bpf_cmd",
    "bpf_core_relo",
    "bpf_core_relo_kind",
    "bpf_cpumap_val",
    "bpf_devmap_val",
    "bpf_dynptr",
    "bpf_fib_lookup",
    "bpf_flow_keys",
    "bpf_func_id",
    "bpf_func_info",
    "bpf_hdr_start_off",
    "bpf_insn",
    "bpf_iter_link_info",
    "bpf_iter_num",
    "bpf_line_info",
    "bpf_link_info",
    "bpf_link_type",
    "bpf_list_head",
    "bpf_list_node",
    "bpf_lpm_trie_key",
    "bpf_lpm_trie_key_hdr",
    "bpf_lpm_trie_key_u8",
    "bpf_lru_list",
    "bpf_lru_node",
    "bpf_map",
    "bpf_map_def",
    "bpf_map_info",
    "bpf_map_type",
    "bpf_perf_event_data",
    "bpf_perf_event_type",
    "bpf_perf_event_value",
    "bpf_pidns_info",
    "bpf_prog",
    "bpf_prog_info",
    "bpf_prog_type",
    "bpf_raw_tracepoint_args",
    "bpf_rb_node",
    "bpf_rb_root",
    "bpf_redir_neigh",
    "bpf_refcount",
    "bpf_res_spin_lock",
    "bpf_ret_code",
    "bpf_sk_lookup",
    "bpf_sock",
    "bpf_sock_addr",
    "bpf_sock_ops",
    "bpf_sock_tuple",
    "bpf_spin_lock",
    "bpf_stack_build_id",
    "bpf_stack_build_id_status",
    "bpf_stats_type",
    "bpf_sysctl",
    "bpf_sysctl_ctx",
    "bpf_task_fd_type",
    "bpf_task_work",
    "bpf_tcp_sock",
    "bpf_timer",
    "bpf_tunnel_key",
    "bpf_wq",
    "bpf_xdp_sock",
    "bpf_xfrm_state",
    "btf_ptr",
    "sk_action",
    "sk_msg_md",
    "sk_reuseport_md",
    "tcx_info",
    "xdp_action",
    "xdp_md",
    // linux/types.h
    "__le16",
    "__le32",
    "__le64",
    "__sum16",
    "__wsum",
    "__poll_t",
];

/// Structs, unions, enums and typedefs that programs see after `vmlinux.h` or after the headers
/// that BPF programs include in its place: what people are likely to call a type of their own.
const KERNEL_TYPES: &[&str] = &[
    "dev_t",
    "gfp_t",
    "gid_t",
    "loff_t",
    "mode_t",
    "off_t",
    "time_t",
    "uid_t",
    // Networking and tracing.
    "arphdr",
    "cgroup",
    "cpumask",
    "cred",
    "dentry",
    "ethhdr",
    "file",
    "icmp6hdr",
    "icmphdr",
    "in6_addr",
    "in_addr",
    "inode",
    "iphdr",
    "ipv6hdr",
    "kernfs_node",
    "linux_binprm",
    "list_head",
    "mm_struct",
    "net",
    "net_device",
    "nsproxy",
    "page",
    "path",
    "pid",
    "pt_regs",
    "qstr",
    "request",
    "rq",
    "sk_buff",
    "sock",
    "sock_common",
    "sockaddr",
    "sockaddr_in",
    "sockaddr_in6",
    "socket",
    "super_block",
    "task_struct",
    "tcp_sock",
    "tcphdr",
    "thread_info",
    "timespec64",
    "trace_event_raw_sys_enter",
    "trace_event_raw_sys_exit",
    "udp_sock",
    "udphdr",
    "vm_area_struct",
    "xdp_buff",
    "xdp_frame",
];
