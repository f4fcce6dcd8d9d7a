//! Tests of `Builder` with libbpf, which links programs into one object and generates skeletons.

use std::fs;
use std::path::PathBuf;

use bpfmap_codegen::{Builder, Emit};
use bpfmap_schema::front::btf::read_object;

const SCHEMA: &str =
    "[maps.counters]\ntype = \"hash\"\nkey = \"u32\"\nvalue = \"u64\"\nmax_entries = 64\n";

const INCLUDES: &str =
    "#include <linux/bpf.h>\n#include <linux/types.h>\n#include <bpf/bpf_helpers.h>\n";

const MAIN: &str = "\
#include \"maps.h\"
__u64 count(void *context);
SEC(\"socket\") int first(void *context)
{
	return count(context);
}
SEC(\"socket\") int second(void *context)
{
	__u32 key = 0;
	return bpf_map_lookup_elem(&counters, &key) ? 1 : 0;
}
char LICENSE[] SEC(\"license\") = \"GPL\";
";

const OTHER: &str = "\
int calls;
__u64 count(void *context)
{
	return ++calls;
}
";

/// A folder with a schema, and two programs that form one object.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::write(folder.path("maps.toml"), SCHEMA).unwrap();
        fs::write(folder.path("main.bpf.c"), format!("{INCLUDES}{MAIN}")).unwrap();
        fs::write(folder.path("other.bpf.c"), format!("{INCLUDES}{OTHER}")).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn builder(&self) -> Builder {
        Builder::new().schema(self.path("maps.toml")).emit([Emit::C]).out_dir(self.path("out"))
    }

    fn programs(&self) -> [PathBuf; 2] {
        [self.path("main.bpf.c"), self.path("other.bpf.c")]
    }
}

#[test]
fn two_programs_become_one_object_with_a_skeleton() {
    let folder = Folder::new();
    let builder = folder.builder().link("probe.bpf.o", folder.programs());
    builder.generate().unwrap();
    let object = folder.path("out/probe.bpf.o");
    let imported = read_object(&object, &fs::read(&object).unwrap(), None);
    let maps: Vec<&str> = imported.schema.maps.iter().map(|map| map.name.value.as_str()).collect();
    assert_eq!(maps, ["counters"], "{:?}", imported.findings);
    assert!(!folder.path("out/probe.skel.rs").exists());

    builder.skeleton(true).generate().unwrap();
    let skeleton = fs::read_to_string(folder.path("out/probe.skel.rs")).unwrap();
    for expected in
        ["pub struct ProbeSkelBuilder", "pub struct ProbeMaps", "counters", "first", "second"]
    {
        assert!(skeleton.contains(expected), "no {expected} in\n{skeleton}");
    }
}

#[test]
fn each_program_gets_a_skeleton() {
    let folder = Folder::new();
    let single = MAIN.replace("count(context)", "0");
    fs::write(folder.path("main.bpf.c"), format!("{INCLUDES}{single}")).unwrap();
    let [main, other] = folder.programs();
    folder.builder().program(main).program(other).skeleton(true).generate().unwrap();
    let read = |name: &str| fs::read_to_string(folder.path("out").join(name)).unwrap();
    assert!(read("main.skel.rs").contains("pub struct MainSkelBuilder"));
    assert!(read("other.skel.rs").contains("pub struct OtherSkelBuilder"));
    // The linker removes DWARF, and keeps the types of the maps.
    let object = fs::read(folder.path("out/main.bpf.o")).unwrap();
    let has = |name: &str| object.windows(name.len()).any(|bytes| bytes == name.as_bytes());
    assert!(has(".BTF.ext") && !has(".debug_info"));
}

#[test]
fn conflicting_programs_and_outputs_are_errors() {
    let folder = Folder::new();
    let shown = |builder: Builder| {
        let shown = builder.generate().unwrap_err().to_string();
        shown.replace(&format!("{}/", folder.0.path().display()), "")
    };
    let [main, other] = folder.programs();
    let error = shown(folder.builder().link("other.bpf.o", [&main, &other]).program(&other));
    assert_eq!(
        error,
        "two outputs of this build have the name `other.bpf.o`: one comes from `main.bpf.c`, `other.bpf.c`, the other from `other.bpf.c`\n\
         help: give the programs different names"
    );
    // The skeletons of the two objects have the same file name.
    let error =
        shown(folder.builder().link("a.x.o", [&main]).link("a.y.o", [&other]).skeleton(true));
    assert!(
        error.starts_with(
            "two outputs of this build have the name `a.skel.rs`: one comes from `main.bpf.c`, the other from `other.bpf.c`"
        ),
        "{error}"
    );
    // Both programs define the same function.
    fs::write(&main, format!("{INCLUDES}{OTHER}")).unwrap();
    let error = shown(folder.builder().link("probe.bpf.o", [&main, &other]));
    let [first, second] =
        ["can't link `out/probe.bpf.o`: Invalid argument", "(count) definition in"];
    assert!(error.starts_with(first) && error.contains(second), "{error}");
    assert!(error.ends_with("/other.bpf.o'"), "{error}");
    assert!(!folder.path("out/probe.bpf.o").exists());
    // The message shows both programs.
    fs::write(&main, "int bad = ;\n").unwrap();
    fs::write(&other, "int worse = ;\n").unwrap();
    let error = shown(folder.builder().link("probe.bpf.o", [&main, &other]));
    assert!(error.contains("can't compile `main.bpf.c`"), "{error}");
    assert!(error.contains("can't compile `other.bpf.c`"), "{error}");
}
