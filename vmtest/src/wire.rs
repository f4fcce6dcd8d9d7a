//! The wire between host and guest: numbered, checksummed records on a serial port.
//!
//! A record is `VM`, a kind, a zero, its number, the length of its payload, the payload, and a
//! CRC-32 of all of that; integers are little-endian. Numbers start at 0 on each side and go up by
//! one, so that a record that is lost, repeated or damaged is seen.

use crate::plan::List;
use serde::{Deserialize, Serialize};
use std::fmt;

const MAGIC: [u8; 2] = *b"VM";
const HEADER: usize = 12;
const CHECKSUM: usize = 4;
/// No payload is longer; a longer length field is damage.
const MAX_PAYLOAD: usize = 1 << 20;

/// What a program's output came out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// What one record says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Record<M> {
    /// A message.
    Message(M),
    /// Bytes that a program wrote, or (to the guest, as [`Stream::Stdout`]) shall read.
    Bytes(Stream, Vec<u8>),
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    Exited(i32),
    Signaled(i32),
    /// It was still running when its time was up.
    TimedOut,
    /// Its time was up, and it can't even be killed: it hangs in the kernel.
    Stuck,
}

/// What the guest tells the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum FromGuest {
    /// Booted, and waiting for [`ToGuest::Go`].
    Ready { release: String },
    /// Heard [`ToGuest::Go`].
    Awake,
    /// The payload is unpacked, modules are loaded: the work begins.
    Started,
    /// Nothing to say, but alive.
    Heartbeat,
    /// A test binary listed its tests.
    Listed { binary: usize, list: List },
    /// A test binary did not list its tests; what it said went before as bytes.
    NotListed { binary: usize, status: Status },
    /// A test begins; bytes that follow are its output.
    TestStarted { binary: usize, test: String, attempt: u32 },
    /// A test ended.
    TestEnded { binary: usize, test: String, status: Status, seconds: f64, oom_kills: u64 },
    /// The program ended.
    Exited { status: Status },
    /// The guest could not do what it was told.
    Failed { what: String },
    /// Nothing comes after this; `records` went before.
    End { records: u32 },
}

/// What the host tells the guest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum ToGuest {
    /// Begin, with this time (nanoseconds since 1970) and these random bytes.
    Go { clock: u64, seed: Vec<u8> },
    /// The program's standard input has ended.
    InputEnded,
    /// Send this signal to the program.
    Signal { number: i32 },
    /// The terminal has this size.
    Window { rows: u16, columns: u16 },
}

/// Packs records.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    number: u32,
}

impl Encoder {
    /// How many records were packed.
    pub(crate) fn count(&self) -> u32 {
        self.number
    }

    pub(crate) fn message<M: Serialize>(&mut self, message: &M) -> Vec<u8> {
        let json = serde_json::to_vec(message).expect("messages have string keys only");
        self.record(b'M', &json)
    }

    /// Packs a program's bytes, in as many records as they need.
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
        record.extend([kind, 0]);
        record.extend(self.number.to_le_bytes());
        record.extend(length.to_le_bytes());
        record.extend(payload);
        record.extend(crc32fast::hash(&record).to_le_bytes());
        self.number += 1;
        record
    }
}

/// Unpacks records from bytes as they come.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    number: u32,
    buffer: Vec<u8>,
    start: usize,
}

impl Decoder {
    /// A decoder for what comes after the first `number` records.
    pub(crate) fn starting_at(number: u32) -> Self {
        Self { number, ..Self::default() }
    }

    /// How many records were unpacked.
    pub(crate) fn count(&self) -> u32 {
        self.number
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend(bytes);
    }

    /// The next whole record, if there is one.
    pub(crate) fn next<M: for<'de> Deserialize<'de>>(
        &mut self,
    ) -> Result<Option<Record<M>>, Damage> {
        let bytes = &self.buffer[self.start..];
        let damage = |what| Err(Damage { number: self.number, what });
        if !MAGIC.starts_with(&bytes[..bytes.len().min(2)]) {
            return damage("it does not begin like a record");
        }
        let Some((header, rest)) = bytes.split_at_checked(HEADER) else { return Ok(None) };
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| header[at + i]));
        let length = word(8) as usize;
        if length > MAX_PAYLOAD {
            return damage("its length is impossible");
        }
        if rest.len() < length + CHECKSUM {
            return Ok(None);
        }
        let (body, checksum) = bytes[..HEADER + length + CHECKSUM].split_at(HEADER + length);
        if crc32fast::hash(body).to_le_bytes() != checksum {
            return damage("its checksum is wrong");
        }
        if word(4) != self.number {
            return damage("another one came in its place");
        }
        let payload = &body[HEADER..];
        let record = match header[2] {
            b'M' => match serde_json::from_slice(payload) {
                Ok(message) => Record::Message(message),
                Err(_) => return damage("its message is unknown"),
            },
            b'1' => Record::Bytes(Stream::Stdout, payload.to_vec()),
            b'2' => Record::Bytes(Stream::Stderr, payload.to_vec()),
            _ => return damage("its kind is unknown"),
        };
        self.start += HEADER + length + CHECKSUM;
        self.number += 1;
        Ok(Some(record))
    }
}

/// A record did not come as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damage {
    number: u32,
    what: &'static str,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {} is damaged: {}", self.number, self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Vec<Record<FromGuest>>, Vec<Vec<u8>>) {
        let records = vec![
            Record::Message(FromGuest::Ready { release: "6.1".into() }),
            Record::Bytes(Stream::Stderr, b"VM\0\xff".to_vec()),
            Record::Message(FromGuest::Exited { status: Status::Signaled(9) }),
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
    fn records_come_back_whatever_the_pieces() {
        let (records, bytes) = sample();
        assert_eq!(decode(&bytes.concat()).unwrap(), records);
    }

    #[test]
    fn a_lost_a_repeated_and_a_swapped_record_are_seen() {
        let (_, bytes) = sample();
        for order in [vec![0, 2, 3], vec![0, 0, 1], vec![1, 0]] {
            let bytes: Vec<u8> = order.into_iter().flat_map(|i: usize| bytes[i].clone()).collect();
            assert!(decode(&bytes).unwrap_err().to_string().contains("another one"));
        }
    }

    #[test]
    fn every_flipped_bit_is_seen_or_leaves_the_record_incomplete() {
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
