//! What a kernel's log tells: its complaints, and what it ran when it made them.

/// The kernel complained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// The line that says of what.
    pub(crate) text: String,
    /// The test that ran.
    pub(crate) test: Option<String>,
}

/// How the lines begin with which the kernel complains and goes on.
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

/// The kernel's complaints, but those that have one of the texts in `allowed`.
pub(crate) fn complaints(log: &str, allowed: &[String]) -> Vec<Complaint> {
    let mut test = None;
    let mut found = Vec::new();
    for line in log.lines().map(without_time) {
        if let Some(name) = line.strip_prefix("vmtest: begin ") {
            test = name.split_once(' ').map(|(_, name)| name.to_owned());
        } else if line.starts_with("vmtest: end ") {
            test = None;
        } else if MARKS.iter().any(|mark| line.starts_with(mark))
            && !allowed.iter().any(|allowed| line.contains(allowed.as_str()))
        {
            found.push(Complaint { text: line.to_owned(), test: test.clone() });
        }
    }
    found
}

/// The first line of a log that has `mark`, without its time.
pub(crate) fn find_line<'a>(log: &'a str, mark: &str) -> Option<&'a str> {
    log.lines().find(|line| line.contains(mark)).map(without_time)
}

/// The last lines of a log.
pub(crate) fn tail(log: &str, lines: usize) -> Vec<String> {
    let mut tail: Vec<String> =
        log.lines().rev().take(lines).map(|line| line.trim_end().to_owned()).collect();
    tail.reverse();
    tail
}

/// `[    1.234567] text` without the time, and without the task or processor that some kernels are
/// built to add: `[    1.234567][    T1] text`.
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
        let found = complaints(LOG, &[]);
        let texts: Vec<_> =
            found.iter().map(|found| (found.text.as_str(), found.test.as_deref())).collect();
        assert_eq!(
            texts,
            [
                ("WARNING: CPU: 0 PID: 1 at kernel/bpf/x.c:1 f+0x1/0x2", Some("map::odd")),
                ("rcu: INFO: rcu_sched self-detected stall on CPU", None),
            ]
        );
        let allowed = ["kernel/bpf/x.c".to_owned(), "self-detected".to_owned()];
        assert_eq!(complaints(LOG, &allowed), []);
    }

    #[test]
    fn the_tail_is_the_last_lines_in_order() {
        assert_eq!(tail("a\r\nb\r\nc\r\n", 2), ["b", "c"]);
        assert_eq!(find_line(LOG, "Linux version"), Some("Linux version 6.1"));
    }
}
