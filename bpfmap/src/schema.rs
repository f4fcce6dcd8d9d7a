//! What a source says of all maps in it.

/// Says how the schema of a Rust source is called, and which kernel has to take every map of it.
///
/// It stands once, at the top of the file that declares the maps; the command `bpfmap` and build scripts read it there.
/// Without it the schema is called as the file. In the program it is nothing.
///
/// ```
/// bpfmap::schema!(name = "ratelimit", min_kernel = "5.10");
/// ```
///
/// ```compile_fail
/// bpfmap::schema!(nam = "ratelimit");
/// ```
#[macro_export]
macro_rules! schema {
    ($(name = $name:literal)? $(,)?) => {
        $(const _: &str = $name;)?
    };
    (min_kernel = $kernel:literal $(,)?) => {
        const _: &str = $kernel;
    };
    (name = $name:literal, min_kernel = $kernel:literal $(,)?) => {
        const _: [&str; 2] = [$name, $kernel];
    };
    (min_kernel = $kernel:literal, name = $name:literal $(,)?) => {
        const _: [&str; 2] = [$name, $kernel];
    };
}
