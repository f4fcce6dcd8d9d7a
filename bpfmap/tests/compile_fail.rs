//! An operation that a map type lacks does not compile, and the compiler's message says why. This
//! test needs cargo, so it runs only on the host.

#[test]
fn missing_operations_do_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
