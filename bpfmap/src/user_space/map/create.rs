//! Methods and functions that create maps without an object file.

use super::info::Info;
use super::open::{Consistent, LayoutCheck};
use super::{Map, OpenOptions};
use crate::MapDef;
use crate::kind::{Kind, MapType, entries};
use crate::spec::MapSpec;
use crate::user_space::btf::{Encoder, Tags};
use crate::user_space::error::{Action, Error, Result};
use crate::user_space::sys::{self, BtfLoadAttr, Command, CreateAttr, Errno};
use bpfmap_core::MapFlags;
use bpfmap_core::TypeDesc;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

impl<S: MapSpec> Map<S> {
    /// Creates the map without an object file. If the map type accepts BTF, the new map gets BTF
    /// that describes its key and value. This BTF is needed for spin locks and timers in the value.
    /// Other programs that open the map can use this BTF to compare the layout.
    ///
    /// Needs `CAP_BPF` (`CAP_SYS_ADMIN` before Linux 5.8). The kernel keeps the first 15 bytes of the name.
    ///
    /// # Errors
    /// `EINVAL`: the kernel refuses these sizes, these flags or this `max_entries`, or doesn't know
    /// the map type. `EPERM`: this process lacks a privilege. Up to Linux 5.10, this error also
    /// means that the map exceeds `RLIMIT_MEMLOCK`. `E2BIG`, `ENOMEM`: the map is too large.
    pub fn create() -> Result<Self> {
        Self::options().create()
    }
}

/// Creates a map. `like` is the template of a map of maps. If `like` is `None`, the function
/// creates a template from the inner spec.
pub(super) fn create<S: MapSpec>(
    options: &OpenOptions<S>,
    like: Option<BorrowedFd<'_>>,
) -> Result<Map<S>> {
    let () = Consistent::<S>::CHECK;
    let mut declared = S::DEF;
    declared.name = &options.name;
    declared.max_entries = options.max_entries;
    declared.numa_node = options.numa_node;
    // The template stays open until the map is created. After that, the map has its own copy of the
    // template's properties.
    let template = if like.is_none() { template(&declared)? } else { None };
    let fd = create_declared(&declared, like.or(template.as_ref().map(AsFd::as_fd)), S::DEF.name)?;
    let layout_check = if with_btf(&declared) { LayoutCheck::Agrees } else { LayoutCheck::NoBtf };
    if S::Kind::FACTS.per_cpu {
        crate::user_space::possible_cpus()?;
    }
    // The kernel may have rounded up the number of entries.
    let info = Info::of(fd.as_fd())
        .map_err(|errno| Error::from_errno(Action::Info, S::DEF.name, errno))?;
    Ok(options.map(fd, info.max_entries, layout_check))
}

/// Creates a map from `declared`. For a map of maps, also creates the template.
pub(crate) fn create_def(declared: &MapDef<'_>) -> Result<OwnedFd> {
    let template = template(declared)?;
    create_declared(declared, template.as_ref().map(AsFd::as_fd), declared.name)
}

/// Creates the template for the inner maps. The kernel requires this template to create a map of
/// maps. Returns `None` if the map is not a map of maps.
fn template(declared: &MapDef<'_>) -> Result<Option<OwnedFd>> {
    declared.inner.map(create_def).transpose()
}

/// Creates a map from its declaration. `said` is the name of the map in error messages. `template`
/// is the template for the inner maps of a map of maps.
pub(crate) fn create_declared(
    declared: &MapDef<'_>,
    template: Option<BorrowedFd<'_>>,
    said: &str,
) -> Result<OwnedFd> {
    let max_entries = match MapType::by_number(declared.map_type) {
        Some(facts) => entries(facts, declared.max_entries)?,
        None => declared.max_entries,
    };
    let mut attr = CreateAttr {
        map_type: declared.map_type,
        key_size: saturated(declared.key_size()),
        value_size: saturated(declared.value_size()),
        max_entries: max_entries.unwrap_or(0),
        map_flags: declared.flags.bits(),
        map_name: kernel_name(declared.name),
        map_extra: declared.map_extra,
        ..CreateAttr::default()
    };
    if let Some(template) = template {
        attr.inner_map_fd = sys::fd_bits(template.as_raw_fd());
    }
    if let Some(node) = declared.numa_node {
        attr.map_flags |= MapFlags::NUMA_NODE.bits();
        attr.numa_node = node;
    }
    // The BTF stays open until the map is created. After that, the map has a reference to the BTF.
    let btf = with_btf(declared).then(|| load_btf(declared, said)).transpose()?;
    if let Some(btf) = &btf {
        attr.btf_fd = sys::fd_bits(btf.fd.as_raw_fd());
        attr.btf_key_type_id = btf.key;
        attr.btf_value_type_id = btf.value;
    }
    // SAFETY: the attribute has no address.
    let fd = unsafe { sys::bpf(Command::MapCreate, &mut attr) }.map_err(|errno| {
        if max_entries.is_none() && errno == Errno(libc::EINVAL) {
            let text = "neither the schema nor the options set max_entries".to_owned();
            return Error::refused(Action::Create, said, errno, text);
        }
        Error::refused(Action::Create, said, errno, String::new())
    })?;
    // SAFETY: the kernel just returned this new descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Returns whether to create a map with BTF. The kernel refuses BTF for some map types. Like
/// libbpf, this function returns `false` if the key or the value has a size but no type. BTF could
/// describe such a key only as an array of bytes, which the kernel does not accept for some map
/// types.
fn with_btf(declared: &MapDef<'_>) -> bool {
    declared.btf
        && !matches!(declared.key, TypeDesc::Opaque { .. })
        && !matches!(declared.value, TypeDesc::Opaque { .. })
        && MapType::by_number(declared.map_type).is_some_and(MapType::takes_btf)
}

struct LoadedBtf {
    fd: OwnedFd,
    key: u32,
    value: u32,
}

fn load_btf(declared: &MapDef<'_>, said: &str) -> Result<LoadedBtf> {
    match load_btf_with(declared, said, Tags::Written) {
        // Like libbpf, this leaves out tags for a kernel that can't read them. For such a kernel
        // the tagged members are plain data.
        Err(_) if !kernel_reads_tags() => load_btf_with(declared, said, Tags::LeftOut),
        loaded => loaded,
    }
}

/// Returns whether the kernel knows type tags (Linux 5.17) and declaration tags (5.16).
fn kernel_reads_tags() -> bool {
    const TAGGED: &TypeDesc<'static> = &TypeDesc::Pointer {
        target: &TypeDesc::Tagged {
            tag: "tag",
            target: &TypeDesc::Struct { name: "empty", size: 0, members: &[] },
        },
    };
    let mut encoder = Encoder::new(Tags::Written);
    encoder.add(TAGGED);
    load_blob(&encoder.finish(), &mut []).is_ok()
}

fn load_btf_with(declared: &MapDef<'_>, said: &str, tags: Tags) -> Result<LoadedBtf> {
    let mut encoder = Encoder::new(tags);
    let key = encoder.add(declared.key);
    let value = encoder.add(declared.value);
    let blob = encoder.finish();
    match load_blob(&blob, &mut []) {
        Ok(fd) => Ok(LoadedBtf { fd, key, value }),
        Err(errno @ Errno(libc::EPERM)) => {
            Err(Error::refused(Action::LoadBtf, said, errno, String::new()))
        }
        Err(errno) => Err(Error::refused(Action::LoadBtf, said, errno, verifier_log(&blob))),
    }
}

/// Returns the kernel's message about a BTF blob that the kernel refuses.
fn verifier_log(blob: &[u8]) -> String {
    let mut log = vec![0_u8; 64 * 1024];
    // The result is ignored, because the caller knows that the kernel refuses the blob.
    let _ = load_blob(blob, &mut log);
    let len = log.iter().position(|&byte| byte == 0).unwrap_or(log.len());
    let log = String::from_utf8_lossy(&log[..len]);
    // The last line contains the reason.
    let reason = log.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given");
    format!("the kernel refuses the BTF of key and value ({})", reason.trim())
}

/// Loads a BTF blob. The kernel writes its messages into `log` unless `log` is empty.
fn load_blob(blob: &[u8], log: &mut [u8]) -> core::result::Result<OwnedFd, Errno> {
    let mut attr = BtfLoadAttr {
        btf: sys::address(blob.as_ptr()),
        log_buf: if log.is_empty() { 0 } else { sys::address(log.as_mut_ptr()) },
        btf_size: u32::try_from(blob.len()).unwrap_or(u32::MAX),
        log_size: u32::try_from(log.len()).unwrap_or(u32::MAX),
        log_level: u32::from(!log.is_empty()),
        _pad: 0,
    };
    // SAFETY: the kernel reads the blob and writes the log, each up to its size.
    let fd = unsafe { sys::bpf(Command::BtfLoad, &mut attr) }?;
    // SAFETY: the kernel just returned this new descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Returns the name in the form that the kernel accepts: at most 15 bytes of letters, digits, `_`
/// and `.`.
pub(crate) fn kernel_name(name: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (to, from) in bytes[..15].iter_mut().zip(name.bytes()) {
        *to = if from.is_ascii_alphanumeric() || from == b'.' { from } else { b'_' };
    }
    bytes
}

/// Converts a size. A size of more than 32 bits becomes `u32::MAX`, which the kernel refuses in any
/// case.
fn saturated(size: u64) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_converted_to_the_form_that_the_kernel_accepts() {
        assert_eq!(&kernel_name("counters")[..9], b"counters\0");
        assert_eq!(&kernel_name("a-very-long-map-name"), b"a_very_long_map\0");
    }
}
