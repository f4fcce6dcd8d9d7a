//! Estimates the memory that is needed to read a file, so that an untrusted file can't use too much memory.
//!
//! A character of TOML syntax can need several hundred times the memory of its text. An element of a list that becomes
//! a member or a diagnostic can need a thousand times as much. The factors were measured, and `tests/memory.rs`
//! compares them with the real use of memory.

/// The memory limit for reading one file, in bytes.
const OF_A_FILE: u64 = 56 << 20;

/// Returns whether reading `text` could exceed the memory limit.
pub(super) fn is_too_much(text: &str) -> bool {
    let mut bytes = 0;
    let mut before = b'\n';
    for byte in text.bytes() {
        bytes += match byte {
            // The header of a type or a map.
            b'[' if before == b'\n' => 2400,
            b'[' => 420,
            b'{' => 1500,
            b'=' => 760,
            b',' => 260,
            b'.' => 170,
            b']' | b'}' | b'\'' | b'"' | b'#' | b'\n' => 56,
            _ => 0,
        };
        before = byte;
    }
    bytes > OF_A_FILE
}
