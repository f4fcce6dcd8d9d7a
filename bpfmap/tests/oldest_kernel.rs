//! A method that needs a newer kernel than the schema's `min_kernel` does not compile, and the
//! compiler's message names the kernel that has the method. This test needs cargo, so it runs only
//! on the host.

#[test]
fn methods_of_newer_kernels_do_not_compile() {
    let cases = trybuild::TestCases::new();
    // The compiler evaluates the requirements of a method when it generates code. If one case is
    // built completely, all cases are built completely.
    cases.pass("tests/oldest_kernel/accepted.rs");
    cases.compile_fail("tests/oldest_kernel/newer_methods.rs");
}
