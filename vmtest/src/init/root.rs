//! The guest's root file system, if there is one. It is unpacked into memory, and becomes the root
//! before the guest is saved.

use super::firmware::Firmware;
use super::machine::{enter as enter_root, mount_at};
use super::unpack::unpack;
use crate::initramfs::MOUNTED;
use crate::plan::ROOT_TOO_LARGE;
use rustix::mount::mount_move;
use std::fs;
use std::io;
use std::path::Path;

/// Unpacks the root file system, and makes it the root of this process and of all processes that it
/// starts.
pub(super) fn enter(archive: Firmware<'_>) -> io::Result<()> {
    const PLACE: &str = "/root-file-system";
    fs::create_dir(PLACE)?;
    // The file system uses at most half of the memory, which is the default of tmpfs. Programs
    // therefore still have memory if the file system is full.
    mount_at("tmpfs", PLACE, "mode=0755")?;
    let place = Path::new(PLACE);
    unpack(archive.reader(), place).map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull => {
            io::Error::new(error.kind(), format!("{ROOT_TOO_LARGE}: {error}"))
        }
        _ => error,
    })?;
    for directory in MOUNTED {
        let target = place.join(&directory[1..]);
        if !target.symlink_metadata().is_ok_and(|it| it.is_dir()) {
            // The target may be a symbolic link, for example from `/tmp` to a different directory.
            let _ = fs::remove_file(&target);
            fs::create_dir(&target)?;
        }
        mount_move(directory, &target)?;
    }
    enter_root(place)?;
    // Programs run as root and expect its home directory. An image may lack this directory.
    fs::create_dir_all("/root")
}
