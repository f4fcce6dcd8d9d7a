//! Types and maps that a schema in TOML may have as well.

use bpfmap::{Be16, Be32, Bool, BpfMap, BpfType, CharArray, Enum, Padded};

bpfmap::schema!(name = "accepted");

/// Nothing but members without names.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
pub(crate) struct Either {
    #[bpf(anonymous)]
    pub(crate) anon0: EitherAnon0,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(in_place)]
pub(crate) union EitherAnon0 {
    #[bpf(anonymous)]
    pub(crate) anon0: EitherAnon0Anon0,
    pub(crate) whole: u32,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(in_place)]
pub(crate) struct EitherAnon0Anon0 {
    pub(crate) low: u16,
    pub(crate) high: Be16,
}

/// The kernel's own header of such keys.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(kernel)]
pub(crate) struct BpfLpmTrieKey {
    pub(crate) prefixlen: u32,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
pub(crate) struct Route {
    pub(crate) trie: BpfLpmTrieKey,
    pub(crate) address: Be32,
}

#[derive(BpfMap)]
#[bpf_map(lpm_trie, max_entries = 1 << 4, flags(no_prealloc))]
pub(crate) struct Routes {
    key: Route,
    value: Either,
}

/// What newer kernels have there.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
pub(crate) struct InPlace {
    #[bpf(anonymous)]
    pub(crate) anon0: InPlaceAnon0,
    pub(crate) address: [u8; ADDRESS],
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(in_place)]
pub(crate) union InPlaceAnon0 {
    pub(crate) hdr: BpfLpmTrieKey,
    #[bpf(renamed_from = "len")]
    pub(crate) prefixlen: u32,
}

const ADDRESS: usize = 8;

#[derive(BpfMap)]
#[bpf_map(lpm_trie, max_entries = 16, flags(no_prealloc))]
pub(crate) struct Other {
    key: InPlace,
    value: [u8; ADDRESS],
}

/// A former name says nothing of what it is.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
pub(crate) struct Renamed {
    #[bpf(renamed_from = "length")]
    pub(crate) prefix_len: u32,
    pub(crate) data: [u8; 4],
}

#[derive(BpfMap)]
#[bpf_map(lpm_trie, max_entries = 16, flags(no_prealloc))]
pub(crate) struct Former {
    key: Renamed,
    value: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, BpfType)]
#[repr(u8)]
pub(crate) enum Small {
    Zero,
    Last = 7,
}

/// Each number is an expression.
#[derive(Clone, Copy, Debug, PartialEq, BpfType)]
#[repr(u32)]
pub(crate) enum Flag {
    Seen = 1 << 0,
    Late = 1 << LATE,
    Next,
    All = !0,
}

#[derive(Clone, Copy, Debug, PartialEq, BpfType)]
#[repr(i64)]
pub(crate) enum Sign {
    Below = -LATE,
    Least = i64::MIN,
}

pub(crate) const LATE: i64 = 4;

#[derive(Clone, Copy, Debug, PartialEq, BpfType)]
#[repr(transparent)]
#[bpf_type(variants(one = 1 << 0, late = 1 << LATE, below = -1, same = -1))]
pub(crate) struct Level(pub(crate) i16);

/// Another name, which has more to say than a `type` of Rust.
#[derive(Clone, Copy, Debug, PartialEq, BpfType)]
#[repr(transparent)]
#[bpf_type(tag = "unit")]
pub(crate) struct Wrapped(pub(crate) u32);

#[derive(Clone, Copy, BpfType)]
#[repr(transparent)]
#[bpf_type(tag = "text")]
pub(crate) struct Label(pub(crate) [u8; 4]);

pub(crate) type Truth = Bool;

pub(crate) const WIDTH: u32 = 3;

/// Bit-fields of what is declared elsewhere.
#[derive(Clone, Copy, BpfType)]
#[repr(C, align(4))]
pub(crate) struct Bits {
    pub(crate) label: Label,
    #[bpf(bits(a: Enum<Small> = 6, b: Enum<Small> = WIDTH, c: u16 = 9, d: Enum<Flag> = 28, e: bool = 1))]
    pub(crate) bits0: [u8; 8],
    pub(crate) tail: Enum<Small>,
    #[bpf(bits(f: Truth = 1, _: u8 = 2, g: Wrapped = 13, h: Level = 7))]
    pub(crate) bits1: [u8; 3],
}

/// As one without padding.
#[derive(Clone, Copy, BpfType)]
#[repr(C, packed)]
pub(crate) struct Packed {
    #[bpf(bits(a: Enum<Small> = 6, b: Enum<Small> = 6, c: u32 = 30))]
    pub(crate) bits0: [u8; 6],
}

#[derive(Clone, Copy, BpfType)]
#[repr(C, align(4))]
pub(crate) union Overlay {
    #[bpf(bits(small: Enum<Small> = 2))]
    pub(crate) bits0: [u8; 4],
    pub(crate) whole: u32,
}

/// Wider than it would be, by a constant.
#[derive(Clone, Copy, BpfType)]
#[repr(C, align(16))]
#[bpf_type(align = WIDE)]
pub(crate) struct Wide {
    pub(crate) bits: Bits,
    pub(crate) packed: Packed,
    #[bpf(default = NOTHING)]
    pub(crate) before: u8,
    pub(crate) rest: u8,
    _pad0: [u8; 8],
}

pub(crate) const WIDE: u32 = 16;
const NOTHING: u8 = 0;
const PIN: u32 = 1;
const SIZE: u32 = 8;
const BUFFER: u32 = 5000;

const TEXT: usize = 4;

/// Text in each place that it may have.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
pub(crate) struct Texts {
    pub(crate) exact: CharArray<TEXT>,
    pub(crate) computed: CharArray<{ TEXT * 2 + 1 }>,
    pub(crate) many: [CharArray<3>; 2],
    pub(crate) named: Name,
    pub(crate) last: TextOrNumber,
    pub(crate) tight: Tight,
}

#[derive(Clone, Copy, BpfType)]
#[repr(transparent)]
pub(crate) struct Name(pub(crate) CharArray<5>);

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
pub(crate) union TextOrNumber {
    pub(crate) text: Padded<CharArray<3>, 5>,
    pub(crate) number: u64,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C, packed)]
pub(crate) struct Tight {
    pub(crate) number: u32,
    pub(crate) text: CharArray<4>,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 8)]
pub(crate) struct ByName {
    key: CharArray<TEXT>,
    value: Texts,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 8, key_size = SIZE, value_size = 8, pinning = PIN)]
pub(crate) struct Sized;

#[derive(BpfMap)]
#[bpf_map(array, max_entries = WIDE)]
pub(crate) struct All {
    value: Wide,
}

#[derive(BpfMap)]
#[bpf_map(percpu_array, max_entries = 1)]
pub(crate) struct More {
    value: Overlay,
}

/// As large as the kernel makes it.
#[derive(BpfMap)]
#[bpf_map(ringbuf, max_entries = BUFFER)]
pub(crate) struct Events {
    event: Largest,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
pub(crate) struct Largest {
    pub(crate) bytes: [u8; 8184],
}

/// The same of a number that is known.
#[derive(BpfMap)]
#[bpf_map(ringbuf, max_entries = 5000)]
pub(crate) struct MoreEvents {
    event: Largest,
}
