//! Versions, in the formats of kernels and programs.

/// Returns the first two numbers of a version, such as 6.12 for `6.12.117+deb13-cloud-amd64`.
pub(crate) fn parse(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_begins_with_two_numbers() {
        assert_eq!(parse("6.12.117+deb13-cloud-amd64"), Some((6, 12)));
        assert_eq!(parse("7.0-rc1"), Some((7, 0)));
        assert_eq!(parse("7.2.22 (Debian 1:7.2+dfsg)"), Some((7, 2)));
        assert_eq!(parse("11.0.0-rc1"), Some((11, 0)));
        for text in ["", "6", "mine", "v6.1", "99999999999.1"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
