//! Macros that set the attributes of a schema in Rust, and that include the modules generated from
//! other schemas.

/// Sets the name of a schema that is written in Rust, and the oldest kernel that its maps support.
///
/// Call this macro once, at the top of the file that declares the maps. The command `bpfmap` and
/// build scripts read the call in the source file. Without this call, the name of the schema is the
/// name of the file. The macro itself expands to nothing.
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

/// Includes the Rust code that the build script of the package generates. This code has one module
/// for each schema.
///
/// Each module has the name of its schema. If the schema `flows` includes the schema `net`, both
/// schemas have a module, and both modules use the same types. For example, the keys of
/// `flows::Flows` can have the type `net::Addr`. The functions from `Builder::migrates_from` are in
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
/// If the crate already has a module with the same name, call the macro inside a new module: `mod
/// maps { bpfmap::include_maps!(); }`. If the build script calls `generate` for several folders,
/// the macro includes the modules in the last folder.
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

/// Reports that the feature `derive` is missing. Without this macro, each derive in the generated
/// code would report an error.
#[cfg(not(feature = "derive"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __include_maps {
    ($($path:tt)*) => {
        const _: &str = $($path)*;
        ::core::compile_error!(
            "generated code needs the feature `derive` of bpfmap: add `features = [\"derive\"]` to the dependency `bpfmap` in \
             `Cargo.toml`"
        );
    };
}
