//! Proves that a type is plain data. Don't use these items in handwritten code.
//!
//! The macros that implement [`Plain`] construct a value of the type, and request the value of each
//! field from a [`Prover`]. So the compiler determines the actual types of the fields. The macros
//! can't rely on the source text, because a name in it may refer to a different type than expected.
//! A field that the macro does not know or that does not have the expected type does not compile.
//!
//! The macros call all methods on a `&mut Prover`, so that no trait can add other methods with the
//! same names.

use crate::plain::{Plain, zeroed};
use crate::proof::InC;

/// Counts the bytes of a type's fields, and computes their C layout.
#[derive(Debug)]
pub struct Prover {
    /// The number of bytes of the requested fields.
    bytes: usize,
    pub(crate) in_c: InC,
}

impl Prover {
    pub(crate) const fn new() -> Self {
        Self { bytes: 0, in_c: InC::new(false) }
    }

    /// Returns the value of a field of the plain type `T`.
    #[must_use]
    pub const fn field<T: Plain>(&mut self) -> T {
        self.bytes += size_of::<T>();
        zeroed()
    }

    /// Checks at compile time that the struct `T` has no padding. All fields must have been
    /// requested before.
    ///
    /// # Panics
    /// Panics at compile time if the check fails.
    #[track_caller]
    pub const fn no_padding<T: Plain>(&mut self) {
        assert!(
            self.bytes == size_of::<T>(),
            "there is padding between or after the members: add a member for the padding"
        );
    }

    /// Fails to compile. The derive calls this function for a type for which it has already
    /// reported an error at the same position.
    ///
    /// # Panics
    /// Panics at compile time.
    #[track_caller]
    pub const fn refused(self) {
        panic!("this type is refused");
    }
}

/// Checks at compile time that `T` has the layout `expected`: the size, the alignment and the
/// offset of each member. Accepts any layout if `expected` is empty.
///
/// # Panics
/// Panics at compile time if the check fails.
#[track_caller]
pub const fn laid_out<T: Plain>(offsets: &[usize], expected: &[usize]) {
    if let [size, align, schema @ ..] = expected {
        assert!(*size == size_of::<T>(), "the size differs from the schema");
        assert!(*align == align_of::<T>(), "the alignment differs from the schema");
        assert!(
            schema.len() == offsets.len(),
            "the number of offsets differs from the number of members"
        );
        let mut index = 0;
        while index < offsets.len() {
            assert!(
                offsets[index] == schema[index],
                "the offset of a member differs from the schema"
            );
            index += 1;
        }
    }
}
