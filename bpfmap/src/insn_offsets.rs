//! The value of an instruction array.

/// The offsets of an instruction of a program (`struct bpf_insn_array_value` in
/// `include/uapi/linux/bpf.h`, Linux 6.19).
///
/// Before user space loads a program, it stores the offset of one of the program's instructions in
/// the map, and freezes the map. The verifier and the JIT can move the instruction. When the program
/// is loaded, the kernel stores the new offsets of the instruction in the map.
///
/// ```no_run
/// # use bpfmap::{MapDef, InsnOffsets, Map, MapSpec, UpdateMode, kind, TypeDesc};
/// /// The targets of a jump table.
/// pub enum Targets {}
///
/// impl MapSpec for Targets {
///     type Kind = kind::InsnArray;
///     type Key = u32;
///     type Value = InsnOffsets;
///     const DEF: MapDef<'static> = kind::InsnArray::def("targets", TypeDesc::U32, &TypeDesc::Opaque { size: 16 })
///         .max_entries(2);
/// }
///
/// # fn main() -> bpfmap::Result<()> {
/// let targets = Map::<Targets>::create()?;
/// targets.update(&0, &InsnOffsets::of(4), UpdateMode::Any)?;
/// targets.freeze()?;
/// // … load the program …
/// if let Some(target) = targets.lookup(&0)? {
///     assert_eq!(target.orig_off, 4);
///     println!("instruction {} after verification", target.xlated_off);
///     println!("{} bytes into the machine code", target.jitted_off);
/// }
/// # Ok(())
/// # }
/// ```
#[repr(C)]
pub struct InsnOffsets {
    /// The offset in the program as it was loaded, in instructions of 8 bytes.
    pub orig_off: u32,
    /// The offset in the program after verification, in instructions. Must be 0 on update.
    pub xlated_off: u32,
    /// The offset in the machine code, in bytes. Must be 0 on update.
    pub jitted_off: u32,
    #[doc(hidden)]
    pub __pad0: u32,
}

crate::plain_struct!(InsnOffsets { orig_off: u32, xlated_off: u32, jitted_off: u32, __pad0: u32 });

impl InsnOffsets {
    /// Returns the value for the instruction at `orig_off` in the program that will be loaded.
    #[must_use]
    pub const fn of(orig_off: u32) -> Self {
        Self { orig_off, xlated_off: 0, jitted_off: 0, __pad0: 0 }
    }
}
