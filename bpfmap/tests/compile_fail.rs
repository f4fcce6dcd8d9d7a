//! What a map type lacks does not compile, and the compiler says why. Needs cargo, so it runs on the host only.

#[test]
fn missing_operations_do_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
