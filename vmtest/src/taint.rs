//! The kernel's taint: bits that the kernel sets permanently after certain events
//! (`Documentation/admin-guide/tainted-kernels.rst`).

/// The letter of each bit, by its number.
const LETTERS: &str = "PFSRMBUDAWCIOELKXTNJ";

/// The bits which mean that something went wrong, with descriptions. The other bits mean that a
/// module came from a different source, or that a user requested something.
const FAULTS: [(u32, &str); 5] = [
    (4, "the processor reported a machine check"),
    (5, "a page was released in a bad state"),
    (7, "the kernel hit an oops or a BUG"),
    (9, "the kernel printed a warning"),
    (14, "a processor was stuck in the kernel"),
];

/// Describes what went wrong according to these bits. Returns `None` if nothing went wrong.
pub(crate) fn faults(bits: u64) -> Option<String> {
    let faults: Vec<&str> =
        FAULTS.iter().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, what)| *what).collect();
    (!faults.is_empty()).then(|| format!("{} (taint {})", faults.join(", "), letters(bits)))
}

/// Returns the letters of the bits, in the kernel's order. A bit without a known letter is shown as
/// a number.
pub(crate) fn letters(bits: u64) -> String {
    let set = (0..u64::BITS).filter(|bit| bits >> bit & 1 == 1);
    let letter = |bit: u32| {
        let letter = LETTERS.chars().nth(bit as usize);
        letter.map_or_else(|| format!("({bit})"), String::from)
    };
    set.map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_have_the_kernels_letters() {
        assert_eq!(letters(0), "");
        assert_eq!(letters(1 << 9), "W");
        assert_eq!(letters(1 << 12 | 1 << 13 | 1 << 63), "OE(63)");
    }

    #[test]
    fn only_bits_of_faults_are_faults() {
        assert_eq!(faults(1 << 0 | 1 << 6 | 1 << 12 | 1 << 13), None);
        assert_eq!(faults(1 << 9 | 1 << 12).unwrap(), "the kernel printed a warning (taint WO)");
        for bit in [4, 5, 7, 14] {
            assert!(faults(1 << bit).is_some());
        }
    }
}
