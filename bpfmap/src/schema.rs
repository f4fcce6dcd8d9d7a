//! What a source says of all maps in it, and the modules that are generated of schemas in other files.

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

/// Includes the Rust code that the build script of the package generates from schemas: a module for each schema.
///
/// The module is called as the schema. A schema that another one includes has a module too, and the types of both are
/// the same: `net::Addr` is the type of the keys of `flows::Flows`. The functions of `Builder::migrates_from` are in
/// a module whose name ends in `_migrate`.
///
/// ```ignore
/// // build.rs
/// fn main() -> Result<(), bpfmap_codegen::BuildError> {
///     bpfmap_codegen::Builder::new().schema("src/flows.toml").generate()
/// }
///
/// // src/main.rs
/// bpfmap::include_maps!();
///
/// use flows::Maps;
/// ```
///
/// Call it in a module of your own, `mod maps { bpfmap::include_maps!(); }`, if the crate already has a module of that name.
/// If the script calls `generate` for several folders, the modules are those of the last one.
#[macro_export]
macro_rules! include_maps {
    () => {
        $crate::__include_maps! {
            ::core::env!(
                "BPFMAP_MODULES",
                "`bpfmap::include_maps!` found nothing to include: call \
                 `bpfmap_codegen::Builder::new().schema(\"src/maps.toml\").generate()` in the build script of this package"
            )
        }
    };
}

#[cfg(feature = "derive")]
#[doc(hidden)]
#[macro_export]
macro_rules! __include_maps {
    ($($path:tt)*) => {
        ::core::include!($($path)*);
    };
}

/// One error, in place of one for each derive in the generated code.
#[cfg(not(feature = "derive"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __include_maps {
    ($($path:tt)*) => {
        const _: &str = $($path)*;
        ::core::compile_error!(
            "generated code needs the feature `derive` of bpfmap: write `features = [\"derive\"]` at `bpfmap` in \
             `Cargo.toml`"
        );
    };
}
