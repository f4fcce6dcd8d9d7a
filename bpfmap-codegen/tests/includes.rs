//! Tests of the headers of schemas that include other schemas. The headers share types, and a
//! program can include them in any order.

#[path = "../../bpfmap-schema/tests/support/mod.rs"]
mod support;
#[path = "support/user_space.rs"]
mod user_space;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use bpfmap_codegen::backend::c;
use bpfmap_codegen::generate::includes;
use bpfmap_schema::check::{Checked, check};
use bpfmap_schema::front::toml::read_file;
use object::read::elf::ElfFile64;
use object::{Object, ObjectSection, ObjectSymbol};
use support::{CLANGS, clang, compile_bpf};
use user_space::{COMPILERS, compile};

const INCLUDES: &str =
    "#include <linux/bpf.h>\n#include <linux/types.h>\n#include <bpf/bpf_helpers.h>\n";

/// The schemas in `tests/goldens/includes`. Each schema comes after the schemas that it includes.
const GOLDENS: [&str; 4] = ["net", "endpoint", "flows", "limits"];

#[test]
fn a_program_can_include_the_headers_in_any_order() {
    let folder = goldens();
    let maps = "void *used[] = { &blocked, &by_addr, &ended, &by_transport, &limits, &idle };\n\
                struct ends { endpoint from, to; struct flow flow; union addr addr; port port; };\n";
    let clang = clang(CLANGS[1].1);
    // Each compiler of applications tests some of the orders.
    for (order, compiler) in permutations(&GOLDENS).iter().zip(COMPILERS.iter().cycle()) {
        let include = lines(order);
        let names = maps_of(folder.path(), &clang, &format!("{include}{maps}"));
        assert_eq!(names.len(), 6, "{order:?}: {names:?}");
        let application = folder.path().join("application");
        fs::write(&application, &include).unwrap();
        compile(compiler, &application).unwrap_or_else(|error| panic!("{order:?}: {error}"));
    }
}

/// A program contains only the maps of the headers that it includes itself.
#[test]
fn maps_of_an_include_come_with_its_own_header() {
    let folder = goldens();
    let clang = clang(CLANGS[1].1);
    let maps = |of: &[&str]| maps_of(folder.path(), &clang, &lines(of));
    let flows = ["by_addr", "by_transport", "ended"];
    assert_eq!(maps(&["flows"]), flows);
    assert_eq!(maps(&["endpoint", "flows"]), flows);
    assert_eq!(maps(&["flows", "net"]), ["blocked", "by_addr", "by_transport", "ended"]);
    // If the program requests only types, the included headers also provide only types.
    let types =
        "#define BPFMAP_TYPES\n#include \"flows.h\"\n#include \"net.h\"\n#undef BPFMAP_TYPES\n";
    let names = maps_of(folder.path(), &clang, &format!("{types}{}", lines(&["limits"])));
    assert_eq!(names, ["idle", "limits"]);
}

/// A header and its reference page declare only the types of their own schema.
#[test]
fn each_type_is_declared_once() {
    let folder = goldens();
    for (name, own) in GOLDENS.iter().zip(["port addr transport", "endpoint", "flow", ""]) {
        let header = fs::read_to_string(folder.path().join(format!("{name}.h"))).unwrap();
        let proven: Vec<&str> = header
            .lines()
            .filter_map(|line| line.strip_prefix("_Static_assert(_Alignof("))
            .map(|line| line.split_once(')').unwrap().0.rsplit(' ').next().unwrap())
            .collect();
        assert_eq!(proven.join(" "), own, "{name}");
    }
}

const JOBS: &str = r#"
[types.job]
kind = "struct"
members = [{ name = "id", type = "u64" }, { name = "node", type = "bpf_list_node" }]

[types.backlog]
kind = "struct"
members = [
  { name = "lock", type = "bpf_spin_lock" },
  { name = "owner", type = "kptr<task_struct>" },
  { name = "jobs", type = "bpf_list_head<job.node>" },
]
"#;

/// Special fields refer to types of the schema, which each header keeps in the BTF, and to types of
/// the kernel.
#[test]
fn headers_share_types_with_special_fields() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("jobs.toml"), JOBS).unwrap();
    for name in ["left", "right"] {
        let text = format!(
            "include = [\"jobs.toml\"]\n\
             [maps.{name}]\ntype = \"hash\"\nkey = \"u32\"\nvalue = \"backlog\"\nmax_entries = 1\n\
             [maps.within_{name}]\ntype = \"array_of_maps\"\nmax_entries = 1\n\
             inner = {{ type = \"array\", value = \"backlog\", max_entries = 1 }}\n"
        );
        let schema = folder.path().join(format!("{name}.toml"));
        fs::write(&schema, text).unwrap();
        write_headers(folder.path(), &schema);
    }
    for order in permutations(&["jobs", "left", "right"]) {
        let maps = maps_of(folder.path(), &clang(CLANGS[1].1), &lines(&order));
        assert_eq!(maps, ["left", "right", "within_left", "within_right"]);
        let application = folder.path().join("application");
        fs::write(&application, lines(&order)).unwrap();
        for compiler in COMPILERS {
            compile(compiler, &application).unwrap_or_else(|error| panic!("{order:?}: {error}"));
        }
    }
}

/// Tests random schemas that include each other in different ways, with types that use all visible
/// types.
#[test]
fn random_schemas_share_types() {
    let mut random = Random(1);
    for world in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let names = ["first", "second", "third", "fourth"];
        let mut visible: Vec<BTreeSet<String>> = vec![];
        for (index, name) in names.iter().enumerate() {
            let included: Vec<usize> = (0..index).filter(|_| random.below(2) == 0).collect();
            let mut types = BTreeSet::new();
            for include in &included {
                types.extend(visible[*include].iter().cloned());
            }
            let files: Vec<String> =
                included.iter().map(|include| format!("\"{}.toml\"", names[*include])).collect();
            let mut text = format!("include = [{}]\n", files.join(", "));
            random.types(&mut text, name, &mut types);
            random.maps(&mut text, name, &types);
            fs::write(folder.path().join(format!("{name}.toml")), text).unwrap();
            visible.push(types);
        }
        for name in names {
            write_headers(folder.path(), &folder.path().join(format!("{name}.toml")));
        }
        let mut order = names;
        for last in (1..order.len()).rev() {
            order.swap(last, random.below(last + 1));
        }
        for (_, commands) in CLANGS {
            let maps = maps_of(folder.path(), &clang(commands), &lines(&order));
            assert_eq!(maps.len(), 3 * names.len(), "world {world}");
        }
        let application = folder.path().join("application");
        fs::write(&application, lines(&order)).unwrap();
        for compiler in COMPILERS {
            compile(compiler, &application)
                .unwrap_or_else(|error| panic!("world {world}, {order:?}: {error}"));
        }
    }
}

/// A random number generator, which results in the same schemas in each run. Source: Numerical
/// Recipes.
struct Random(u32);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as usize % bound
    }

    /// Returns a type that a member can have.
    fn ty(&mut self, types: &BTreeSet<String>) -> String {
        const WORDS: [&str; 6] = ["u8", "i64", "be32", "bool", "u16", "*void"];
        let name = if types.is_empty() || self.below(3) == 0 {
            WORDS[self.below(WORDS.len())].to_owned()
        } else {
            types.iter().nth(self.below(types.len())).unwrap().clone()
        };
        match self.below(5) {
            0 => format!("[{name}; {}]", 1 + self.below(3)),
            1 if types.contains(&name) => format!("*{name}"),
            _ => name,
        }
    }

    /// Writes types of the schema `of`. Each type can use the types before it.
    fn types(&mut self, text: &mut String, of: &str, types: &mut BTreeSet<String>) {
        for number in 0..=self.below(4) {
            let name = format!("{of}_{number}");
            let typedef = if self.below(3) == 0 { "typedef = true\n" } else { "" };
            let kind = ["struct", "union", "enum", "alias"][self.below(4)];
            let _ = writeln!(text, "[types.{name}]\nkind = \"{kind}\"");
            let _ = match kind {
                "alias" => writeln!(text, "type = \"{}\"", self.ty(types)),
                "enum" => writeln!(text, "{typedef}repr = \"i16\"\nvariants = {{ a = 1, b = -2 }}"),
                _ => {
                    let packed = if self.below(4) == 0 { "packed = true\n" } else { "" };
                    // Some members have the name of a type, which makes mistakes in generated code
                    // visible.
                    let members: Vec<String> = (0..=self.below(4))
                        .map(|member| {
                            let ty = self.ty(types);
                            let is_name = types.contains(&ty) && member == 0;
                            let name = if is_name { ty.clone() } else { format!("m{member}") };
                            format!("{{ name = \"{name}\", type = \"{ty}\" }}")
                        })
                        .collect();
                    writeln!(text, "{typedef}{packed}members = [{}]", members.join(", "))
                }
            };
            types.insert(name);
        }
    }

    /// Writes maps of the schema `of`.
    fn maps(&mut self, text: &mut String, of: &str, types: &BTreeSet<String>) {
        for (map, of_records) in [("values", false), ("records", true), ("within", false)] {
            let ty = types.iter().nth(self.below(types.len())).unwrap();
            let _ = match (map, of_records) {
                (_, true) => writeln!(
                    text,
                    "[maps.{of}_{map}]\ntype = \"ringbuf\"\nmax_entries = 4096\nevent = \"{ty}\""
                ),
                ("within", _) => writeln!(
                    text,
                    "[maps.{of}_{map}]\ntype = \"array_of_maps\"\nmax_entries = 1\n\
                     inner = {{ type = \"array\", value = \"{ty}\", max_entries = 1 }}"
                ),
                _ => writeln!(
                    text,
                    "[maps.{of}_{map}]\ntype = \"hash\"\nkey = \"u32\"\nvalue = \"{ty}\"\nmax_entries = 1"
                ),
            };
        }
    }
}

/// Returns a folder with the headers of the golden schemas.
fn goldens() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/includes");
    for name in GOLDENS {
        write_headers(folder.path(), &schemas.join(format!("{name}.toml")));
    }
    folder
}

/// Writes the header of a schema, and the headers of the schemas that it includes.
fn write_headers(folder: &Path, schema: &Path) {
    let checked = |path: &Path| -> Checked {
        check(read_file(path)).unwrap_or_else(|rejected| panic!("{rejected}"))
    };
    let root = checked(schema);
    let included = includes(std::slice::from_ref(&root));
    for schema in std::iter::once(root).chain(included.iter().map(|path| checked(path))) {
        let header = c::emit(&schema);
        let path = folder.join(header.name);
        // A header that has already been written has the same content.
        if let Ok(there) = fs::read_to_string(&path) {
            assert_eq!(there, header.contents);
        }
        fs::write(path, header.contents).unwrap();
    }
}

fn lines(headers: &[&str]) -> String {
    let mut lines = String::new();
    for name in headers {
        let _ = writeln!(lines, "#include \"{name}.h\"");
    }
    lines
}

/// Compiles a program with this text, and returns the names of its maps, in order.
fn maps_of(folder: &Path, clang: &str, text: &str) -> Vec<String> {
    let (source, object) = (folder.join("probe.bpf.c"), folder.join("probe.bpf.o"));
    fs::write(&source, format!("{INCLUDES}{text}")).unwrap();
    compile_bpf(clang, &source, &object).unwrap_or_else(|error| panic!("{text}: {error}"));
    let data = fs::read(&object).unwrap();
    let object: ElfFile64<'_> = ElfFile64::parse(&*data).unwrap();
    let maps = object.section_by_name(".maps").map(|section| section.index());
    let symbols = object.symbols().filter(|it| maps.is_some() && it.section_index() == maps);
    let mut names: Vec<String> = symbols
        .map(|symbol| symbol.name().unwrap().to_owned())
        .filter(|name| name != ".maps" && !name.is_empty())
        .collect();
    names.sort();
    names
}

fn permutations<'a>(names: &[&'a str]) -> Vec<Vec<&'a str>> {
    let [first, rest @ ..] = names else { return vec![vec![]] };
    let mut all = vec![];
    for shorter in permutations(rest) {
        for place in 0..=shorter.len() {
            let mut longer = shorter.clone();
            longer.insert(place, *first);
            all.push(longer);
        }
    }
    all
}
