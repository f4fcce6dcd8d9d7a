//! Kernel versions.

use core::fmt;
use core::str::FromStr;

/// The version of a mainline Linux release, such as `5.10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KernelVersion {
    /// The major number, such as 5 in 5.10.
    pub major: u16,
    /// The minor number, such as 10 in 5.10.
    pub minor: u16,
}

impl KernelVersion {
    /// Creates the version `major.minor`.
    #[must_use]
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// Returns whether this release is newer than `other`. Unlike `>`, this method can be called in
    /// constants.
    #[must_use]
    pub const fn is_newer(self, other: Self) -> bool {
        self.major > other.major || self.major == other.major && self.minor > other.minor
    }

    /// Returns the newer of two releases. Unlike `max`, this method can be called in constants.
    #[must_use]
    pub const fn newest(self, other: Self) -> Self {
        if other.is_newer(self) { other } else { self }
    }
}

/// The kernel versions of the test matrix. The facts were measured on these kernels.
pub const MATRIX: &[KernelVersion] = &[
    KernelVersion::new(5, 10),
    KernelVersion::new(6, 1),
    KernelVersion::new(6, 12),
    KernelVersion::new(6, 16),
    KernelVersion::new(6, 17),
    KernelVersion::new(6, 18),
    KernelVersion::new(6, 19),
    KernelVersion::new(7, 0),
    KernelVersion::new(7, 1),
    KernelVersion::new(7, 2),
    KernelVersion::new(7, 3),
];

impl fmt::Display for KernelVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

/// The error for a text that is not a kernel version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseKernelVersionError;

impl fmt::Display for ParseKernelVersionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("expected a kernel version such as \"5.10\"")
    }
}

impl core::error::Error for ParseKernelVersionError {}

impl FromStr for KernelVersion {
    type Err = ParseKernelVersionError;

    /// Parses a text such as `5.10`. Fails if the text does not consist of two numbers with a dot between them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (major, minor) = text.split_once('.').ok_or(ParseKernelVersionError)?;
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            if plain {
                digits.parse().map_err(|_| ParseKernelVersionError)
            } else {
                Err(ParseKernelVersionError)
            }
        };
        Ok(Self { major: number(major)?, minor: number(minor)? })
    }
}
