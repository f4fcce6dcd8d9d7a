//! The special fields of a value.

use std::fs;

use bpfmap_btf::{Btf, Kind};

use crate::{KernelVersion, MapFixture, SpecialBytes};

/// Returns the special fields of a value. Leaves out those that the running kernel treats as plain
/// data, because it lacks the type that they point to.
pub(crate) fn known<'a>(fixture: &MapFixture<'a>, kernel: KernelVersion) -> Vec<SpecialBytes<'a>> {
    let is_kernels = |special: &SpecialBytes<'_>| {
        special.since <= kernel && special.field.needs_kernel_type(kernel)
    };
    let mut targets = fixture.special.iter().filter(|special| is_kernels(special));
    let all_known = targets.all(|special| special.target.is_none_or(kernel_has));
    fixture.special.iter().filter(|special| all_known || !is_kernels(special)).cloned().collect()
}

/// Returns the bytes of the special fields of a value.
pub(crate) fn bytes(fixture: &MapFixture<'_>) -> Vec<SpecialBytes<'static>> {
    let bytes = fixture.special.iter().map(|special| SpecialBytes {
        field: special.field,
        target: None,
        since: special.since,
        bytes: special.bytes.clone(),
    });
    bytes.collect()
}

/// Returns whether the running kernel has a struct of this name.
fn kernel_has(name: &str) -> bool {
    let data = fs::read("/sys/kernel/btf/vmlinux").expect("the kernel describes its types");
    let btf = Btf::parse(&data).expect("the kernel's BTF is whole");
    btf.iter().any(|(_, ty)| ty.name == name && matches!(ty.kind, Kind::Struct(_)))
}
