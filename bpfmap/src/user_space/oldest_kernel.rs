//! Methods that need a newer kernel than the schema's `min_kernel` do not compile.

use crate::spec::MapSpec;
use bpfmap_core::map_type::{Condition, Operation};
use bpfmap_core::{MapDef, rule};
use core::marker::PhantomData;

/// A spec that allows all methods of the spec `S`, regardless of the `min_kernel` of the schema.
///
/// The schema's `min_kernel` is the oldest kernel that its maps support. A method that needs a
/// newer kernel does not compile. For example, [`take`](crate::Map::take) on a `hash` does not
/// compile with `min_kernel = "5.10"`, because this operation needs Linux 5.14. To use such a
/// method only on newer kernels, open the map as `AnyKernel` and handle
/// [`Unsupported`](crate::ErrorKind::Unsupported):
///
/// ```no_run
/// use bpfmap::{AnyKernel, ErrorKind, Map, MapSpec, kind};
///
/// fn taken<Flows>(flows: &Map<AnyKernel<Flows>>, key: u32) -> bpfmap::Result<Option<u64>>
/// where
///     Flows: MapSpec<Kind = kind::Hash, Key = u32, Value = u64>,
/// {
///     match flows.take(&key) {
///         // Packets that are counted between the two calls are lost.
///         Err(error) if error.kind() == ErrorKind::Unsupported => {
///             let value = flows.lookup(&key)?;
///             flows.delete(&key)?;
///             Ok(value)
///         }
///         taken => taken,
///     }
/// }
/// ```
///
/// [`From`] converts an existing handle, and the field of a struct with [`derive(BpfMaps)`](derive@crate::BpfMaps) can
/// be a `Map<AnyKernel<Flows>>`.
#[derive(Debug)]
pub enum AnyKernel<S> {
    #[doc(hidden)]
    Never(core::convert::Infallible, PhantomData<fn() -> S>),
}

impl<S: MapSpec> MapSpec for AnyKernel<S> {
    type Kind = S::Kind;
    type Key = S::Key;
    type Value = S::Value;
    const DEF: MapDef<'static> = {
        let mut def = S::DEF;
        def.min_kernel = None;
        def
    };
}

/// The requirements of methods that some kernels lack. Each requirement is a constant. The constant
/// fails to compile if a method uses it and `min_kernel` is too old.
pub(crate) struct Needs<S>(PhantomData<S>);

impl<S: MapSpec> Needs<S> {
    pub(crate) const TAKE: () = needs::<S>("take", Operation::LookupAndDelete, Condition::Plain);
    pub(crate) const UPDATE_BATCH: () =
        needs::<S>("update_batch", Operation::UpdateBatch, Condition::Plain);
    pub(crate) const DELETE_BATCH: () =
        needs::<S>("delete_batch", Operation::DeleteBatch, Condition::Plain);
    pub(crate) const LOOKUP_ON: () = needs::<S>("lookup_on", Operation::Lookup, Condition::OneCpu);
    pub(crate) const UPDATE_ON: () = needs::<S>("update_on", Operation::Update, Condition::OneCpu);
    pub(crate) const UPDATE_ALL_CPUS: () =
        needs::<S>("update_all_cpus", Operation::Update, Condition::AllCpus);
}

const fn needs<S: MapSpec>(method: &str, operation: Operation, condition: Condition) {
    rule::holds(rule::method(&S::DEF, method, operation, condition));
}
