//! Programs without unsafe code that would break a promise of the crate do not compile.
//!
//! This test needs cargo, so it runs only on the host. `tests/soundness` contains the programs that
//! fail when they run. Because of the program in `accepted/`, all programs are built and not only
//! checked. This is necessary because a constant in a generic function refuses some programs, and
//! only a build evaluates this constant.

#[test]
fn programs_that_break_promises_do_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/soundness/accepted/*.rs");
    cases.compile_fail("tests/soundness/refused/*.rs");
}
