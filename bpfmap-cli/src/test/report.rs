//! Prints the results of `bpfmap test`.

use bpfmap_schema::diagnostics::printable;
use bpfmap_vmtest::event::{Event, TestResult};
use bpfmap_vmtest::report::{conclusion, draw};

use super::Unproven;
use crate::complain;

/// Returns the table of results, the failures, and the summary. The table has a row for each map
/// and a column for each kernel. If a kernel refuses an operation, the table mentions this only if
/// another kernel supports the operation.
pub(super) fn table(events: &[Event]) -> String {
    let tests = events.iter().filter_map(|event| match event {
        Event::Test(test) => Some(test),
        _ => None,
    });
    let depends_on_kernel = |note: &String| !note.ends_with(bpfmap_fixture::REFUSED_ALWAYS);
    let tests: Vec<TestResult> = tests
        .map(|test| {
            let mut test = test.clone();
            test.notes.retain(|_, note| depends_on_kernel(note));
            test
        })
        .collect();
    draw(&tests, by_map) + &conclusion(events)
}

/// Returns the name of the row for a test, so that the table has one row for each map. Tests have
/// names of the form `SCHEMA::MAP::TEST`.
fn by_map(test: &TestResult) -> Option<String> {
    let (map, _) = test.test.rsplit_once("::")?;
    Some(map.replace("::", "."))
}

/// Prints the maps that were not tested, with the reasons.
pub(super) fn tell_unproven(unproven: &[Unproven]) {
    for Unproven { schema, map, why } in unproven {
        complain(&printable(&format!("not tested: {schema}.{map}: {why}\n")));
    }
}
