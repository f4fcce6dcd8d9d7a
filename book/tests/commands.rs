//! Tests that the commands of each chapter work as the page says. They run as root, on the kernel
//! of this machine.
//!
//! `tests/kernels.rs` runs the chapters that boot kernels.

#[path = "support/shell.rs"]
mod shell;
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use bpfmap_book_source::{Chapter, Kind, Place, block};
use shell::Tools;
use support::{assert_at_least, assert_none, chapters, run};

#[test]
fn commands_do_what_the_page_says() {
    let tools = Tools::build();
    let mut mistakes = vec![];
    let mut count = 0;
    for (chapter, blocks) in chapters() {
        let here =
            |kind: &Kind| matches!(kind, Kind::Commands(Place::Here) | Kind::Session(Place::Here));
        if blocks.iter().any(|block| here(&block.kind)) {
            mistakes.extend(shell::run(&tools, &chapter, &blocks, &[Place::Here]));
            count += 1;
        }
    }
    assert_none(&mistakes);
    assert_at_least(3, count, "chapters with commands");
}

/// For commands that would change the machine, only the syntax is checked.
#[test]
fn commands_that_install_are_well_formed() {
    let folder = tempfile::tempdir().unwrap();
    let mut mistakes = vec![];
    for (chapter, blocks) in chapters() {
        for block in &blocks {
            let Kind::Commands(Place::Nowhere) = block.kind else { continue };
            let script = folder.path().join("script");
            fs::write(&script, &block.text).unwrap();
            let read = run(Command::new("sh").arg("-n").arg(&script));
            mistakes.extend(
                read.err().map(|error| format!("{}:{}: {error}", chapter.file, block.line)),
            );
        }
    }
    assert_none(&mistakes);
}

#[test]
fn failures_are_noticed() {
    let tools = Tools::build();
    let expected = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert!(shell::matches(&expected(&["a", "…", "b 1… c"]), &["a", "x", "y", "b 12 c"]));
    assert!(shell::matches(&expected(&["…"]), &[]));
    assert!(!shell::matches(&expected(&["a", "…", "b"]), &["a", "c"]));
    assert!(!shell::matches(&expected(&["a"]), &["a", "b"]));

    let run_text = |text: &str| {
        let chapter = Chapter::new(Path::new("."), "docs/page.md", text).unwrap();
        let blocks = block::blocks(&chapter).unwrap();
        shell::run(&tools, &chapter, &blocks, &[Place::Here])
    };
    let good = "```text file=a/x\nword\n```\n\n```sh\ncd a\ngrep -q word x\nsudo bpfmap --version\n```\n\n\
                ```console\n$ cat x\nword\n$ cat \\\nx y\nword\n…No such file…\n```\n";
    assert_eq!(run_text(good), Vec::<String>::new());
    for (bad, reason) in [
        ("```sh\ntrue\nfalse\ntrue\n```\n", "docs/page.md:1: a command fails"),
        ("```sh\nexit 0\n```\n", "a command fails"),
        ("```console\n$ echo a\nb\n```\n", "prints"),
        ("```console\n$ echo a\n```\n", "prints"),
        ("```console\n$ false\n```\n", "status 1"),
    ] {
        let mistakes = run_text(bad);
        assert!(mistakes.len() == 1 && mistakes[0].contains(reason), "{bad}: {mistakes:?}");
    }
}
