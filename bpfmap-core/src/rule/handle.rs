//! The rules for the typed handle of a map and for its methods.

use super::Violation;
use crate::map_type::{Condition, Helper, MapType, Operation};
use crate::{MapDef, Text};

/// Checks the type of a map handle in the struct of all handles. The handle must be an `Option` if the map is optional,
/// and must not be an `Option` otherwise.
#[must_use]
pub const fn handle(map: &str, is_optional: bool, is_option: bool) -> Option<Violation> {
    let map = Text::of("the map `").and(map);
    match (is_optional, is_option) {
        (true, false) => Some(Violation::new(
            "optional-map",
            &map.and("` is optional, so its handle must be an `Option`"),
            "write `Option<Map<…>>`",
        )),
        (false, true) => Some(Violation::new(
            "optional-map",
            &map.and("` is not optional, so its handle can't be an `Option`"),
            "write `Map<…>`, or add `optional` to `#[bpf_map(…)]` if the loader is allowed to \
             leave out the map",
        )),
        (true, true) | (false, false) => None,
    }
}

/// Checks that the oldest kernel of the schema supports a method of a typed handle. `name` is the name of the method.
#[must_use]
pub const fn method(
    map: &MapDef<'_>,
    name: &str,
    operation: Operation,
    condition: Condition,
) -> Option<Violation> {
    let (Some(oldest), Some(row)) = (map.min_kernel, MapType::by_number(map.map_type)) else {
        return None;
    };
    let Some(since) = row.succeeds_since(operation, condition) else { return None };
    if !since.is_newer(oldest) {
        return None;
    }
    let message = Text::of("`").and(name).and("` on the map `").and(map.name).and("` (`");
    let message = message.and(row.name).and("`) needs Linux ").release(since);
    let message = message.and(", but the `min_kernel` of the schema is ").release(oldest);
    let help = Text::of("write `min_kernel = \"").release(since).and(
        "\"`, or open the map as `Map<AnyKernel<…>>` and handle the error `Unsupported` on older \
         kernels",
    );
    Some(Violation { rule: "too-new-for-min-kernel", message, help })
}

/// Checks that the oldest kernel of the schema has the helper function that a method in a program calls.
#[must_use]
pub const fn program_method(map: &MapDef<'_>, name: &str, helper: Helper) -> Option<Violation> {
    let (Some(oldest), Some(row)) = (map.min_kernel, MapType::by_number(map.map_type)) else {
        return None;
    };
    let Some(since) = row.helper_since(helper) else { return None };
    if !since.is_newer(oldest) {
        return None;
    }
    let message = Text::of("`").and(name).and("` on the map `").and(map.name).and("` calls `");
    let message = message.and(helper.name()).and("`, which needs Linux ").release(since);
    let message = message.and(", but the `min_kernel` of the schema is ").release(oldest);
    let help =
        Text::of("write `min_kernel = \"").release(since).and("\"`, or do without the method");
    Some(Violation { rule: "too-new-for-min-kernel", message, help })
}
