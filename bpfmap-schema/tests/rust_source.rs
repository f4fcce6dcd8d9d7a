//! Schemas in the source of a crate: modules, names and constants from all over it.

use std::fs;
use std::path::Path;

use bpfmap_schema::check::check;
use bpfmap_schema::diagnostics::{Style, render};
use bpfmap_schema::front::rust::{Cfg, read_file, read_file_with};
use bpfmap_schema::print;

/// Returns a package with these files; returns what the schema in `path` is in TOML, or what was
/// found.
fn read(files: &[(&str, &str)], path: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("Cargo.toml", "")].iter().chain(files) {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    read_in(folder.path(), path)
}

fn read_in(folder: &Path, path: &str) -> String {
    let draft = read_file(&folder.join(path));
    let schema = draft.schema.clone();
    let shown = match check(draft) {
        Ok(checked) => {
            let found = render(checked.warnings(), &checked.schema().sources, Style::Plain);
            found + &print::toml::print(&schema)
        }
        Err(rejected) => rejected.to_string(),
    };
    shown.replace(&format!("{}/", folder.display()), "")
}

const MAP: &str = "\
#[derive(BpfMap)]
#[bpf_map(array, max_entries = 4)]
struct Counters { value: Usage }
";

const USAGE: &str = "\
/// What was used.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
pub struct Usage { packets: u64 }
";

const EXPECTED: &str = "\
name = \"maps\"

[types.usage]
kind = \"struct\"
doc = \"What was used.\"
members = [
  { name = \"packets\", type = \"u64\" },
]

[maps.counters]
type = \"array\"
value = \"usage\"
max_entries = 4
";

#[test]
fn types_come_by_every_kind_of_path() {
    let maps = |start: &str| format!("{start}\n{MAP}");
    let wide = |path: &str| MAP.replace("value: Usage", &format!("value: {path}"));
    let cases: &[&[(&str, &str)]] = &[
        // A module below, in its folder and in brackets.
        &[
            ("src/lib.rs", "mod maps;"),
            ("src/maps.rs", &maps("mod net; use net::Usage;")),
            ("src/maps/net.rs", USAGE),
        ],
        &[("src/maps.rs", &maps("mod net; use net::Usage;")), ("src/maps/net/mod.rs", USAGE)],
        &[("src/maps.rs", &maps(&format!("use self::net::Usage; mod net {{ {USAGE} }}")))],
        // Beside it and above it.
        &[
            ("src/lib.rs", "mod maps; mod net;"),
            ("src/maps.rs", &maps("use crate::net::Usage;")),
            ("src/net.rs", USAGE),
        ],
        &[
            ("src/lib.rs", "mod maps; mod net;"),
            ("src/maps.rs", &maps("use super::net::*;")),
            ("src/net.rs", USAGE),
        ],
        &[
            ("src/main.rs", &format!("mod maps; {USAGE}")),
            ("src/maps.rs", &maps("use crate::Usage;")),
        ],
        &[("src/main.rs", &format!("mod maps; {USAGE}")), ("src/maps.rs", &wide("crate::Usage"))],
        // By another name, and by way of another module.
        &[
            ("src/lib.rs", "mod maps; pub mod net;"),
            ("src/maps.rs", &format!("use crate::net::Usage as Used; {}", wide("Used"))),
            ("src/net.rs", USAGE),
        ],
        &[
            (
                "src/lib.rs",
                &format!("mod maps; pub mod net {{ pub use inner::*; mod inner {{ {USAGE} }} }}"),
            ),
            ("src/maps.rs", &maps("use crate::{net::{Usage}, other};")),
        ],
        &[
            (
                "src/maps.rs",
                &maps("#[path = \"../shared/usage.rs\"] mod shared; use shared::Usage;"),
            ),
            ("shared/usage.rs", USAGE),
        ],
        // What is not there in programs is not read.
        &[(
            "src/maps.rs",
            &format!("{}{USAGE} #[cfg(test)] mod tests; #[cfg(test)] {MAP}", maps("")),
        )],
        &[(
            "src/maps.rs",
            &format!(
                "{MAP} {USAGE} fn main() {{ let x = |a| a; }} impl Usage {{}} macro_rules! m {{ ($a:expr) => {{}} }}"
            ),
        )],
    ];
    for files in cases {
        assert_eq!(read(files, "src/maps.rs"), EXPECTED, "{files:#?}");
    }
}

/// A map that another holds comes along, with what it needs in turn.
#[test]
fn maps_of_other_modules_come_along() {
    let files = [
        ("src/lib.rs", "mod maps; pub mod tenant; pub mod net;"),
        (
            "src/maps.rs",
            "use crate::tenant;
            #[derive(BpfMap)]
            #[bpf_map(hash_of_maps, max_entries = 8)]
            struct Tenants { key: u32, inner: tenant::Tenant }",
        ),
        (
            "src/tenant.rs",
            "#[derive(BpfMap)] #[bpf_map(array, max_entries = 4)]
            pub struct Tenant { value: super::net::Usage }
            #[derive(BpfMap)] #[bpf_map(array, max_entries = 4)]
            pub struct Other { value: u32 }",
        ),
        ("src/net.rs", USAGE),
    ];
    let text = read(&files, "src/maps.rs");
    let expected = "\
name = \"maps\"

[types.usage]
kind = \"struct\"
doc = \"What was used.\"
members = [
  { name = \"packets\", type = \"u64\" },
]

[maps.tenant]
type = \"array\"
value = \"usage\"
max_entries = 4

[maps.tenants]
type = \"hash_of_maps\"
key = \"u32\"
max_entries = 8
inner = \"tenant\"
";
    assert_eq!(text, expected);
}

/// What a Rust test names, and what belongs to the tests of another module.
#[test]
fn own_maps_are_known_by_their_paths() {
    let folder = tempfile::tempdir().unwrap();
    let text = "
        #[derive(BpfMap)] #[bpf_map(array_of_maps, max_entries = 1, name = \"all\")]
        pub struct Tenants { inner: net::r#type::Tenant }
        #[derive(BpfMap)] #[bpf_map(hash_of_maps, max_entries = 1)]
        pub struct ByName { key: u32, inner: Template }
        #[derive(BpfMap)] #[bpf_map(template, array, max_entries = 1)]
        pub struct Template { value: u32 }
        pub mod net { pub mod r#type {
            #[derive(BpfMap)] #[bpf_map(array, max_entries = 4)]
            pub struct Tenant { value: u32 }
        } }";
    let file = folder.path().join("maps.rs");
    fs::write(&file, text).unwrap();
    let mut specs: Vec<_> = read_file(&file).schema.specs.into_iter().collect();
    specs.sort();
    let expected = [("all", "Tenants"), ("by_name", "ByName"), ("tenant", "net::r#type::Tenant")];
    assert_eq!(specs, expected.map(|(map, path)| (map.to_owned(), path.to_owned())));
}

/// TOML has no table with a key twice; a list of Rust may.
#[test]
fn two_things_under_one_index_are_refused() {
    let text = "#[derive(BpfMap)] #[bpf_map(prog_array, max_entries = 8, values(6 = a, 0x6 = b))] struct Jumps;";
    let found = read(&[("src/maps.rs", text)], "src/maps.rs");
    assert!(found.starts_with("error[values-key]: there are two values for the key 6"), "{found}");
}

#[test]
fn an_enum_is_held_as_its_number() {
    let text = "
        #[derive(Clone, Copy, BpfType)] #[repr(u8)] enum Verdict { Pass, Drop }
        type Same = Verdict;
        type Number = Enum<Verdict>;
        #[derive(Clone, Copy, BpfType)] #[repr(transparent)] struct Wrapped(Enum<Verdict>);
        #[derive(Clone, Copy, BpfType)] #[repr(C)]
        struct Good { a: Enum<Verdict>, b: Enum<Same>, c: Number, d: Wrapped,
            #[bpf(bits(e: Enum<Verdict> = 2))] bits0: [u8; 1] }
        #[derive(Clone, Copy, BpfType)] #[repr(C)]
        struct Bad { a: Verdict, b: [Same; 2], c: Enum<Number>, d: Enum<Good>,
            #[bpf(bits(e: Verdict = 2))] bits0: [u8; 1] }
        #[derive(BpfMap)] #[bpf_map(hash, max_entries = 1)]
        struct Map { key: Verdict, value: Good }";
    let found = read(&[("src/maps.rs", &format!("use bpfmap::Enum;{text}"))], "src/maps.rs");
    let messages: Vec<&str> = found.lines().filter_map(|line| line.strip_prefix("error")).collect();
    let variants = "must be one of its variants, but the kernel can store any other number";
    assert_eq!(
        messages,
        [
            format!("[rust-type]: a `Verdict` {variants}"),
            format!("[rust-type]: a `Same` {variants}"),
            "[rust-type]: `Number` is not an enum".to_owned(),
            "[rust-type]: `Good` is not an enum".to_owned(),
            format!("[rust-type]: a `Verdict` {variants}"),
            format!("[rust-type]: a `Verdict` {variants}"),
        ],
        "{found}"
    );
    assert!(found.contains("write `bpfmap::Enum<Verdict>`"), "{found}");
}

#[test]
fn constants_are_computed() {
    let text = "
        use crate::limits::{self, PER_CPU, Usage};
        const ENTRIES: u32 = (PER_CPU << 2) + limits::EXTRA as u32 - size_of::<Usage>() as u32;
        type Label = [u8; limits::LABEL];
        #[derive(Clone, Copy, BpfType)]
        #[repr(u8)]
        enum Level { Low = limits::EXTRA, High }
        #[derive(Clone, Copy, BpfType)]
        #[repr(C)]
        struct Value {
            label: Label,
            rest: [u8; 2 * core::mem::size_of::<[Usage; 2]>() - Level::High as usize],
            level: Enum<Level>,
            last: [u8; !0xfffe_u16 as usize & u8::MAX as usize],
        }
        #[derive(BpfMap)]
        #[bpf_map(hash, max_entries = ENTRIES)]
        struct Counters { key: Label, value: Value }
    ";
    let limits = format!(
        "pub const PER_CPU: u32 = 16; pub const EXTRA: u8 = 5; pub const LABEL: usize = align_of::<Usage>(); {USAGE}"
    );
    let files = [
        ("src/lib.rs", "mod maps; mod limits;"),
        ("src/maps.rs", text),
        ("src/limits.rs", &limits),
    ];
    let read = read(&files, "src/maps.rs");
    for expected in [
        "max_entries = 61\n",
        "type = \"[u8; 8]\"",
        "{ name = \"rest\", type = \"[u8; 26]\" }",
        "variants = { low = 5, high = 6 }",
        "{ name = \"last\", type = \"[u8; 1]\" }",
    ] {
        assert!(read.contains(expected), "{expected} is not in\n{read}");
    }
}

#[test]
fn own_names_are_not_those_of_bpfmap() {
    let text = "
        use bpfmap::Be32 as Port;
        mod own {
            #[derive(Clone, Copy, bpfmap::BpfType)]
            #[repr(C)]
            pub struct Padded { at: u64 }
        }
        #[derive(bpfmap::BpfMap)]
        #[bpf_map(hash, max_entries = 1)]
        struct Timers { key: Port, value: own::Padded }
    ";
    let read = read(&[("src/maps.rs", text)], "src/maps.rs");
    assert!(read.contains("key = \"be32\"\nvalue = \"padded\"\n"), "{read}");
}

#[test]
fn a_schema_without_a_name_is_called_as_its_file_or_package() {
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("rate-limit/src/maps");
    fs::create_dir_all(&package).unwrap();
    for file in ["../lib.rs", "mod.rs", "other-maps.rs"] {
        fs::write(package.join(file), MAP.replace("Usage", "u64")).unwrap();
    }
    for (file, name) in
        [("../lib.rs", "rate_limit"), ("mod.rs", "maps"), ("other-maps.rs", "other_maps")]
    {
        assert_eq!(read_file(&package.join(file)).schema.name.value, name);
    }
}

#[test]
fn mistakes_stand_in_the_file_that_has_them() {
    let files = [
        ("src/lib.rs", "mod maps; mod net;"),
        ("src/maps.rs", &format!("use crate::net::Usage;\n{MAP}") as &str),
        (
            "src/net.rs",
            "#[derive(Clone, Copy, BpfType)]\n#[repr(C)]\npub struct Usage { packets: usize }\n",
        ),
    ];
    insta::assert_snapshot!(read(&files, "src/maps.rs").trim(), @r##"
    error[unknown-type]: unknown type `usize`
     --> src/net.rs:3:29
      |
    3 | pub struct Usage { packets: usize }
      |                             ^^^^^ not declared
      |
      = help: write `u64`
    "##);
}

#[test]
fn modules_that_are_not_there_are_missed_once() {
    let files =
        [("src/maps.rs", "mod gone;\nuse gone::Usage;\n#[path = \"maps.rs\"]\nmod again;\n")];
    insta::assert_snapshot!(read(&files, "src/maps.rs").trim(), @r##"
    error[unreadable-source]: can't read `src/maps/gone.rs`: No such file or directory (os error 2)
     --> src/maps.rs:1:5
      |
    1 | mod gone;
      |     ^^^^
      |
      = help: write the path of a readable file

    error[include-cycle]: the module `src/maps.rs` contains itself
     --> src/maps.rs:4:5
      |
    4 | mod again;
      |     ^^^^^ closes the cycle
      |
      = help: include each file as only one module, and refer to its items with `use`
    "##);
}

#[test]
fn constants_that_lead_nowhere_say_why() {
    let files = [(
        "src/maps.rs",
        "const A: u32 = B + 1;\nconst B: u32 = A;\nconst C: u32 = 1 / (2 - 2);\n\
         #[derive(Clone, Copy, BpfType)]\n#[repr(C)]\nstruct W { a: [u8; A as usize], c: [u8; C as usize], s: [u8; size_of::<W>()] }\n",
    )];
    insta::assert_snapshot!(read(&files, "src/maps.rs").trim(), @r##"
    error[unknown-constant]: bpfmap can't compute the value of this expression
     --> src/maps.rs:6:20
      |
    6 | struct W { a: [u8; A as usize], c: [u8; C as usize], s: [u8; size_of::<W>()] }
      |                    ^^^^^^^^^^
      |
      = note: a constant depends on itself, or on a chain of more than 64 constants
      = help: write a number, or the name of a constant that is computed from numbers

    error[unknown-constant]: bpfmap can't compute the value of this expression
     --> src/maps.rs:6:41
      |
    6 | struct W { a: [u8; A as usize], c: [u8; C as usize], s: [u8; size_of::<W>()] }
      |                                         ^^^^^^^^^^
      |
      = note: the expression overflows or divides by zero
      = help: write a number, or the name of a constant that is computed from numbers

    error[unknown-constant]: bpfmap can't compute the value of this expression
     --> src/maps.rs:6:62
      |
    6 | struct W { a: [u8; A as usize], c: [u8; C as usize], s: [u8; size_of::<W>()] }
      |                                                              ^^^^^^^^^^^^^^
      |
      = note: the expression needs the size of a type that can't be in a map
      = help: write a number, or the name of a constant that is computed from numbers
    "##);
}

#[test]
fn types_in_place_have_their_place() {
    let files = [(
        "src/maps.rs",
        "#[derive(Clone, Copy, BpfType)]\n#[repr(C)]\n#[bpf_type(in_place)]\nstruct Me { me: Me }\n\
         #[derive(Clone, Copy, BpfType)]\n#[repr(C)]\nstruct W { a: [Me; 2], #[bpf(anonymous)] b: T, c: Me }\n\
         #[derive(Clone, Copy, BpfType)]\n#[repr(C)]\nstruct T { t: u8 }\n",
    )];
    insta::assert_snapshot!(read(&files, "src/maps.rs").trim(), @r##"
    error[in-place]: a type that is declared in place contains itself or is nested too deeply
     --> src/maps.rs:4:17
      |
    4 | struct Me { me: Me }
      |                 ^^
      |
      = help: remove `in_place`; the type then has a name in C and is declared only once

    error[in-place]: a type that is declared in place can only be the type of a member or the `inner` of a map
     --> src/maps.rs:7:15
      |
    7 | struct W { a: [Me; 2], #[bpf(anonymous)] b: T, c: Me }
      |               ^^^^^^^
      |
      = help: remove `in_place` or `template`; the declaration then has a name in C

    error[in-place]: only a type that is declared in place can be anonymous
     --> src/maps.rs:7:45
      |
    7 | struct W { a: [Me; 2], #[bpf(anonymous)] b: T, c: Me }
      |                                             ^ this type has a name in C
      |
      = help: write `#[bpf_type(in_place)]` before the type, or remove `anonymous`
    "##);
}

/// The reader calls types as C does, and says what is in the source.
#[test]
fn a_type_that_is_nowhere_is_called_as_it_is_written() {
    let source = MAP.replace("Usage", "DiskUsage");
    let shown = read(&[("src/lib.rs", source.as_str())], "src/lib.rs");
    assert!(shown.contains("error[unknown-type]: unknown type `DiskUsage`"), "{shown}");
    let help = "help: declare `DiskUsage` with `#[derive(BpfType)]`, or import it with `use`";
    assert!(shown.contains(help), "{shown}");
}

/// Two packages: a source of the one uses types of the other, whose own paths begin at its own root.
#[test]
fn types_of_another_crate_are_used() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("probe/Cargo.toml", ""),
        ("net-types/Cargo.toml", ""),
        (
            "net-types/src/lib.rs",
            "mod address;\npub mod ports;\npub use address::Address as Addr;\npub const PORTS: usize = 3;",
        ),
        (
            "net-types/src/address.rs",
            "use crate::ports::Port;\n\
             #[derive(Clone, Copy, BpfType)] #[repr(C)] pub struct Address { pub port: Port, pub bits: [u8; crate::PORTS - 1] }",
        ),
        ("net-types/src/ports.rs", "pub type Port = u16;"),
    ] {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let map = |types: &str| {
        format!(
            "{types}\n#[derive(BpfMap)] #[bpf_map(hash, max_entries = 4)] struct Seen {{ key: Addr, value: [Port; PORTS] }}"
        )
    };
    let mut cfg = Cfg::default();
    cfg.extern_crate("net_types", folder.path().join("net-types/src/lib.rs"));
    let read = |types: &str, cfg: &Cfg| {
        let path = folder.path().join("probe/maps.rs");
        fs::write(&path, map(types)).unwrap();
        let draft = read_file_with(&path, cfg);
        let schema = draft.schema.clone();
        check(draft).map(|_| print::toml::print(&schema)).map_err(|rejected| rejected.to_string())
    };
    let expected = "\
name = \"maps\"

[types.address]
kind = \"struct\"
members = [
  { name = \"port\", type = \"port\" },
  { name = \"bits\", type = \"[u8; 2]\" },
]

[types.port]
kind = \"alias\"
type = \"u16\"

[maps.seen]
type = \"hash\"
key = \"address\"
value = \"[port; 3]\"
max_entries = 4
";
    let same = [
        "use net_types::{Addr, PORTS, ports::Port};",
        "use ::net_types::{Addr, PORTS, ports::*};",
        "use net_types as types; use types::*; use types::ports::Port;",
    ];
    for types in same {
        assert_eq!(read(types, &cfg).as_deref(), Ok(expected), "{types}");
    }

    // A crate that is not given, and a name that it does not have.
    let message = read(same[0], &Cfg::default()).unwrap_err();
    assert!(message.contains("`Builder::extern_crate`"), "{message}");
    let message =
        read("use net_types::{Address as Addr, PORTS, ports::Ports as Port};", &cfg).unwrap_err();
    assert!(message.contains("unknown type `Port`"), "{message}");
    cfg.extern_crate("net_types", folder.path().join("nowhere/lib.rs"));
    let message = read(same[0], &cfg).unwrap_err();
    assert!(message.contains("can't read") && message.contains("nowhere/lib.rs"), "{message}");
}

/// It is for the methods of the handle, and no part of the schema: that says its oldest kernel for all maps.
#[test]
fn a_map_names_its_oldest_kernel() {
    let source = |kernel: &str| {
        let attribute = format!("array, max_entries = 4, min_kernel = \"{kernel}\"");
        format!("{USAGE}{}", MAP.replace("array, max_entries = 4", &attribute))
    };
    assert_eq!(read(&[("src/maps.rs", &source("5.10"))], "src/maps.rs"), EXPECTED);
    let found = read(&[("src/maps.rs", &source("five"))], "src/maps.rs");
    assert!(found.contains("invalid kernel version `five`"), "{found}");
    assert!(found.contains("expected a kernel version such as \"5.10\""), "{found}");
}
