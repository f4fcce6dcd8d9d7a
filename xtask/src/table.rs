//! The rows of the tables that have a row for each map and a column for each kernel.

use bpfmap_vmtest::event::TestResult;

/// Returns a row for each map of each schema: the fixture tests are named `SCHEMA::MAP::OPERATION`.
pub(crate) fn by_map(test: &TestResult) -> Option<String> {
    let (map, _operation) = test.test.rsplit_once("::")?;
    is_fixture(test).then(|| map.replace("::", "."))
}

/// Returns a row for each schema. There is one schema for each map type and each special field.
pub(crate) fn by_map_type(test: &TestResult) -> Option<String> {
    let (schema, _) = test.test.split_once("::")?;
    is_fixture(test).then(|| schema.to_owned())
}

/// Returns a row for each test binary except the fixtures.
pub(crate) fn by_binary(test: &TestResult) -> Option<String> {
    (!is_fixture(test)).then(|| test.binary.clone())
}

fn is_fixture(test: &TestResult) -> bool {
    FIXTURES.contains(&test.binary.as_str())
}

/// The test binaries whose tests have names that begin with the name of a schema.
const FIXTURES: &[&str] = &["fixtures", "special_fields"];
