//! The memory of guests. The maps of a schema can need more than a guest has by default.

use bpfmap_core::map_type::{MapType, MaxEntriesRule, MemoryRule};
use bpfmap_core::{MapDef, MapFlags};
use bpfmap_schema::check::Checked;
use bpfmap_schema::describe::map_def;
use bpfmap_vmtest::{Error, ErrorKind, Result};
use bumpalo::Bump;

/// The memory of a guest whose maps are small, in MiB.
const SMALL: u32 = 512;

/// The memory of the maps that a guest of this size has space for, in MiB.
const SPARE: u64 = 64;

/// The number of maps of the same size that exist at the same time in a test. One of them has been
/// closed, and the kernel still frees its entries.
const AT_ONCE: u64 = 2;

/// The number of CPUs of a guest.
const CPUS: u64 = 2;

/// The size of a bucket of a hash table, in bytes. Source: `struct bucket` in
/// `kernel/bpf/hashtab.c`.
const BUCKET: u64 = 16;

/// Returns the memory that the largest map of a schema needs when it is created, in bytes.
pub(super) fn of_largest_map(checked: &Checked) -> u64 {
    let arena = Bump::new();
    let maps = checked.schema().maps.iter();
    maps.map(|map| of_map(&map_def(&arena, checked, map))).max().unwrap_or(0)
}

fn of_map(def: &MapDef<'_>) -> u64 {
    let Some(row) = MapType::by_number(def.map_type) else { return 0 };
    let entries = u64::from(row.max_entries.as_made(def.max_entries.unwrap_or(0)));
    let entries_of_inner = def.inner.map_or(0, of_map);
    let own = if row.max_entries == MaxEntriesRule::Bytes {
        entries
    } else if def.flags.contains(MapFlags::NO_PREALLOC) {
        // The kernel allocates an entry when the entry is created, and a test creates few entries.
        match row.memory {
            MemoryRule::Trie => 0,
            _ => entries.next_power_of_two().saturating_mul(BUCKET),
        }
    } else {
        let cpus = if row.per_cpu { CPUS } else { 1 };
        row.memory.bytes(entries, def.key_size(), def.value_size().saturating_mul(cpus))
    };
    own.saturating_add(entries_of_inner)
}

/// Returns the memory of a guest in MiB: the size that the user has chosen, or else a size that is
/// large enough for a map whose entries need `largest` bytes.
pub(super) fn of_guests(chosen: Option<u32>, largest: u64) -> u32 {
    chosen.unwrap_or_else(|| {
        let maps = largest.saturating_mul(AT_ONCE).div_ceil(1 << 20);
        let more = maps.saturating_sub(SPARE).next_multiple_of(256);
        SMALL.saturating_add(u32::try_from(more).unwrap_or(u32::MAX))
    })
}

/// Returns the number of guests with this much memory that can run at the same time: at most
/// `wanted`, and no more than fit into the memory of this machine.
///
/// # Errors
///
/// Fails if this machine does not have enough memory for a single guest.
pub(super) fn jobs(wanted: usize, memory: u32) -> Result<usize> {
    let Some(available) = available() else { return Ok(wanted) };
    let fitting = usize::try_from(available / u64::from(memory).max(1)).unwrap_or(usize::MAX);
    // A small guest does not use all of its memory.
    if memory <= SMALL || fitting >= wanted {
        return Ok(wanted);
    }
    if fitting > 0 {
        return Ok(fitting);
    }
    let message = format!(
        "the maps need a guest with {memory} MiB of memory, but this machine has only {available} MiB available"
    );
    Err(Error::new(ErrorKind::Usage, message).help(
        "test the maps with a smaller `max_entries`, or set the memory with `--memory`, with which some tests may fail with \
         ENOMEM",
    ))
}

/// Returns the memory that this machine has available, in MiB.
fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes / 1024)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use bpfmap_schema::check::check;
    use bpfmap_schema::front::toml::read_str;

    use super::*;

    fn largest(maps: &str) -> u64 {
        let text = format!("name = \"big\"\n{maps}");
        of_largest_map(&check(read_str(Path::new("big.toml"), &text)).unwrap())
    }

    #[test]
    fn the_largest_map_decides() {
        let small = "[maps.small]\ntype = \"array\"\nvalue = \"u64\"\nmax_entries = 4\n";
        assert_eq!(largest(small), 32);
        let hash =
            "[maps.big]\ntype = \"hash\"\nkey = \"u64\"\nvalue = \"u64\"\nmax_entries = 4194304\n";
        let bytes = (4 << 20) * (16 + 48 + 8 + 8);
        assert_eq!(largest(&format!("{small}{hash}")), bytes);
        let per_cpu =
            "[maps.big]\ntype = \"percpu_array\"\nvalue = \"u64\"\nmax_entries = 4194304\n";
        assert_eq!(largest(per_cpu), (4 << 20) * (2 * 8 + 8));
        let on_demand = hash.replace("max_entries", "flags = [\"no_prealloc\"]\nmax_entries");
        assert_eq!(largest(&on_demand), (4 << 20) * 16);
        let trie = "[types.prefix]\nkind = \"struct\"\nmembers = [{ name = \"len\", type = \"u32\" }, \
                    { name = \"data\", type = \"be32\" }]\n[maps.big]\ntype = \"lpm_trie\"\nkey = \
                    \"prefix\"\nvalue = \"u64\"\nflags = [\"no_prealloc\"]\nmax_entries = 4294967295\n";
        assert_eq!(largest(trie), 0);
        let ring = "[maps.events]\ntype = \"ringbuf\"\nmax_entries = 1073741824\n";
        assert_eq!(largest(ring), 1 << 30);
    }

    #[test]
    fn a_guest_has_space_for_the_largest_map() {
        assert_eq!(of_guests(None, 1 << 20), SMALL);
        assert_eq!(of_guests(None, 320 << 20), SMALL + 768);
        assert_eq!(of_guests(Some(256), 320 << 20), 256, "the user has chosen");
        assert_eq!(of_guests(None, u64::MAX), u32::MAX);
    }

    #[test]
    fn only_guests_that_fit_run_at_the_same_time() {
        assert_eq!(jobs(8, SMALL).unwrap(), 8);
        let available = u32::try_from(available().unwrap()).unwrap();
        let half = jobs(8, available / 2 - 64).unwrap();
        assert!((1..=2).contains(&half), "{half}");
        let error = jobs(1, u32::MAX).unwrap_err();
        assert!(error.to_string().contains("this machine has only"), "{error}");
    }
}
