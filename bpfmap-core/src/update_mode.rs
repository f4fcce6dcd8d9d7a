//! The condition of an update, which programs and user space share.

/// The condition under which an update writes an entry. The value is the flag that the helper
/// function `bpf_map_update_elem` and the command `BPF_MAP_UPDATE_ELEM` of bpf(2) take
/// (`include/uapi/linux/bpf.h`). All three flags exist since Linux 3.19.
///
/// ```
/// use bpfmap_core::UpdateMode;
///
/// assert_eq!(UpdateMode::default(), UpdateMode::Any);
/// assert_eq!(UpdateMode::NoExist as u64, 1); // `BPF_NOEXIST`
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum UpdateMode {
    /// Writes the entry, whether its key is present or absent (`BPF_ANY`).
    #[default]
    Any = 0,
    /// Writes the entry only if its key is absent, and fails with `EEXIST` otherwise
    /// (`BPF_NOEXIST`).
    NoExist = 1,
    /// Writes the entry only if its key is present, and fails with `ENOENT` otherwise
    /// (`BPF_EXIST`). In a program, pushing with this mode to a full queue or stack deletes the
    /// oldest value.
    Exist = 2,
}
