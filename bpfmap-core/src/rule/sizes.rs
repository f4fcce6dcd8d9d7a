//! The rules for the sizes of keys, values and events.

use super::{Violation, of_type, this_one_has};
use crate::Text;
use crate::map_type::{
    INSTRUCTION_SIZE, KeyRule, MapType, MaxEntriesRule, RECORD_ALIGN, ValueRule,
};

/// The minimum and maximum size of the key of an LPM trie in bytes, including the prefix length.
///
/// Source: `LPM_KEY_SIZE_MIN` and `LPM_KEY_SIZE_MAX` in `kernel/bpf/lpm_trie.c`.
const LPM_KEY_SIZE: (u64, u64) = (5, 260);

/// The help for a wrong key of an LPM trie.
const LPM_KEY_HELP: &str = "use a struct of `prefix_len: u32` and 1 to 256 bytes of data, with \
                            the most significant byte first";

/// Checks the size of a key in bytes.
#[must_use]
pub const fn key_size(row: &MapType, size: u64) -> Option<Violation> {
    let smaller = "use a smaller key, such as a hash of the large key";
    match row.key {
        KeyRule::Any { .. } if size == 0 => Some(Violation::new(
            "key-size",
            &Text::of("a key must have at least one byte, found 0"),
            "add a member to the type of the key",
        )),
        KeyRule::Any { max_size } if size > max_size as u64 => {
            let message = Text::of("a key can have at most ").number(max_size as u64).and(" bytes");
            Some(Violation::new("key-size", &this_one_has(&message, size), smaller))
        }
        KeyRule::Index | KeyRule::Number | KeyRule::Descriptor(_) if size != 4 => {
            let message =
                Text::of("the key of ").and(of_type(row).as_str()).and(" must have 4 bytes");
            let help = "write `key: u32`, or remove the key";
            Some(Violation::new("array-key-size", &this_one_has(&message, size), help))
        }
        // The key is either the cgroup's inode number, or `struct bpf_cgroup_storage_key` with this
        // number and the attach type: `kernel/bpf/local_storage.c`, `cgroup_storage_map_alloc`.
        KeyRule::CgroupStorage if size != 8 && size != 16 => Some(Violation::new(
            "key-size",
            &this_one_has(&Text::of("the key of a cgroup storage must have 8 or 16 bytes"), size),
            "write `key: u64` for the inode number of the cgroup, or use a struct of this number \
             and the `u32` attach type",
        )),
        KeyRule::LpmPrefix if size < LPM_KEY_SIZE.0 || size > LPM_KEY_SIZE.1 => {
            let message = Text::of("the key of an LPM trie must have ").number(LPM_KEY_SIZE.0);
            let message = message.and(" to ").number(LPM_KEY_SIZE.1).and(" bytes");
            Some(Violation::new("lpm-key-shape", &this_one_has(&message, size), LPM_KEY_HELP))
        }
        _ => None,
    }
}

/// Returns the violation for a 4-byte key that is not an integer, in a map whose key must be a 32-bit integer.
#[must_use]
pub const fn number_key(row: &MapType) -> Violation {
    let message =
        Text::of("the key of ").and(of_type(row).as_str()).and(" must be a 32-bit integer");
    Violation::new("array-key-type", &message, "write `key: u32`, or remove the key")
}

/// Returns the violation for the key of an LPM trie that does not begin with the prefix length.
#[must_use]
pub const fn lpm_key_shape() -> Violation {
    let message =
        "the key of an LPM trie must be a struct that begins with the prefix length, a `u32`";
    Violation::new("lpm-key-shape", &Text::of(message), LPM_KEY_HELP)
}

/// Checks the total size of a key and a value in bytes, because the kernel keeps both in one allocation. The values of
/// per-CPU maps are in separate allocations. Returns `None` if the key or the value alone is too large.
#[must_use]
pub const fn key_and_value(row: &MapType, key: u64, value: u64) -> Option<Violation> {
    let (KeyRule::Any { .. }, ValueRule::Plain { max_size }) = (row.key, row.value) else {
        return None;
    };
    let most = max_size as u64;
    if row.per_cpu || value >= most || key < most - value || key_size(row, key).is_some() {
        return None;
    }
    let message =
        Text::of("key and value together must have less than ").number(most).and(" bytes");
    let message = message.and(", found ").number(key).and(" and ").number(value);
    Some(Violation::new("key-size", &message, "use a smaller key, such as a hash of the large key"))
}

/// Returns the size of each frame of a stack trace in bytes. `build_ids` states whether the map has
/// the flag `stack_build_id`.
///
/// Source: `kernel/bpf/stackmap.c`, `stack_map_alloc`.
#[must_use]
pub const fn frame_size(build_ids: bool) -> u32 {
    if build_ids { 32 } else { 8 }
}

/// Checks the size of a value in bytes. In a per-CPU map, `size` is the size of one CPU's value.
/// `build_ids` states whether the map has the flag `stack_build_id`.
#[must_use]
pub const fn value_size(row: &MapType, size: u64, build_ids: bool) -> Option<Violation> {
    let message = Text::of("the value of ").and(of_type(row).as_str()).and(" must have ");
    let (message, help) = match row.value {
        ValueRule::Plain { max_size } => {
            let rounded = if row.per_cpu { size.div_ceil(8).saturating_mul(8) } else { size };
            if 0 < rounded && rounded <= max_size as u64 {
                return None;
            }
            let message = message.and("1 to ").number(max_size as u64).and(" bytes");
            let help = if size == 0 {
                "use a type with at least one byte, such as `u8` for a set of keys"
            } else {
                "split the value into several entries or maps"
            };
            (if row.per_cpu { message.and(" for each CPU") } else { message }, help)
        }
        ValueRule::Stack => {
            let frame = frame_size(build_ids) as u64;
            if size != 0 && size % frame == 0 {
                return None;
            }
            let help = "use `[u64; 127]`, because kernels allow at most 127 frames by default";
            (message.number(frame).and(" bytes for each frame"), help)
        }
        ValueRule::Object(object) => {
            let (sizes, mut index, mut message) = (object.value_sizes(), 0, message);
            while index < sizes.len() {
                if sizes[index] == size {
                    return None;
                }
                message = if index > 0 { message.and(" or ") } else { message };
                message = message.number(sizes[index]);
                index += 1;
            }
            (message.and(" bytes"), "remove the value, or use one of these sizes")
        }
        ValueRule::Instruction if size != INSTRUCTION_SIZE as u64 => {
            (message.number(INSTRUCTION_SIZE as u64).and(" bytes"), "remove the value")
        }
        ValueRule::Instruction | ValueRule::StructOps | ValueRule::Valueless => return None,
    };
    Some(Violation::new("value-size", &this_one_has(&message, size), help))
}

/// Checks the size and the alignment of an event in bytes. `max_entries` is `None` if the number is not known.
#[must_use]
pub const fn event(
    row: &MapType,
    size: u64,
    align: u64,
    max_entries: Option<u32>,
) -> Option<Violation> {
    let rule = "event-shape";
    if size == 0 {
        return Some(Violation::new(
            rule,
            &Text::of("an event must have at least one byte, found 0"),
            "add a member to the type of the event",
        ));
    }
    let room = row.largest_event(max_entries);
    if size > room {
        let message = Text::of("an event of this map can have at most ").number(room).and(" bytes");
        let help = "use a smaller event or a larger buffer";
        return Some(Violation::new(rule, &this_one_has(&message, size), help));
    }
    if matches!(row.max_entries, MaxEntriesRule::Bytes) && align > RECORD_ALIGN {
        let message = Text::of("an event can have an alignment of at most ").number(RECORD_ALIGN);
        let message = this_one_has(&message.and(" bytes"), align);
        let help = "use members with an alignment of at most 8 bytes, and remove `align`";
        return Some(Violation::new(rule, &message, help));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map_type;
    use std::string::{String, ToString};
    fn said(violation: Option<&Violation>) -> String {
        violation.map_or(String::new(), |violation| violation.message.to_string())
    }

    #[test]
    fn the_smallest_and_the_largest_size_are_accepted() {
        let trie = &map_type::LPM_TRIE;
        assert!([5, 260].iter().all(|size| key_size(trie, *size).is_none()));
        assert!([4, 261].iter().all(|size| key_size(trie, *size).is_some()));
        let storage = &map_type::CGROUP_STORAGE;
        assert_eq!((0..20).filter(|size| key_size(storage, *size).is_none()).count(), 2);
        let cpus = &map_type::PERCPU_ARRAY;
        assert!(value_size(cpus, 32 << 10, false).is_none());
        // The value of a CPU is rounded up to a multiple of 8 bytes.
        assert!(value_size(cpus, (32 << 10) - 7, false).is_none());
        assert!(value_size(cpus, (32 << 10) + 1, false).is_some());
        assert!(value_size(&map_type::STACK_TRACE, 40, true).is_some());
        assert!(value_size(&map_type::STACK_TRACE, 40, false).is_none());
    }

    #[test]
    fn key_and_value_share_an_allocation() {
        let ValueRule::Plain { max_size } = map_type::HASH.value else { unreachable!() };
        let most = u64::from(max_size);
        assert!(key_and_value(&map_type::HASH, 4, most - 5).is_none());
        assert_eq!(
            said(key_and_value(&map_type::HASH, 4, most - 4).as_ref()),
            std::format!(
                "key and value together must have less than {most} bytes, found 4 and {}",
                most - 4
            )
        );
        assert!(key_and_value(&map_type::HASH, 4, most).is_none());
        assert!(key_and_value(&map_type::PERCPU_HASH, 4, most - 4).is_none());
    }

    #[test]
    fn a_record_must_fit_into_the_rounded_buffer() {
        let ring = &map_type::RINGBUF;
        assert!(event(ring, 8184, 8, Some(4097)).is_none());
        assert_eq!(
            said(event(ring, 8185, 8, Some(4097)).as_ref()),
            "an event of this map can have at most 8184 bytes, found 8185"
        );
        assert!(event(ring, 16, 16, Some(4096)).is_some());
        assert!(event(&map_type::PERF_EVENT_ARRAY, 16, 16, None).is_none());
    }
}
