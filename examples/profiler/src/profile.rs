//! The result of sampling.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The stacks that were sampled, and the number of samples of each stack on each CPU.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// The stacks. If two processes have the same stack, it occurs twice.
    pub stacks: Vec<Stack>,
    /// The number of samples for which the maps had no room.
    pub lost: u64,
}

/// A stack of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// The ID of the process.
    pub process: u32,
    /// The name of the thread.
    pub command: String,
    /// The frames of the process, followed by the frames of the kernel. The outermost frame comes
    /// first.
    pub frames: Vec<Frame>,
    /// The number of samples on each CPU.
    pub counts: Vec<u64>,
}

/// A frame of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The name of the function, or `[unknown]`.
    pub name: String,
    /// Whether the function belongs to the process or to the kernel.
    pub side: Side,
    /// The address of the next instruction.
    pub address: u64,
}

/// The side to which a function belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The function belongs to the process.
    User,
    /// The function belongs to the kernel.
    Kernel,
}

impl Stack {
    /// Returns the number of samples on all CPUs.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.counts.iter().sum()
    }
}

impl Profile {
    /// Returns the number of samples on all CPUs.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.stacks.iter().map(Stack::samples).sum()
    }

    /// Returns the number of samples on each CPU.
    #[must_use]
    pub fn samples_by_cpu(&self) -> Vec<u64> {
        let mut sums = vec![];
        for stack in &self.stacks {
            sums.resize(sums.len().max(stack.counts.len()), 0);
            for (sum, count) in sums.iter_mut().zip(&stack.counts) {
                *sum += count;
            }
        }
        sums
    }

    /// Returns the number of samples and the name of each function that was executing in a sample.
    /// The number does not include samples of other functions that this function called. The
    /// function with the most samples comes first.
    #[must_use]
    pub fn functions(&self) -> Vec<(u64, &str)> {
        let mut functions: BTreeMap<&str, u64> = BTreeMap::new();
        for stack in &self.stacks {
            let name = stack.frames.last().map_or("[unknown]", |frame| &frame.name);
            *functions.entry(name).or_default() += stack.samples();
        }
        let mut functions: Vec<_> =
            functions.into_iter().map(|(name, count)| (count, name)).collect();
        functions.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
        functions
    }

    /// Returns the stacks in the folded format, which other tools for flame graphs read. Each line
    /// contains the frames of a stack and its number of samples.
    #[must_use]
    pub fn folded(&self) -> String {
        let mut lines: BTreeMap<String, u64> = BTreeMap::new();
        for stack in &self.stacks {
            let mut line = plain(&stack.command);
            for frame in &stack.frames {
                line.push(';');
                line.push_str(&plain(&frame.name));
            }
            *lines.entry(line).or_default() += stack.samples();
        }
        let mut text = String::new();
        for (line, samples) in lines {
            let _ = writeln!(text, "{line} {samples}");
        }
        text
    }
}

/// Replaces the characters that end a frame or a line in the folded format.
fn plain(name: &str) -> String {
    name.replace(|c: char| c == ';' || c.is_control(), "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(command: &str, frames: &[&str], counts: &[u64]) -> Stack {
        let frame = |name: &&str| Frame { name: String::from(*name), side: Side::User, address: 1 };
        Stack {
            process: 1,
            command: command.to_owned(),
            frames: frames.iter().map(frame).collect(),
            counts: counts.to_vec(),
        }
    }

    #[test]
    fn equal_stacks_of_several_processes_are_one_line() {
        let profile = Profile {
            stacks: vec![
                stack("sort", &["main", "compare"], &[3, 0]),
                stack("sort", &["main", "compare"], &[0, 4]),
                stack("a;b\n", &["main"], &[1, 1]),
            ],
            lost: 0,
        };
        assert_eq!(profile.folded(), "a_b_;main 2\nsort;main;compare 7\n");
        assert_eq!(profile.samples_by_cpu(), [4, 5]);
        assert_eq!(profile.functions(), [(7, "compare"), (2, "main")]);
    }
}
