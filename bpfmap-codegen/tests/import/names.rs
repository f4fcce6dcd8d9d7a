//! Tests of importing types whose names the kernel also uses.

use std::path::Path;

use bpfmap_schema::check::check;
use bpfmap_schema::diagnostics::Severity;
use bpfmap_schema::front::btf::read_object;
use bpfmap_schema::front::toml;
use bpfmap_schema::print;

use super::{compiled, object};

/// A struct of the program keeps its name, even if a kernel has another struct with this name. A
/// struct with the size of the kernel's struct is imported as the kernel's struct. All maps are
/// imported.
#[test]
fn a_type_with_the_name_of_a_kernel_type_is_recognized() {
    let data = object(
        "#include <linux/ip.h>
         struct key { __u32 a; };
         struct node { __u64 b; struct iphdr header; };
         enum state { TCP_ESTABLISHED = 1, OTHER = 2 };
         struct value { struct node node; enum state state; struct bpf_devmap_val target; };
         struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 1);
             __type(key, struct key); __type(value, struct value); } flows SEC(\".maps\");",
    );
    let imported = read_object(Path::new("names.bpf.o"), &data, None);
    assert_eq!(imported.left_out, []);
    let mut kernels: Vec<(&str, bool)> = imported
        .schema
        .types
        .iter()
        .map(|def| (def.name.value.as_str(), def.in_c.kernel))
        .collect();
    kernels.sort_unstable();
    let expected = [
        ("bpf_devmap_val", true),
        ("iphdr", true),
        ("key", false),
        ("node", false),
        ("state", false),
        ("value", false),
    ];
    let ours: Vec<_> = kernels.iter().copied().filter(|one| expected.contains(one)).collect();
    assert_eq!(ours, expected, "{kernels:?}");

    let text = print::toml::print(&imported.schema);
    let draft = || toml::read_str(Path::new("names.toml"), &text);
    let checked = check(draft()).unwrap_or_else(|rejected| panic!("{rejected}\n{text}"));
    let may_clash = checked.warnings().iter().filter(|it| it.rule.id == "name-may-clash");
    // The findings are about `key`, `node`, the enum, and the constant that `vmlinux.h` also
    // defines.
    assert_eq!(may_clash.count(), 4, "{:?}", checked.warnings());
    assert!(checked.warnings().iter().all(|it| it.severity() == Severity::Warning));
    assert!(!compiled(draft()).is_empty());
}
