//! Compares the expansions of the derives with readable golden files.

use std::path::Path;

use proc_macro2::TokenStream;

use crate::{bpf_map, bpf_maps, bpf_type};

/// Each input file in `tests/expand/` contains items with a derive. A golden file next to the input
/// file contains the expansion of these items.
#[test]
fn expansions() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expand");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path(&folder);
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let expanded: TokenStream = items(&text).into_iter().map(expand).collect();
        let file = syn::parse2(expanded).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        settings.bind(|| insta::assert_snapshot!(name, prettyplease::unparse(&file)));
    }
}

/// The struct of `BpfMaps` must have named fields.
#[test]
fn handles_of_maps_must_be_named_fields() {
    for wrong in ["struct Maps(Map<A>);", "struct Maps;", "enum Maps { A }", "union Maps { a: u8 }"]
    {
        let expanded = bpf_maps::expand(syn::parse_str(wrong).unwrap()).to_string();
        assert!(
            expanded.contains("expects a struct with a named field for each map"),
            "{expanded}"
        );
    }
}

/// If an attribute sets the path of the crate `bpfmap`, the expansion uses only this path.
#[test]
fn an_expansion_uses_the_path_of_a_renamed_crate() {
    let renamed = [
        "#[derive(BpfType)] #[repr(C)] #[bpf_type(crate = other)] struct Job { lock: SpinLock,
            #[bpf(kptr = \"task_struct\")] task: Kptr, #[bpf(bits(a: u8 = 8))] bits0: [u8; 1] }",
        "#[derive(BpfType)] #[repr(C)] #[bpf_type(in_place, crate = other)] union U { a: u32 }",
        "#[derive(BpfType)] #[repr(u8)] #[bpf_type(crate = other)] enum E { A }",
        "#[derive(BpfMap)] #[bpf_map(hash, max_entries = N, flags(no_prealloc), pinning = by_name,
            crate = other)] struct M { key: Job, value: Job }",
        "#[derive(BpfMap)] #[bpf_map(ringbuf, max_entries = 4096, crate = other)] struct M { event: Job }",
        "#[derive(BpfMap)] #[bpf_map(array_of_maps, max_entries = 1, crate = other)] struct M { inner: N }",
    ];
    for item in renamed {
        let expanded = expand(item.parse().unwrap()).to_string();
        assert!(expanded.contains("other ::"), "{expanded}");
        assert!(!expanded.contains(":: bpfmap ::"), "{expanded}");
    }
}

/// Returns the tokens of each item in a text.
pub(crate) fn items(text: &str) -> Vec<TokenStream> {
    let file: syn::File = syn::parse_str(text).unwrap();
    let items = file.items.iter().filter(|item| {
        matches!(item, syn::Item::Struct(_) | syn::Item::Union(_) | syn::Item::Enum(_))
    });
    let items = items.map(quote::ToTokens::to_token_stream);
    items.filter(|item| !item.to_string().contains("BpfMaps")).collect()
}

/// Returns the expansion of an item's derive. Like the compiler, the function removes the `derive`
/// attribute before the expansion.
pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let is_map = item.to_string().contains("BpfMap");
    let mut input: syn::DeriveInput = syn::parse2(item).unwrap();
    input.attrs.retain(|attribute| !attribute.path().is_ident("derive"));
    let item = quote::ToTokens::into_token_stream(input);
    if is_map { bpf_map::expand(item) } else { bpf_type::expand(item) }
}
