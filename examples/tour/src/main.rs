//! `tour [SECTION…]`: runs the sections with these names, or all sections if there are no
//! arguments. Prints the kernel's answers.

use std::io::Write as _;
use std::process::ExitCode;

use tour::{Result, SECTIONS, Section};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut sections: Vec<&Section> = vec![];
    for name in std::env::args().skip(1) {
        let section = SECTIONS.iter().find(|section| section.name == name);
        sections.push(section.ok_or_else(|| {
            let names: Vec<_> = SECTIONS.iter().map(|section| section.name).collect();
            format!("unknown section `{name}`; the sections are {}", names.join(", "))
        })?);
    }
    if sections.is_empty() {
        sections.extend(SECTIONS);
    }
    let mut out = std::io::stdout().lock();
    for section in sections {
        writeln!(out, "{} ({})", section.title, section.name)?;
        for line in section.run().map_err(|error| format!("{}: {error}", section.name))? {
            writeln!(out, "    {line}")?;
        }
    }
    Ok(())
}
