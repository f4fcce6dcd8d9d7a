//! BPF file systems for tests.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// A BPF file system for one test. It is unmounted when this value is dropped.
pub(crate) struct BpfFs(PathBuf);

impl BpfFs {
    pub(crate) fn mount(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("bpfmap-{name}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        let target = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: the strings end with a zero, and no data is passed.
        let mounted = unsafe {
            libc::mount(c"bpf".as_ptr(), target.as_ptr(), c"bpf".as_ptr(), 0, core::ptr::null())
        };
        assert_eq!(mounted, 0, "{}", std::io::Error::last_os_error());
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl BpfFs {
    /// Returns the names of the pins. Names with dots, such as `maps.debug`, belong to files of the
    /// kernel.
    pub(crate) fn pins(&self) -> Vec<String> {
        let names = std::fs::read_dir(&self.0).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !name.contains('.')).collect()
    }
}

impl Drop for BpfFs {
    fn drop(&mut self) {
        let target = std::ffi::CString::new(self.0.to_str().unwrap()).unwrap();
        // SAFETY: the string ends with a zero.
        unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) };
        let _ = std::fs::remove_dir(&self.0);
    }
}
