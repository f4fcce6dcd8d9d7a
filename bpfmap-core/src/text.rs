//! Short texts that are built at compile time.

use crate::KernelVersion;

/// A short text that is built at compile time, for the message of a `const` assertion. Its capacity is fixed, and text
/// that does not fit is left out.
#[derive(Clone, Copy)]
pub struct Text {
    bytes: [u8; Self::CAPACITY],
    len: usize,
}

impl Text {
    const CAPACITY: usize = 512;

    /// Returns an empty text.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; Self::CAPACITY], len: 0 }
    }

    /// Returns a text that begins with `text`.
    #[must_use]
    pub const fn of(text: &str) -> Self {
        Self::new().and(text)
    }

    /// Returns this text followed by `text`.
    #[must_use]
    pub const fn and(self, text: &str) -> Self {
        self.and_bytes(text.as_bytes())
    }

    const fn and_bytes(mut self, text: &[u8]) -> Self {
        // Text that does not fit is left out completely, because a part of a character would not be valid UTF-8.
        if self.len + text.len() > Self::CAPACITY {
            return self;
        }
        let mut index = 0;
        while index < text.len() {
            self.bytes[self.len] = text[index];
            self.len += 1;
            index += 1;
        }
        self
    }

    /// Returns this text followed by `number` in decimal digits.
    #[must_use]
    pub const fn number(self, number: u64) -> Self {
        self.digits(number, 10)
    }

    /// Returns this text followed by a kernel version, such as `5.10`.
    #[must_use]
    pub const fn release(self, kernel: KernelVersion) -> Self {
        self.number(kernel.major as u64).and(".").number(kernel.minor as u64)
    }

    /// Returns this text followed by `number` as `0x` and hexadecimal digits.
    #[must_use]
    pub const fn hex(self, number: u64) -> Self {
        self.and("0x").digits(number, 16)
    }

    const fn digits(self, number: u64, base: u64) -> Self {
        let rest = if number >= base { self.digits(number / base, base) } else { self };
        let (mut digit, mut digits) = b"0123456789abcdef".split_at(1);
        let mut at = number % base;
        while at > 0 {
            (digit, digits) = digits.split_at(1);
            at -= 1;
        }
        rest.and_bytes(digit)
    }

    /// Returns the text as a string slice.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        let (text, _) = self.bytes.split_at(self.len);
        match core::str::from_utf8(text) {
            Ok(text) => text,
            Err(_) => "",
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Display for Text {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl core::fmt::Debug for Text {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(self.as_str(), formatter)
    }
}

/// Returns whether two texts are equal. Unlike `==`, this function can be called in constants.
#[must_use]
pub const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn numbers_are_decimal_and_text_that_does_not_fit_is_left_out() {
        let text = Text::new().and("from ").number(0).and(" to ").number(u64::MAX);
        assert_eq!(text.as_str(), "from 0 to 18446744073709551615");
        assert_eq!(Text::new().hex(0x1234_0abc).as_str(), "0x12340abc");
        let long = text.and(std::str::from_utf8(&[b'x'; 600]).unwrap());
        assert_eq!(long.as_str(), text.as_str());
    }
}
