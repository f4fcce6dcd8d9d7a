//! Rules about inner maps and initial contents.

use crate::check::context::Context;
use crate::diagnostics::Finding;
use crate::facts::{KernelObject, MapTypeFacts, ValueRule};
use crate::ir::MapDef;
use crate::rules;
use crate::source::Span;

/// Inner maps and initial contents, for maps whose values are maps or programs.
pub(super) fn check(cx: &mut Context<'_>, map: &MapDef, row: &MapTypeFacts) {
    let ty = row.name;
    let holds = |object| row.value == ValueRule::Object(object);
    if let Some(inner) = &map.inner
        && !holds(KernelObject::Map)
    {
        cx.report(
            Finding::new(
                &rules::INNER_NOT_FOR_TYPE,
                inner.span,
                format!("a map of type `{ty}` does not hold maps"),
            )
            .help("leave `inner` out"),
        );
    }
    if let Some((index, name)) = map.values.first()
        && !holds(KernelObject::Map)
        && !holds(KernelObject::Program)
    {
        let span = Span { end: name.span.end, ..index.span };
        cx.report(
            Finding::new(
                &rules::VALUES_NOT_FOR_TYPE,
                span,
                format!("a map of type `{ty}` has no initial contents"),
            )
            .help("leave `values` out, and fill the map when the object is loaded"),
        );
    }
}
