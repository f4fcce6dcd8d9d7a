//! Targets of special fields.

use std::fmt;

use crate::source::Spanned;

/// The target of a special field: the name of a struct in C, and for a list or a tree also the node
/// in it, such as `task_struct` or `job.node`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The struct: the schema's, or one of the kernel's.
    pub name: Spanned<String>,
    /// The member that is the node.
    pub member: Option<Spanned<String>>,
}

/// `task_struct`, `job.node`.
impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name.value)?;
        match &self.member {
            None => Ok(()),
            Some(member) => write!(formatter, ".{}", member.value),
        }
    }
}
