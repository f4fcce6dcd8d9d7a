//! Tests that the commands that boot kernels work as the page says. They run on this machine, and
//! boot kernels in QEMU.

#[path = "support/shell.rs"]
mod shell;
mod support;

use bpfmap_book_source::{Kind, Place};
use support::{assert_none, chapters};

#[test]
fn commands_that_boot_kernels_do_what_the_page_says() {
    let tools = shell::Tools::build();
    let mut mistakes = vec![];
    for (chapter, blocks) in chapters() {
        let boots = |kind: &Kind| {
            matches!(kind, Kind::Commands(Place::Kernels) | Kind::Session(Place::Kernels))
        };
        if blocks.iter().any(|block| boots(&block.kind)) {
            let places = [Place::Here, Place::Kernels];
            mistakes.extend(shell::run(&tools, &chapter, &blocks, &places));
        }
    }
    assert_none(&mistakes);
}
