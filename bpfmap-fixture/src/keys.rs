//! Creates keys by number, for every map type.

use bpfmap_core::map_type::{KeyRule, Owner, ValueRule};

use crate::MapFixture;

/// The kind of keys that a map type has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// The key can be any bytes.
    Any,
    /// The key is an index below `max_entries`.
    Index,
    /// The key is a prefix length, followed by data.
    Prefix,
    /// The key is the ID of something that a program has recorded. The first ID has the number 0.
    Recorded,
    /// The map has no keys.
    Keyless,
    /// The key is the descriptor of a socket.
    Sockets,
    /// The key is the descriptor of a file.
    Inodes,
    /// The key is the descriptor of a task.
    Tasks,
    /// The key is the descriptor of a cgroup.
    Cgroups,
}

impl Keys {
    /// Returns the kind of keys of a map.
    pub(crate) fn of(fixture: &MapFixture<'_>) -> Self {
        let row = fixture.row();
        match row.key {
            _ if row.value == ValueRule::Stack => Self::Recorded,
            KeyRule::Any { .. } | KeyRule::Number | KeyRule::CgroupStorage => Self::Any,
            KeyRule::Descriptor(Owner::Socket) => Self::Sockets,
            KeyRule::Descriptor(Owner::Inode) => Self::Inodes,
            KeyRule::Descriptor(Owner::Task) => Self::Tasks,
            KeyRule::Descriptor(Owner::Cgroup) => Self::Cgroups,
            KeyRule::Index => Self::Index,
            KeyRule::LpmPrefix => Self::Prefix,
            KeyRule::Keyless => Self::Keyless,
        }
    }

    /// Returns the key with this number, which is `size` bytes long. Different numbers below 256
    /// result in different keys.
    pub(crate) fn key(self, number: u32, size: usize) -> Vec<u8> {
        let mut key = vec![0; size];
        match self {
            Self::Keyless => {}
            Self::Index | Self::Recorded => key.copy_from_slice(&number.to_ne_bytes()[..size]),
            Self::Any | Self::Sockets | Self::Inodes | Self::Tasks | Self::Cgroups => {
                for (position, byte) in key.iter_mut().enumerate() {
                    *byte = number.to_le_bytes()[position % 4];
                }
            }
            Self::Prefix => {
                let bits = u32::try_from((size - PREFIX_LEN) * 8).expect("at most 256 bytes");
                key[..PREFIX_LEN].copy_from_slice(&bits.to_ne_bytes());
                key[size - 1] = number.to_le_bytes()[0];
            }
        }
        key
    }

    /// Returns whether a key is the descriptor of an object to which a value is attached.
    pub(crate) fn are_descriptors(self) -> bool {
        matches!(self, Self::Sockets | Self::Inodes | Self::Tasks | Self::Cgroups)
    }

    /// Returns a key whose prefix is one bit longer than its data.
    pub(crate) fn too_long_prefix(size: usize) -> Vec<u8> {
        let mut key = Self::Prefix.key(0, size);
        let bits = u32::from_ne_bytes([key[0], key[1], key[2], key[3]]);
        key[..PREFIX_LEN].copy_from_slice(&(bits + 1).to_ne_bytes());
        key
    }
}

/// Returns the key for this index.
#[must_use]
pub(crate) fn index(index: u32) -> [u8; 4] {
    index.to_ne_bytes()
}

/// Replaces the first byte of `key` with the number, and returns the changed key.
#[must_use]
pub(crate) fn numbered(mut key: Vec<u8>, number: u8) -> Vec<u8> {
    key[0] ^= number;
    key
}

/// Sets the prefix length of `key`, which is a key of an LPM trie, to `bits`. Returns the changed
/// key.
#[must_use]
pub(crate) fn prefixed(mut key: Vec<u8>, bits: u32) -> Vec<u8> {
    key[..PREFIX_LEN].copy_from_slice(&bits.to_ne_bytes());
    key
}

/// The size of the prefix length: `struct bpf_lpm_trie_key` starts with a `u32` that contains the
/// prefix length in bits.
const PREFIX_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_by_number() {
        for (keys, size) in [(Keys::Any, 1), (Keys::Any, 7), (Keys::Index, 4), (Keys::Prefix, 5)] {
            let mut all: Vec<_> = (0..256).map(|number| keys.key(number, size)).collect();
            all.sort();
            all.dedup();
            assert_eq!(all.len(), 256, "{keys:?} of {size} bytes");
        }
    }

    #[test]
    fn a_prefix_covers_all_of_its_data() {
        assert_eq!(Keys::Prefix.key(7, 8), [32, 0, 0, 0, 0, 0, 0, 7]);
        assert_eq!(Keys::too_long_prefix(8)[0], 33);
    }
}
