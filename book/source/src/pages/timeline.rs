//! The results of an operation on all kernels, as text for a table.

use bpfmap_core::KernelVersion;
use bpfmap_core::map_type::{Answer, Since};

/// Returns the results on all kernels from `first` on, such as `` `ENOTSUPP`; success from 5.14 ``.
pub(crate) fn timeline(answers: &[Since], first: KernelVersion) -> String {
    let start = answers.iter().rposition(|since| since.kernel <= first).unwrap_or(0);
    let mut parts: Vec<String> = vec![];
    for since in &answers[start..] {
        let names: Vec<String> = since.answers.iter().copied().map(name).collect();
        let names = names.join(" or ");
        parts.push(if since.kernel <= first {
            names
        } else {
            format!("{names} from {}", since.kernel)
        });
    }
    parts.join("; ")
}

fn name(answer: Answer) -> String {
    match answer {
        Answer::Ok => "success".to_owned(),
        Answer::Err(errno) => format!("`{errno}`"),
    }
}

#[cfg(test)]
mod tests {
    use bpfmap_core::map_type::{Condition, HASH, Operation};

    use super::*;

    fn of(operation: Operation, condition: Condition) -> String {
        let facts = HASH.operation(operation);
        let case = facts.cases.iter().find(|case| case.condition == condition).unwrap();
        timeline(case.answers, HASH.since)
    }

    #[test]
    fn each_change_is_shown_with_its_kernel() {
        assert_eq!(of(Operation::Lookup, Condition::Plain), "success");
        assert_eq!(of(Operation::LookupBatch, Condition::Plain), "success from 5.6");
        assert_eq!(
            of(Operation::LookupAndDelete, Condition::Plain),
            "`ENOTSUPP` from 4.20; success from 5.14"
        );
        assert_eq!(
            timeline(HASH.operation(Operation::Freeze).cases[1].answers, KernelVersion::new(6, 5)),
            "`EPERM`"
        );
    }
}
