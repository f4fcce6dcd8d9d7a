//! Determines layouts with rustc: a program uses the generated module and prints the layouts.
//!
//! The program prints the size and alignment of each type. For each member, it writes a value of
//! ones and prints the bytes that change. This test therefore covers both the offsets of fields and
//! the accessors.

use std::collections::HashSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bpfmap_codegen::backend::rust;
use bpfmap_schema::check::Checked;
use bpfmap_schema::ir::{Composite, Member, MemberType, Type, TypeDefKind};
use bpfmap_schema::layout::{CompositeLayout, MemberLayout};

use crate::{composites, is_unnamed_bit_field};

/// Compiles and runs the program, and compares its lines with the layout engine's.
pub(crate) fn compare(checked: &Checked) -> Result<(), String> {
    let module = rust::emit(checked).contents;
    let mut lines = Lines { checked, methods: methods(&module), code: vec![], expected: vec![] };
    for (def, body, layout) in composites(checked) {
        let is_union = matches!(def.kind, TypeDefKind::Union(_));
        lines.composite(&camel(&def.name.value), is_union, body, layout);
    }
    let output = run(&module, &lines.code)?;
    let mut there = output.lines();
    for expected in &lines.expected {
        let found = there.next().unwrap_or("nothing");
        if found != expected {
            return Err(format!("the layout engine says {expected}, rustc {found}"));
        }
    }
    Ok(())
}

/// Returns the members of structs that are stored in bytes and therefore written with methods. Each
/// element consists of the type and the member.
fn methods(module: &str) -> HashSet<(String, String)> {
    let mut of = "";
    let mut found = HashSet::new();
    for line in module.lines().map(str::trim_start) {
        let name = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub union "));
        if let Some(name) = name {
            of = name.trim_end_matches(" {");
        } else if let Some((field, _)) = line.strip_prefix("pub ").and_then(|it| it.split_once(':'))
        {
            let member = field.strip_suffix("_bytes");
            found.extend(member.map(|member| (of.to_owned(), member.to_owned())));
        }
    }
    found
}

struct Lines<'a> {
    checked: &'a Checked,
    methods: HashSet<(String, String)>,
    code: Vec<String>,
    expected: Vec<String>,
}

impl Lines<'_> {
    fn composite(
        &mut self,
        name: &str,
        is_union: bool,
        body: &Composite,
        layout: &CompositeLayout,
    ) {
        let (size, align) = (layout.size, layout.align);
        self.code.push(format!("of::<{name}>(\"{name}\");"));
        self.expected.push(format!("{name} {size} {align}"));
        let mut anonymous = 0;
        for (member, at) in body.members.iter().zip(&layout.members) {
            if is_unnamed_bit_field(member) {
                continue;
            }
            let field = if let Some(name) = &member.name {
                name.value.clone()
            } else {
                anonymous += 1;
                format!("anon{}", anonymous - 1)
            };
            self.member((name, is_union), layout, &field, member, at);
            if let (MemberType::Struct(body) | MemberType::Union(body), Some(nested)) =
                (&member.ty, &at.nested)
            {
                let is_union = matches!(member.ty, MemberType::Union(_));
                self.composite(&format!("{name}{}", camel(&field)), is_union, body, nested);
            }
        }
    }

    fn member(
        &mut self,
        (name, is_union): (&str, bool),
        layout: &CompositeLayout,
        field: &str,
        member: &Member,
        at: &MemberLayout,
    ) {
        let value = if member.bits.is_some() { self.widest(member) } else { "ones()".to_owned() };
        let is_held = self.methods.contains(&(name.to_owned(), field.to_owned()));
        let write = if is_union || member.bits.is_some() || is_held {
            format!("it.set_{field}({value})")
        } else {
            format!("it.{field} = {value}")
        };
        self.code.push(format!("wrote::<{name}>(\"{name}.{field}\", |it| {write});"));
        let bits = at.bit_offset..at.bit_offset + at.bits;
        let mut line = format!("{name}.{field} ");
        for byte in 0..layout.size {
            let set = (0..8).filter(|bit| bits.contains(&(byte * 8 + bit)));
            let _ = write!(line, "{:02x}", set.fold(0_u8, |byte, bit| byte | 1 << bit));
        }
        self.expected.push(line);
    }

    /// Returns the largest value of a bit-field, in which all bits are one.
    fn widest(&self, member: &Member) -> String {
        let MemberType::Type(ty) = &member.ty else { return String::new() };
        match self.checked.resolved().without_aliases(&ty.value) {
            // If the type is an alias of `bool`, it is bpfmap's `Bool`.
            Type::Bool => "true.into()".to_owned(),
            Type::Named(name) => {
                let def = self.checked.resolved().type_def(name).map(|def| &def.kind);
                let Some(TypeDefKind::Enum(body)) = def else { panic!("{name} is a bit-field") };
                let values = body.variants.iter().map(|variant| variant.value.value);
                // A Rust enum cannot have two names for one value.
                if values.collect::<HashSet<_>>().len() == body.variants.len() {
                    "bpfmap::Enum::from_number(!0)".to_owned()
                } else {
                    format!("{}(!0)", camel(name))
                }
            }
            _ => "!0".to_owned(),
        }
    }
}

/// Converts a name to the form that the documentation of the back end describes.
fn camel(name: &str) -> String {
    let words = name.split('_');
    words.map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

/// The number of lines in each function of the program. rustc needs too much time for longer
/// functions.
const LINES_A_FUNCTION: usize = 200;

fn run(module: &str, lines: &[String]) -> Result<String, String> {
    let mut program = format!("mod random {{\n{module}\n}}\nuse random::*;\n{HELPERS}");
    let mut calls = String::new();
    for (index, lines) in lines.chunks(LINES_A_FUNCTION).enumerate() {
        let _ = writeln!(program, "fn part{index}() {{\n    {}\n}}", lines.join("\n    "));
        let _ = writeln!(calls, "    part{index}();");
    }
    let _ = writeln!(program, "fn main() {{\n{calls}}}");

    let package = package().map_err(|error| error.to_string())?;
    fs::write(package.join("src/main.rs"), program).map_err(|error| error.to_string())?;
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--offline", "--manifest-path"])
        .arg(package.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", package.join("target"))
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        String::from_utf8(output.stdout).map_err(|error| error.to_string())
    } else {
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(format!("rustc: {}", errors.lines().take(60).collect::<Vec<_>>().join("\n")))
    }
}

/// Generic code is compiled for each type, so it is as small as possible.
const HELPERS: &str = "
fn ones<T: bpfmap::Plain>() -> T {
    let mut it: T = bpfmap::zeroed();
    unsafe { core::ptr::write_bytes(&raw mut it, 0xff, 1) };
    it
}
fn of<T>(name: &str) {
    show_type(name, size_of::<T>(), align_of::<T>());
}
fn show_type(name: &str, size: usize, align: usize) {
    println!(\"{name} {size} {align}\");
}
fn wrote<T: bpfmap::Plain>(name: &str, write: fn(&mut T)) {
    let mut it: T = bpfmap::zeroed();
    write(&mut it);
    show_bytes(name, bpfmap::bytes_of(&it));
}
fn show_bytes(name: &str, bytes: &[u8]) {
    let bytes = bytes.iter().map(|byte| format!(\"{byte:02x}\"));
    println!(\"{name} {}\", bytes.collect::<String>());
}
";

/// Creates a package in the target directory and returns its path. Its dependencies have the
/// versions in this repository's lock file, so that no other versions are downloaded.
fn package() -> std::io::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("layout_property");
    fs::create_dir_all(package.join("src"))?;
    fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock"))?;
    let manifest = format!(
        "[package]\nname = \"layout-property\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\nbpfmap = {{ path = '{}', default-features = false, features = [\"derive\"] }}\n\n\
         [profile.dev]\ndebug = false\nincremental = false\n",
        root.join("bpfmap").display(),
    );
    fs::write(package.join("Cargo.toml"), manifest)?;
    Ok(package)
}
