//! The wire format between host and guest: numbered records with checksums on a serial port.
//!
//! A record consists of the bytes `VM`, a kind, a byte that is 1 if the record is sealed and 0
//! otherwise, a number, the length of the payload, the payload, the seal (only in a sealed record),
//! and a CRC-32 of all bytes before it. Integers are little-endian. The numbers of each side start
//! at 0 and increase by one. Lost, repeated and damaged records are therefore noticed.
//!
//! The guest's first record says that the guest is ready. The guest then receives a [`Key`], before
//! any process other than init runs, and seals all its other records with this key. Data that other
//! processes in the guest write to the port is recognised as damage or as a forgery. It is never
//! accepted as a result.

use crate::message::{FromGuest, Stream, ToGuest};
use crate::seal::{Key, SEAL};
use crate::sequence::Sequence;
use serde::{Deserialize, Serialize};
use std::fmt;

const MAGIC: [u8; 2] = *b"VM";
const HEADER: usize = 12;
const CHECKSUM: usize = 4;
/// The maximum length of a payload. A record with a greater length is damaged.
const MAX_PAYLOAD: usize = 1 << 20;

/// The contents of a record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Record<M> {
    /// A message.
    Message(M),
    /// Bytes that a program wrote. In the direction from the host to the guest, these are bytes for
    /// the program to read, marked as [`Stream::Stdout`].
    Bytes(Stream, Vec<u8>),
}

/// Packs records.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    number: u32,
    key: Option<Key>,
}

impl Encoder {
    /// Seals all records that are packed from now on.
    pub(crate) fn seal_with(&mut self, key: Key) {
        self.key = Some(key);
    }

    /// Returns the number of packed records.
    pub(crate) fn count(&self) -> u32 {
        self.number
    }

    pub(crate) fn message<M: Serialize>(&mut self, message: &M) -> Vec<u8> {
        let json = serde_json::to_vec(message).expect("messages have string keys only");
        self.record(b'M', &json)
    }

    /// Packs bytes of a program into as many records as necessary.
    pub(crate) fn bytes(&mut self, stream: Stream, bytes: &[u8]) -> Vec<u8> {
        let kind = match stream {
            Stream::Stdout => b'1',
            Stream::Stderr => b'2',
        };
        bytes.chunks(MAX_PAYLOAD).flat_map(|chunk| self.record(kind, chunk)).collect()
    }

    fn record(&mut self, kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("a payload is short");
        let mut record = Vec::with_capacity(HEADER + payload.len() + CHECKSUM);
        record.extend(MAGIC);
        record.extend([kind, u8::from(self.key.is_some())]);
        record.extend(self.number.to_le_bytes());
        record.extend(length.to_le_bytes());
        record.extend(payload);
        if let Some(key) = &self.key {
            record.extend(key.seal(&record));
        }
        record.extend(crc32fast::hash(&record).to_le_bytes());
        self.number += 1;
        record
    }
}

/// Unpacks records from bytes that arrive in pieces.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    number: u32,
    /// The key that seals all records except the first.
    key: Option<Key>,
    buffer: Vec<u8>,
    start: usize,
}

impl Decoder {
    /// Returns a decoder for the records that follow the first `number` records. All records except
    /// the very first are sealed.
    pub(crate) fn sealed(key: Key, number: u32) -> Self {
        Self { number, key: Some(key), ..Self::default() }
    }

    /// Returns whether the last record arrived in the right place. The last record states that
    /// `records` records precede it.
    pub(crate) fn is_last(&self, records: u32) -> bool {
        records.checked_add(1) == Some(self.number)
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend(bytes);
    }

    /// Returns the next complete record, if there is one.
    pub(crate) fn next<M: for<'de> Deserialize<'de>>(
        &mut self,
    ) -> Result<Option<Record<M>>, Damage> {
        let key = self.key.as_ref().filter(|_| self.number > 0);
        let record = unpack(&self.buffer[self.start..], self.number, key);
        let (record, length) = match record {
            Ok(None) => return Ok(None),
            Ok(Some(unpacked)) => unpacked,
            Err(flaw) => return Err(Damage { number: self.number, flaw }),
        };
        self.start += length;
        self.number = self.number.wrapping_add(1);
        Ok(Some(record))
    }
}

/// Unpacks the record with this number at the beginning of `bytes`. Returns the record and its
/// length, or `None` if more bytes are necessary. If there is a key, the record must be sealed. If
/// there is no key, the record must not be sealed. This is a pure function.
fn unpack<M: for<'de> Deserialize<'de>>(
    bytes: &[u8],
    number: u32,
    key: Option<&Key>,
) -> Result<Option<(Record<M>, usize)>, Flaw> {
    if !MAGIC.starts_with(&bytes[..bytes.len().min(2)]) {
        return Err(Flaw::Damaged("it does not begin with the mark of a record"));
    }
    let Some((header, _)) = bytes.split_at_checked(HEADER) else { return Ok(None) };
    let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| header[at + i]));
    let length = word(8) as usize;
    if length > MAX_PAYLOAD {
        return Err(Flaw::Damaged("its length is impossible"));
    }
    let is_sealed = match header[3] {
        0 => false,
        1 => true,
        _ => return Err(Flaw::Damaged("its header is unknown")),
    };
    let sealed = HEADER + length;
    let body = sealed + if is_sealed { SEAL } else { 0 };
    let Some((record, _)) = bytes.split_at_checked(body + CHECKSUM) else { return Ok(None) };
    let (body, checksum) = record.split_at(body);
    if crc32fast::hash(body).to_le_bytes() != checksum {
        return Err(Flaw::Damaged("its checksum is wrong"));
    }
    let (body, seal) = body.split_at(sealed);
    match key {
        Some(_) if !is_sealed => return Err(Flaw::Forged("init did not seal it")),
        Some(key) if key.seal(body) != *seal => return Err(Flaw::Forged("its seal is not init's")),
        None if is_sealed => return Err(Flaw::Forged("it is sealed before init has a key")),
        _ => {}
    }
    if word(4) != number {
        return Err(Flaw::Damaged("another record came in its place"));
    }
    Ok(Some((contents(header[2], &body[HEADER..])?, record.len())))
}

/// Decodes the contents of a record of this kind. This is a pure function.
fn contents<M: for<'de> Deserialize<'de>>(kind: u8, payload: &[u8]) -> Result<Record<M>, Flaw> {
    Ok(match kind {
        b'M' => match serde_json::from_slice(payload) {
            Ok(message) => Record::Message(message),
            Err(_) => return Err(Flaw::Damaged("its message is unknown")),
        },
        b'1' => Record::Bytes(Stream::Stdout, payload.to_vec()),
        b'2' => Record::Bytes(Stream::Stderr, payload.to_vec()),
        _ => return Err(Flaw::Damaged("its kind is unknown")),
    })
}

/// The fault of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    Damaged(&'static str),
    Forged(&'static str),
}

/// A record that did not arrive as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damage {
    number: u32,
    flaw: Flaw,
}

impl Damage {
    /// Returns `true` if the record is complete, and another process than init sent it.
    pub(crate) fn is_forgery(&self) -> bool {
        matches!(self.flaw, Flaw::Forged(_))
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.flaw {
            Flaw::Damaged(what) => write!(f, "record {} is damaged: {what}", self.number),
            Flaw::Forged(what) => write!(f, "record {} is forged: {what}", self.number),
        }
    }
}

/// Decodes arbitrary bytes in every way in which a host or a guest may interpret them. Fuzzing
/// calls this pure function, which must neither panic nor take long.
///
/// The bytes are decoded as records without seals, and as sealed records with a known key. They are
/// also decoded as the payload of one record, because random bytes rarely have a valid checksum.
/// The results are also checked against the sequence that a guest must follow.
///
/// # Panics
/// Panics if a decoded message can't be packed and decoded again, which would be a fault of this
/// crate.
pub fn decode(bytes: &[u8]) {
    let known = || Key::known([0; 16]);
    for mut decoder in
        [Decoder::default(), Decoder::sealed(known(), 0), Decoder::sealed(known(), 1)]
    {
        let mut sequence = Sequence::new(&[]);
        decoder.push(bytes);
        while let Ok(Some(record)) = decoder.next::<FromGuest>() {
            if let Record::Message(message) = &record {
                // An error is a valid result.
                let _ = sequence.check(message);
            }
        }
        let mut decoder = Decoder::default();
        decoder.push(bytes);
        while let Ok(Some(_)) = decoder.next::<ToGuest>() {}
    }
    let Some((kind, payload)) = bytes.split_first() else { return };
    let _ = contents::<ToGuest>(*kind, payload);
    let Ok(Record::Message(message)) = contents::<FromGuest>(*kind, payload) else { return };
    let _ = Sequence::new(&[]).check(&message);
    let mut encoder = Encoder { number: 1, key: None };
    encoder.seal_with(known());
    let packed = encoder.message(&message);
    let mut decoder = Decoder::sealed(known(), 1);
    decoder.push(&packed);
    assert!(matches!(decoder.next::<FromGuest>(), Ok(Some(_))), "{message:?}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Status;
    use std::time::Duration;

    fn sample() -> (Vec<Record<FromGuest>>, Vec<Vec<u8>>) {
        let records = vec![
            Record::Message(FromGuest::Ready {
                release: "6.1".into(),
                uptime: Duration::from_millis(1_500),
            }),
            Record::Bytes(Stream::Stderr, b"VM\0\xff".to_vec()),
            Record::Message(FromGuest::Exited { status: Status::Signaled(9), taint: 0 }),
            Record::Message(FromGuest::End { records: 3 }),
        ];
        let mut encoder = Encoder::default();
        let bytes = records
            .iter()
            .map(|record| match record {
                Record::Message(message) => encoder.message(message),
                Record::Bytes(stream, bytes) => encoder.bytes(*stream, bytes),
            })
            .collect();
        (records, bytes)
    }

    fn decode(bytes: &[u8]) -> Result<Vec<Record<FromGuest>>, Damage> {
        let mut decoder = Decoder::default();
        let mut records = Vec::new();
        for byte in bytes {
            decoder.push(&[*byte]);
            while let Some(record) = decoder.next()? {
                records.push(record);
            }
        }
        Ok(records)
    }

    #[test]
    fn records_are_decoded_from_pieces_of_any_size() {
        let (records, bytes) = sample();
        assert_eq!(decode(&bytes.concat()).unwrap(), records);
    }

    #[test]
    fn a_lost_a_repeated_and_a_swapped_record_are_noticed() {
        let (_, bytes) = sample();
        for order in [vec![0, 2, 3], vec![0, 0, 1], vec![1, 0]] {
            let bytes: Vec<u8> = order.into_iter().flat_map(|i: usize| bytes[i].clone()).collect();
            assert!(decode(&bytes).unwrap_err().to_string().contains("another record"));
        }
    }

    #[test]
    fn a_record_that_init_did_not_seal_is_a_forgery_whatever_its_number() {
        let key = Key::known([1; 16]);
        let end = FromGuest::End { records: 0 };
        let unsealed = || Encoder::default().message(&end);
        let sealed_by = |key: u8, number| {
            let mut encoder = Encoder { number, ..Encoder::default() };
            encoder.seal_with(Key::known([key; 16]));
            encoder.message(&end)
        };
        for bytes in [unsealed(), sealed_by(2, 1), sealed_by(2, 0)] {
            let mut decoder = Decoder::sealed(key.clone(), 1);
            decoder.push(&bytes);
            let damage = decoder.next::<FromGuest>().unwrap_err();
            assert!(damage.is_forgery(), "{damage}");
        }
        let mut decoder = Decoder::sealed(key.clone(), 1);
        decoder.push(&sealed_by(1, 1));
        assert_eq!(decoder.next().unwrap(), Some(Record::Message(end.clone())));
        // A repeated record of init has the wrong number.
        decoder.push(&sealed_by(1, 1));
        assert!(!decoder.next::<FromGuest>().unwrap_err().is_forgery());
        // The first record says that init waits for the key.
        let mut decoder = Decoder::sealed(key.clone(), 0);
        decoder.push(&unsealed());
        assert_eq!(decoder.next().unwrap(), Some(Record::Message(end.clone())));
        let mut decoder = Decoder::sealed(key, 0);
        decoder.push(&sealed_by(1, 0));
        assert!(decoder.next::<FromGuest>().unwrap_err().is_forgery(), "init has no key yet");
    }

    #[test]
    fn the_decoder_waits_for_at_most_the_longest_payload() {
        let header = |length: usize| {
            let mut header = Encoder::default().bytes(Stream::Stdout, b"x");
            header.truncate(HEADER);
            header[8..].copy_from_slice(&u32::try_from(length).unwrap().to_le_bytes());
            header
        };
        assert_eq!(decode(&header(MAX_PAYLOAD)), Ok(vec![]));
        for length in [MAX_PAYLOAD + 1, u32::MAX as usize] {
            let damage = decode(&header(length)).unwrap_err();
            assert!(damage.to_string().contains("its length is impossible"), "{damage}");
        }
    }

    #[test]
    fn a_seal_protects_the_whole_record() {
        let key = Key::known([1; 16]);
        let mut encoder = Encoder { number: 1, ..Encoder::default() };
        encoder.seal_with(key.clone());
        let sealed = encoder.bytes(Stream::Stdout, b"passed");
        let body = sealed.len() - CHECKSUM;
        // The mark, the byte for the seal and the length are not changed, because the decoder
        // rejects them earlier or waits for more bytes. The checksum is correct.
        for at in (2..body).filter(|at| *at != 3 && !(8..HEADER).contains(at)) {
            let mut forged = sealed.clone();
            forged[at] ^= 1;
            let checksum = crc32fast::hash(&forged[..body]).to_le_bytes();
            forged[body..].copy_from_slice(&checksum);
            let mut decoder = Decoder::sealed(key.clone(), 1);
            decoder.push(&forged);
            assert!(decoder.next::<FromGuest>().unwrap_err().is_forgery(), "byte {at}");
        }
    }

    #[test]
    fn extreme_numbers_do_not_panic() {
        let decoder = Decoder { number: 1, ..Decoder::default() };
        assert!(decoder.is_last(0) && !decoder.is_last(u32::MAX) && !decoder.is_last(1));
        for bytes in [
            &b"M{\"type\":\"end\",\"records\":4294967295}"[..],
            b"M{\"type\":\"test-ended\",\"binary\":18446744073709551615,\"test\":\"\",\"status\":{\"signaled\":2147483647},\"seconds\":-1e308,\"oom_kills\":0,\"taint\":18446744073709551615,\"full\":true}",
            b"M{\"type\":\"listed\",\"binary\":9,\"list\":{\"tests\":[],\"ignored\":[]}}",
            b"",
            b"1",
            b"VM",
        ] {
            super::decode(bytes);
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed_or_leaves_the_record_incomplete() {
        let (records, bytes) = sample();
        let bytes = bytes.concat();
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let seen = decode(&bytes).map_or(true, |decoded| decoded.len() < records.len());
            assert!(seen, "bit {bit}");
        }
    }
}
