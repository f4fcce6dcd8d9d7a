//! The report as a single HTML page that needs no script, font or network.
//!
//! The failures are listed first. Each binary has a table that can be folded. A filter in CSS hides
//! rows.
//!
//! The cells of the table are links to the logs. The logs are on the same page, and a log is shown
//! when it is the target of a link. The page therefore works without scripts, and each log has an
//! address.

use super::grid::{Grid, full_name};
use super::layout::LONG;
use super::markup::escape;
use crate::event::{Event, KernelResult, Outcome, TestResult};
use std::collections::{BTreeMap, BTreeSet};
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
    failures(&mut page, &grid);
    tables(&mut page, &grid);
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

/// Writes the list of everything that is not green. This list is the first part of the page.
fn failures(page: &mut String, grid: &Grid<'_>) {
    let mut items = String::new();
    for (column, kernel) in grid.kernels.iter().enumerate().filter(|(_, it)| it.outcome != "ok") {
        let reason = kernel.reason.as_ref().map(|reason| format!(": {}", escape(reason)));
        let _ = writeln!(
            items,
            "<li><a href=\"#k{column}\">Kernel {}: {}</a>{}</li>",
            escape(&kernel.kernel),
            escape(&kernel.outcome),
            reason.unwrap_or_default()
        );
    }
    for (line, ((binary, test), row)) in grid.rows.iter().enumerate() {
        let mut links = vec![];
        let mut reasons = BTreeSet::new();
        for (column, kernel) in grid.kernels.iter().enumerate() {
            let Some(result) = row.get(kernel.kernel.as_str()) else { continue };
            let (class, sign) = look(result);
            if matches!(class, "bad" | "flaky") {
                reasons.extend(&result.reason);
                let kernel = escape(&kernel.kernel);
                links.push(format!(
                    "<a class=\"{class}\" href=\"#t{line}-{column}\">{sign} on {kernel}</a>"
                ));
            }
        }
        if !links.is_empty() {
            let name = escape(&full_name(binary, test));
            let reasons =
                reasons.iter().map(|reason| format!("<br><small>{}</small>", escape(reason)));
            let reasons: String = reasons.collect();
            let _ = writeln!(items, "<li><b>{name}</b> {}{reasons}</li>", links.join(" "));
        }
    }
    if !items.is_empty() {
        let _ = writeln!(
            page,
            "<section class=\"failures\"><h2>Not green</h2>\n<ul>\n{items}</ul></section>"
        );
    }
}

/// The form that selects which tests are shown. It works without a script.
const FILTER: &str = "\
<form class=\"filter\">
<label><input type=\"radio\" name=\"show\" checked> all tests</label>
<label><input type=\"radio\" name=\"show\" class=\"differ\"> different between kernels</label>
<label><input type=\"radio\" name=\"show\" class=\"not-green\"> not green</label>
</form>
";

/// A row: its number in the grid, the name of the test, and the results by kernel.
type Row<'a> = (usize, &'a str, &'a BTreeMap<&'a str, &'a TestResult>);

/// Writes a table for each binary. If there are many tests, the tests that passed on every kernel
/// are folded.
fn tables(page: &mut String, grid: &Grid<'_>) {
    if grid.rows.len() > 1 {
        page.push_str(FILTER);
    }
    let mut binaries: BTreeMap<&str, [Vec<Row<'_>>; 2]> = BTreeMap::new();
    for (line, ((binary, test), row)) in grid.rows.iter().enumerate() {
        let rows = binaries.entry(binary).or_default();
        rows[usize::from(is_well(grid, row))].push((line, test, row));
    }
    let is_short = grid.rows.len() <= LONG;
    for (binary, [others, well]) in binaries {
        let count = others.len() + well.len();
        let (name, tests) = (escape(binary), if count == 1 { "test" } else { "tests" });
        let (class, sum) = match others.len() {
            0 => (" class=\"well\"", format!("{count} {tests}, ok on every kernel")),
            _ => ("", format!("{} of {count} {tests} ok on every kernel", well.len())),
        };
        let open = if is_short || !others.is_empty() { " open" } else { "" };
        let _ = writeln!(
            page,
            "<details{class}{open}>\n<summary><b>{name}</b> <small>{sum}</small></summary>"
        );
        if !others.is_empty() {
            table(page, grid, binary, &others);
        }
        match (others.is_empty(), well.is_empty()) {
            (_, true) => {}
            (true, false) => table(page, grid, binary, &well),
            (false, false) => {
                let open = if is_short { " open" } else { "" };
                let _ = writeln!(
                    page,
                    "<details class=\"well\"{open}>\n<summary>ok on every kernel: {}</summary>",
                    well.len()
                );
                table(page, grid, binary, &well);
                page.push_str("</details>\n");
            }
        }
        page.push_str("</details>\n");
    }
}

/// Returns whether a test passed on every kernel at the first attempt.
fn is_well(grid: &Grid<'_>, row: &BTreeMap<&str, &TestResult>) -> bool {
    let mut results = grid.kernels.iter().map(|kernel| row.get(kernel.kernel.as_str()));
    results.all(|result| result.is_some_and(|test| look(test).0 == "ok"))
}

fn table(page: &mut String, grid: &Grid<'_>, binary: &str, rows: &[Row<'_>]) {
    let _ = write!(
        page,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{} by kernels\">\n<table>\n<thead>\n\
         <tr><th scope=\"col\">test</th>",
        escape(binary)
    );
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
    for (line, test, row) in rows {
        let looks: Vec<_> = grid
            .kernels
            .iter()
            .map(|kernel| row.get(kernel.kernel.as_str()).map(|test| (look(test), test.outcome)))
            .collect();
        let is_same = looks.iter().all(|look| *look == looks[0]);
        let is_green =
            looks.iter().flatten().all(|((class, _), _)| !matches!(*class, "bad" | "flaky"));
        let classes = [(is_same, "same"), (is_green, "green")];
        let classes: Vec<_> =
            classes.iter().filter(|(is, _)| *is).map(|(_, class)| *class).collect();
        // A binary without a harness counts as one test without a name.
        let name = escape(if test.is_empty() { binary } else { test });
        let _ = write!(page, "<tr class=\"{}\"><th scope=\"row\">{name}</th>", classes.join(" "));
        for (column, look) in looks.iter().enumerate() {
            match look {
                None => page.push_str("<td></td>"),
                Some(((class, sign), outcome)) => {
                    let _ = write!(
                        page,
                        "<td class=\"{class}\"><a href=\"#t{line}-{column}\" title=\"{outcome}\">{sign}</a></td>"
                    );
                }
            }
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n</div>\n");
}

/// Returns a cell's class and text. The text distinguishes outcomes without the need for colours.
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
    let how = kernel.engine.map_or(String::new(), |engine| {
        format!(" · {engine}{}", if kernel.snapshot { ", from a snapshot" } else { "" })
    });
    let _ = writeln!(
        page,
        "<p>{} · {}{how} · {:.1} s</p>",
        escape(&kernel.release),
        escape(&kernel.origin),
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

    /// Returns each text between `before` and the next quotation mark.
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
    fn failures_are_listed_first() {
        let page = html(&sample(), |_| None);
        let failures = page.find("<h2>Not green</h2>").unwrap();
        assert!(failures < page.find("<table>").unwrap());
        let list = &page[failures..page.find("</section>").unwrap()];
        assert!(list.contains(">Kernel 5.10: panic</a>: it panicked<"), "{list}");
        assert!(list.contains("<b>maps fails</b>") && list.contains(">fail on 6.1</a>"), "{list}");
        assert!(list.contains(">flaky on 5.10</a>"), "{list}");
        // Both kernels have the same reason.
        let fails = list.lines().find(|line| line.contains("<b>maps fails</b>")).unwrap();
        assert_eq!(fails.matches("<br><small>because ").count(), 1, "{fails}");
        assert!(!list.contains("passes") && !list.contains("skips"), "{list}");
    }

    #[test]
    fn a_long_page_folds_the_tests_that_passed_on_every_kernel() {
        let mut events = sample();
        let Event::Test(sample) = events[0].clone() else { panic!("the first event is a test") };
        for (binary, failing) in [("one", None), ("other", Some(7))] {
            for number in 0..LONG {
                for kernel in ["5.10", "6.1"] {
                    let is_bad = failing == Some(number);
                    let outcome = if is_bad { Outcome::Failed } else { Outcome::Passed };
                    let [kernel, binary, test] =
                        [kernel, binary, &format!("t{number:02}")].map(str::to_owned);
                    events.push(Event::Test(TestResult {
                        kernel,
                        binary,
                        test,
                        outcome,
                        ..sample.clone()
                    }));
                }
            }
        }
        let page = html(&events, |_| None);
        assert!(page.contains(
            "<details class=\"well\">\n<summary><b>one</b> <small>30 tests, ok on every"
        ));
        assert!(
            page.contains(
                "<details open>\n<summary><b>other</b> <small>29 of 30 tests ok on every"
            )
        );
        assert!(
            page.contains("<details class=\"well\">\n<summary>ok on every kernel: 29</summary>")
        );
        assert_eq!(page.matches("<details").count(), page.matches("</details>").count());
        // The filters find rows by their classes.
        assert!(page.contains("<tr class=\"same\"><th scope=\"row\">t07</th>"));
        assert!(page.contains("<tr class=\"same green\"><th scope=\"row\">t08</th>"));
    }

    #[test]
    fn the_page_needs_no_other_files_and_no_scripts() {
        let page = html(&sample(), |_| None);
        assert!(!page.contains("<script") && !page.contains("://") && !page.contains("url("));
        assert!(page.contains("prefers-color-scheme: dark") && page.contains("width=device-width"));
        assert_eq!(page.matches("<pre").count(), page.matches("</pre>").count());
        assert_eq!(page.matches("<section").count(), page.matches("</section>").count());
    }
}
