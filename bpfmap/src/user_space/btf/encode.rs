//! Encodes layouts as a BTF blob, for maps that are created without an object.

use super::{HEADER_LEN, MAGIC, VERSION, encoding, kind};
use bpfmap_core::{IntEncoding, MemberDesc, TypeDesc};
use std::collections::HashMap;

/// The types and strings that have been written so far.
///
/// Except for tags, the encoder writes only kinds that Linux 5.10 reads.
pub(crate) struct Encoder<'a> {
    types: Vec<u8>,
    strings: Vec<u8>,
    last_id: u32,
    /// The ids of the types that have been written. The key is the address of a type's layout.
    ids: HashMap<*const TypeDesc<'a>, u32>,
    /// The type of array indices.
    index_type: Option<u32>,
    /// Whether type tags and declaration tags are written.
    tags: Tags,
}

/// How to encode the tags that mark kptrs and the kernel's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tags {
    /// Tags are written, which needs Linux 5.17.
    Written,
    /// Tags are left out. An older kernel treats these fields as plain data.
    LeftOut,
}

impl<'a> Encoder<'a> {
    pub(crate) fn new(tags: Tags) -> Self {
        // String 0 is the empty one.
        Self {
            types: Vec::new(),
            strings: vec![0],
            last_id: 0,
            ids: HashMap::new(),
            index_type: None,
            tags,
        }
    }

    /// Adds a type and all types that it needs, and returns its id. The id of `void` is 0.
    pub(crate) fn add(&mut self, layout: &'a TypeDesc<'a>) -> u32 {
        if let Some(&id) = self.ids.get(&core::ptr::from_ref(layout)) {
            return id;
        }
        let id = match *layout {
            TypeDesc::Void | TypeDesc::SetByLoader => return 0,
            TypeDesc::Int { name, size, encoding } => self.int(name, size, encoding),
            TypeDesc::Typedef { name, target } => {
                let target = self.add(target);
                self.open(name, kind::TYPEDEF, 0, false, target)
            }
            // An enum of 8 bytes needs a BTF kind that Linux 6.0 introduced.
            TypeDesc::Enum { name, size: 8, signed, .. } => {
                let encoding = if signed { IntEncoding::Signed } else { IntEncoding::Unsigned };
                self.int(name, 8, encoding)
            }
            TypeDesc::Enum { name, size, variants, .. } => {
                let id = self.open(name, kind::ENUM, variants.len(), false, size);
                for &(name, value) in variants {
                    let name = self.string(name);
                    self.word(name);
                    self.types.extend_from_slice(&value.to_ne_bytes()[low_half()]);
                }
                id
            }
            TypeDesc::Array { element, len } => {
                let element = self.add(element);
                self.array(element, len)
            }
            TypeDesc::Struct { name, size, members } => {
                self.composite(kind::STRUCT, name, size, members)
            }
            TypeDesc::Union { name, size, members } => {
                self.composite(kind::UNION, name, size, members)
            }
            TypeDesc::Pointer { target } => {
                let target = self.add(target);
                self.open("", kind::PTR, 0, false, target)
            }
            TypeDesc::Tagged { tag, target } => {
                let target = self.add(target);
                match self.tags {
                    Tags::Written => self.open(tag, kind::TYPE_TAG, 0, false, target),
                    Tags::LeftOut => target,
                }
            }
            TypeDesc::Root { root: layout, .. } | TypeDesc::Evolved { ty: layout, .. } => {
                self.add(layout)
            }
            TypeDesc::Opaque { size } => {
                let byte = self.add(TypeDesc::U8);
                self.array(byte, size)
            }
        };
        self.ids.insert(core::ptr::from_ref(layout), id);
        id
    }

    /// Returns the blob.
    pub(crate) fn finish(self) -> Vec<u8> {
        let mut blob =
            Vec::with_capacity(HEADER_LEN as usize + self.types.len() + self.strings.len());
        blob.extend_from_slice(&MAGIC.to_ne_bytes());
        blob.extend_from_slice(&[VERSION, 0]);
        let (types, strings) = (length(&self.types), length(&self.strings));
        for word in [HEADER_LEN, 0, types, types, strings] {
            blob.extend_from_slice(&word.to_ne_bytes());
        }
        blob.extend_from_slice(&self.types);
        blob.extend_from_slice(&self.strings);
        blob
    }

    fn int(&mut self, name: &str, size: u32, meaning: IntEncoding) -> u32 {
        let id = self.open(name, kind::INT, 0, false, size);
        let meaning = match meaning {
            IntEncoding::Unsigned => 0,
            IntEncoding::Signed => encoding::SIGNED,
            IntEncoding::Char => encoding::CHAR,
            IntEncoding::Bool => encoding::BOOL,
        };
        self.word(meaning << 24 | (size * 8) & 0xff);
        id
    }

    fn array(&mut self, element: u32, len: u32) -> u32 {
        let index = match self.index_type {
            Some(id) => id,
            // Clang uses the same name.
            None => self.int("__ARRAY_SIZE_TYPE__", 4, IntEncoding::Unsigned),
        };
        self.index_type = Some(index);
        let id = self.open("", kind::ARRAY, 0, false, 0);
        for word in [element, index, len] {
            self.word(word);
        }
        id
    }

    fn composite(
        &mut self,
        kind: u32,
        name: &str,
        size: u32,
        members: &'a [MemberDesc<'a>],
    ) -> u32 {
        // Adding the types of the members first changes the numbers of strings and types.
        let ids: Vec<u32> = members.iter().map(|member| self.add(member.ty)).collect();
        let bit_fields = members.iter().any(|member| member.bits != 0);
        let id = self.open(name, kind, members.len(), bit_fields, size);
        for (member, type_id) in members.iter().zip(ids) {
            let name = self.string(member.name);
            let bits = if bit_fields { member.bits << 24 } else { 0 };
            for word in [name, type_id, bits | member.bit_offset] {
                self.word(word);
            }
        }
        if self.tags == Tags::Written {
            self.roots(id, members);
        }
        id
    }

    /// Writes a declaration tag for each member of a struct that is the root of a list or a tree.
    fn roots(&mut self, parent: u32, members: &'a [MemberDesc<'a>]) {
        for (member, index) in members.iter().zip(0_u32..) {
            let TypeDesc::Root { node, member: name, .. } = *member.ty.current() else {
                continue;
            };
            let TypeDesc::Struct { name: holder, .. } = *node else { continue };
            self.add(node);
            let tag = format!("contains:{holder}:{name}");
            self.open(&tag, kind::DECL_TAG, 0, false, parent);
            self.word(index);
        }
    }

    /// Writes the header of a type and returns the id of the type.
    fn open(&mut self, name: &str, kind: u32, count: usize, flag: bool, size_or_type: u32) -> u32 {
        let name = self.string(name);
        let count = u32::try_from(count).unwrap_or(u32::MAX) & 0xffff;
        for word in [name, u32::from(flag) << 31 | kind << 24 | count, size_or_type] {
            self.word(word);
        }
        self.last_id += 1;
        self.last_id
    }

    fn word(&mut self, word: u32) {
        self.types.extend_from_slice(&word.to_ne_bytes());
    }

    fn string(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let offset = length(&self.strings);
        self.strings.extend_from_slice(text.as_bytes());
        self.strings.push(0);
        offset
    }
}

/// Returns the offset of the low 32 bits of a number among its 8 bytes.
fn low_half() -> core::ops::Range<usize> {
    if cfg!(target_endian = "little") { 0..4 } else { 4..8 }
}

fn length(bytes: &[u8]) -> u32 {
    // The kernel refuses blobs that are larger than 16 MiB.
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
