//! The interpreter of fixtures.
//!
//! For each map of a schema, `bpfmap generate --emit fixtures` writes a [`MapFixture`] and tests
//! that call this crate. These tests use the generated types. `bpfmap test` does not need a Rust
//! compiler: it creates each `MapFixture` at run time, and calls [`run`].
//!
//! One of the tests tries every case that the facts table contains for each operation. Each case
//! uses a fresh map. The test compares the answer of the running kernel with the table. The test
//! fails if the answers differ. For example, it fails if an operation succeeds although the kernel
//! should refuse the operation. An expected refusal is a valid result.
//!
//! The other tests write a [`pattern`] into each member on one side and check the member on the
//! other side. The sides are a BPF program and user space: see [`Fixture`].
//!
//! Tests report their findings to the harness in lines of the form `vmtest:note KEY=VALUE`. Other
//! test runners only print these lines.

#![allow(
    clippy::missing_panics_doc,
    reason = "these functions are tests, and assert the effects of each operation"
)]

mod arena;
mod arena_lock;
mod ask;
mod bpf_fs;
mod build_id;
mod cases;
mod cgroup;
mod declaration;
mod delete;
mod delete_batch;
mod entry;
mod events;
mod filter;
mod freeze;
mod get_next_key;
mod handle;
mod instructions;
mod jump;
mod keys;
mod lookup;
mod lookup_and_delete;
mod lookup_and_delete_batch;
mod lookup_batch;
mod lsm;
mod mmap;
mod network_objects;
mod network_values;
mod objects;
mod owners;
mod pattern;
mod program;
mod raw;
mod records;
mod redirect;
mod reuseport;
mod run;
mod sockets;
mod special;
mod stacks;
mod subject;
mod typed;
mod untyped;
mod update;
mod update_batch;
mod values;
mod within;

pub use bpfmap_core::fixture::{Content, MapFixture, SpecialBytes, Step};
pub use bpfmap_core::{Errno, KernelVersion, SpecialField};
pub use cgroup::{Cgroup, Cgroup2};
pub use pattern::{Extent, filled, pattern, wide_pattern};
pub use program::Fixture;
pub use run::run;
pub use typed::{
    answers, finds_the_instructions_of_a_program, is_refused, program_is_refused,
    writes_sockets_in_program,
};

use declaration::Declaration;
use keys::{Keys, index};
use std::fmt;
use subject::Subject;

use bpfmap_core::map_type::{self, Architecture, Operation};

/// Returns whether the kernel runs BPF security hooks. Without these hooks, the kernel stores no
/// values for inodes.
#[must_use]
pub fn has_bpf_lsm() -> bool {
    lsm::has_bpf_lsm()
}

/// Returns whether `bpfmap-vmtest` has booted the running kernel. If not, the machine itself may refuse
/// what the kernel supports.
#[must_use]
pub fn is_guest() -> bool {
    std::env::var_os("VMTEST_KERNEL").is_some()
}

/// Returns the release of the running kernel, which consists of the first two numbers of
/// `uname -r`.
///
/// # Panics
///
/// Panics if the release does not start with two numbers.
#[must_use]
pub fn running_kernel() -> KernelVersion {
    bpfmap::running_kernel().expect("the kernel's release starts with two numbers")
}

/// The result of an operation: 0 if the operation succeeded, or else the errno.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Answer(pub i32);

impl Answer {
    /// The result of a successful operation.
    pub const OK: Self = Self(0);
}

impl From<map_type::Answer> for Answer {
    fn from(answer: map_type::Answer) -> Self {
        match answer {
            map_type::Answer::Ok => Self::OK,
            map_type::Answer::Err(errno) => Self(errno.0),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OK => formatter.write_str("success"),
            Self(errno) => match Errno(errno).name() {
                Some(name) => formatter.write_str(name),
                None => write!(formatter, "errno {errno}"),
            },
        }
    }
}

/// The last part of the note for an operation that every kernel refuses.
pub const REFUSED_ALWAYS: &str = "no kernel supports this operation for this map";

/// The expected results on all kernels. Each entry consists of a kernel release, and the results
/// since this release. The oldest release comes first.
struct Expected(Vec<(KernelVersion, Vec<Answer>)>);

impl Expected {
    /// Returns the results that the facts table contains for a case.
    fn of(fixture: &MapFixture<'_>, operation: Operation, condition: map_type::Condition) -> Self {
        let traits = fixture.traits();
        let mut kernels: Vec<_> = traits.kernels(operation, condition).collect();
        kernels.sort_unstable();
        kernels.dedup();
        let answers = |kernel| {
            let answers = traits.answers_on(operation, condition, kernel)?;
            Some((kernel, answers.iter().map(|answer| Answer::from(*answer)).collect()))
        };
        Self(kernels.into_iter().filter_map(answers).collect())
    }

    /// Returns the results of creating the map on an architecture. Without an architecture, they are
    /// those on x86-64.
    fn of_creation(fixture: &MapFixture<'_>, architecture: Option<Architecture>) -> Self {
        let mut creation = match fixture.creation {
            None => Self::since(KernelVersion::new(0, 0), Answer::OK, Answer::OK),
            Some((since, errno)) => Self::since(since, Answer::OK, Answer(errno.0)),
        };
        let row = map_type::MapType::by_name(fixture.map_type);
        let exception = architecture.and_then(|it| row?.creation_exception(it));
        if let (Some(exception), Some(last)) = (exception, creation.0.last_mut()) {
            if exception.since > last.0 {
                last.1 = vec![Answer(exception.refusal.0)];
                creation.0.push((exception.since, vec![Answer::OK]));
            }
        }
        creation
    }

    /// Returns the result `from` for kernels since `kernel`, and the result `before` for older
    /// kernels.
    fn since(kernel: KernelVersion, from: Answer, before: Answer) -> Self {
        Self(vec![(KernelVersion::new(0, 0), vec![before]), (kernel, vec![from])])
    }

    /// Returns the results on `kernel`.
    fn on(&self, kernel: KernelVersion) -> &[Answer] {
        let row = self.0.iter().rev().find(|(first, _)| *first <= kernel);
        row.map_or(&[], |(_, answers)| answers)
    }

    /// Reports to the harness that the kernel refuses the operation, and which kernels do not
    /// refuse it.
    fn note_refusal(&self, operation: &str, answer: Answer, kernel: KernelVersion) {
        let (before, after) = self.0.split_at(self.0.partition_point(|row| row.0 <= kernel));
        let works = |row: &&(KernelVersion, Vec<Answer>)| row.1.contains(&Answer::OK);
        let who = match (after.iter().find(works), before.iter().any(|row| works(&row))) {
            (Some((first, _)), _) => format!("from Linux {first}"),
            (None, true) => {
                let answers = |row: &&(_, Vec<Answer>)| row.1 == self.on(kernel);
                let since = before.iter().rev().take_while(answers).last();
                format!("no longer from Linux {}", since.map_or(kernel, |row| row.0))
            }
            (None, false) => REFUSED_ALWAYS.to_owned(),
        };
        println!("vmtest:note refused.{operation}={answer}, {who}");
    }
}

/// Returns whether the running kernel refuses to create the map, as expected. In this case, the
/// test has no further steps.
fn is_refused_map(declaration: &impl Declaration, fixture: &MapFixture<'_>) -> bool {
    let kernel = running_kernel();
    let expected = Expected::of_creation(fixture, Architecture::TARGET);
    if expected.on(kernel) == [Answer::OK] {
        return false;
    }
    let answer = Subject::creation(declaration, fixture);
    assert!(
        expected.on(kernel).contains(&answer),
        "{}: creating the map on Linux {kernel}: expected {:?}, found {answer}",
        declaration.def().name,
        expected.on(kernel)
    );
    if answer != Answer::OK {
        expected.note_refusal("creation", answer, kernel);
    }
    answer != Answer::OK
}

/// Tries each case of each operation on a separate map.
fn try_operations(declaration: &impl Declaration, fixture: &MapFixture<'_>) {
    let name = declaration.def().name;
    if is_refused_map(declaration, fixture) {
        return;
    }
    let kernel = running_kernel();
    let special = special::known(fixture, kernel);
    let fixture = &MapFixture { special: &special, ..*fixture };
    if Keys::of(fixture) == Keys::Inodes && !lsm::has_bpf_lsm() {
        let answer = Subject::new(declaration, fixture).update(0, 0);
        let without = "without `bpf` in the kernel's lsm=";
        assert_eq!(answer, Answer(libc::EBADF), "{name}: {without}");
        println!("vmtest:note refused.update={answer}, {without}");
        return;
    }
    let mut surprises = vec![];
    for operation in Operation::ALL {
        for (index, condition) in fixture.traits().conditions(*operation).enumerate() {
            let (operation_name, case) = (operation.name(), condition.name());
            let attempt = cases::attempt(*operation, condition);
            let attempt = attempt
                .unwrap_or_else(|| panic!("there is no attempt for {operation_name}, {case}"));
            let answer = attempt(&Subject::new(declaration, fixture));
            let expected = Expected::of(fixture, *operation, condition);
            if !expected.on(kernel).contains(&answer) {
                surprises.push(format!(
                    "{operation_name}, {case}, on Linux {kernel}: expected {:?}, found {answer}",
                    expected.on(kernel)
                ));
            } else if index == 0 && answer != Answer::OK {
                expected.note_refusal(operation_name, answer, kernel);
            }
        }
    }
    assert!(surprises.is_empty(), "{name}:\n{}", surprises.join("\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_row_at_or_before_a_kernel_applies() {
        let expected = Expected(vec![
            (KernelVersion::new(4, 20), vec![Answer(524)]),
            (KernelVersion::new(5, 14), vec![Answer::OK, Answer(2)]),
        ]);
        assert_eq!(expected.on(KernelVersion::new(4, 19)), []);
        assert_eq!(expected.on(KernelVersion::new(5, 10)), [Answer(524)]);
        assert_eq!(expected.on(KernelVersion::new(5, 14)), [Answer::OK, Answer(2)]);
        assert_eq!(expected.on(KernelVersion::new(7, 3)), [Answer::OK, Answer(2)]);
    }

    #[test]
    fn an_architecture_can_create_a_map_later_than_others() {
        let fixture = MapFixture {
            name: "pool",
            map_type: "arena",
            flags: &["mmapable"],
            key_size: 0,
            value_size: 0,
            max_entries: None,
            creation: Some((KernelVersion::new(6, 9), Errno::EINVAL)),
            special: &[],
            contents: &[],
        };
        let on = |architecture| {
            let expected = Expected::of_creation(&fixture, architecture);
            [8, 9, 10].map(|minor| expected.on(KernelVersion::new(6, minor)).to_vec())
        };
        let [refused, lacking] = [libc::EINVAL, libc::EOPNOTSUPP].map(|errno| vec![Answer(errno)]);
        let made = vec![Answer::OK];
        let x86_64 = [refused.clone(), made.clone(), made.clone()];
        assert_eq!(on(None), x86_64);
        assert_eq!(on(Some(Architecture::X86_64)), x86_64);
        assert_eq!(on(Some(Architecture::Arm64)), [refused, lacking, made]);
    }

    #[test]
    fn the_running_kernel_has_a_version() {
        assert!(running_kernel() > KernelVersion::new(3, 18));
    }
}
