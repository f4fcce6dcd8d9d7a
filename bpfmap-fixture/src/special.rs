//! Finds the special fields of a value.

use std::fs;

use bpfmap_btf::{Btf, Kind};

use crate::{KernelVersion, MapFixture, SpecialBytes};

/// Returns those special fields of a value that `kernel` knows. A kernel treats a special field as
/// plain data if the kernel does not know the field, or the type to which the field points.
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

/// Returns whether the BTF of the running kernel contains a struct with this name.
fn kernel_has(name: &str) -> bool {
    let data = fs::read("/sys/kernel/btf/vmlinux").expect("the kernel describes its types");
    let btf = Btf::parse(&data).expect("the kernel's BTF is valid");
    btf.iter().any(|(_, ty)| ty.name == name && matches!(ty.kind, Kind::Struct(_)))
}
