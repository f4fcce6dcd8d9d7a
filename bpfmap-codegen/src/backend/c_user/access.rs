//! Determines which functions are generated for a map.

use bpfmap_core::map_type::Capability::{
    AttachValues, DeleteElement, Filter, HoldObjects, Iterate, LookupElement, Peek, Pop, Push,
    ShowObjects, TakeElement, UpdateElement,
};
use bpfmap_core::map_type::{Answer, Capability, MapType, Operation};
use bpfmap_core::{KernelVersion, SpecialField};
use bpfmap_schema::check::Checked;
use bpfmap_schema::ir::MapDecl;

/// The operations that user space can perform on the entries of a map, each with the first kernel
/// that supports the operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Access {
    pub(super) lookup: Option<Since>,
    pub(super) update: Option<Since>,
    pub(super) delete: Option<Since>,
    pub(super) next_key: Option<Since>,
    pub(super) lookup_and_delete: Option<Since>,
    pub(super) push: Option<Since>,
    pub(super) peek: Option<Since>,
    pub(super) pop: Option<Since>,
    /// Adding values to a Bloom filter, and testing whether a value was added.
    pub(super) filter: Option<Since>,
    /// Whether a value can be read and written while its spin lock is held.
    pub(super) lock: bool,
}

/// The first kernel that supports an operation. `None` means that every kernel that supports the
/// map also supports the operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Since(pub(super) Option<KernelVersion>);

impl Access {
    /// Returns the operations that at least one kernel supports on `map`, taking its flags and
    /// special fields into account.
    pub(super) fn of(checked: &Checked, map: &MapDecl) -> Self {
        let Some(row) = MapType::by_name(&map.map_type.value) else { return Self::default() };
        let operations = checked.resolved().operations(map);
        let since = |operation: Operation| {
            let (_, answers) = operations.iter().find(|(known, _)| *known == operation)?;
            let first = answers.iter().position(|since| since.answers.contains(&Answer::Ok))?;
            Some(Since((first > 0).then(|| answers[first].kernel)))
        };
        let offered = |capabilities: &[Capability], operation| {
            let offers = capabilities.iter().any(|capability| row.offers(*capability));
            since(operation).filter(|_| offers)
        };
        let has_lock = |value| {
            let fields = checked.resolved().special_fields(value);
            fields.iter().any(|member| member.field == SpecialField::SpinLock)
        };
        Self {
            lock: row.offers(Capability::Lock) && map.value.as_ref().is_some_and(has_lock),
            lookup: offered(&[LookupElement, ShowObjects, AttachValues], Operation::Lookup),
            update: offered(&[UpdateElement, HoldObjects, AttachValues], Operation::Update),
            delete: offered(&[DeleteElement, AttachValues], Operation::Delete),
            next_key: offered(&[Iterate], Operation::GetNextKey),
            lookup_and_delete: offered(&[TakeElement], Operation::LookupAndDelete),
            push: offered(&[Push], Operation::Update),
            peek: offered(&[Peek], Operation::Lookup),
            pop: offered(&[Pop], Operation::LookupAndDelete),
            filter: offered(&[Filter], Operation::Update),
        }
    }
}
