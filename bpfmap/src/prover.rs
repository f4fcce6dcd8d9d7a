//! The proof that a type is plain data; not for use by hand.
//!
//! The macros that implement [`Plain`] make a value of the type, and ask a [`Prover`] for the value of each field. So the
//! compiler says what the fields are, and not the source, which may call other things by the same names: a field that the
//! macro does not know, or one of another type than it thinks, does not compile.
//!
//! All methods are called on a `&mut Prover`, for which no trait can bring other methods of the same names.

use crate::plain::{Plain, zeroed};
use crate::proof::InC;

/// Counts the bytes of the fields of a type, and goes through them as a C compiler does.
#[derive(Debug)]
pub struct Prover {
    /// The bytes of the fields that were asked for.
    bytes: usize,
    pub(crate) in_c: InC,
}

impl Prover {
    pub(crate) const fn new() -> Self {
        Self { bytes: 0, in_c: InC::new(false) }
    }

    /// Returns the value of a field that is plain data of type `T`.
    #[must_use]
    pub const fn field<T: Plain>(&mut self) -> T {
        self.bytes += size_of::<T>();
        zeroed()
    }

    /// Fails to compile when the fields of the struct `T`, which were all asked for, leave room for padding.
    ///
    /// # Panics
    /// As said, at compile time.
    #[track_caller]
    pub const fn no_padding<T: Plain>(&mut self) {
        assert!(
            self.bytes == size_of::<T>(),
            "there is padding between or after the members: name it as a member"
        );
    }

    /// Fails to compile: an error in the same place was reported, and what is written there is no type of both sides.
    ///
    /// # Panics
    /// At compile time.
    #[track_caller]
    pub const fn refused(self) {
        panic!("this type is refused");
    }
}

/// Fails to compile when `T` isn't laid out as `expected`: size, alignment, offset of each member; empty: however it is.
///
/// # Panics
/// As said, at compile time.
#[track_caller]
pub const fn laid_out<T: Plain>(offsets: &[usize], expected: &[usize]) {
    if let [size, align, schema @ ..] = expected {
        assert!(*size == size_of::<T>(), "the size is not the schema's");
        assert!(*align == align_of::<T>(), "the alignment is not the schema's");
        assert!(schema.len() == offsets.len(), "there is not one offset for each member");
        let mut index = 0;
        while index < offsets.len() {
            assert!(
                offsets[index] == schema[index],
                "a member is not at the offset that the schema gives it"
            );
            index += 1;
        }
    }
}
