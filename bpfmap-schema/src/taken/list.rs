//! The list of reserved names, and the search in it.
//!
//! Each line contains a name and its uses. The names are sorted by their bytes. They form blocks of [`BLOCK`] names,
//! separated by empty lines. The first name of a block is complete. Each of the other names begins with a letter, which
//! is the number of bytes that the name has in common with the previous name: `A` means 0, `a` means 26. A lookup is a
//! binary search for the block in the text, so a lookup does not have to build a data structure.
//!
//! A use by the kernel is the letter of its [kind](super::NameKind). If only some kernels have the name, two letters
//! follow, for the first and the last kernel that have the name. `A` is the first kernel in the header of the list. If
//! a type has the same size in all kernels, the size in bytes follows. A use by another origin begins with the digit of
//! the [origin](super::Origin). It ends in `+` if only newer releases have the name, and in `-` if only older releases
//! have the name.

use super::{NameKind, Origin, Releases, Use};

/// The number of names in a block.
const BLOCK: usize = 16;

/// The kernels of the list, in ascending order of versions.
pub const KERNELS: [&str; 11] =
    ["5.10", "6.1", "6.12", "6.16", "6.17", "6.18", "6.19", "7.0", "7.1", "7.2", "7.3"];

/// The list of reserved names in this repository.
pub static LIST: List<'static> = List::new(include_str!("names.txt"));

/// A list of reserved names.
#[derive(Debug, Clone, Copy)]
pub struct List<'a> {
    text: &'a str,
}

impl<'a> List<'a> {
    /// Creates a list from its text.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self { text }
    }

    /// Returns the text of the list.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// Returns the uses of `name`. The result is empty if the name is not reserved.
    #[must_use]
    pub fn find(&self, name: &str) -> Vec<Use> {
        let text = self.text.as_bytes();
        // The block is between `low` and `high`. Each of these offsets is the beginning of a block or the end of the
        // text.
        let (mut low, mut high) = (block_after(text, 0), text.len());
        if low >= high {
            return vec![];
        }
        loop {
            let middle = block_after(text, low + (high - low) / 2);
            let middle = if middle < high { middle } else { block_after(text, low + 1) };
            if middle >= high {
                break;
            }
            if first_name(&text[middle..]) <= name.as_bytes() {
                low = middle;
            } else {
                high = middle;
            }
        }
        let mut before = vec![];
        for (at, line) in lines(&text[low..]).take_while(|line| !line.is_empty()).enumerate() {
            let Some(uses) = decode(line, at == 0, &mut before) else { continue };
            if before == name.as_bytes() {
                return uses.split(|byte| *byte == b' ').filter_map(parse_use).collect();
            }
        }
        vec![]
    }

    /// Returns an iterator over all names with their uses, in the order of the bytes of the names.
    pub fn entries(&self) -> impl Iterator<Item = (String, Vec<Use>)> {
        let text = self.text.as_bytes();
        let mut before = vec![];
        let mut is_first = true;
        lines(&text[block_after(text, 0).min(text.len())..]).filter_map(move |line| {
            if line.is_empty() {
                is_first = true;
                return None;
            }
            let uses = decode(line, std::mem::take(&mut is_first), &mut before)?;
            let uses = uses.split(|byte| *byte == b' ').filter_map(parse_use).collect();
            Some((String::from_utf8_lossy(&before).into_owned(), uses))
        })
    }
}

/// Returns the text of a list. The text consists of `header` and the names. Each line of `header` must begin with `#`,
/// and the names must be sorted by their bytes.
#[must_use]
pub fn encode<'n>(header: &str, entries: impl IntoIterator<Item = (&'n str, &'n [Use])>) -> String {
    let mut text = header.to_owned();
    let mut before = "";
    for (at, (name, uses)) in entries.into_iter().enumerate() {
        if at % BLOCK == 0 {
            text.push('\n');
            text.push_str(name);
        } else {
            let same = before.bytes().zip(name.bytes()).take_while(|(one, other)| one == other);
            let shared = same.count().min(MAX_SHARED);
            text.extend(shared_letter(shared));
            text.push_str(name.get(shared..).unwrap_or_default());
        }
        for taken in uses {
            text.push(' ');
            encode_use(&mut text, taken);
        }
        text.push('\n');
        before = name;
    }
    text
}

fn encode_use(text: &mut String, taken: &Use) {
    if taken.origin != Origin::Kernel {
        text.push_str(&taken.origin.digit().to_string());
    }
    text.push(taken.kind.letter());
    let letter = |at: u8| char::from(b'A' + at);
    if let Some((first, last)) = taken.kernels {
        if usize::from(last - first) + 1 != KERNELS.len() {
            text.extend([letter(first), letter(last)]);
        }
    }
    text.extend(taken.size.map(|size| size.to_string()));
    match taken.releases {
        Releases::All => {}
        Releases::Newer => text.push('+'),
        Releases::Older => text.push('-'),
    }
}

/// The maximum number of shared bytes that a letter can express.
const MAX_SHARED: usize = 51;

/// Returns the letter that stands for `shared`, a count of shared bytes.
fn shared_letter(shared: usize) -> Option<char> {
    let shared = u8::try_from(shared).ok()?;
    match shared {
        0..26 => Some(char::from(b'A' + shared)),
        26..52 => Some(char::from(b'a' + shared - 26)),
        _ => None,
    }
}

/// Returns the beginning of the first block whose preceding empty line is at or after `from`. Returns the end of the
/// text if there is no such block.
fn block_after(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while at + 1 < text.len() {
        if text[at] == b'\n' && text[at + 1] == b'\n' {
            return at + 2;
        }
        at += 1;
    }
    text.len()
}

fn first_name(block: &[u8]) -> &[u8] {
    let end = block.iter().position(|byte| *byte == b' ').unwrap_or(block.len());
    &block[..end]
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
}

/// Decodes one line and returns its uses. `before` contains the name in the previous line, and is replaced with the
/// name in this line.
fn decode<'t>(line: &'t [u8], is_first: bool, before: &mut Vec<u8>) -> Option<&'t [u8]> {
    let space = line.iter().position(|byte| *byte == b' ')?;
    let (name, uses) = (&line[..space], &line[space + 1..]);
    let name = if is_first {
        before.clear();
        name
    } else {
        let (letter, rest) = name.split_first()?;
        before.truncate(match letter {
            b'A'..=b'Z' => usize::from(letter - b'A'),
            b'a'..=b'z' => usize::from(letter - b'a') + 26,
            _ => return None,
        });
        rest
    };
    before.extend_from_slice(name);
    Some(uses)
}

/// Parses a use, such as `s`, `sBK`, `s20` or `3c+`.
fn parse_use(word: &[u8]) -> Option<Use> {
    let (&first, rest) = word.split_first()?;
    if first.is_ascii_digit() {
        let origin = *Origin::DIGITS.get(usize::from(first - b'0').checked_sub(1)?)?;
        let (&kind, rest) = rest.split_first()?;
        let releases = match rest {
            b"+" => Releases::Newer,
            b"-" => Releases::Older,
            _ => Releases::All,
        };
        return Some(Use { releases, ..Use::new(origin, NameKind::of(kind)?) });
    }
    let kind = NameKind::of(first)?;
    let all = (0, u8::try_from(KERNELS.len() - 1).ok()?);
    let (kernels, rest) = match rest {
        [first @ b'A'..=b'Z', last @ b'A'..=b'Z', rest @ ..] => ((first - b'A', last - b'A'), rest),
        rest => (all, rest),
    };
    let size = std::str::from_utf8(rest).ok().and_then(|size| size.parse().ok());
    Some(Use { kernels: Some(kernels), size, ..Use::new(Origin::Kernel, kind) })
}

#[cfg(test)]
mod tests {
    use super::{LIST, List, encode};

    const SMALL: &str = "# header\n\nab s\nCc t8\nDd sBC 3c+\n\nb 1w\n\nc s\nBa c\n";

    #[test]
    fn a_small_list_is_read_completely_and_by_name() {
        let list = List::new(SMALL);
        let names: Vec<String> = list.entries().map(|(name, _)| name).collect();
        assert_eq!(names, ["ab", "abc", "abcd", "b", "c", "ca"]);
        for (name, uses) in list.entries() {
            assert_eq!(list.find(&name), uses, "{name}");
            assert!(!uses.is_empty(), "{name}");
        }
        for free in ["", "a", "abb", "abd", "ba", "cb", "z"] {
            assert_eq!(list.find(free), [], "{free}");
        }
        assert_eq!(List::new("").find("a"), []);
        assert_eq!(List::new("# nothing\n").entries().count(), 0);
    }

    #[test]
    fn every_name_of_the_list_is_found() {
        let mut before = String::new();
        let mut count = 0;
        for (name, uses) in LIST.entries() {
            assert!(before < name, "{before} before {name}");
            assert_eq!(LIST.find(&name), uses, "{name}");
            assert!(!uses.is_empty(), "{name}");
            before = name;
            count += 1;
        }
        assert!(count > 30_000, "{count}");
    }

    #[test]
    fn the_list_is_written_in_the_same_form() {
        let entries: Vec<_> = LIST.entries().collect();
        let end = LIST.text().find("\n\n").unwrap() + 1;
        let entries = entries.iter().map(|(name, uses)| (name.as_str(), uses.as_slice()));
        let text = encode(&LIST.text()[..end], entries);
        assert!(text == LIST.text(), "the list is not in the form in which it would be written");
    }
}
