//! `cargo xtask book`: the book in HTML, from the chapters in `docs/` and the generated pages.

use std::path::Path;
use std::process::Command;

use bpfmap_book_source::{assemble, html};

use crate::Error;
use crate::cargo::root;
use crate::tools::program;

/// The version of mdBook. A different one may create different anchors and HTML.
const MDBOOK: &str = "0.5.4";

/// Builds the book in `target/book/html`.
///
/// # Errors
///
/// Fails if a page has an error, if a link is broken, if mdBook prints a warning, or if mdBook
/// can't be installed.
pub(crate) fn run() -> Result<(), Error> {
    let folder = root().join("target/book");
    let (source, html) = (folder.join("src"), folder.join("html"));
    assemble::assemble(root(), &source)?;
    let mdbook = program("mdbook", MDBOOK)?;
    build(&mdbook, &source, &html)?;
    html::check(&html)?;
    println!("The book: {}", html.join("index.html").display());
    Ok(())
}

fn build(mdbook: &Path, source: &Path, html: &Path) -> Result<(), Error> {
    let mut command = Command::new(mdbook);
    let output = command.arg("build").arg(source).arg("--dest-dir").arg(html).output()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let complains = ["WARN", "ERROR"].iter().any(|level| said.contains(level));
    if output.status.success() && !complains {
        Ok(())
    } else {
        Err(format!("mdBook can't build the book ({}):\n{said}", output.status).into())
    }
}
