//! Documentation that stands in an attribute alone comes out with the methods and constants: none of the code in it is a
//! test of the crate.

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Documented {
    #[bpf(bits(
        /// The first:
        ///
        /// ```
        /// no Rust
        /// ```
        first: u8 = 4,
        /// - a list
        ///
        ///       with code
        second: u8 = 4,
    ))]
    bits0: [u8; 1],
    r#type: u8,
}

#[derive(Clone, Copy, BpfType)]
#[repr(transparent)]
#[bpf_type(variants(
    /// Not at once:
    ///
    ///     sleep()
    low = 1,
    low_too = 1,
))]
struct Level(u8);
