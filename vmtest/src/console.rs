//! Finds a kernel's complaints in its log, and the tests that were running at the time.

/// A complaint of the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// The text from the beginning of the complaint to the next complaint, or to the end of the
    /// line.
    pub(crate) text: String,
    /// The tests that were running.
    pub(crate) tests: Vec<String>,
}

/// The words with which a complaint begins, for complaints after which the kernel continues. A
/// complaint may begin anywhere in a line, because a program may have written the first half of the
/// line to the console.
const MARKS: [&str; 14] = [
    "WARNING: ",
    "BUG: ",
    "kernel BUG at ",
    "INFO: possible ",
    "INFO: inconsistent ",
    "INFO: task ",
    "INFO: trying to register non-static key",
    "INFO: rcu",
    "rcu: INFO: ",
    "watchdog: BUG: ",
    "Oops: ",
    "general protection fault, ",
    "UBSAN: ",
    "unregister_netdevice: waiting for ",
];

impl Complaint {
    /// Returns whether the complaint contains one of these texts, and therefore is not a failure.
    pub(crate) fn is_allowed(&self, allowed: &[String]) -> bool {
        allowed.iter().any(|allowed| self.text.contains(allowed.as_str()))
    }
}

/// Returns the kernel's complaints, including those that are allowed.
pub(crate) fn complaints(log: &str) -> Vec<Complaint> {
    let mut running: Vec<String> = Vec::new();
    let mut found = Vec::new();
    for line in log.lines().map(without_time) {
        if let Some((_, name)) = line.split_once("vmtest: begin ") {
            running.extend(name.split_once(' ').map(|(_, name)| name.to_owned()));
        } else if let Some((_, name)) = line.split_once("vmtest: end ") {
            let ended = name.split_once(' ').map(|(_, name)| name);
            if let Some(index) = running.iter().position(|test| Some(test.as_str()) == ended) {
                running.remove(index);
            }
        } else {
            let texts = texts_of_complaints(line);
            found.extend(
                texts.map(|text| Complaint { text: text.to_owned(), tests: running.clone() }),
            );
        }
    }
    found
}

/// Returns the complaints in a line. Each complaint extends from its mark to the next mark.
fn texts_of_complaints(line: &str) -> impl Iterator<Item = &str> {
    let mut starts = Vec::new();
    let mut at = 0;
    while let Some((start, mark)) = first_mark(line, at) {
        starts.push(start);
        at = start + mark.len();
    }
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([line.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| line[start..end].trim_end())
}

/// Returns the first mark at or after `from`, and its offset.
fn first_mark(line: &str, from: usize) -> Option<(usize, &'static str)> {
    let found = MARKS.iter().filter_map(|mark| {
        let mut places = line[from..].match_indices(mark).map(|(at, _)| from + at);
        // `DEBUG: ` is printed by user space, not by the kernel.
        let start = places.find(|start| !line[..*start].ends_with("DE") || *mark != "BUG: ")?;
        Some((start, *mark))
    });
    found.min_by_key(|(start, mark)| (*start, std::cmp::Reverse(mark.len())))
}

/// Returns the first line of a log that contains `mark`, without its time stamp.
pub(crate) fn find_line<'a>(log: &'a str, mark: &str) -> Option<&'a str> {
    log.lines().find(|line| line.contains(mark)).map(without_time)
}

/// Returns the last lines of a log.
pub(crate) fn tail(log: &str, lines: usize) -> Vec<String> {
    let mut tail: Vec<String> =
        log.lines().rev().take(lines).map(|line| line.trim_end().to_owned()).collect();
    tail.reverse();
    tail
}

/// Removes the time stamp from `[    1.234567] text`, and the task or processor that some kernels
/// print after it: `[    1.234567][    T1] text`.
fn without_time(line: &str) -> &str {
    let mut line = line.trim();
    while let Some((_, rest)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        line = rest.trim_start();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "[    0.1] Linux version 6.1\r\n\
        [    1.0] vmtest: begin 0 map::fine\r\n\
        [    1.1] vmtest: end 0 map::fine\r\n\
        [    1.2] vmtest: begin 0 map::odd\r\n\
        [    1.3] ------------[ cut here ]------------\r\n\
        [    1.4][  T77] WARNING: CPU: 0 PID: 1 at kernel/bpf/x.c:1 f+0x1/0x2\r\n\
        [    1.5] traps: odd[5] general protection fault ip:1\r\n\
        [    1.6] vmtest: end 0 map::odd\r\n\
        [    1.7] rcu: INFO: rcu_sched self-detected stall on CPU\r\n";

    #[test]
    fn complaints_are_found_with_the_test_that_ran() {
        let found = complaints(LOG);
        let texts: Vec<_> =
            found.iter().map(|found| (found.text.as_str(), found.tests.join(" "))).collect();
        assert_eq!(
            texts,
            [
                ("WARNING: CPU: 0 PID: 1 at kernel/bpf/x.c:1 f+0x1/0x2", "map::odd".to_owned()),
                ("rcu: INFO: rcu_sched self-detected stall on CPU", String::new()),
            ]
        );
        let allowed = ["kernel/bpf/x.c".to_owned(), "self-detected".to_owned()];
        assert!(found.iter().all(|found| found.is_allowed(&allowed)));
    }

    #[test]
    fn a_complaint_belongs_to_all_tests_that_ran() {
        let log = "vmtest: begin 0 a\nvmtest: begin 0 b\nvmtest: end 0 a\nWARNING: x\n\
                   vmtest: begin 0 c\nWARNING: y\nvmtest: end 0 b\nvmtest: end 0 c\nWARNING: z\n";
        let tests: Vec<_> = complaints(log).into_iter().map(|found| found.tests).collect();
        assert_eq!(tests, [vec!["b".to_owned()], vec!["b".to_owned(), "c".to_owned()], vec![]]);
    }

    #[test]
    fn complaints_are_found_behind_what_a_test_printed() {
        let texts = |line: &str| {
            let found = complaints(line).into_iter().map(|found| found.text);
            found.collect::<Vec<_>>()
        };
        assert_eq!(texts("half a line[    1.2] WARNING: CPU: 0"), ["WARNING: CPU: 0"]);
        // This also works if the kernel prints no time stamps.
        assert_eq!(texts("half a lineBUG: sleeping"), ["BUG: sleeping"]);
        assert_eq!(texts("[    1.2] watchdog: BUG: soft lockup"), ["watchdog: BUG: soft lockup"]);
        assert_eq!(texts("WARNING: a[    1.2] WARNING: b"), ["WARNING: a[    1.2]", "WARNING: b"]);
        assert_eq!(texts("[    1.2] DEBUG: nothing"), [""; 0]);
        // The allowed text must be in the complaint itself, not before it.
        let hidden = &complaints("nowhere.c WARNING: CPU: 0")[0];
        assert!(!hidden.is_allowed(&["nowhere.c".to_owned()]));
    }

    #[test]
    fn the_tail_is_the_last_lines_in_order() {
        assert_eq!(tail("a\r\nb\r\nc\r\n", 2), ["b", "c"]);
        assert_eq!(find_line(LOG, "Linux version"), Some("Linux version 6.1"));
    }
}
