//! Compares the sizes of programs in C and in Rust. `cargo xtask code-size` shows the table.

use std::collections::HashMap;

use bpfmap_programs::EXAMPLES;
use object::{
    Object as _, ObjectSection, ObjectSymbol as _, RelocationTarget, SectionKind, Symbol,
};

/// The largest size of a program in Rust, in percent of the size of the same program in C.
const LARGEST: u64 = 120;

/// The section of functions that programs call. libbpf loads only those that a program calls.
const FUNCTIONS: &str = ".text";

/// Returns the number of instructions of all programs in an object file, and of the functions that
/// they call. The kernel counts an instruction with a 64-bit constant as two.
fn instructions(object: &[u8]) -> u64 {
    let file = object::File::parse(object).unwrap();
    let code = file.sections().filter(|section| section.kind() == SectionKind::Text);
    let (functions, programs): (Vec<_>, Vec<_>) =
        code.partition(|section| section.name() == Ok(FUNCTIONS));
    let is_function = |symbol: &Symbol<'_, '_>| {
        functions.iter().any(|section| symbol.section_index() == Some(section.index()))
    };
    let relocations = programs.iter().flat_map(ObjectSection::relocations);
    let called: HashMap<u64, u64> = relocations
        .filter_map(|(_, relocation)| match relocation.target() {
            RelocationTarget::Symbol(index) => file.symbol_by_index(index).ok(),
            _ => None,
        })
        .filter(is_function)
        .map(|symbol| (symbol.address(), symbol.size()))
        .collect();
    let bytes = programs.iter().map(ObjectSection::size).chain(called.into_values());
    bytes.map(|size| size / 8).sum()
}

#[test]
fn programs_in_rust_are_as_small_as_in_c() {
    println!("| program | in C | in Rust | Rust in % of C |");
    println!("| --- | ---: | ---: | ---: |");
    let mut too_large = vec![];
    for example in EXAMPLES {
        let [c, rust] = [example.c, example.rust].map(instructions);
        assert!(c > 10, "{}: {c} instructions", example.name);
        println!("| `{}` | {c} | {rust} | {} |", example.name, rust * 100 / c);
        if rust * 100 > c * LARGEST {
            too_large.push(example.name);
        }
    }
    assert!(too_large.is_empty(), "more than {LARGEST} % of C: {too_large:?}");
}
