//! Chooses names for parameters and variables in the generated functions.

use std::collections::HashSet;

use bpfmap_schema::ir::Schema;

/// The names of a schema's types, constants and functions. A parameter must not hide any of them.
pub(super) struct Names<'a> {
    taken: HashSet<&'a str>,
}

impl<'a> Names<'a> {
    pub(super) fn new(schema: &'a Schema) -> Self {
        Self { taken: schema.types.iter().map(|def| def.name.value.as_str()).collect() }
    }

    /// Returns `base`, or a similar name that is not used.
    pub(super) fn free(&self, base: &str) -> String {
        let mut name = base.to_owned();
        while self.taken.contains(name.as_str()) {
            name.push('_');
        }
        name
    }
}
