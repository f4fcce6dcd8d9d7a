//! Programs without unsafe code that would break what the crate promises do not compile.
//!
//! Needs cargo, so it runs on this machine only; `tests/soundness` is for those that fail when they run. The program in
//! `accepted/` is there so that all are built and not only checked: some are refused by a constant of a generic
//! function, which only a build evaluates.

#[test]
fn programs_that_break_promises_do_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/soundness/accepted/*.rs");
    cases.compile_fail("tests/soundness/refused/*.rs");
}
