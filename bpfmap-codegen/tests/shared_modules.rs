//! Tests of schemas that share types, in one Rust program. The program contains each type only
//! once.

#[path = "support/package.rs"]
mod package;

use std::fs;
use std::path::Path;

use bpfmap_codegen::{Builder, Emit};

/// Two types whose Rust names differ only in a number. The order of reading determines which of the
/// types gets the number.
const NET: &str = r#"
[types.addr]
kind = "union"
members = [{ name = "v4", type = "be32" }, { name = "v6", type = "[u8; 16]" }]

[types.index]
kind = "alias"
type = "u32"

[types.state]
kind = "enum"
repr = "u8"
variants = { open = 0, closed = 1 }

[types.net_end]
kind = "struct"
members = [{ name = "addr", type = "addr" }, { kind = "struct", members = [{ name = "port", type = "be16" }] }]

[maps.seen]
type = "hash"
key = "addr"
value = "u64"
max_entries = 16
"#;

const STATS: &str = r#"
include = ["net.toml"]

[types.netEnd]
kind = "struct"
members = [{ name = "from", type = "net_end" }, { name = "state", type = "state" }]
"#;

const FLOWS: &str = r#"
include = ["stats.toml", "net.toml"]

[maps.flows]
type = "hash"
key = "netEnd"
value = "net_end"
max_entries = 64

[maps.by_index]
type = "array"
key = "index"
value = "state"
max_entries = 4

[maps.addr]
type = "hash"
key = "u32"
value = "u32"
max_entries = 1
"#;

/// A schema that uses the same types in another order.
const PORTS: &str = r#"
include = ["net.toml", "stats.toml"]

[maps.ports]
type = "hash"
key = "addr"
value = "netEnd"
max_entries = 64
"#;

#[test]
fn a_program_contains_each_type_once() {
    let package = package::make("shared_modules", "");
    let (schemas, out) = (package.join("schemas"), package.join("generated"));
    fs::create_dir_all(&schemas).unwrap();
    for (name, text) in [("net", NET), ("stats", STATS), ("flows", FLOWS), ("ports", PORTS)] {
        fs::write(schemas.join(name).with_extension("toml"), text).unwrap();
    }
    let emit = [Emit::Rust];
    // The test uses one builder for all schemas, and one builder for each schema, because a build
    // script can use several builders.
    for folder in ["one", "two"] {
        let builder = || Builder::new().out_dir(out.join(folder)).emit(emit);
        let (flows, ports) = (schemas.join("flows.toml"), schemas.join("ports.toml"));
        if folder == "one" {
            builder().schema(&flows).schema(&ports).generate().unwrap();
        } else {
            builder().schema(&flows).generate().unwrap();
            builder().schema(&ports).generate().unwrap();
        }
    }
    let made = ["bpfmap_modules.rs", "flows.rs", "net.rs", "ports.rs", "stats.rs"];
    for name in made {
        let [one, two] =
            ["one", "two"].map(|folder| fs::read_to_string(out.join(folder).join(name)));
        assert_eq!(one.unwrap(), two.unwrap(), "{name}");
    }
    let source = format!("//! Maps.\n\n{}\n{}", package::LINTS, program(&out.join("one")));
    fs::write(package.join("src/lib.rs"), source).unwrap();
    let modules = out.join("one/bpfmap_modules.rs");
    let variables: &[(&str, &Path)] = &[("BPFMAP_MODULES", &modules)];
    package::cargo(&package, &["doc", "--no-deps"], variables);
    package::cargo(&package, &["check"], variables);
}

/// Returns a crate that includes the modules in three ways: with `include_maps!`, all in one
/// module, and each in a separate module.
fn program(generated: &Path) -> String {
    let file = |name: &str| {
        let path = generated.join(name).with_extension("rs");
        format!("include!({:?});", path.to_str().unwrap())
    };
    let [net, stats, flows, ports] = ["net", "stats", "flows", "ports"].map(file);
    format!(
        "/// By the macro.
pub mod by_macro {{ ::bpfmap::include_maps!(); }}
/// In one module.
pub mod one {{ {net} {stats} {flows} {ports} }}
/// By hand.
pub mod by_hand {{
    /// Addresses.
    pub mod net {{ {net} }}
    /// Numbers.
    pub mod stats {{ use super::net; {stats} }}
    /// Flows, whose type names other modules do not have.
    pub mod flows {{ use super::{{net, stats}}; {flows} }}
}}

macro_rules! same {{ ($($name:ident: $one:ty = $other:ty;)*) => {{ $(
    /// Takes one, and returns the other, of the same type.
    #[must_use]
    pub const fn $name(it: $one) -> $other {{ it }}
)* }} }}
same! {{
    addr: by_macro::net::Addr = by_macro::flows::Addr;
    end: by_macro::stats::NetEnd2 = by_macro::ports::NetEnd2;
    of_map: <by_macro::flows::Flows as bpfmap::MapSpec>::Key = by_macro::stats::NetEnd2;
    in_one: <one::Flows as bpfmap::MapSpec>::Value = one::net::NetEnd;
    in_one_too: one::NetEnd = one::stats::NetEnd;
    with_hands: <by_hand::flows::ByIndex as bpfmap::MapSpec>::Value = bpfmap::Enum<by_hand::net::State>;
    key: <by_macro::flows::ByIndex as bpfmap::MapSpec>::Key = u32;
}}

/// Each schema has handles of its own maps.
#[must_use]
pub fn handles(net: &one::net::Maps, flows: &one::flows::Maps) -> usize {{
    size_of_val(&net.seen) + size_of_val(&flows.addr) + size_of::<one::ports::Maps>()
}}
"
    )
}

/// Types that a crate declares with the derives can be keys and values of another crate's maps. The
/// header also contains these types.
#[test]
fn types_of_another_crate_are_used_by_maps() {
    let types = package::make("net-types", "");
    fs::write(
        types.join("src/lib.rs"),
        "//! Types.
use bpfmap::{Be16, BpfType};

/// An address.
#[derive(Clone, Copy, Debug, BpfType)]
#[repr(C)]
pub struct Addr {
    /// The port.
    pub port: Be16,
    /// What it is.
    pub kind: bpfmap::Enum<Kind>,
    /// Padding.
    pub pad: [u8; 1],
}

/// What an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BpfType)]
#[repr(u8)]
pub enum Kind {
    /// Of this machine.
    Local = 1,
}
",
    )
    .unwrap();
    let maps = package::make("net-maps", "net-types = { path = \"../net-types\" }");
    fs::write(
        maps.join("src/lib.rs"),
        "//! Maps.
use bpfmap::{BpfMap, BpfType, MapSpec};
use net_types::Addr;

/// Packets by address.
#[derive(BpfMap, Debug)]
#[bpf_map(hash, max_entries = 16)]
pub struct Packets { key: Addr, value: Usage }

/// What an address sent.
#[derive(Clone, Copy, Debug, BpfType)]
#[repr(C)]
pub struct Usage {
    /// The address before.
    pub before: Addr,
    /// How many.
    pub packets: u32,
}

const _: () = assert!(size_of::<<Packets as MapSpec>::Key>() == 4);
",
    )
    .unwrap();
    package::cargo(&maps, &["check"], &[]);

    let out = maps.join("generated");
    let builder = Builder::new().rust_source(maps.join("src/lib.rs")).out_dir(&out);
    let message = builder.generate().unwrap_err().to_string();
    assert!(message.contains("unknown type `Addr`"), "{message}");
    builder.extern_crate("net_types", types.join("src/lib.rs")).generate().unwrap();
    let header = fs::read_to_string(out.join("net_maps.h")).unwrap();
    assert!(header.contains("struct addr {") && header.contains("enum kind "), "{header}");
}
