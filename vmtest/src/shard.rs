//! Parts of a matrix, so that several machines can share the work.

use std::str::FromStr;

/// One of `count` parts of a matrix. `index` is the number of the part, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Shard {
    /// Returns whether this part contains the item with this index. The first index is 0.
    ///
    /// Items are distributed to the parts in turn. The parts therefore have nearly equal sizes, and
    /// each item is in exactly one part.
    #[must_use]
    pub fn has(self, item: usize) -> bool {
        item % self.count == self.index - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match numbers {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index, count }),
            _ => Err("expected I/N, with I from 1 to N".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_in_one_part() {
        for count in 1..6 {
            let shards: Vec<Shard> =
                (1..=count).map(|index| format!("{index}/{count}").parse().unwrap()).collect();
            for item in 0..40 {
                assert_eq!(shards.iter().filter(|shard| shard.has(item)).count(), 1);
            }
        }
    }

    #[test]
    fn a_text_that_is_not_a_part_is_refused() {
        for text in ["", "1", "0/2", "3/2", "1/0", "a/b", "-1/2"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
