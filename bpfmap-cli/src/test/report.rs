//! The final output of `bpfmap test`.

use bpfmap_schema::diagnostics::printable;
use bpfmap_vmtest::event::{Event, TestResult};
use bpfmap_vmtest::report::{conclusion, draw};

use super::Unproven;
use crate::complain;

/// Returns the table of maps by kernels, the failures, and the summary. A refusal is in the table
/// if a different kernel does not refuse the operation.
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

/// Returns a row for each map, because tests are called `SCHEMA::MAP::TEST`.
fn by_map(test: &TestResult) -> Option<String> {
    let (map, _) = test.test.rsplit_once("::")?;
    Some(map.replace("::", "."))
}

/// Prints which maps were not tested, and why.
pub(super) fn tell_unproven(unproven: &[Unproven]) {
    for Unproven { schema, map, why } in unproven {
        complain(&printable(&format!("not tested: {schema}.{map}: {why}\n")));
    }
}
