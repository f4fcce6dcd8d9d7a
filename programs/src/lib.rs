//! The object file of the tests.

/// The object file, if the tools that build it are there.
static OBJECT: Option<&[u8]> = include!(concat!(env!("OUT_DIR"), "/object.rs"));

/// Returns the object file.
///
/// # Errors
///
/// Fails if it was not built.
pub fn object() -> Result<&'static [u8], &'static str> {
    OBJECT.ok_or("the programs were not built: run `cargo xtask ebpf`, and build again")
}
