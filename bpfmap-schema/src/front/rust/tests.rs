//! Compares items in Rust with equivalent declarations in TOML.

use std::cell::RefCell;
use std::path::Path;

use proc_macro2::Span as TokenSpan;

use super::{
    Constant, Context, FieldRole, MapItem, Meaning, TypeItem, by_its_literals, by_last_segment,
};
use super::{read_map, read_type};
use crate::diagnostics::Finding;
use crate::front::toml::read_str;
use crate::ir::{Composite, Int, MapDecl, MemberType, TypeDef, TypeDefKind};
use crate::source::{SourceMap, Span};

/// The context of a derive macro, which knows only the item. In addition, it knows the constant
/// `LEN`, which is 7.
#[derive(Default)]
struct Alone {
    findings: RefCell<Vec<Finding>>,
}

impl Context for Alone {
    fn span(&self, first: TokenSpan, last: TokenSpan) -> Span {
        let id = SourceMap::default().add("test.rs", "");
        Span::new(id, first.byte_range().start..last.byte_range().end)
    }

    fn resolve(&self, path: &syn::Path) -> Meaning {
        by_last_segment(path)
    }

    fn constant(&self, expression: &syn::Expr, int: Option<Int>) -> Constant {
        match expression {
            syn::Expr::Path(path) if path.path.is_ident("LEN") => Constant::Known(7),
            _ => by_its_literals(expression, int),
        }
    }

    fn report(&self, finding: Finding) {
        self.findings.borrow_mut().push(finding);
    }
}

impl Alone {
    fn read<T>(
        self,
        text: &str,
        read: fn(&dyn Context, &syn::DeriveInput) -> T,
    ) -> (T, Vec<Finding>) {
        let input = syn::parse_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let item = read(&self, &input);
        (item, self.findings.into_inner())
    }
}

fn type_of(text: &str) -> TypeItem {
    let (item, findings) = Alone::default().read(text, read_type);
    assert!(findings.is_empty(), "{findings:?}");
    item
}

fn map_of(text: &str) -> MapItem {
    let (item, findings) = Alone::default().read(text, read_map);
    assert!(findings.is_empty(), "{findings:?}");
    item
}

/// Returns the only type of a TOML schema, without positions.
fn toml_type(text: &str) -> TypeDef {
    let draft = read_str(Path::new("test.toml"), text);
    assert!(draft.findings.is_empty(), "{:?}", draft.findings);
    placeless(draft.schema.types[0].clone())
}

fn toml_map(text: &str) -> MapDecl {
    let draft = read_str(Path::new("test.toml"), text);
    assert!(draft.findings.is_empty(), "{:?}", draft.findings);
    MapDecl { span: Span::NONE, ..draft.schema.maps[0].clone() }
}

fn placeless(mut def: TypeDef) -> TypeDef {
    fn composite(body: &mut Composite) {
        for member in &mut body.members {
            member.span = Span::NONE;
            if let MemberType::Struct(body) | MemberType::Union(body) = &mut member.ty {
                composite(body);
            }
        }
    }
    if let TypeDefKind::Struct(body) | TypeDefKind::Union(body) = &mut def.kind {
        composite(body);
    }
    def
}

/// Returns the rule, the underlined source text and the message of each diagnostic.
fn findings<T>(
    text: &str,
    read: fn(&dyn Context, &syn::DeriveInput) -> T,
) -> Vec<(&'static str, String)> {
    let (_, findings) = Alone::default().read(text, read);
    let findings = findings.into_iter().map(|finding| {
        assert!(finding.help.is_some(), "{finding:?}");
        let Span { start, end, .. } = finding.place.span;
        (finding.rule.id, text[start..end].to_owned())
    });
    findings.collect()
}

fn type_findings(text: &str) -> Vec<(&'static str, String)> {
    findings(text, read_type)
}

fn map_findings(text: &str) -> Vec<(&'static str, String)> {
    findings(text, read_map)
}

#[test]
fn a_struct_with_every_kind_of_member() {
    let item = type_of(
        r#"
        /// A source address.
        ///
        /// With all that it may have.
        #[repr(C)]
        #[bpf_type(tag = "one", tag = "two")]
        struct IpKey {
            /// Of either family.
            address: net::IpAddr,
            #[bpf(name = "type")]
            ty: u8,
            sure: bpfmap::Bool,
            port: Be16,
            #[bpf(bits(direction: u8 = 1, /** The zone. */ zone: Enum<Zone> = 5, _: u8 = 1, last: bool = 1))]
            bits0: [u8; 1],
            #[bpf(char)]
            label: [[u8; LEN]; 0x2],
            comm: [bpfmap::CharArray<LEN>; 2],
            short: CharArray<{ 2 * 2 }>,
            _pad: [u8; 3],
            r#match: [KernelPtr; 2],
            #[bpf(points_to = "[task_struct; 4]", tag = "three")]
            tasks: KernelPtr,
            #[bpf(holds(timer: Timer))]
            bytes0: [u8; 16],
            state: Enum<State>,
            __pad0: u8,
        }
        "#,
    );
    let toml = toml_type(
        r#"
        [types.ip_key]
        kind = "struct"
        doc = """
A source address.

With all that it may have."""
        decl_tags = ["one", "two"]
        members = [
            { name = "address", type = "ip_addr", doc = "Of either family." },
            { name = "type", type = "u8" },
            { name = "sure", type = "bool" },
            { name = "port", type = "be16" },
            { name = "direction", type = "u8", bits = 1 },
            { name = "zone", type = "zone", bits = 5, doc = "The zone." },
            { type = "u8", bits = 1 },
            { name = "last", type = "bool", bits = 1 },
            { name = "label", type = "[[char; 7]; 2]" },
            { name = "comm", type = "[[char; 7]; 2]" },
            { name = "short", type = "[char; 4]" },
            { name = "match", type = "[*void; 2]" },
            { name = "tasks", type = "*[task_struct; 4]", decl_tags = ["three"] },
            { name = "timer", type = "bpf_timer" },
            { name = "state", type = "state" },
        ]
        "#,
    );
    assert_eq!(placeless(item.def), toml);
    assert!(item.complete && !item.in_place);
    let roles = &item.fields;
    let FieldRole::Bits { members, storage } = &roles[4] else { panic!("{roles:?}") };
    assert_eq!((members, storage.bytes), (&(4..8), Some(1)));
    let FieldRole::Padding(storage) = &roles[8] else { panic!("{roles:?}") };
    assert_eq!(storage.bytes, Some(3));
    let FieldRole::Holds { index: 13, storage } = &roles[11] else { panic!("{roles:?}") };
    assert_eq!(storage.bytes, Some(16));
    let FieldRole::Padding(storage) = &roles[13] else { panic!("{roles:?}") };
    assert_eq!(storage.bytes, Some(1));
    let held: Vec<_> =
        item.held.iter().map(|held| (held.name.value.as_str(), held.as_enum)).collect();
    assert_eq!(held, [("ip_addr", false), ("zone", true), ("state", true)]);
}

#[test]
fn special_fields() {
    let item = type_of(
        r#"#[repr(C)]
        struct Job {
            lock: SpinLock,
            #[bpf(kptr = "task_struct")] held: Kptr,
            #[bpf(percpu_kptr = types::Count)] counts: [Kptr; 3],
            shared: UserPtr<Shared>,
            #[bpf(list_head = "job.node")] jobs: ListHead,
            #[bpf(rb_root = Job.tree_node)] sorted: RbRoot,
            node: ListNode,
        }"#,
    );
    let toml = toml_type(
        r#"
        [types.job]
        kind = "struct"
        members = [
            { name = "lock", type = "bpf_spin_lock" },
            { name = "held", type = "kptr<task_struct>" },
            { name = "counts", type = "[percpu_kptr<count>; 3]" },
            { name = "shared", type = "uptr<shared>" },
            { name = "jobs", type = "bpf_list_head<job.node>" },
            { name = "sorted", type = "bpf_rb_root<job.tree_node>" },
            { name = "node", type = "bpf_list_node" },
        ]
        "#,
    );
    assert_eq!(placeless(item.def), toml);
    let pointees: Vec<_> = item.pointees.iter().map(|pointee| pointee.path.to_string()).collect();
    assert_eq!(pointees, ["types :: Count", "Job"]);
}

#[test]
fn layouts() {
    let item = type_of("#[repr(C, packed)] struct Tight { a: u8, b: u32 }");
    let toml = toml_type(
        "[types.tight]\nkind = \"struct\"\npacked = true\nmembers = [{ name = \"a\", type = \"u8\" }, { name = \"b\", type = \"u32\" }]",
    );
    assert_eq!(placeless(item.def), toml);
    assert!(item.repr.packed);

    let item =
        type_of("#[repr(C, align(8))] #[bpf_type(packed)] struct Tight { a: u8, _pad: [u8; 7] }");
    let TypeDefKind::Struct(body) = &item.def.kind else { panic!("{item:?}") };
    assert_eq!((body.packed, body.align), (true, Some(8.into())));
    assert!(!item.repr.packed && item.repr.align_may_be_natural);

    let item = type_of("#[repr(C, align(8))] #[bpf_type(align = 8)] struct Wide { a: u64 }");
    assert!(!item.repr.align_may_be_natural);
}

#[test]
fn unions_and_types_in_place() {
    let item = type_of(
        "#[repr(C)] #[bpf_type(in_place)] union Ports { v4: Padded<Be32, 12>, v6: [u8; 16], #[bpf(anonymous)] rest: PortsRest, most: Padded<u64, { size_of::<u64>() }> }",
    );
    assert!(item.in_place);
    let member = |index, anonymous, padding| FieldRole::Member { index, anonymous, padding };
    assert_eq!(
        item.fields,
        [
            member(0, false, Some(12)),
            member(1, false, Some(0)),
            member(2, true, Some(0)),
            member(3, false, None)
        ]
    );
    // Only the compiler knows a number of this item.
    assert!(!item.complete);
    let TypeDefKind::Union(body) = &item.def.kind else { panic!("{item:?}") };
    let names: Vec<_> = body
        .members
        .iter()
        .map(|member| member.name.as_ref().map(|name| name.value.as_str()))
        .collect();
    assert_eq!(names, [Some("v4"), Some("v6"), None, Some("most")]);
}

#[test]
fn enums_and_new_types() {
    let item = type_of(
        r#"#[repr(i16)] enum Verdict { Pass, /// Never forwarded.
            #[bpf(name = "DROP")] DropIt = -4, TxOnly, Late = 0x10 }"#,
    );
    let toml = toml_type(
        r#"
        [types.verdict]
        kind = "enum"
        repr = "i16"
        variants = { pass = 0, DROP = { value = -4, doc = "Never forwarded." }, tx_only = -3, late = 16 }
        "#,
    );
    assert_eq!(item.def, toml);

    let item = type_of(
        r#"#[repr(transparent)] #[bpf_type(name = "name_t")] struct Name(#[bpf(char)] [u8; 16]);"#,
    );
    let toml = toml_type("[types.name_t]\nkind = \"alias\"\ntype = \"[char; 16]\"");
    assert_eq!(item.def, toml);
    let item =
        type_of(r#"#[repr(transparent)] #[bpf_type(name = "name_t")] struct Name(CharArray<16>);"#);
    assert_eq!(placeless(item.def), toml);
    // A length that only the compiler knows.
    let item = type_of("#[repr(transparent)] struct Name(CharArray<{ size_of::<u64>() }>);");
    assert!(!item.complete);
}

#[test]
fn maps() {
    let item = map_of(
        r#"
        /// Packets seen per source address.
        #[bpf_map(hash, max_entries = 1_024, flags(no_prealloc, rdonly_prog), pinning = by_name,
            name = "counters_v2", numa_node = 1, map_extra = 3, btf = false, tag = "x")]
        struct Counters { key: IpKey, #[bpf(char)] value: [u8; 16] }
        "#,
    );
    let toml = toml_map(
        r#"
        [maps.counters_v2]
        doc = "Packets seen per source address."
        type = "hash"
        key = "ip_key"
        value = "[char; 16]"
        max_entries = 1024
        flags = ["no_prealloc", "rdonly_prog"]
        pinning = "by_name"
        numa_node = 1
        map_extra = 3
        btf = false
        decl_tags = ["x"]
        "#,
    );
    assert_eq!(MapDecl { span: Span::NONE, ..item.def }, toml);
    assert!(item.complete && item.later.is_empty() && !item.template);

    let item = map_of(
        "#[bpf_map(prog_array, max_entries = LEN, values(1 = handle_ipv4, 2 = \"match\"), pinning = 16)] struct Jumps;",
    );
    let toml = toml_map(
        "[maps.jumps]\ntype = \"prog_array\"\nmax_entries = 7\npinning = 16\nvalues = { 1 = \"handle_ipv4\", 2 = \"match\" }",
    );
    assert_eq!(MapDecl { span: Span::NONE, ..item.def }, toml);

    let item = map_of(
        "#[bpf_map(hash_of_maps, key_size = 4, max_entries = N)] struct Tenants { inner: maps::Tenant }",
    );
    let toml =
        toml_map("[maps.tenants]\ntype = \"hash_of_maps\"\nkey_size = 4\ninner = \"tenant\"");
    assert_eq!(MapDecl { span: Span::NONE, ..item.def }, toml);
    assert_eq!(item.later.len(), 1);

    let item = map_of("#[bpf_map(template, ringbuf)] struct Log { event: Exec }");
    assert!(item.template && item.def.event.is_some());
    let item = map_of("#[bpf_map(struct_ops, ops = \"tcp_congestion_ops\")] struct Reno {}");
    assert_eq!(item.def.ops.unwrap().value, "tcp_congestion_ops");
}

#[test]
fn types_that_c_does_not_have_are_refused_with_their_position() {
    let member = |ty: &str| {
        let found = type_findings(&format!("#[repr(C)] struct S {{ a: u8, b: {ty} }}"));
        assert_eq!(found.len(), 1, "{found:?}");
        found.into_iter().next().unwrap()
    };
    for ty in [
        "&'static str",
        "*const u8",
        "(u8, u16)",
        "fn()",
        "bool",
        "char",
        "[bool; 4]",
        "Option<u32>",
    ] {
        let (rule, place) = member(ty);
        assert_eq!(rule, "rust-type");
        assert!(ty.contains(&place), "{place} of {ty}");
    }
    assert_eq!(member("[usize; 2]"), ("unknown-type", "usize".to_owned()));
    assert_eq!(member("f32"), ("unknown-type", "f32".to_owned()));
    assert_eq!(member("Kptr"), ("type-syntax", "Kptr".to_owned()));
    assert_eq!(member("Padded<u8, 2>"), ("rust-type", "Padded<u8, 2>".to_owned()));
    assert_eq!(member("CharArray"), ("rust-type", "CharArray".to_owned()));
    assert_eq!(member("CharArray<-1>"), ("number-range", "-1".to_owned()));
    assert_eq!(member("[u8; -1]"), ("number-range", "-1".to_owned()));
    assert_eq!(member("[u8; \"x\"]"), ("wrong-kind-of-value", "\"x\"".to_owned()));

    let found = type_findings("struct S { a: u8 }");
    assert_eq!(found, [("rust-repr", "S".to_owned())]);
    let found = type_findings("#[repr(C)] struct S<T> { a: u8 }");
    assert_eq!(found, [("rust-type", "T".to_owned())]);
    let found = type_findings("#[repr(C)] struct S(u8);");
    assert_eq!(found, [("rust-type", "S".to_owned())]);
    let found = type_findings("#[repr(C, packed(2))] struct S { a: u8 }");
    assert_eq!(found, [("rust-repr", "2".to_owned())]);
    let found = type_findings("enum E { A, B(u8) }");
    assert_eq!(found, [("rust-repr", "E".to_owned()), ("rust-type", "(u8)".to_owned())]);
}

#[test]
fn attributes_without_a_meaning_are_refused() {
    let found = type_findings("#[repr(C)] struct S { #[bpf(char)] a: u32 }");
    assert_eq!(found, [("attribute-syntax", "char".to_owned())]);
    let found = type_findings("#[repr(C)] struct S { #[bpf(char)] a: CharArray<4> }");
    assert_eq!(found, [("attribute-syntax", "char".to_owned())]);
    let found = type_findings("#[repr(C)] struct S { #[bpf(nam = \"b\")] a: u32 }");
    assert_eq!(found, [("unknown-key", "nam".to_owned())]);
    let found = map_findings("#[bpf_map(max_entries = 1)] struct M { key: u32 }");
    assert_eq!(found, [("missing-key", "M".to_owned())]);
    let found = map_findings("#[bpf_map(hash, max_entires = 1)] struct M { key: u32 }");
    assert_eq!(found, [("unknown-key", "max_entires".to_owned())]);
    let found = map_findings("#[bpf_map(hash, max_entries 1)] struct M { key: u32 }");
    assert_eq!(found[0].0, "attribute-syntax");
    let found = map_findings("#[bpf_map(hash, pinning = by_nam)] struct M { key: u32 }");
    assert_eq!(found, [("unknown-word", "by_nam".to_owned())]);
    let found = map_findings("#[bpf_map(hash, array)] struct M { key: u32 }");
    assert_eq!(found, [("unknown-key", "array".to_owned())]);
    let found = map_findings("#[bpf_map(hash, key_size = 4)] struct M { key: u32, val: u8 }");
    assert_eq!(found, [("unknown-key", "val".to_owned()), ("type-and-size", "4".to_owned())]);
    let found = map_findings("#[bpf_map(hash, name = x, name = \"y\", btf = 1)] struct M;");
    let rules: Vec<_> = found.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(rules, ["attribute-syntax", "wrong-kind-of-value", "wrong-kind-of-value"]);
}

/// Returns the rule and the help of each diagnostic for the fields of a struct or union.
fn field_findings(text: &str) -> Vec<(&'static str, String)> {
    let item = type_of(text);
    let (body, is_union) = match &item.def.kind {
        TypeDefKind::Struct(body) => (body, false),
        TypeDefKind::Union(body) => (body, true),
        other => panic!("{other:?}"),
    };
    let schema = crate::ir::Schema { types: vec![item.def.clone()], ..Default::default() };
    let layouts = crate::layout::Layouts::new(&schema);
    let layout = layouts.composite(&item.def.name.value).unwrap();
    let findings = super::check_fields(&item, body, layout, is_union);
    findings.into_iter().map(|finding| (finding.rule.id, finding.help.unwrap())).collect()
}

#[test]
fn fields_must_have_the_offsets_of_the_members_in_c() {
    let fits = |text| assert_eq!(field_findings(text), []);
    fits("#[repr(C)] struct S { a: u8, _pad: [u8; 3], b: u32 }");
    fits("#[repr(C)] struct S { a: u8, _pad0: u8, _pad1: [u8; 2], b: u32 }");
    fits("#[repr(C, packed)] struct S { a: u8, b: u32 }");
    fits("#[repr(C, align(16))] struct S { a: u64, _pad: [u8; 8] }");
    fits(
        "#[repr(C, align(4))] struct S { #[bpf(bits(a: u32 = 3, b: u32 = 9))] bits0: [u8; 2], _pad: [u8; 2] }",
    );
    fits(
        "#[repr(C, align(8))] #[bpf_type(packed)] struct S { a: u8, #[bpf(holds(t: u64))] t: [u8; 8], _pad: [u8; 7] }",
    );
    fits("#[repr(C, align(4))] union U { a: Padded<u32, 12>, b: [u8; 16] }");

    let one = |text| {
        let findings = field_findings(text);
        assert_eq!(findings.len(), 1, "{findings:?}");
        findings.into_iter().next().unwrap()
    };
    let padding = |help: &str| ("implicit-padding", help.to_owned());
    assert_eq!(
        one("#[repr(C)] struct S { a: u8, b: u32 }"),
        padding("write `_pad0: [u8; 3]` before this member")
    );
    assert_eq!(
        one("#[repr(C)] struct S { a: u32, b: u8 }"),
        padding("write `_pad0: [u8; 3]` after this member")
    );
    assert_eq!(
        one("#[repr(C)] struct S { a: u8, _pad: [u8; 1], b: u32 }"),
        padding("write `[u8; 3]`")
    );
    assert_eq!(
        one("#[repr(C)] struct S { a: u8, _pad: [u8; 1], b: u8 \
                    }"),
        padding("remove this padding")
    );
    assert_eq!(
        one("#[repr(C)] union U { a: u32, b: [u32; 2] }"),
        ("union-filled", "write `bpfmap::Padded<TYPE, 4>`".to_owned())
    );
    assert_eq!(
        one("#[repr(C)] union U { a: Padded<u32, 4>, b: [u8; 8] }"),
        ("rust-repr", "write `#[repr(C, align(4))]`".to_owned())
    );
    assert_eq!(
        one("#[repr(C)] struct S { #[bpf(bits(a: u8 = 3))] bits0: [u8; 1], #[bpf(bits(b: u8 = 3))] bits1: [u8; 1] }").0,
        "rust-repr"
    );
    // Bytes that no bit-field uses are padding.
    fits("#[repr(C, align(4))] struct S { #[bpf(bits(a: u32 = 3))] bits0: [u8; 4] }");
    assert_eq!(
        one("#[repr(C, align(4))] struct S { #[bpf(bits(a: u32 = 23))] bits0: [u8; 2], _pad: [u8; 1] }").0,
        "rust-repr"
    );
    assert_eq!(
        one("#[repr(C, align(4))] #[bpf_type(packed)] struct S { a: u8, b: u16, _pad: u8 }").0,
        "rust-repr"
    );
}
