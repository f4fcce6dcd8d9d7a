//! Checks whether the value of a live map has pointers to user-space memory.
//!
//! If an update stores an address in such a pointer, programs can access the memory at this
//! address. So a spec must not declare a user pointer as plain data. Otherwise safe code could make
//! programs write to any memory of this process.

use super::info::{Info, btf_blob};
use crate::kind::Kind;
use crate::spec::MapSpec;
use crate::user_space::btf;
use crate::user_space::error::{Action, Error, ErrorKind, Result};
use crate::user_space::sys::Errno;
use bpfmap_btf::Btf;
use bpfmap_core::SpecialField;

/// The result of the check for user pointers that a spec does not declare.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hidden {
    /// The spec declares all user pointers.
    None,
    /// The result is not known, because this process has no permission to read the map's BTF.
    Unknown,
}

/// Fails if the value of a live map has a user pointer that the spec does not declare.
pub(super) fn check<S: MapSpec>(info: &Info) -> Result<Hidden> {
    // A value without BTF, or a value that is too small, has no user pointers.
    if !S::Kind::FACTS.takes_special_field(SpecialField::UserPtr)
        || info.btf_value_type_id == 0
        || info.value_size < 8
    {
        return Ok(Hidden::None);
    }
    let differs = |text| Error::told(Action::Open, S::DEF.name, ErrorKind::Mismatch, 0, text);
    let blob = match btf_blob(info.btf_id) {
        Ok(blob) => blob,
        Err(Errno(libc::EPERM | libc::EACCES)) => return Ok(Hidden::Unknown),
        Err(errno) => {
            let text = "the map's BTF can't be read".to_owned();
            return Err(Error::refused(Action::Open, S::DEF.name, errno, text));
        }
    };
    let btf = Btf::parse(&blob).map_err(|error| differs(error.to_string()))?;
    let theirs = btf::user_ptrs(&btf, info.btf_value_type_id);
    let theirs = theirs.map_err(|error| differs(error.to_string()))?;
    let mut ours = Vec::new();
    btf::user_ptrs_of(S::DEF.value, 0, &mut ours);
    match theirs.into_iter().find(|offset| !ours.contains(offset)) {
        None => Ok(Hidden::None),
        Some(offset) => Err(differs(format!(
            "value: programs write through a user pointer at offset {}, but the schema has no user pointer there \
             (help: declare the member as `uptr<T>`, in Rust `UserPtr<T>`)",
            offset / 8
        ))),
    }
}
