//! Macros for the attributes of a schema in Rust, and for the modules that are generated from schemas in other files.

/// Sets the name of the schema in a Rust source, and the oldest kernel that its maps support.
///
/// Write it once, at the top of the file that declares the maps. The command `bpfmap` and build scripts read it there.
/// Without it, the schema has the name of the file. The macro expands to nothing.
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

/// Includes the Rust code that the build script of the package generates: a module for each schema.
///
/// The module has the name of the schema. An included schema has a module too, and both use the same types: `net::Addr`
/// is the type of the keys of `flows::Flows`. The functions from `Builder::migrates_from` are in a module whose name
/// ends in `_migrate`.
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
/// If the crate already has a module with that name, call the macro in a module of its own: `mod maps {
/// bpfmap::include_maps!(); }`. If the script calls `generate` for several folders, the modules come from the last one.
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

/// This gives one error instead of one for each derive in the generated code.
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
