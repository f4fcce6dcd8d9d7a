//! The report as a single HTML page that needs no script, font or network.
//!
//! The cells of the table are links to the logs. These are on the same page, and are shown when
//! they are the target of a link. The page therefore works without scripts, and each log has an
//! address.

use super::grid::{Grid, full_name};
use super::markup::escape;
use crate::event::{Event, KernelResult, Outcome, TestResult};
use std::fmt::Write as _;

const STYLE: &str = include_str!("style.css");

/// Returns the page. `console` returns the whole console log of a kernel, if it was kept.
#[must_use]
pub fn html(events: &[Event], console: impl Fn(&KernelResult) -> Option<String>) -> String {
    let grid = Grid::of(events);
    let green = grid.summary.is_some_and(|summary| summary.green);
    let title = if green { "green" } else { "not green" };
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Kernel matrix: {title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    head(&mut page, &grid, green);
    table(&mut page, &grid);
    skips(&mut page, &grid);
    page.push_str("</main>\n");
    for (column, kernel) in grid.kernels.iter().enumerate() {
        kernel_log(&mut page, column, kernel, console(kernel).as_deref());
    }
    for (line, row) in grid.rows.values().enumerate() {
        for (column, kernel) in grid.kernels.iter().enumerate() {
            if let Some(test) = row.get(kernel.kernel.as_str()) {
                test_log(&mut page, line, column, test);
            }
        }
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn head(page: &mut String, grid: &Grid<'_>, green: bool) {
    let class = if green { "green" } else { "red" };
    let word = if green { "Green" } else { "Not green" };
    let _ = writeln!(page, "<header>\n<h1><span class=\"dot {class}\"></span>{word}</h1>");
    if let Some(summary) = grid.summary {
        page.push_str("<dl>\n");
        let flaky =
            if summary.flaky > 0 { format!(" ({} flaky)", summary.flaky) } else { String::new() };
        let failed = if summary.kernels_failed > 0 {
            format!(" ({} failed)", summary.kernels_failed)
        } else {
            String::new()
        };
        for (name, value) in [
            ("passed", format!("{}{flaky}", summary.passed)),
            ("failed", summary.failed.to_string()),
            ("skipped", summary.skipped.to_string()),
            ("kernels", format!("{}{failed}", summary.kernels)),
            ("time", format!("{:.1} s", summary.seconds)),
        ] {
            let _ = writeln!(page, "<div><dt>{name}</dt><dd>{value}</dd></div>");
        }
        page.push_str("</dl>\n");
    }
    page.push_str("</header>\n");
}

fn table(page: &mut String, grid: &Grid<'_>) {
    page.push_str("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Tests by kernels\">\n<table>\n<thead>\n<tr><th scope=\"col\">test</th>");
    for (column, kernel) in grid.kernels.iter().enumerate() {
        let class = if kernel.outcome == "ok" { "" } else { " class=\"bad\"" };
        let _ = write!(
            page,
            "<th scope=\"col\"><a href=\"#k{column}\"{class} title=\"{}\">{}</a></th>",
            escape(&kernel.outcome),
            escape(&kernel.kernel)
        );
    }
    page.push_str("</tr>\n</thead>\n<tbody>\n");
    for (line, ((binary, test), row)) in grid.rows.iter().enumerate() {
        let name = match *test {
            "" => escape(binary),
            test => format!("<small>{}</small> {}", escape(binary), escape(test)),
        };
        let _ = write!(page, "<tr><th scope=\"row\">{name}</th>");
        for (column, kernel) in grid.kernels.iter().enumerate() {
            match row.get(kernel.kernel.as_str()) {
                None => page.push_str("<td></td>"),
                Some(test) => {
                    let (class, sign) = look(test);
                    let _ = write!(
                        page,
                        "<td class=\"{class}\"><a href=\"#t{line}-{column}\" title=\"{}\">{sign}</a></td>",
                        test.outcome
                    );
                }
            }
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n</div>\n");
}

/// Returns a cell's class and its text. The text distinguishes outcomes without colours.
fn look(test: &TestResult) -> (&'static str, &'static str) {
    match test.outcome {
        Outcome::Passed if test.attempts > 1 => ("flaky", "flaky"),
        Outcome::Passed => ("ok", "ok"),
        Outcome::Skipped => ("skip", "skip"),
        Outcome::NotRun => ("none", "–"),
        Outcome::Failed => ("bad", "fail"),
        Outcome::TimedOut => ("bad", "time"),
        Outcome::KilledByOom => ("bad", "oom"),
        Outcome::Crashed => ("bad", "crash"),
        Outcome::EndedEarly => ("bad", "early"),
        Outcome::Tainted => ("bad", "taint"),
        Outcome::GuestFailed => ("bad", "guest"),
        Outcome::NotListed => ("bad", "list"),
        Outcome::NoTests => ("bad", "none"),
    }
}

fn skips(page: &mut String, grid: &Grid<'_>) {
    let skips = grid.skips();
    if skips.is_empty() {
        return;
    }
    page.push_str("<h2>Skipped</h2>\n<ul>\n");
    for ((binary, test, reason), kernels) in skips {
        let _ = writeln!(
            page,
            "<li><b>{}</b> on {}: {}</li>",
            escape(&full_name(binary, test)),
            escape(&kernels.join(", ")),
            escape(reason)
        );
    }
    page.push_str("</ul>\n");
}

fn kernel_log(page: &mut String, column: usize, kernel: &KernelResult, console: Option<&str>) {
    let title = format!("Kernel {}: {}", kernel.kernel, kernel.outcome);
    open_log(page, &format!("k{column}"), &title);
    let how = if kernel.snapshot { ", from a snapshot" } else { "" };
    let _ = writeln!(
        page,
        "<p>{} · {} · {}{how} · {:.1} s</p>",
        escape(&kernel.release),
        escape(&kernel.origin),
        kernel.engine,
        kernel.seconds
    );
    for text in [&kernel.reason, &kernel.advice].into_iter().flatten() {
        let _ = writeln!(page, "<p>{}</p>", escape(text));
    }
    let tail = kernel.console_tail.join("\n");
    close_log(page, console.unwrap_or(&tail));
}

fn test_log(page: &mut String, line: usize, column: usize, test: &TestResult) {
    let name = full_name(&test.binary, &test.test);
    open_log(page, &format!("t{line}-{column}"), &format!("{name} on {}", test.kernel));
    let reason = test.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let _ = writeln!(
        page,
        "<p><b>{}</b>{} · {:.2} s · attempts: {}</p>",
        test.outcome,
        escape(&reason),
        test.seconds,
        test.attempts
    );
    if !test.notes.is_empty() {
        page.push_str("<ul>\n");
        for (key, value) in &test.notes {
            let _ = writeln!(page, "<li><b>{}</b> {}</li>", escape(key), escape(value));
        }
        page.push_str("</ul>\n");
    }
    close_log(page, &test.output);
}

fn open_log(page: &mut String, id: &str, title: &str) {
    let _ = write!(
        page,
        "<section class=\"log\" id=\"{id}\" aria-label=\"{0}\">\n<div>\n<h2>{0}</h2>\n\
         <a class=\"close\" href=\"#\" aria-label=\"Close\">✕</a>\n",
        escape(title)
    );
}

fn close_log(page: &mut String, log: &str) {
    let log = escape(&log.replace("\r\n", "\n"));
    let _ = write!(page, "<pre tabindex=\"0\">{log}</pre>\n</div>\n</section>\n");
}

#[cfg(test)]
mod tests {
    use super::super::grid::sample;
    use super::*;
    use std::collections::BTreeSet;

    /// Returns the text between each `before` and the quotation mark after it.
    fn all<'a>(page: &'a str, before: &str) -> Vec<&'a str> {
        page.split(before).skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    #[test]
    fn each_cell_opens_its_log() {
        let page = html(&sample(), |_| Some("the whole log".to_owned()));
        let ids = all(&page, "id=\"");
        let targets: BTreeSet<&str> =
            all(&page, "href=\"#").into_iter().filter(|target| !target.is_empty()).collect();
        // There are five tests and one guest on each of two kernels.
        assert_eq!(ids.len(), 12);
        assert_eq!(ids.iter().copied().collect::<BTreeSet<_>>(), targets);
        assert_eq!(page.matches("<td class=").count(), 10);
        assert_eq!(page.matches("the whole log").count(), 2);
        assert!(page.contains("<td class=\"flaky\">") && page.contains("class=\"dot red\""));
    }

    #[test]
    fn the_page_needs_nothing_else_and_runs_nothing() {
        let page = html(&sample(), |_| None);
        assert!(!page.contains("<script") && !page.contains("://") && !page.contains("url("));
        assert!(page.contains("prefers-color-scheme: dark") && page.contains("width=device-width"));
        assert_eq!(page.matches("<pre").count(), page.matches("</pre>").count());
        assert_eq!(page.matches("<section").count(), page.matches("</section>").count());
    }
}
