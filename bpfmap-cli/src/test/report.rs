//! What `bpfmap test` says in the end.

use bpfmap_schema::diagnostics::printable;
use bpfmap_vmtest::event::{Event, TestResult};
use bpfmap_vmtest::report::{conclusion, draw};

use super::Unproven;
use crate::complain;

/// The table of maps by kernels, what went wrong, and the sum. Refusals are in the table if another kernel does what is
/// refused.
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

/// A row for each map: tests are called `SCHEMA::MAP::TEST`.
fn by_map(test: &TestResult) -> Option<String> {
    let (map, _) = test.test.rsplit_once("::")?;
    Some(map.replace("::", "."))
}

/// Says which maps were not tested, and why.
pub(super) fn tell_unproven(unproven: &[Unproven]) {
    for Unproven { schema, map, why } in unproven {
        complain(&printable(&format!("not tested: {schema}.{map}: {why}\n")));
    }
}
