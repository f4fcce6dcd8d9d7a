//! The rules of a map type for sizes and numbers: what `check` reports of a schema, and what the compiler reports of a
//! map whose types only it knows.
//!
//! Each function answers `None` where the rule holds.

use crate::map_type::{
    Condition, INSTRUCTION_SIZE, KeyRule, LARGEST_BUFFER, MAP_TYPES, MapExtraRule, MapType,
    MaxEntriesRule, Operation, PAGE_SIZE, RECORD_ALIGN, ValueRule,
};
use crate::{MapDef, SpecialField, Text};

/// What breaks a rule.
#[derive(Debug, Clone, Copy)]
pub struct Violation {
    /// The id of the rule, in kebab-case, as `bpfmap explain` takes it.
    pub rule: &'static str,
    /// What was found and what is expected.
    pub message: Text,
    /// What to do.
    pub help: Text,
}

impl Violation {
    const fn new(rule: &'static str, message: &Text, help: &str) -> Self {
        Self { rule, message: *message, help: Text::of(help) }
    }

    /// Returns the message, the remedy if there is one, and the rule, a line each, as the compiler writes those below its
    /// own messages.
    #[must_use]
    pub const fn sentence(&self) -> Text {
        let help = self.help.as_str();
        let text = self.message;
        let text = if help.is_empty() { text } else { text.and("\n  = help: ").and(help) };
        text.and("\n  = rule: ").and(self.rule).and(" (`bpfmap explain ").and(self.rule).and("`)")
    }
}

/// Fails to compile where a rule is broken.
///
/// # Panics
/// As said, at compile time.
#[track_caller]
pub const fn holds(violation: Option<Violation>) {
    if let Some(violation) = violation {
        panic!("{}", violation.sentence().as_str());
    }
}

/// The type of a handle in a struct of all handles: an `Option` exactly where the map is optional.
#[must_use]
pub const fn handle(map: &str, is_optional: bool, is_option: bool) -> Option<Violation> {
    let map = Text::of("the map `").and(map);
    match (is_optional, is_option) {
        (true, false) => Some(Violation::new(
            "optional-map",
            &map.and("` is optional, so its handle may be absent"),
            "write `Option<Map<…>>`",
        )),
        (false, true) => Some(Violation::new(
            "optional-map",
            &map.and("` is not optional, so its handle is never absent"),
            "write `Map<…>`; or write `optional` in `#[bpf_map(…)]`, if the loader may leave the map out",
        )),
        (true, true) | (false, false) => None,
    }
}

/// A method of a typed handle: the oldest kernel that the schema names has what it needs.
#[must_use]
pub const fn method(
    map: &MapDef<'_>,
    name: &str,
    operation: Operation,
    condition: Condition,
) -> Option<Violation> {
    let (Some(oldest), Some(row)) = (map.min_kernel, MapType::by_number(map.map_type)) else {
        return None;
    };
    let Some(since) = row.succeeds_since(operation, condition) else { return None };
    if !since.is_newer(oldest) {
        return None;
    }
    let message = Text::of("`").and(name).and("` on the map `").and(map.name).and("` (`");
    let message = message.and(row.name).and("`) needs Linux ").release(since);
    let message = message.and(", and the schema is for Linux ").release(oldest);
    let help = Text::of("write `min_kernel = \"").release(since).and(
        "\"`; or open the map as `Map<AnyKernel<…>>`, and expect the error `Unsupported` on older kernels",
    );
    Some(Violation { rule: "too-new-for-min-kernel", message, help })
}

/// What the key of an LPM trie may have, in bytes: the prefix length, and the data.
///
/// Source: `LPM_KEY_SIZE_MIN` and `LPM_KEY_SIZE_MAX` in `kernel/bpf/lpm_trie.c`.
const LPM_KEY_SIZE: (u64, u64) = (5, 260);

/// What to do about the key of an LPM trie.
const LPM_KEY_HELP: &str =
    "make it a struct of `prefix_len: u32` and 1 to 256 bytes of data, most significant byte first";

const fn of_type(row: &MapType) -> Text {
    Text::of("a map of type `").and(row.name).and("`")
}

const fn this_one_has(message: &Text, number: u64) -> Text {
    message.and(", this one has ").number(number)
}

/// The size of a key.
#[must_use]
pub const fn key_size(row: &MapType, size: u64) -> Option<Violation> {
    let smaller = "take a smaller key, such as a hash of the large one";
    match row.key {
        KeyRule::Any { .. } if size == 0 => Some(Violation::new(
            "key-size",
            &Text::of("a key has at least one byte, this one has none"),
            "give it a member",
        )),
        KeyRule::Any { max_size } if size > max_size as u64 => {
            let message = Text::of("a key has at most ").number(max_size as u64).and(" bytes");
            Some(Violation::new("key-size", &this_one_has(&message, size), smaller))
        }
        KeyRule::Index | KeyRule::Number | KeyRule::Descriptor(_) if size != 4 => {
            let message = Text::of("the key of ").and(of_type(row).as_str()).and(" has 4 bytes");
            let help = "write `key: u32`, or leave it out";
            Some(Violation::new("array-key-size", &this_one_has(&message, size), help))
        }
        // The cgroup's inode number, and that with the attach type in `struct bpf_cgroup_storage_key`:
        // `kernel/bpf/local_storage.c`, `cgroup_storage_map_alloc`.
        KeyRule::CgroupStorage if size != 8 && size != 16 => Some(Violation::new(
            "key-size",
            &this_one_has(&Text::of("the key of a cgroup's storage has 8 or 16 bytes"), size),
            "write `key: u64`: the cgroup's inode number; or a struct of it and the `u32` attach type",
        )),
        KeyRule::LpmPrefix if size < LPM_KEY_SIZE.0 || size > LPM_KEY_SIZE.1 => {
            let message = Text::of("the key of an LPM trie has ").number(LPM_KEY_SIZE.0);
            let message = message.and(" to ").number(LPM_KEY_SIZE.1).and(" bytes");
            Some(Violation::new("lpm-key-shape", &this_one_has(&message, size), LPM_KEY_HELP))
        }
        _ => None,
    }
}

/// Reports a 4-byte key that is not an integer, where the map type takes only a 32-bit integer.
#[must_use]
pub const fn number_key(row: &MapType) -> Violation {
    let message = Text::of("the key of ").and(of_type(row).as_str()).and(" is a 32-bit integer");
    Violation::new("array-key-type", &message, "write `key: u32`, or leave it out")
}

/// A key of an LPM trie that does not start with the prefix length.
#[must_use]
pub const fn lpm_key_shape() -> Violation {
    let message = "the key of an LPM trie is a struct that starts with the prefix length, a `u32`";
    Violation::new("lpm-key-shape", &Text::of(message), LPM_KEY_HELP)
}

/// The sizes of a key and a value together: the kernel keeps both in one allocation, a per-CPU value apart from it. Says
/// nothing where one of them alone is too large.
#[must_use]
pub const fn key_and_value(row: &MapType, key: u64, value: u64) -> Option<Violation> {
    let (KeyRule::Any { .. }, ValueRule::Plain { max_size }) = (row.key, row.value) else {
        return None;
    };
    let most = max_size as u64;
    if row.per_cpu || value >= most || key < most - value || key_size(row, key).is_some() {
        return None;
    }
    let message = Text::of("key and value together have less than ").number(most).and(" bytes");
    let message = message.and("; this key has ").number(key).and(", the value ").number(value);
    Some(Violation::new(
        "key-size",
        &message,
        "take a smaller key, such as a hash of the large one",
    ))
}

/// The size of each frame of a stack, in bytes. `build_ids`: with the flag `stack_build_id`.
///
/// Source: `kernel/bpf/stackmap.c`, `stack_map_alloc`.
#[must_use]
pub const fn frame_size(build_ids: bool) -> u32 {
    if build_ids { 32 } else { 8 }
}

/// The size of a value; of a per-CPU map, of one CPU's. `build_ids`: with the flag `stack_build_id`.
#[must_use]
pub const fn value_size(row: &MapType, size: u64, build_ids: bool) -> Option<Violation> {
    let message = Text::of("the value of ").and(of_type(row).as_str()).and(" has ");
    let (message, help) = match row.value {
        ValueRule::Plain { max_size } => {
            let rounded = if row.per_cpu { size.div_ceil(8).saturating_mul(8) } else { size };
            if 0 < rounded && rounded <= max_size as u64 {
                return None;
            }
            let message = message.and("1 to ").number(max_size as u64).and(" bytes");
            let help = if size == 0 {
                "give it at least a byte; a set of keys takes `u8`"
            } else {
                "split it over several entries or maps"
            };
            (if row.per_cpu { message.and(" for each CPU") } else { message }, help)
        }
        ValueRule::Stack => {
            let frame = frame_size(build_ids) as u64;
            if size != 0 && size % frame == 0 {
                return None;
            }
            let help = "take `[u64; 127]`, the most that kernels keep by default";
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
            (message.and(" bytes"), "leave the value out, or take such a size")
        }
        ValueRule::Instruction if size != INSTRUCTION_SIZE as u64 => {
            (message.number(INSTRUCTION_SIZE as u64).and(" bytes"), "leave the value out")
        }
        ValueRule::Instruction | ValueRule::StructOps | ValueRule::Valueless => return None,
    };
    Some(Violation::new("value-size", &this_one_has(&message, size), help))
}

/// The number that is said as `max_entries`. That a ring buffer is rounded up breaks no rule, see
/// [`MaxEntriesRule::as_made`].
#[must_use]
pub const fn max_entries(row: &MapType, entries: u32) -> Option<Violation> {
    let number = entries as u64;
    let at_least_one = of_type(row).and(" has at least one entry, this one has none");
    match row.max_entries {
        MaxEntriesRule::AtLeastOne { .. } if entries == 0 => Some(Violation::new(
            "max-entries-zero",
            &at_least_one,
            "write how many it has, or leave `max_entries` out if the loader sets it",
        )),
        MaxEntriesRule::Pages { .. } if entries == 0 => {
            Some(Violation::new("max-entries-zero", &at_least_one, "write how many pages it has"))
        }
        MaxEntriesRule::PerCpu if entries == 0 => Some(Violation::new(
            "max-entries-zero",
            &at_least_one,
            "leave `max_entries` out: libbpf then takes the number of possible CPUs",
        )),
        MaxEntriesRule::AtLeastOne { max } | MaxEntriesRule::Pages { max } if entries > max => {
            let pages = matches!(row.max_entries, MaxEntriesRule::Pages { .. });
            let unit = if pages { " pages" } else { " entries" };
            let message = of_type(row).and(" has at most ").number(max as u64).and(unit);
            Some(Violation::new(
                "max-entries-too-big",
                &this_one_has(&message, number),
                "take a smaller number",
            ))
        }
        MaxEntriesRule::Bytes if entries == 0 || entries > LARGEST_BUFFER => {
            let message = Text::of("`max_entries` of ").and(of_type(row).as_str());
            let message = message.and(" is its size in bytes: a power of two, and whole pages of ");
            let message = this_one_has(&message.number(PAGE_SIZE as u64).and(" bytes"), number);
            let right = if entries == 0 { PAGE_SIZE } else { LARGEST_BUFFER };
            let help = Text::of("take ").number(right as u64);
            Some(Violation { rule: "max-entries-form", message, help })
        }
        MaxEntriesRule::One if entries != 1 => Some(Violation::new(
            "max-entries-form",
            &this_one_has(&of_type(row).and(" has exactly one entry"), number),
            "write `max_entries = 1`, or leave it out",
        )),
        MaxEntriesRule::Zero if entries != 0 => Some(Violation::new(
            "max-entries-form",
            &of_type(row)
                .and(" has no number of entries: they come and go with what they belong to"),
            "leave `max_entries` out",
        )),
        _ => None,
    }
}

/// The room that all values of a map take, where the kernel finds a value by a product of 32 bits: all of them, and one
/// more, have to take less than 4 GiB.
#[must_use]
pub const fn contiguous(row: &MapType, value: u64, entries: u32) -> Option<Violation> {
    if !row.memory.is_contiguous() || value == 0 {
        return None;
    }
    let most = u32::MAX as u64 / value;
    if (entries as u64) < most {
        return None;
    }
    let message = of_type(row).and(" has at most ").number(most.saturating_sub(1));
    let message = message.and(" entries of ").number(value).and(" bytes");
    Some(Violation::new(
        "max-entries-too-big",
        &this_one_has(&message, entries as u64),
        "take a smaller number, or a smaller value",
    ))
}

/// The number that is said as `map_extra`. `max_entries`: where it is known.
#[must_use]
pub const fn map_extra(row: &MapType, extra: u64, max_entries: Option<u32>) -> Option<Violation> {
    let smaller = "take a smaller number, or leave it out";
    let subject = Text::of("`map_extra` of ").and(of_type(row).as_str());
    let (message, most) = match row.map_extra {
        _ if extra == 0 => return None,
        MapExtraRule::Zero => {
            let message = of_type(row).and(" takes no `map_extra`");
            return Some(Violation::new("map-extra-not-for-type", &message, "leave it out"));
        }
        MapExtraRule::Address => {
            let page = PAGE_SIZE as u64;
            if extra % page == 0 {
                return None;
            }
            let message = subject.and(" is an address, a multiple of the page size");
            let help = Text::of("take ").hex(extra / page * page).and(", or leave it out");
            return Some(Violation { rule: "map-extra-range", message, help });
        }
        MapExtraRule::HashFunctions { max } => {
            (subject.and(" is its number of hash functions, at most "), max)
        }
        MapExtraRule::ExpectedEntries { max } => {
            let most = match max_entries {
                Some(entries) if (entries as u64) < max => entries as u64,
                _ => max,
            };
            (subject.and(" is how many entries are expected, at most "), most)
        }
    };
    if extra <= most {
        return None;
    }
    Some(Violation::new("map-extra-range", &message.number(most), smaller))
}

/// The size and the alignment of an event. `max_entries`: where it is known.
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
            &Text::of("an event has at least one byte"),
            "give it a member",
        ));
    }
    let room = row.largest_event(max_entries);
    if size > room {
        let message = Text::of("an event of this map has at most ").number(room).and(" bytes");
        let help = "take a smaller event, or a larger buffer";
        return Some(Violation::new(rule, &this_one_has(&message, size), help));
    }
    if matches!(row.max_entries, MaxEntriesRule::Bytes) && align > RECORD_ALIGN {
        let message = Text::of("this event is aligned to ").number(align);
        let message = message.and(" bytes, a record to ").number(RECORD_ALIGN);
        let help = "take members of 8 bytes at most, and no `align`";
        return Some(Violation::new(rule, &message, help));
    }
    None
}

/// A number for which a map has 32 bits, by its name in a schema.
#[must_use]
pub const fn number_range(name: &str, number: u64) -> Option<Violation> {
    if number <= u32::MAX as u64 {
        return None;
    }
    let message = Text::of("`").and(name).and("` is a number from 0 to ").number(u32::MAX as u64);
    let message = message.and(", this one is ").number(number);
    Some(Violation::new("number-range", &message, "write a number in that range"))
}

/// A field of the kernel's in a key.
#[must_use]
pub const fn field_in_key(field: SpecialField) -> Violation {
    let message = Text::of("a key can't hold a `").and(field.name()).and("`");
    Violation::new("special-field-in-key", &message, "move it to the value")
}

/// A field of the kernel's in an event.
#[must_use]
pub const fn field_in_event(field: SpecialField) -> Violation {
    let message = Text::of("an event can't hold a `").and(field.name());
    let message = message.and("`, which belongs to the kernel");
    Violation::new("event-shape", &message, "leave it out: an event is plain data")
}

/// A field of the kernel's in a value. `btf`: whether BTF describes key and value.
#[must_use]
pub const fn field_in_value(row: &MapType, field: SpecialField, btf: bool) -> Option<Violation> {
    if !row.takes_special_field(field) {
        let message = of_type(row).and(" can't have a `").and(field.name()).and("` in its value");
        return Some(Violation {
            rule: "special-field-not-for-type",
            message,
            help: takers(field),
        });
    }
    if btf {
        return None;
    }
    let message = Text::of("the kernel finds the `").and(field.name()).and("` of a value by BTF");
    Some(Violation::new(
        "special-field-needs-btf",
        &message,
        "describe key and value by their types, with BTF",
    ))
}

/// A flag that keeps programs from a value, and a field of the kernel's in it, which programs read and write.
#[must_use]
pub const fn flag_and_field(flag: &str, field: SpecialField) -> Violation {
    let message = Text::of("the flag `").and(flag).and("` excludes the `").and(field.name());
    Violation::new("flag-conflict", &message.and("` in the value"), "leave the flag out")
}

/// Where `field` may be instead.
const fn takers(field: SpecialField) -> Text {
    let root = match field {
        SpecialField::ListNode => Some(SpecialField::ListHead),
        SpecialField::RbNode => Some(SpecialField::RbRoot),
        _ => None,
    };
    if let Some(root) = root {
        let text = Text::of("a node is in what programs allocate: name its struct in a `");
        return text.and(root.name()).and("<STRUCT.MEMBER>`");
    }
    let (mut text, mut index, mut first) = (Text::of("map types that take it: "), 0, true);
    while index < MAP_TYPES.len() {
        if MAP_TYPES[index].takes_special_field(field) {
            text = if first { text } else { text.and(", ") };
            text = text.and("`").and(MAP_TYPES[index].name).and("`");
            first = false;
        }
        index += 1;
    }
    text
}

/// The first special field among those that the bits of `fields` stand for, [`SpecialField::bit`] each, and of which
/// `broken` says something.
macro_rules! first_broken {
    ($fields:expr, $field:ident => $broken:expr) => {{
        let mut index = 0;
        while index < SpecialField::ALL.len() {
            let $field = SpecialField::ALL[index];
            if $fields & $field.bit() != 0 {
                let violation = $broken;
                if violation.is_some() {
                    return violation;
                }
            }
            index += 1;
        }
        None
    }};
}

/// [`field_in_key`] for each of the fields of a type, a bit each.
#[must_use]
pub const fn fields_in_key(fields: u32) -> Option<Violation> {
    first_broken!(fields, field => Some(field_in_key(field)))
}

/// [`field_in_event`] for each of the fields of a type, a bit each.
#[must_use]
pub const fn fields_in_event(fields: u32) -> Option<Violation> {
    first_broken!(fields, field => Some(field_in_event(field)))
}

/// [`field_in_value`] for each of the fields of a type, a bit each.
#[must_use]
pub const fn fields_in_value(row: &MapType, fields: u32, btf: bool) -> Option<Violation> {
    first_broken!(fields, field => field_in_value(row, field, btf))
}

/// [`flag_and_field`] for each of the fields of a type, a bit each.
#[must_use]
pub const fn flag_and_fields(flag: &str, fields: u32) -> Option<Violation> {
    first_broken!(fields, field => Some(flag_and_field(flag, field)))
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
    fn sizes_are_held_at_both_ends() {
        let trie = &map_type::LPM_TRIE;
        assert!([5, 260].iter().all(|size| key_size(trie, *size).is_none()));
        assert!([4, 261].iter().all(|size| key_size(trie, *size).is_some()));
        let storage = &map_type::CGROUP_STORAGE;
        assert_eq!((0..20).filter(|size| key_size(storage, *size).is_none()).count(), 2);
        let cpus = &map_type::PERCPU_ARRAY;
        assert!(value_size(cpus, 32 << 10, false).is_none());
        // Values of a CPU are rounded up to 8 bytes.
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
                "key and value together have less than {most} bytes; this key has 4, the value {}",
                most - 4
            )
        );
        assert!(key_and_value(&map_type::HASH, 4, most).is_none());
        assert!(key_and_value(&map_type::PERCPU_HASH, 4, most - 4).is_none());
    }

    #[test]
    fn all_values_of_a_queue_take_less_than_4_gib() {
        let queue = &map_type::QUEUE;
        for value in [1, 7, 8, 4096] {
            let most = u32::try_from(u64::from(u32::MAX) / value - 1).unwrap();
            let bytes = |entries: u32| queue.memory.bytes(entries.into(), 0, value);
            assert!(contiguous(queue, value, most).is_none() && bytes(most) <= u32::MAX.into());
            assert!(contiguous(queue, value, most + 1).is_some());
            assert!(bytes(most + 1) > u32::MAX.into());
        }
        assert!(contiguous(&map_type::ARRAY, 4096, u32::MAX).is_none());
    }

    #[test]
    fn a_record_has_room_in_the_buffer_that_the_kernel_makes() {
        let ring = &map_type::RINGBUF;
        assert!(event(ring, 8184, 8, Some(4097)).is_none());
        assert_eq!(
            said(event(ring, 8185, 8, Some(4097)).as_ref()),
            "an event of this map has at most 8184 bytes, this one has 8185"
        );
        assert!(event(ring, 16, 16, Some(4096)).is_some());
        assert!(event(&map_type::PERF_EVENT_ARRAY, 16, 16, None).is_none());
    }

    #[test]
    fn the_compiler_says_what_to_do_and_which_rule_is_broken() {
        let violation = max_entries(&map_type::RINGBUF, 0).unwrap();
        assert_eq!(
            violation.sentence().as_str(),
            "`max_entries` of a map of type `ringbuf` is its size in bytes: a power of two, and whole pages of 4096 \
             bytes, this one has 0\n  = help: take 4096\n  = rule: max-entries-form (`bpfmap explain max-entries-form`)"
        );
    }

    #[test]
    fn each_field_has_a_bit_of_its_own_and_its_takers_fit_a_text() {
        let bits = SpecialField::ALL.iter().fold(0, |bits, field| bits + field.bit());
        assert_eq!(bits.count_ones() as usize, SpecialField::ALL.len());
        for field in SpecialField::ALL.iter().copied() {
            let text = takers(field);
            let takes = |row: &&MapType| row.takes_special_field(field);
            let last = MAP_TYPES.iter().rev().find(takes);
            assert!(
                last.is_none_or(|row| { text.as_str().ends_with(&std::format!("`{}`", row.name)) })
            );
        }
    }
}
