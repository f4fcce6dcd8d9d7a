//! The targets of special fields.

use std::fmt;

use crate::source::Spanned;

/// The target of a special field, such as `task_struct` or `job.node`. It is the name of a struct. For a list or a
/// tree, it is also the name of the node in this struct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The name of the struct, which is a struct of the schema or of the kernel.
    pub name: Spanned<String>,
    /// The name of the member that is the node of a list or a tree.
    pub member: Option<Spanned<String>>,
}

/// Writes the target in the syntax of schemas, such as `task_struct` or `job.node`.
impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name.value)?;
        match &self.member {
            None => Ok(()),
            Some(member) => write!(formatter, ".{}", member.value),
        }
    }
}
