//! How much memory reading takes, so that no file takes more than there should be.
//!
//! A sign of TOML takes some hundred times the memory of its text, and an entry of a list, once it is a
//! member or a finding, a thousand times. The sizes were measured: `tests/memory.rs` holds them up to
//! what reading really takes.

/// What reading one file may take, in bytes.
const OF_A_FILE: u64 = 56 << 20;

/// Returns whether reading `text` takes more than there is room for.
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
