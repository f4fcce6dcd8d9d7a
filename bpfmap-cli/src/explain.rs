//! `bpfmap explain`.

use std::fmt::Write;

use bpfmap_codegen::rules::{ALL, Rule};
use clap::ArgMatches;

use crate::{Failed, Outcome, complain, print};

pub(crate) fn run(matches: &ArgMatches) -> Outcome {
    let Some(id) = matches.get_one::<String>("rule") else {
        return print(&list());
    };
    let rule = Rule::by_id(id).map_err(|error| {
        complain(&format!("error: {error}; `bpfmap explain` lists all rules\n"));
        Failed::Usage
    })?;
    let (id, severity, title) = (rule.id, rule.severity.name(), rule.title);
    print(&format!("{id} ({severity}): {title}.\n\n{}\n", rule.explanation.trim()))
}

fn list() -> String {
    let width = ALL.iter().map(|rule| rule.id.len()).max().unwrap_or_default();
    let mut text = String::new();
    for rule in ALL {
        let (id, severity, title) = (rule.id, rule.severity.name(), rule.title);
        writeln!(text, "{id:width$}  {severity:7}  {title}")
            .expect("a String takes all that is written");
    }
    text
}
