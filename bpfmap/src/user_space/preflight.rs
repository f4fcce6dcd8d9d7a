//! Reports which features the running kernel lacks, before a loader creates the maps.

use crate::MapDef;
use crate::kind::MapType;
use crate::user_space::error::{Action, Error, ErrorKind, Result};
use crate::user_space::handles::requirements;
use crate::user_space::map::create_def;
use crate::user_space::mapping::page_size;
use bpfmap_core::map_type::{Architecture, Feature, MapExtraRule, MaxEntriesRule, Requirement};
use bpfmap_core::{FIELD_CONSTANTS, KernelVersion};
use core::cell::OnceCell;

/// Fails if the running kernel lacks a feature that one of these maps needs: its type, a flag, a
/// special field in its value, or a size.
///
/// This function knows the first mainline release of each feature on the architecture of this
/// machine. For example, arenas exist from Linux 6.9 on, and on arm64 from 6.10 on. On architectures
/// other than x86-64 and arm64, the function uses the releases for x86-64. If the running kernel looks too
/// old, its distribution may still have added the feature. In this case, the function creates a
/// small map with the same type and flags, and reads the kernel's BTF to see which special fields
/// the kernel knows. If the kernel is new enough for all features, the function makes only one
/// system call.
///
/// `Maps::preflight`, which [`derive(BpfMaps)`](derive@crate::BpfMaps) generates, calls this
/// function with all maps that are not optional. Call `preflight` with an optional map to decide
/// whether to create that map:
///
/// ```no_run
/// # fn f<Debug: bpfmap::MapSpec>() {
/// let has_debug = bpfmap::preflight(&[Debug::DEF]).is_ok();
/// // In libbpf: debug_map.set_autocreate(has_debug)
/// # }
/// ```
///
/// # Errors
/// [`Unsupported`](ErrorKind::Unsupported): the message contains the name of each such map, the
/// feature that the map needs, the first Linux release with this feature, and the release of the
/// running kernel. If the architecture has the feature later than x86-64, the message also contains
/// the architecture.
pub fn preflight(maps: &[MapDef<'_>]) -> Result<()> {
    // If the release is not known, nothing can be checked here. The kernel then reports missing
    // features when the maps are created.
    let Some(release) = running_kernel() else { return Ok(()) };
    let kernel = Kernel::new(release);
    let lacking: Vec<(&str, Requirement)> = maps
        .iter()
        .flat_map(|map| kernel.lacks(map).into_iter().map(|requirement| (map.name, requirement)))
        .collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let text = kernel.describe(&lacking);
    Err(Error::told(Action::Preflight, "", ErrorKind::Unsupported, 0, text))
}

/// Returns the mainline release of the running kernel, or `None` if the release from `uname` does
/// not begin with a release number.
///
/// ```
/// use bpfmap::KernelVersion;
///
/// match bpfmap::running_kernel() {
///     Some(kernel) if kernel >= KernelVersion::new(5, 8) => {
///         println!("events come through a ring buffer")
///     }
///     Some(kernel) => println!("Linux {kernel} has only perf buffers"),
///     None => println!("the release has an unknown form"),
/// }
/// ```
#[must_use]
pub fn running_kernel() -> Option<KernelVersion> {
    // SAFETY: all zero bytes are a valid `utsname`.
    let mut name: libc::utsname = unsafe { core::mem::zeroed() };
    // SAFETY: there is space for a `utsname`.
    if unsafe { libc::uname(&raw mut name) } != 0 {
        return None;
    }
    // SAFETY: the kernel ends it with a zero.
    let release = unsafe { core::ffi::CStr::from_ptr(name.release.as_ptr()) };
    release_of(release.to_str().ok()?)
}

fn release_of(text: &str) -> Option<KernelVersion> {
    let mut numbers = text.split(|char: char| !char.is_ascii_digit());
    let mut number = || numbers.next()?.parse().ok();
    Some(KernelVersion::new(number()?, number()?))
}

/// The running kernel. Tests can set a different release number. If a feature is newer than the
/// release, the methods test whether the kernel has the feature.
#[derive(Debug)]
pub struct Kernel {
    release: KernelVersion,
    /// `None` if the facts do not describe the architecture.
    architecture: Option<Architecture>,
    /// The newest release whose special fields are in the kernel's BTF.
    fields: OnceCell<KernelVersion>,
}

impl Kernel {
    /// Returns a kernel that has this release number, on the architecture for which this crate is
    /// compiled.
    #[must_use]
    pub const fn new(release: KernelVersion) -> Self {
        Self { release, architecture: Architecture::TARGET, fields: OnceCell::new() }
    }

    /// Returns the requirements of a map that the kernel does not fulfil.
    #[must_use]
    pub fn lacks(&self, map: &MapDef<'_>) -> Vec<Requirement> {
        let mut newer = self.newer(map);
        if newer.is_empty() {
            return newer;
        }
        let creates = creates(map);
        let type_since = self.requirements(map)[0].since;
        newer.retain(|requirement| match requirement.feature {
            // If a kernel does not know a field, it accepts the bytes of the field as plain data.
            Feature::SpecialField(_) | Feature::NestedField(_) => {
                let came_with_type = creates && requirement.since <= type_since;
                !came_with_type && self.fields() < requirement.since
            }
            // A test would need to create a map of this size.
            Feature::Memory(_) => true,
            _ => !creates,
        });
        newer
    }

    /// Returns the requirements of a map that are newer than the release.
    fn newer(&self, map: &MapDef<'_>) -> Vec<Requirement> {
        let requirements = self.requirements(map).into_iter();
        requirements.filter(|it| it.since > self.release).collect()
    }

    /// Returns the requirements of a map on this architecture. The list is empty if the map type is
    /// unknown.
    fn requirements(&self, map: &MapDef<'_>) -> Vec<Requirement> {
        let requirements = requirements(map, self.architecture);
        requirements.map_or_else(Vec::new, |requirements| requirements.as_slice().to_vec())
    }

    /// Returns the text for maps whose requirements the kernel does not fulfil.
    fn describe(&self, lacking: &[(&str, Requirement)]) -> String {
        let since = |feature: Feature, since: KernelVersion| {
            let architecture = self.architecture.filter(|it| feature.exception(*it).is_some());
            let on = architecture.map_or(String::new(), |it| format!(" on {}", it.name()));
            format!("Linux {since}{on}")
        };
        let list: Vec<String> = lacking
            .iter()
            .map(|(map, it)| {
                format!("map `{map}` needs {} ({})", it.feature, since(it.feature, it.since))
            })
            .collect();
        let newest = lacking.iter().map(|(_, requirement)| requirement.since).max();
        let newest = newest.unwrap_or(self.release);
        format!(
            "the running kernel is Linux {}: {} (help: run Linux {newest} or newer; or make the map \
             `optional` in the schema, and turn it off with `set_autocreate(false)`)",
            self.release,
            list.join(", ")
        )
    }

    fn fields(&self) -> KernelVersion {
        *self.fields.get_or_init(|| fields_in_btf().unwrap_or(self.release).max(self.release))
    }
}

/// Returns whether the kernel creates a small map of this type with these flags and sizes.
fn creates(map: &MapDef<'_>) -> bool {
    let inner = map.inner.map(small);
    let mut small = small(map);
    small.inner = inner.as_ref();
    create_def(&small).is_ok()
}

/// Returns a definition like `map`, but with as few entries as the map type allows.
fn small<'a>(map: &MapDef<'a>) -> MapDef<'a> {
    let facts = MapType::by_number(map.map_type);
    let entries = facts.map(|facts| match facts.max_entries {
        MaxEntriesRule::Zero => 0,
        MaxEntriesRule::Bytes => u32::try_from(page_size()).unwrap_or(u32::MAX),
        MaxEntriesRule::AtLeastOne { .. }
        | MaxEntriesRule::PerCpu
        | MaxEntriesRule::Pages { .. }
        | MaxEntriesRule::One => 1,
    });
    let mut small = *map;
    small.max_entries = entries;
    // The number of expected entries in `map_extra` must not exceed `max_entries`, so it is
    // dropped.
    if facts.is_some_and(|facts| matches!(facts.map_extra, MapExtraRule::ExpectedEntries { .. })) {
        small.map_extra = 0;
    }
    small
}

/// Returns the newest release whose special fields are in the kernel's BTF.
fn fields_in_btf() -> Option<KernelVersion> {
    let data = std::fs::read("/sys/kernel/btf/vmlinux").ok()?;
    // This section contains the names of all types, members and constants, each followed by a zero.
    let names = data.split(|byte| *byte == 0).filter(|name| name.starts_with(b"BPF_"));
    let known = names.filter_map(|name| {
        let mut constants = FIELD_CONSTANTS.iter();
        constants.find(|(_, known)| known.as_bytes() == name).map(|(since, _)| *since)
    });
    known.max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpfmap_core::TypeDesc;
    use bpfmap_core::map_type::ARENA;

    #[test]
    fn an_arena_needs_a_newer_kernel_on_arm64() {
        let arena = MapDef::new("pool", ARENA.number, TypeDesc::VOID, TypeDesc::VOID);
        let on = |architecture, minor| Kernel {
            release: KernelVersion::new(6, minor),
            architecture: Some(architecture),
            fields: OnceCell::new(),
        };
        let newer = |kernel: &Kernel| {
            let newer = kernel.newer(&arena).into_iter();
            let lacking: Vec<_> = newer.map(|requirement| (arena.name, requirement)).collect();
            (!lacking.is_empty()).then(|| kernel.describe(&lacking))
        };
        let text = newer(&on(Architecture::Arm64, 9)).unwrap();
        let start = "the running kernel is Linux 6.9: map `pool` needs the map type `arena` \
                     (Linux 6.10 on arm64) (help: run Linux 6.10 or newer; ";
        assert!(text.starts_with(start), "{text}");
        assert_eq!(newer(&on(Architecture::Arm64, 10)), None);
        let text = newer(&on(Architecture::X86_64, 8)).unwrap();
        assert!(text.contains("the map type `arena` (Linux 6.9) (help"), "{text}");
        assert_eq!(newer(&on(Architecture::X86_64, 9)), None);
    }

    #[test]
    fn the_release_is_what_uname_begins_with() {
        let release = |text| release_of(text).map(|release| (release.major, release.minor));
        assert_eq!(release("6.18.5-cloud-amd64"), Some((6, 18)));
        assert_eq!(release("5.10.0"), Some((5, 10)));
        assert_eq!(release("7.3"), Some((7, 3)));
        assert_eq!(release("7"), None);
        assert_eq!(release("next-20260101"), None);
    }
}
