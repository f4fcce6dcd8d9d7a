//! Seals on records, by which the host knows what the guest's init said from what anyone else in the
//! guest wrote to the same port.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt;

/// The length of a seal in bytes.
pub(crate) const SEAL: usize = 16;

/// A random key that only the host and one guest's init know.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key([u8; 32]);

impl Key {
    /// Draws a key.
    ///
    /// # Errors
    /// The kernel has no random numbers.
    pub(crate) fn random() -> std::io::Result<Self> {
        let mut key = [0; 32];
        let length = rustix::rand::getrandom(&mut key, rustix::rand::GetRandomFlags::empty())?;
        // The kernel gives up to 256 bytes at once.
        if length == key.len() {
            Ok(Self(key))
        } else {
            Err(std::io::ErrorKind::Interrupted.into())
        }
    }

    /// A key that is not random, for what has no secret.
    pub(crate) const fn known(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Seals bytes: the first half of their HMAC-SHA-256 (RFC 2104).
    pub(crate) fn seal(&self, bytes: &[u8]) -> [u8; SEAL] {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length");
        let whole = mac.chain_update(bytes).finalize().into_bytes();
        let mut seal = [0; SEAL];
        seal.copy_from_slice(&whole[..SEAL]);
        seal
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_the_hmac_of_its_definition() {
        // Test case 1 of RFC 4231, whose key of 20 bytes is filled up with zeros.
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let seal = Key::known(key).seal(b"Hi There");
        let expected = [
            0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53, 0x5c, 0xa8, 0xaf, 0xce, 0xaf, 0x0b,
            0xf1, 0x2b,
        ];
        assert_eq!(seal, expected);
    }

    #[test]
    fn a_key_does_not_show_in_messages() {
        assert_eq!(format!("{:?}", Key::known([7; 32])), "Key");
    }
}
