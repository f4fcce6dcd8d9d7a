//! The names of built-in types in schemas, and the corresponding types of C, the kernel and Rust.

use crate::ir::{Int, Type};
use bpfmap_core::SpecialField;

/// Returns the built-in type with the name `word`, or `None` if there is no such type.
#[must_use]
pub fn builtin(word: &str) -> Option<Type> {
    let special = || {
        let mut fields = SpecialField::ALL.iter().filter(|field| !field.has_target());
        fields.find(|field| field.name() == word).map(|field| Type::Special(*field, None))
    };
    BUILTIN.iter().find(|(known, _)| *known == word).map(|(_, ty)| ty.clone()).or_else(special)
}

/// Returns the special field with the name `word` if it needs a target, as in `kptr<task_struct>`. Returns `None` for
/// all other words.
#[must_use]
pub fn pointing(word: &str) -> Option<SpecialField> {
    let mut fields = SpecialField::ALL.iter().copied().filter(|field| field.has_target());
    fields.find(|field| field.name() == word)
}

/// Returns the names of all built-in types. For each of these names, [`builtin`] returns a type.
pub fn all() -> impl Iterator<Item = &'static str> {
    let special = SpecialField::ALL.iter().filter(|field| !field.has_target());
    BUILTIN.iter().map(|(word, _)| *word).chain(special.map(|field| field.name()))
}

const fn int(size: u32, signed: bool) -> Type {
    Type::Int(Int { size, signed })
}

static BUILTIN: &[(&str, Type)] = &[
    ("u8", int(1, false)),
    ("u16", int(2, false)),
    ("u32", int(4, false)),
    ("u64", int(8, false)),
    ("u128", int(16, false)),
    ("i8", int(1, true)),
    ("i16", int(2, true)),
    ("i32", int(4, true)),
    ("i64", int(8, true)),
    ("i128", int(16, true)),
    ("bool", Type::Bool),
    ("char", Type::Char),
    ("be16", Type::BigEndian(2)),
    ("be32", Type::BigEndian(4)),
    ("be64", Type::BigEndian(8)),
];

/// The types of the crate `bpfmap` that a member, key, value or event can have in Rust.
pub(crate) const RUNTIME: &[&str] = &[
    "Be16",
    "Be32",
    "Be64",
    "Bool",
    "CharArray",
    "Enum",
    "KernelPtr",
    "Kptr",
    "ListHead",
    "ListNode",
    "Padded",
    "RbNode",
    "RbRoot",
    "RefCount",
    "ResSpinLock",
    "SpinLock",
    "TaskWork",
    "Timer",
    "UserPtr",
    "WorkQueue",
];

/// Returns the built-in type that corresponds to a type name of C or of the kernel. For example, `__u32` corresponds to
/// `u32`.
#[must_use]
pub fn meant(word: &str) -> Option<Type> {
    let advised = || in_other_words(word)?.strip_prefix("write `")?.strip_suffix('`');
    let find = |word: &str| BUILTIN.iter().find(|(known, _)| *known == word);
    find(word).or_else(|| find(advised()?)).map(|(_, ty)| ty.clone())
}

/// Returns a help text for a type name of C, the kernel or Rust. The text suggests the
/// corresponding type of a schema. Returns `None` for an unknown name.
#[must_use]
pub fn in_other_words(word: &str) -> Option<&'static str> {
    Some(match word {
        "__u8" | "uint8_t" | "uint8" | "uint8t" | "u8_t" | "u_char" | "byte" => "write `u8`",
        "__u16" | "uint16_t" | "uint16" | "uint16t" | "u16_t" | "u_short" => "write `u16`",
        "__u32" | "uint32_t" | "uint32" | "uint32t" | "u32_t" | "unsigned" | "u_int" | "uint" => {
            "write `u32`"
        }
        "__u64" | "uint64_t" | "uint64" | "uint64t" | "u64_t" | "size_t" | "usize"
        | "uintptr_t" | "ulong" => "write `u64`",
        "__s8" | "int8_t" | "int8" | "int8t" | "s8" => "write `i8`",
        "__s16" | "int16_t" | "int16" | "int16t" | "s16" | "short" => "write `i16`",
        "__s32" | "int32_t" | "int32" | "int32t" | "s32" | "int" | "pid_t" => "write `i32`",
        "__s64" | "int64_t" | "int64" | "int64t" | "s64" | "long" | "ssize_t" | "isize" => {
            "write `i64`"
        }
        "__be16" => "write `be16`",
        "__be32" => "write `be32`",
        "__be64" => "write `be64`",
        "_Bool" => "write `bool`",
        "void" => "use `*void`: only a pointer can have the target `void`",
        "str" | "String" | "string" => "write `[char; N]`, where N is the maximum number of bytes",
        "float" | "double" | "f32" | "f64" => {
            "use an integer in a smaller unit: BPF programs do not support floating-point numbers"
        }
        "spin_lock" => "write `bpf_spin_lock`",
        "res_spin_lock" => "write `bpf_res_spin_lock`",
        "timer" => "write `bpf_timer`",
        "bpf_dynptr" => {
            "use an offset and a length: a dynptr can only be on the stack of a program"
        }
        "refcount_t" => "write `bpf_refcount`",
        "list_head" => "write `bpf_list_head<STRUCT.MEMBER>`",
        "rb_root" => "write `bpf_rb_root<STRUCT.MEMBER>`",
        "list_node" => "write `bpf_list_node`",
        "rb_node" => "write `bpf_rb_node`",
        "__kptr" | "__kptr_ref" => "write `kptr<STRUCT>`",
        "__kptr_untrusted" => "write `kptr_untrusted<STRUCT>`",
        "__percpu_kptr" => "write `percpu_kptr<STRUCT>`",
        "__uptr" => "write `uptr<STRUCT>`",
        _ => return None,
    })
}

/// Returns a help text for a type in C syntax. The text suggests the corresponding type of a
/// schema. For example, it is `u64` for `unsigned long`, and `[char; 16]` for `char[16]`.
#[must_use]
pub fn of_c(text: &str) -> Option<String> {
    let (element, lengths) = match text.split_once('[') {
        Some((element, lengths)) => (element.trim(), lengths.trim().strip_suffix(']')?),
        None => (text.trim(), ""),
    };
    let pointer = element.strip_suffix('*').map(str::trim_end);
    let element = pointer.unwrap_or(element);
    // A schema refers to a struct, a union or an enum only by its name.
    let keyword = element.split_once(char::is_whitespace);
    let tagged = keyword.filter(|(keyword, _)| matches!(*keyword, "struct" | "union" | "enum"));
    let element = tagged.map_or(element, |(_, tag)| tag.trim_start());
    let is_word = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let mut written = match of_words(element) {
        Some(integer) => integer.to_owned(),
        None if !element.is_empty() && is_word(element) => {
            let advised = || in_other_words(element)?.strip_prefix("write `")?.strip_suffix('`');
            advised().unwrap_or(element).to_owned()
        }
        None => return None,
    };
    if pointer.is_some() {
        written.insert(0, '*');
    }
    // In a C array type, the last length belongs to the innermost array.
    if text.contains('[') {
        for length in lengths.rsplit('[').map(|length| length.trim().trim_end_matches(']').trim()) {
            if length.is_empty() || !is_word(length) {
                return None;
            }
            written = format!("[{written}; {length}]");
        }
    }
    Some(format!("write `{written}`"))
}

/// Returns the type of a schema for a C integer type of several words, such as `unsigned long`. On the BPF target, a
/// `long` has 8 bytes.
fn of_words(text: &str) -> Option<&'static str> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let known = ["unsigned", "signed", "long", "short", "int", "char"];
    if words.len() < 2 || !words.iter().all(|word| known.contains(word)) {
        return None;
    }
    let names = if words.contains(&"char") {
        ["i8", "u8"]
    } else if words.contains(&"short") {
        ["i16", "u16"]
    } else if words.contains(&"long") {
        ["i64", "u64"]
    } else {
        ["i32", "u32"]
    };
    Some(names[usize::from(words.contains(&"unsigned"))])
}

#[cfg(test)]
mod tests {
    use super::{all, in_other_words, of_c};

    #[test]
    fn the_help_for_a_c_type_is_the_type_of_a_schema() {
        for (c, ours) in [
            ("unsigned long", "u64"),
            ("unsigned long long", "u64"),
            ("long int", "i64"),
            ("unsigned int", "u32"),
            ("signed char", "i8"),
            ("short unsigned int", "u16"),
            ("char[16]", "[char; 16]"),
            ("__u8 [4] [N]", "[[u8; N]; 4]"),
            ("unsigned char[6]", "[u8; 6]"),
            ("char *", "*char"),
            ("void *", "*void"),
            ("flow[2]", "[flow; 2]"),
            ("struct flow", "flow"),
            ("struct flow *", "*flow"),
            ("enum  verdict[4]", "[verdict; 4]"),
        ] {
            assert_eq!(of_c(c), Some(format!("write `{ours}`")), "{c}");
        }
        for other in ["char[]", "u8 x", "", "[u8, 4]", "a b[3]", "x[3", "struct a b"] {
            assert_eq!(of_c(other), None, "{other}");
        }
    }

    #[test]
    fn the_help_for_similar_names_of_integers_is_an_integer() {
        for (other, ours) in
            [("uint64", "u64"), ("uint32_t", "u32"), ("u16_t", "u16"), ("int8", "i8")]
        {
            assert_eq!(in_other_words(other), Some(format!("write `{ours}`").as_str()));
        }
    }

    #[test]
    fn there_is_no_help_for_valid_types_of_a_schema() {
        assert_eq!(all().find(|word| in_other_words(word).is_some()), None);
    }
}
