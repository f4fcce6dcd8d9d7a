//! Compares the list of reserved C names with both compilers, the headers of this machine, and the
//! types of its kernel. Names that the check accepts must compile, and names that it refuses must
//! not compile.

#[path = "../../bpfmap-schema/tests/support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bpfmap_btf::Btf;
use bpfmap_codegen::backend::c;
use bpfmap_schema::check::check_with;
use bpfmap_schema::diagnostics::{Rejected, Severity};
use bpfmap_schema::front::toml::read_str;
use bpfmap_schema::taken::{KernelNames, LIST, NameKind, Namespace, Origin, Releases, Taken};
use support::{CLANGS, clang, compile_bpf, run_clang};

/// The test tries one of this many names of the kernel.
const SHARE: usize = 24;

/// Names of different forms that no header defines.
const FREE: &[&str] =
    &["flows", "packets_seen", "Conn_Track", "_lru", "x", "type", "self", "match"];

/// The headers that a program includes before the header of a schema.
struct Prelude {
    folder: tempfile::TempDir,
    text: &'static str,
    /// `vmlinux.h` of this kernel.
    kernel: Option<KernelNames>,
}

impl Prelude {
    fn uapi() -> Self {
        let text = "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n";
        Self { folder: tempfile::tempdir().unwrap(), text, kernel: None }
    }

    fn vmlinux() -> Self {
        let path = "/sys/kernel/btf/vmlinux";
        let data = fs::read(path).unwrap();
        let kernel = KernelNames::new(&Btf::parse(&data).unwrap(), format!("`{path}`"));
        let folder = tempfile::tempdir().unwrap();
        let dumped = Command::new("bpftool")
            .args(["btf", "dump", "file", path, "format", "c"])
            .output()
            .expect("bpftool is not installed: `apt-get install bpftool`");
        assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
        fs::write(folder.path().join("vmlinux.h"), dumped.stdout).unwrap();
        let text = "#include \"vmlinux.h\"\n#include <bpf/bpf_helpers.h>\n";
        Self { folder, text, kernel: Some(kernel) }
    }

    fn taken(&self) -> Taken<'_> {
        self.kernel.as_ref().map(Taken::by_kernel).unwrap_or_default()
    }

    /// Precompiles the headers with clang, and returns the path of the result.
    fn precompile(&self, clang: &str) -> PathBuf {
        let header = self.folder.path().join("prelude.h");
        fs::write(&header, self.text).unwrap();
        let compiled = self.folder.path().join(format!("{clang}.pch"));
        let arguments = ["-x".as_ref(), "c-header".as_ref(), header.as_os_str()];
        run_clang(clang, &arguments, &compiled).unwrap();
        compiled
    }

    fn compile(&self, clang: &str, compiled: &Path, text: &str) -> Result<(), String> {
        let (source, object) =
            (self.folder.path().join("words"), self.folder.path().join("object.o"));
        fs::write(&source, text).unwrap();
        let arguments = [
            "-include-pch".as_ref(),
            compiled.as_os_str(),
            "-ferror-limit=0".as_ref(),
            "-fno-caret-diagnostics".as_ref(),
            "-x".as_ref(),
            "c".as_ref(),
            "-c".as_ref(),
            source.as_os_str(),
        ];
        run_clang(clang, &arguments, &object)
    }

    /// Returns the names in `words` that clang refuses in the namespace `space`.
    fn refused(
        &self,
        clang: &str,
        compiled: &Path,
        space: Namespace,
        words: &BTreeSet<String>,
    ) -> BTreeSet<String> {
        let words: Vec<&String> = words.iter().collect();
        let lines = words.iter().enumerate();
        // An error can make clang skip the next line, so an unrelated line follows each
        // declaration.
        let lines = lines.map(|(at, word)| {
            format!("{}\nextern int bpfmap_between_{at};\n", declaration(space, at, word))
        });
        let said = self.compile(clang, compiled, &lines.collect::<String>()).err();
        let line = |text: &str| -> Option<usize> {
            let (_, at) = text.split_once("/words:")?;
            at.contains(" error: ").then(|| at.split(':').next()?.parse().ok())?
        };
        let said = said.unwrap_or_default();
        let refused = said.lines().filter_map(line);
        refused.filter_map(|line| words.get((line - 1) / 2)).map(|word| (*word).clone()).collect()
    }
}

fn declaration(space: Namespace, at: usize, word: &str) -> String {
    match space {
        Namespace::Tag => format!("struct {word} {{ int bpfmap_member; }};"),
        Namespace::Variable => format!("struct {{ int (*type)[1]; }} {word} SEC(\".maps\");"),
        Namespace::Constant => format!("enum bpfmap_enum_{at} {{ {word} = 1 }};"),
        Namespace::Typedef => format!("typedef struct bpfmap_struct {word};"),
        Namespace::Function => format!(
            "static __inline __attribute__((always_inline, unused)) int {word}(void) {{ return 0; }}"
        ),
        Namespace::Member => format!("struct bpfmap_struct_{at} {{ int {word}; }};"),
    }
}

/// Compiles schemas with unused names, and with names of the list in each namespace in which the
/// list allows them.
#[test]
fn accepted_names_compile() {
    let own: Vec<String> = FREE.iter().map(ToString::to_string).collect();
    let listed: Vec<String> = LIST
        .entries()
        .filter(|(_, uses)| uses.iter().any(|taken| taken.origin != Origin::Kernel))
        .step_by(7)
        .chain(LIST.entries().step_by(SHARE * 4))
        .map(|(name, _)| name)
        .collect();
    for prelude in [Prelude::uapi(), Prelude::vmlinux()] {
        // The schema must work in programs with either of the two headers.
        let is_free = |name: &str, space| {
            prelude.taken().why(name, space).is_none()
                && Taken::default().why(name, space).is_none_or(|why| !why.is_certain)
        };
        let names = |space| own.iter().chain(&listed).filter(move |name| is_free(name, space));
        let text = schema(|space| names(space).cloned().collect());
        let checked = check_with(read_str(Path::new("names.toml"), &text), prelude.taken());
        let checked = checked.unwrap_or_else(|Rejected { findings, .. }| {
            let errors = findings.iter().filter(|it| it.severity() == Severity::Error);
            panic!("{:?}", errors.map(|it| &it.message).collect::<Vec<_>>())
        });
        let header = c::emit(&checked).contents;
        for (_, commands) in CLANGS {
            let clang = clang(commands);
            let compiled = prelude.precompile(&clang);
            prelude.compile(&clang, &compiled, &header).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

/// Returns a schema with names in every namespace.
fn schema(names: impl Fn(Namespace) -> BTreeSet<String>) -> String {
    let mut text = String::new();
    let is_word = |name: &str| {
        bpfmap_schema::type_word::in_other_words(name).is_none()
            && bpfmap_schema::type_word::builtin(name).is_none()
    };
    let tags: BTreeSet<String> =
        names(Namespace::Tag).into_iter().filter(|name| is_word(name)).collect();
    for name in &tags {
        let _ = write!(
            text,
            "[types.{name}]\nkind = \"struct\"\nmembers = [{{ name = \"a\", type = \"u32\" }}]\n"
        );
    }
    let typedefs = names(Namespace::Typedef).into_iter().filter(|name| is_word(name));
    let typedefs: Vec<String> = typedefs.filter(|name| !tags.contains(name)).collect();
    for name in &typedefs {
        let _ = write!(text, "[types.{name}]\nkind = \"alias\"\ntype = \"u32\"\n");
    }
    let constants = names(Namespace::Constant).into_iter();
    // Constants and typedefs share a namespace, and the constants of an enum must differ in more
    // than case.
    let mut seen = BTreeSet::new();
    let constants = constants.filter(|name| !typedefs.contains(name));
    let constants: Vec<String> =
        constants.filter(|name| seen.insert(name.to_uppercase())).collect();
    let variants: Vec<String> = constants.iter().map(|name| format!("{name} = 1")).collect();
    let _ = write!(
        text,
        "[types.bpfmap_test_enum]\nkind = \"enum\"\nrepr = \"u32\"\nprefix = \"\"\nvariants = {{ {} }}\n",
        variants.join(", ")
    );
    let members = names(Namespace::Member);
    let members: Vec<String> =
        members.iter().map(|name| format!("{{ name = \"{name}\", type = \"u8\" }},\n")).collect();
    let _ = write!(
        text,
        "[types.bpfmap_test_struct]\nkind = \"struct\"\nmembers = [\n{}]\n",
        members.concat()
    );
    let maps = names(Namespace::Variable).into_iter();
    for name in maps.filter(|name| !typedefs.contains(name) && !constants.contains(name)) {
        let _ = write!(text, "[maps.{name}]\ntype = \"array\"\nvalue = \"u32\"\nmax_entries = 1\n");
    }
    text
}

/// Tests names that every program contains, because `linux/bpf.h`, `bpf/bpf_helpers.h` or clang
/// define them.
#[test]
fn names_that_every_program_contains_do_not_compile() {
    let prelude = Prelude::uapi();
    let mut words = BTreeSet::new();
    let mut claims = BTreeSet::new();
    for (name, uses) in LIST.entries() {
        for taken in uses {
            let is_here = matches!(taken.origin, Origin::Clang | Origin::Uapi | Origin::Helpers)
                && taken.releases == Releases::All;
            // A macro reserves its name in every namespace, although the expanded code can compile.
            if is_here && !matches!(taken.kind, NameKind::Macro | NameKind::FunctionMacro) {
                let spaces = Namespace::ALL.into_iter().filter(|space| taken.kind.takes(*space));
                claims.extend(spaces.map(|space| (space, name.clone())));
                words.insert(name.clone());
            }
        }
    }
    assert!(words.len() > 1_400, "{}", words.len());
    let mut refused = BTreeSet::new();
    for (_, commands) in CLANGS {
        let clang = clang(commands);
        let compiled = prelude.precompile(&clang);
        for space in Namespace::ALL {
            let of_space = claims.iter().filter(|(claimed, _)| *claimed == space);
            let words = of_space.map(|(_, name)| name.clone()).collect();
            let names = prelude.refused(&clang, &compiled, space, &words);
            refused.extend(names.into_iter().map(|name| (space, name)));
        }
    }
    // A name is reserved even if only one of the compilers defines it.
    let accepted: Vec<_> = claims.difference(&refused).collect();
    assert!(accepted.is_empty(), "{accepted:?}");
}

/// Tests names that the kernel of this machine uses, with its `vmlinux.h`.
#[test]
fn names_that_a_kernel_uses_do_not_compile() {
    let prelude = Prelude::vmlinux();
    let kernel = prelude.kernel.as_ref().unwrap();
    let kinds =
        [NameKind::Struct, NameKind::Union, NameKind::Enum, NameKind::Typedef, NameKind::Constant];
    let mut claims: BTreeSet<(Namespace, String)> = BTreeSet::new();
    for (name, _) in LIST.entries().step_by(SHARE) {
        for kind in kernel.kinds(&name).filter(|kind| kinds.contains(kind)) {
            let spaces = Namespace::ALL.into_iter().filter(|space| kind.takes(*space));
            claims.extend(spaces.map(|space| (space, name.clone())));
        }
    }
    assert!(claims.len() > 1_000, "{}", claims.len());
    let clang = clang(CLANGS[1].1);
    let compiled = prelude.precompile(&clang);
    for space in Namespace::ALL {
        let of_space = claims.iter().filter(|(claimed, _)| *claimed == space);
        let words: BTreeSet<String> = of_space.map(|(_, name)| name.clone()).collect();
        let refused = prelude.refused(&clang, &compiled, space, &words);
        let accepted: Vec<_> = words.difference(&refused).collect();
        assert!(accepted.is_empty(), "{space:?}: {accepted:?}");
    }
}

/// A section is a symbol, and an object contains only one symbol with a name.
#[test]
fn neither_a_map_nor_a_program_can_have_the_name_of_a_section() {
    let folder = tempfile::tempdir().unwrap();
    let clang = clang(CLANGS[1].1);
    let compile = |section: &str, map: &str, program: &str| {
        let text = format!(
            "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n\
             struct {{ int (*type)[1]; }} {map} SEC(\".maps\");\n\
             SEC(\"{section}\") int {program}(void *context) {{ return context != 0; }}\n"
        );
        let source = folder.path().join("program.bpf.c");
        fs::write(&source, text).unwrap();
        compile_bpf(&clang, &source, &folder.path().join("program.o"))
    };
    let sections = LIST.entries();
    let sections = sections.filter(|(_, uses)| uses.iter().any(|it| it.kind == NameKind::Section));
    let sections: Vec<String> = sections.map(|(name, _)| name).collect();
    assert!(sections.len() > 30, "{sections:?}");
    for name in sections {
        for [map, program] in [[name.as_str(), "program"], ["map", name.as_str()]] {
            let refused = compile(&name, map, program).unwrap_err();
            assert!(refused.contains("is already defined"), "{name}: {refused}");
        }
        compile(&name, "map", "program").unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
