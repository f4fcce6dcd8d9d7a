//! Operations on stacks that programs have recorded.

use super::{Map, Value};
use crate::kind::{HoldStacks, Kind, LookupElement};
use crate::plain::bytes_of;
use crate::spec::MapSpec;
use crate::user_space::error::Result;
use bpfmap_core::MapFlags;

/// A frame of a stack in a map with [`MapFlags::STACK_BUILD_ID`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StackFrame {
    /// A location in a file: the file's build id and the offset, which do not change from run to run.
    File {
        /// The build id of the file. A shorter build id is padded with zeros.
        build_id: [u8; 20],
        /// The offset from the start of the file, in bytes.
        offset: u64,
    },
    /// An address. The kernel stores an address if it could not determine the file. The reason is
    /// that the frame belongs to the kernel itself, or that the memory map of the process was
    /// locked.
    Address(u64),
}

impl StackFrame {
    /// Decodes the bytes of a value that contains addresses. Returns the addresses, starting with
    /// the innermost frame.
    ///
    /// ```
    /// let value = [0xffff_8000_0000_1000_u64, 0].map(u64::to_ne_bytes).concat();
    /// assert_eq!(bpfmap::StackFrame::addresses_in(&value), [0xffff_8000_0000_1000]);
    /// ```
    #[must_use]
    pub fn addresses_in(value: &[u8]) -> Vec<u64> {
        // The bytes after the outermost frame are zero.
        chunks(value).map(u64::from_ne_bytes).take_while(|word| *word != 0).collect()
    }

    /// Decodes the bytes of a value that contains build ids ([`MapFlags::STACK_BUILD_ID`]). Returns
    /// the frames, starting with the innermost frame.
    ///
    /// ```
    /// use bpfmap::StackFrame;
    ///
    /// // A `struct bpf_stack_build_id`: the status `BPF_STACK_BUILD_ID_VALID`, the build id, and the offset.
    /// let mut value = [0; 64];
    /// value[0..4].copy_from_slice(&1_i32.to_ne_bytes());
    /// value[4..24].copy_from_slice(&[0xab; 20]);
    /// value[24..32].copy_from_slice(&0x1000_u64.to_ne_bytes());
    /// let frames = StackFrame::frames_in(&value);
    /// assert!(matches!(frames[..], [StackFrame::File { offset: 0x1000, .. }]), "the rest is empty");
    /// ```
    #[must_use]
    pub fn frames_in(value: &[u8]) -> Vec<Self> {
        chunks(value).map_while(frame).collect()
    }
}

impl<S> Map<S>
where
    S: MapSpec,
    S::Kind: HoldStacks + LookupElement + Kind<Value<S::Value> = S::Value>,
{
    /// Returns the addresses of a stack, starting with the innermost frame, or `None` if no stack
    /// has this id (Linux 4.6).
    ///
    /// ```no_run
    /// # fn f<Stacks: bpfmap::MapSpec<Kind = bpfmap::kind::StackTrace, Key = u32, Value = [u64; 127]>>(
    /// #     stacks: &bpfmap::Map<Stacks>, id: u32) -> bpfmap::Result<()> {
    /// for address in stacks.addresses(&id)?.unwrap_or_default() {
    ///     println!("{address:#x}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// This method does not compile for a map with [`MapFlags::STACK_BUILD_ID`]. Use
    /// [`frames`](Self::frames) for such a map.
    ///
    /// # Errors
    /// `EPERM`: the descriptor is write-only.
    pub fn addresses(&self, id: &S::Key) -> Result<Option<Vec<u64>>> {
        const {
            assert!(
                !S::DEF.flags.contains(MapFlags::STACK_BUILD_ID),
                "the map contains build ids: use `frames`"
            );
        }
        Ok(self.lookup(id)?.map(|stack: Value<S>| StackFrame::addresses_in(bytes_of(&stack))))
    }

    /// Returns the frames of a stack in a map with [`MapFlags::STACK_BUILD_ID`], starting with the
    /// innermost frame, or `None` if no stack has this id (Linux 4.17).
    ///
    /// This method does not compile for a map without [`MapFlags::STACK_BUILD_ID`]. Use
    /// [`addresses`](Self::addresses) for such a map.
    ///
    /// ```no_run
    /// # fn f<Stacks>(stacks: &bpfmap::Map<Stacks>, id: u32) -> bpfmap::Result<()>
    /// # where Stacks: bpfmap::MapSpec<Kind = bpfmap::kind::StackTrace, Key = u32, Value = [[u8; 32]; 127]> {
    /// use bpfmap::StackFrame;
    ///
    /// for frame in stacks.frames(&id)?.unwrap_or_default() {
    ///     match frame {
    ///         StackFrame::File { build_id, offset } => println!("{build_id:02x?} + {offset:#x}"),
    ///         StackFrame::Address(address) => println!("{address:#x}"),
    ///         other => println!("{other:?}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `EPERM`: the descriptor is write-only.
    pub fn frames(&self, id: &S::Key) -> Result<Option<Vec<StackFrame>>> {
        const {
            assert!(
                S::DEF.flags.contains(MapFlags::STACK_BUILD_ID),
                "the map contains addresses: use `addresses`"
            );
        }
        Ok(self.lookup(id)?.map(|stack: Value<S>| StackFrame::frames_in(bytes_of(&stack))))
    }
}

/// Splits the bytes of a value into frames of `N` bytes.
fn chunks<const N: usize>(mut bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    std::iter::from_fn(move || {
        let (chunk, rest) = bytes.split_first_chunk()?;
        bytes = rest;
        Some(*chunk)
    })
}

/// Decodes a `struct bpf_stack_build_id`: a status, the build id, and an offset or an address. Returns `None` after the
/// outermost frame.
fn frame(bytes: [u8; 32]) -> Option<StackFrame> {
    let (status, rest) = bytes.split_first_chunk()?;
    let (build_id, rest) = rest.split_first_chunk()?;
    let place = u64::from_ne_bytes(*rest.first_chunk()?);
    match i32::from_ne_bytes(*status) {
        BUILD_ID_VALID => Some(StackFrame::File { build_id: *build_id, offset: place }),
        BUILD_ID_IP => Some(StackFrame::Address(place)),
        _ => None,
    }
}

/// `BPF_STACK_BUILD_ID_VALID`
const BUILD_ID_VALID: i32 = 1;
/// `BPF_STACK_BUILD_ID_IP`
const BUILD_ID_IP: i32 = 2;
