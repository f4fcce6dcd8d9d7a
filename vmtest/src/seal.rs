//! Seals on records, by which the host knows what the guest's init said from what anyone else in the
//! guest wrote to the same port.

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128 as _, SipHasher24};
use std::fmt;
use std::hash::Hasher as _;

/// The length of a seal in bytes.
pub(crate) const SEAL: usize = 16;

/// A random key that only the host and one guest's init know.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key([u8; 16]);

impl Key {
    /// Draws a key.
    ///
    /// # Errors
    /// The kernel has no random numbers.
    pub(crate) fn random() -> std::io::Result<Self> {
        let mut key = [0; 16];
        let length = rustix::rand::getrandom(&mut key, rustix::rand::GetRandomFlags::empty())?;
        // The kernel gives up to 256 bytes at once.
        if length == key.len() {
            Ok(Self(key))
        } else {
            Err(std::io::ErrorKind::Interrupted.into())
        }
    }

    /// A key that is not random, for what has no secret.
    pub(crate) const fn known(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Seals bytes: their SipHash-2-4 of 128 bits. Its code is short, which counts in a guest whose instructions are
    /// translated each time that it starts.
    pub(crate) fn seal(&self, bytes: &[u8]) -> [u8; SEAL] {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(bytes);
        hasher.finish128().as_bytes()
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
    fn a_seal_is_the_siphash_of_its_definition() {
        // The first and the last of the vectors of the reference implementation, whose key is 00 01 … 0f and whose message of
        // length n is 00 01 … n - 1.
        let key = Key::known(std::array::from_fn(|index| u8::try_from(index).unwrap()));
        let message: Vec<u8> = (0..63).collect();
        assert_eq!(u128::from_be_bytes(key.seal(&[])), 0xa381_7f04_ba25_a8e6_6df6_7214_c755_0293);
        assert_eq!(
            u128::from_be_bytes(key.seal(&message)),
            0x5150_d177_2f50_834a_503e_069a_973f_bd7c
        );
    }

    #[test]
    fn a_key_does_not_show_in_messages() {
        assert_eq!(format!("{:?}", Key::known([7; 16])), "Key");
    }
}
