//! A method that needs a newer kernel than the schema's oldest does not compile, and the compiler says which kernel has it.
//! Needs cargo, so it runs on the host only.

#[test]
fn methods_of_newer_kernels_do_not_compile() {
    let cases = trybuild::TestCases::new();
    // The compiler computes what a method needs when it makes code of it: with a case that is built, all are.
    cases.pass("tests/oldest_kernel/accepted.rs");
    cases.compile_fail("tests/oldest_kernel/newer_methods.rs");
}
