//! The guest's root file system, if it has one: unpacked into memory, and entered before the guest is saved.

use super::firmware::Firmware;
use super::machine::{enter as enter_root, mount_at};
use super::unpack::unpack;
use crate::initramfs::MOUNTED;
use crate::plan::ROOT_TOO_LARGE;
use rustix::mount::mount_move;
use std::fs;
use std::io;
use std::path::Path;

/// Unpacks the root file system, and makes it the root of this process and of all that it starts.
pub(super) fn enter(archive: Firmware<'_>) -> io::Result<()> {
    const PLACE: &str = "/root-file-system";
    fs::create_dir(PLACE)?;
    // It takes at most half of the memory, as tmpfs does without an option: who fills it leaves programs room to run.
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
            // Such as a link from `/tmp` to elsewhere.
            let _ = fs::remove_file(&target);
            fs::create_dir(&target)?;
        }
        mount_move(directory, &target)?;
    }
    enter_root(place)?;
    // The directory of the user who runs programs; an image may lack it.
    fs::create_dir_all("/root")
}
