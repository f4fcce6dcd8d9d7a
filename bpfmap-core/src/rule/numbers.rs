//! The rules for `max_entries`, `map_extra` and other numbers of a map.

use super::{Violation, of_type, this_one_has};
use crate::Text;
use crate::map_type::{LARGEST_BUFFER, MapExtraRule, MapType, MaxEntriesRule, PAGE_SIZE};

/// Checks the value of `max_entries`. The size of a ring buffer does not have to be a power of two,
/// because libbpf rounds it up: see [`MaxEntriesRule::as_made`].
#[must_use]
pub const fn max_entries(row: &MapType, entries: u32) -> Option<Violation> {
    let number = entries as u64;
    let at_least_one = of_type(row).and(" must have at least one entry, found 0");
    match row.max_entries {
        MaxEntriesRule::AtLeastOne { .. } if entries == 0 => Some(Violation::new(
            "max-entries-zero",
            &at_least_one,
            "write the number of entries, or remove `max_entries` if the loader sets it",
        )),
        MaxEntriesRule::Pages { .. } if entries == 0 => {
            Some(Violation::new("max-entries-zero", &at_least_one, "write the number of pages"))
        }
        MaxEntriesRule::PerCpu if entries == 0 => Some(Violation::new(
            "max-entries-zero",
            &at_least_one,
            "remove `max_entries`: libbpf then uses the number of possible CPUs",
        )),
        MaxEntriesRule::AtLeastOne { max } | MaxEntriesRule::Pages { max } if entries > max => {
            let pages = matches!(row.max_entries, MaxEntriesRule::Pages { .. });
            let unit = if pages { " pages" } else { " entries" };
            let message = of_type(row).and(" can have at most ").number(max as u64).and(unit);
            Some(Violation::new(
                "max-entries-too-big",
                &this_one_has(&message, number),
                "use a smaller number",
            ))
        }
        MaxEntriesRule::Bytes if entries == 0 || entries > LARGEST_BUFFER => {
            let message = Text::of("`max_entries` of ").and(of_type(row).as_str());
            let message =
                message.and(" must be a size in bytes that is a power of two and a multiple of ");
            let message = this_one_has(&message.number(PAGE_SIZE as u64).and(" bytes"), number);
            let right = if entries == 0 { PAGE_SIZE } else { LARGEST_BUFFER };
            let help = Text::of("write ").number(right as u64);
            Some(Violation { rule: "max-entries-form", message, help })
        }
        MaxEntriesRule::One if entries != 1 => Some(Violation::new(
            "max-entries-form",
            &this_one_has(&of_type(row).and(" must have exactly one entry"), number),
            "write `max_entries = 1`, or remove `max_entries`",
        )),
        MaxEntriesRule::Zero if entries != 0 => Some(Violation::new(
            "max-entries-form",
            &of_type(row)
                .and(" can't have `max_entries`, because its entries belong to kernel objects"),
            "remove `max_entries`",
        )),
        _ => None,
    }
}

/// Checks the total size of all values if the kernel computes the offset of a value in 32 bits. All values, plus space
/// for one more value, must take less than 4 GiB. `value` is the size of a value in bytes.
#[must_use]
pub const fn contiguous(row: &MapType, value: u64, entries: u32) -> Option<Violation> {
    if !row.memory.is_contiguous() || value == 0 {
        return None;
    }
    let most = u32::MAX as u64 / value;
    if (entries as u64) < most {
        return None;
    }
    let message = of_type(row).and(" can have at most ").number(most.saturating_sub(1));
    let message = message.and(" entries of ").number(value).and(" bytes");
    Some(Violation::new(
        "max-entries-too-big",
        &this_one_has(&message, entries as u64),
        "use a smaller `max_entries` or smaller values",
    ))
}

/// Checks the value of `map_extra`. `max_entries` is `None` if the number is not known.
#[must_use]
pub const fn map_extra(row: &MapType, extra: u64, max_entries: Option<u32>) -> Option<Violation> {
    let smaller = "use a smaller number, or remove `map_extra`";
    let subject = Text::of("`map_extra` of ").and(of_type(row).as_str());
    let (message, most) = match row.map_extra {
        _ if extra == 0 => return None,
        MapExtraRule::Zero => {
            let message = of_type(row).and(" does not accept `map_extra`");
            return Some(Violation::new("map-extra-not-for-type", &message, "remove `map_extra`"));
        }
        MapExtraRule::Address => {
            let page = PAGE_SIZE as u64;
            if extra % page == 0 {
                return None;
            }
            let message = subject.and(" is an address and must be a multiple of the page size");
            let help = Text::of("write ").hex(extra / page * page).and(", or remove `map_extra`");
            return Some(Violation { rule: "map-extra-range", message, help });
        }
        MapExtraRule::HashFunctions { max } => {
            (subject.and(" is the number of hash functions and can be at most "), max)
        }
        MapExtraRule::ExpectedEntries { max } => {
            let most = match max_entries {
                Some(entries) if (entries as u64) < max => entries as u64,
                _ => max,
            };
            (subject.and(" is the expected number of entries and can be at most "), most)
        }
    };
    if extra <= most {
        return None;
    }
    Some(Violation::new("map-extra-range", &this_one_has(&message.number(most), extra), smaller))
}

/// Checks that a number fits in 32 bits. `name` is the name of the number in a schema.
#[must_use]
pub const fn number_range(name: &str, number: u64) -> Option<Violation> {
    if number <= u32::MAX as u64 {
        return None;
    }
    let message =
        Text::of("`").and(name).and("` must be a number from 0 to ").number(u32::MAX as u64);
    Some(Violation::new(
        "number-range",
        &this_one_has(&message, number),
        "write a number in this range",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map_type;
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
}
