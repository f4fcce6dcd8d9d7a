//! The protocol that a build of this crate uses. Each program contains a description of its
//! protocol. A harness may find an init that was built from different sources, and the messages of
//! that init would look damaged.

use crate::elf;
use crate::error::{Error, ErrorKind, Result};
use std::path::Path;

/// The protocol of this build: the version of this crate, and a digest of the sources that define
/// the messages. Unlike a number, the digest changes without anybody having to remember it.
pub(crate) const PROTOCOL: [u8; VERSION.len() + 17] = {
    let mut text = [b' '; VERSION.len() + 17];
    let mut digest =
        fnv(include_bytes!("plan.rs"), fnv(include_bytes!("wire.rs"), 0xcbf2_9ce4_8422_2325));
    digest = fnv(include_bytes!("message.rs"), digest);
    digest = fnv(include_bytes!("seal.rs"), digest);
    let mut at = 0;
    while at < VERSION.len() {
        text[at] = VERSION[at];
        at += 1;
    }
    at = text.len();
    while at > VERSION.len() + 1 {
        at -= 1;
        text[at] = b"0123456789abcdef"[(digest % 16) as usize];
        digest /= 16;
    }
    text
};

const VERSION: &[u8] = env!("CARGO_PKG_VERSION").as_bytes();

/// The section of a program that describes the protocol that the program uses as init.
const SECTION: &str = ".vmtest.protocol";

#[used]
#[unsafe(link_section = ".vmtest.protocol")]
static SPOKEN: [u8; PROTOCOL.len()] = PROTOCOL;

/// Keeps the protocol in this program. The linker would drop it if nothing referred to it.
pub(crate) fn keep() {
    std::hint::black_box(&SPOKEN);
}

/// Checks that a program uses the same protocol as this build. Fails if the program contains no
/// description of its protocol.
pub(crate) fn check(program: &Path) -> Result<()> {
    let spoken = elf::section(program, SECTION)?;
    if spoken.as_deref() == Some(&PROTOCOL) {
        return Ok(());
    }
    let text = |protocol: &[u8]| String::from_utf8_lossy(protocol).into_owned();
    let speaks = spoken.map_or_else(
        || "does not say which protocol it uses".to_owned(),
        |spoken| format!("uses the protocol {}", text(&spoken)),
    );
    let this = std::env::current_exe().unwrap_or_default();
    let message = format!(
        "{} {speaks}, and {} uses the protocol {}",
        program.display(),
        this.display(),
        text(&PROTOCOL)
    );
    Err(Error::new(ErrorKind::InitMismatch, message).help(
        "build both from the same sources (cargo build --package bpfmap-vmtest), and put the new \
         bpfmap-vmtest into the directory of the program that needs it, or first on the PATH",
    ))
}

/// Continues a digest with some bytes. The algorithm is FNV-1a, which can be computed in a constant
/// expression.
const fn fnv(bytes: &[u8], mut digest: u64) -> u64 {
    let mut at = 0;
    while at < bytes.len() {
        digest = (digest ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_its_definition() {
        // From the published test vectors of FNV-1a.
        assert_eq!(fnv(b"foobar", 0xcbf2_9ce4_8422_2325), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_program_without_a_protocol_is_refused() {
        let error = check(Path::new("/bin/true")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InitMismatch);
        assert!(error.to_string().contains("/bin/true does not say which protocol"), "{error}");
    }
}
