//! Generates the files of both versions of the schema, compiles both programs, and generates the migration from the first
//! version to the second.

fn main() -> Result<(), bpfmap_codegen::BuildError> {
    bpfmap_codegen::Builder::new()
        .schema("schemas/v1.toml")
        .schema("schemas/v2.toml")
        .migrates_from("schemas/v1.toml")
        .program("src/v1.bpf.c")
        .program("src/v2.bpf.c")
        .generate()
}
