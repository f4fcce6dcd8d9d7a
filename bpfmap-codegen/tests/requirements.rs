//! Tests that the kernel requirements of a schema equal the requirements of the map definitions in
//! generated code, for each schema of the repository.

use std::fs;
use std::path::Path;

use bpfmap_schema::check::check;
use bpfmap_schema::describe::map_def;
use bpfmap_schema::front::read_file;
use bumpalo::Bump;

#[test]
fn the_schema_and_the_definition_agree() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut maps = 0;
    for folder in ["schemas", "bpfmap-codegen/tests/goldens"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|end| end != "toml") {
                continue;
            }
            let checked = check(read_file(&path)).unwrap_or_else(|error| panic!("{error}"));
            for map in &checked.schema().maps {
                let arena = Bump::new();
                let requirements = map_def(&arena, &checked, map).requirements().unwrap();
                let said = checked.resolved().requirements(map);
                let features = |found: Vec<(String, String)>| {
                    let mut found = found;
                    found.sort_unstable();
                    found.dedup();
                    found
                };
                let pair = |feature: &dyn ToString, since: &dyn ToString| {
                    (feature.to_string(), since.to_string())
                };
                assert_eq!(
                    features(said.iter().map(|it| pair(&it.feature, &it.since)).collect()),
                    features(
                        requirements
                            .as_slice()
                            .iter()
                            .map(|it| pair(&it.feature, &it.since))
                            .collect()
                    ),
                    "{}: {}",
                    path.display(),
                    map.name.value
                );
                maps += 1;
            }
        }
    }
    assert!(maps > 80, "{maps} maps");
}
