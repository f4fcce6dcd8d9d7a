//! Seals on records. The host uses the seals to distinguish the records of the guest's init from
//! data that other processes in the guest write to the same port.

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
    /// Returns a new random key.
    ///
    /// # Errors
    /// Fails if the kernel can't provide random numbers.
    pub(crate) fn random() -> std::io::Result<Self> {
        let mut key = [0; 16];
        let length = rustix::rand::getrandom(&mut key, rustix::rand::GetRandomFlags::empty())?;
        // The kernel returns up to 256 bytes in one call.
        if length == key.len() {
            Ok(Self(key))
        } else {
            Err(std::io::ErrorKind::Interrupted.into())
        }
    }

    /// Returns a key that is not random, for data that needs no protection.
    pub(crate) const fn known(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the seal of some bytes, which is their 128-bit SipHash-2-4. The code of that
    /// algorithm is short. This is important because QEMU translates the code anew each time an
    /// emulated guest starts.
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
        // This is the first and the last test vector of the reference implementation. The key is
        // the bytes 00 01 … 0f. The message of length n is the bytes 00 01 … n - 1.
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
